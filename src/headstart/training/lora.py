"""Low-rank adapters (Hu et al. 2021, "LoRA"), put in by peft and merged when they are trained."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from headstart.errors import InputError

if TYPE_CHECKING:
    import torch

RANK = 8


@dataclass(frozen=True)
class Adapter:
    """Trained adapters, as peft keeps them.

    Attributes:
        config: the content of `adapter_config.json`, but for the name of the base.
        tensors: the content of `adapter_model.safetensors`.
    """

    config: "dict[str, Any]"
    tensors: "dict[str, torch.Tensor]"


def adapt(tail: nn.Module, name: str, *, dropout: float, seed: int) -> None:
    """Freeze a tail and put adapters beside its weight matrices, which they start equal to.

    Args:
        tail: of a transformer; changed in place.
        name: of the backbone, for messages.
        dropout: on what enters an adapter.
        seed: of the adapters' random halves.

    Raises:
        InputError: there is nothing that LoRA adapts.
    """
    import torch
    from peft import LoraConfig, inject_adapter_in_model
    from transformers.pytorch_utils import Conv1D

    targets = [
        path for path, module in tail.named_modules() if isinstance(module, (nn.Linear, Conv1D))
    ]
    attentive = any("attention" in type(each).__name__.lower() for each in tail.modules())
    if not targets or not attentive:
        raise InputError(
            f"The backbone {name!r} is no transformer, and LoRA adapts those alone; "
            "say --strategy fine-tuning."
        )
    tail.requires_grad_(False)
    torch.manual_seed(seed)
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=dropout, target_modules=targets)
    with warnings.catch_warnings():
        # peft corrects `fan_in_fan_out` for GPT-2's own kind of matrix, and says so.
        warnings.simplefilter("ignore")
        inject_adapter_in_model(config, tail)


def adapter(model: nn.Module, tail: nn.Module) -> Adapter:
    """Copies of the adapters in the tail of a language model, named as in the whole of it."""
    from peft import LoraConfig
    from peft.tuners.lora import LoraLayer

    # A tail has modules of its own above the layers, but every matrix is the model's.
    paths = {id(each): path.removesuffix(".base_layer") for path, each in model.named_modules()}
    found = [each for each in tail.modules() if isinstance(each, LoraLayer)]
    layers = {paths[id(each.get_base_layer())]: each for each in found}
    tensors = {}
    for path, layer in layers.items():
        for half in ("lora_A", "lora_B"):
            weight = getattr(layer, half)["default"].weight
            tensors[f"base_model.model.{path}.{half}.weight"] = weight.detach().cpu().clone()
    first = next(iter(layers.values()))
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=float(getattr(first.lora_dropout["default"], "p", 0.0)),
        # GPT-2's own kind of matrix is stored the other way round.
        fan_in_fan_out=not isinstance(first.get_base_layer(), nn.Linear),
        inference_mode=True,
    )
    said: dict[str, Any] = config.to_dict()  # type: ignore[no-untyped-call]
    plain = {name: each for name, each in said.items() if not isinstance(each, set)}
    return Adapter({**plain, "target_modules": sorted(layers)}, tensors)


def merge(tail: nn.Module) -> None:
    """Add every adapter to the matrix beside it, in place, and take it out."""
    _take_out(tail, merged=True)


def remove(tail: nn.Module) -> None:
    """Take every adapter out; the matrices beside them are as they were."""
    _take_out(tail, merged=False)


def _take_out(tail: nn.Module, *, merged: bool) -> None:
    from peft.tuners.lora import LoraLayer

    adapted = [(path, each) for path, each in tail.named_modules() if isinstance(each, LoraLayer)]
    for path, layer in adapted:
        if merged:
            layer.merge()
        above, _, name = path.rpartition(".")
        setattr(tail.get_submodule(above), name, layer.get_base_layer())
