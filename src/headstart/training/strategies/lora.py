"""Low-rank adapters (Hu et al. 2021, "LoRA"), put in by peft and merged when they are trained."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from headstart.errors import InputError
from headstart.randomness import seeded
from headstart.training.recipe import Recipe, Size

if TYPE_CHECKING:
    import torch
    from torch import nn

    from headstart.backbones import Backbone

RANK = 8
FASTER, FASTEST = 10, 1e-3
"""Times the rate that whole matrices learn with, and the highest rate for texts."""


@dataclass(frozen=True)
class Lora:
    """See `headstart.training.strategies.contract.Strategy`."""

    name: str = "lora"
    trains: Literal["tail"] = "tail"
    pretrained: bool = True
    own_weights: bool = False

    def recipe(self, usual: Recipe, size: Size) -> Recipe:
        """A higher rate, the same for all stages, and no weight decay."""
        rate = FASTER * usual.rate
        rate = min(FASTEST, rate) if size.modality == "text" else rate
        return replace(usual, rate=rate, depth_decay=1.0, weight_decay=0.0)

    def prepare(self, tail: "nn.Module", backbone: "Backbone", dropout: float, seed: int) -> None:
        """Put the adapters in."""
        adapt(tail, backbone.name, dropout=dropout, seed=seed)

    def adapter(self, tail: "nn.Module", names: Mapping[str, Sequence[str]]) -> "Adapter":
        """The low-rank matrices."""
        return adapter_of(tail, names)

    def finish(self, tail: "nn.Module") -> None:
        """Merge them."""
        merge(tail)


strategy = Lora()


@dataclass(frozen=True)
class Adapter:
    """Trained adapters, as peft keeps them.

    Attributes:
        config: the content of `adapter_config.json`, but for the name of the base.
        tensors: the content of `adapter_model.safetensors`.
    """

    config: "dict[str, Any]"
    tensors: "dict[str, torch.Tensor]"


def adapt(tail: "nn.Module", name: str, *, dropout: float, seed: int) -> None:
    """Freeze a tail and put adapters beside its weight matrices, which they start equal to.

    Args:
        tail: of a transformer; changed in place.
        name: of the backbone, for messages.
        dropout: on what enters an adapter.
        seed: of the adapters' random halves.

    Raises:
        InputError: there is nothing that LoRA adapts.
    """
    from peft import LoraConfig, inject_adapter_in_model
    from torch import nn
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
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=dropout, target_modules=targets)
    with warnings.catch_warnings(), seeded(seed):
        # peft corrects `fan_in_fan_out` for GPT-2's own kind of matrix, and says so.
        warnings.simplefilter("ignore")
        inject_adapter_in_model(config, tail)


def adapter_of(tail: "nn.Module", names: Mapping[str, Sequence[str]]) -> Adapter:
    """Copies of the adapters in a tail.

    Args:
        tail: trained, and not yet merged.
        names: what the language model that it is part of calls each of its weights.
    """
    from peft import LoraConfig
    from peft.tuners.lora import LoraLayer
    from torch import nn

    layers = {
        names[f"{path}.weight"][0].removesuffix(".weight"): each
        for path, each in tail.named_modules()
        if isinstance(each, LoraLayer)
    }
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
    said: dict[str, Any] = config.to_dict()  # type: ignore[no-untyped-call]  # peft's
    plain = {name: each for name, each in said.items() if not isinstance(each, set)}
    return Adapter({**plain, "target_modules": sorted(layers)}, tensors)


def merge(tail: "nn.Module") -> None:
    """Add every adapter to the matrix beside it, in place, and take it out."""
    from peft.tuners.lora import LoraLayer

    adapted = [(path, each) for path, each in tail.named_modules() if isinstance(each, LoraLayer)]
    for path, layer in adapted:
        layer.merge()
        above, _, name = path.rpartition(".")
        setattr(tail.get_submodule(above), name, layer.get_base_layer())
