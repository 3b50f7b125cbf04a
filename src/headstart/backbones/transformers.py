"""Text backbones from transformers: encoders and decoders in folders of the hub's layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

from headstart.backbones import hub, pooling, snapshot
from headstart.backbones.backbone import Backbone, Parts, Shape, Stage
from headstart.backbones.cost import counted
from headstart.backbones.fingerprint import fingerprint
from headstart.backbones.function import function
from headstart.backbones.layers import Branches, CannotCut, Layers, entering, find, split
from headstart.errors import BackboneError, InputError, first_line
from headstart.preprocessing import TextPreprocessing
from headstart.randomness import seeded


class TextNetwork(nn.Module):
    """Token ids and mask, int64 (B, L), to features (B, D)."""

    def __init__(self, network: nn.Module, pool: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.pool = pool

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See the class."""
        output = self.network(input_ids=ids, attention_mask=mask)
        features: torch.Tensor = self.pool(output.last_hidden_state, mask)
        return features


def load(reference: str, *, offline: bool = True, pool: str = "auto") -> Backbone:
    """Load a folder in the hub's layout, or `OWNER/NAME[@REVISION]` of the hub.

    Raises:
        BackboneError: it is not to be had, or see `load_folder`.
    """
    folder = Path(reference)
    if not folder.is_dir():
        folder = hub.locate(reference, offline=offline)
    return load_folder(reference, folder, pool=pool)


def load_folder(reference: str, folder: Path, *, pool: str = "auto") -> Backbone:
    """Load what is in a folder.

    Args:
        reference: what to call it.
        folder: with config.json, model.safetensors and a tokenizer.
        pool: `auto` is what the folder asks for, else the last token of a decoder and the mean of
            an encoder.

    Raises:
        BackboneError: files are missing or damaged, ask to run code, or are of another kind of
            network (one that does not read texts, or has both an encoder and a decoder).
    """
    if pool != "auto":
        pooling.check(reference, pool, pooling.TEXT_POOLS)
    snapshot.check(reference, folder)
    network = read_network(reference, folder)
    preprocessing = read_preprocessing(reference, folder, network)
    if pool == "auto":
        pool = snapshot.pool(folder) or _default_pool(network)
    made = backbone(
        reference,
        network,
        preprocessing,
        pool=pooling.TEXT_POOLS[pool](),
        licence=snapshot.licence(folder),
    )
    return replace(made, files=hub.files_of(folder))


def save_folder(made: Backbone, folder: Path) -> None:
    """Write a backbone as `load_folder` reads it."""
    assert isinstance(made.preprocessing, TextPreprocessing)
    with quiet():
        # torch types whatever a module holds as a module or a tensor.
        made.module.network.save_pretrained(folder)  # type: ignore[operator,union-attr]
    snapshot.write(folder, made.preprocessing, made.pool)


def backbone(
    name: str,
    network: nn.Module,
    preprocessing: TextPreprocessing,
    *,
    pool: nn.Module,
    licence: str | None = None,
) -> Backbone:
    """Make a backbone of a transformers network (from `AutoModel`).

    Args:
        name: what to call it.
        network: gives `last_hidden_state` (B, L, D).
        preprocessing: its tokenizer and longest text.
        pool: `pool(hidden, mask)` gives features (B, D), or (B, L, D) where nothing is pooled.
        licence: of its weights.
    """
    network.eval()
    layers = find(network, _sample(network))
    module = TextNetwork(network, pool).eval()
    stages = _stages(module, layers, preprocessing.max_tokens)

    def cut(index: int) -> tuple[nn.Module, nn.Module]:
        assert layers is not None
        try:
            return split(network, layers, index, pool, _sample(network))
        except CannotCut as reason:
            raise BackboneError(
                f"{name!r} cannot be cut after {stages[index].name!r}: {reason}; it can be used "
                f"whole, cut after {stages[-1].name!r}."
            ) from None

    def branch(indices: Sequence[int]) -> nn.Module:
        assert layers is not None
        return Branches(network, layers, indices, pool)

    branches = layers is not None and stages[-1].shape[0] is not None
    parts = Parts(
        module,
        cut,
        lambda: AutoModel.from_config(network.config),
        branch if branches else None,
    )
    return Backbone(
        name=name,
        family="transformers",
        modality="text",
        stages=stages,
        preprocessing=preprocessing,
        parameters=sum(each.numel() for each in network.parameters()),
        gflops=sum(stage.gflops for stage in stages),
        licence=licence,
        fingerprint=fingerprint(module),
        function=function(network),
        features=int(stages[-1].shape[-1] or 0),
        pool=next(
            (each for each, kind in pooling.TEXT_POOLS.items() if type(pool) is kind), repr(pool)
        ),
        parts=lambda: parts,
        branches=branches,
    )


def _stages(module: TextNetwork, layers: Layers | None, length: int) -> tuple[Stage, ...]:
    """The embeddings, then each layer; what follows the last layer belongs to it."""
    network = module.network
    parts = [] if layers is None else list(network.get_submodule(layers.path).children())
    ids = torch.full((1, length), 2)
    with counted() as counter:
        marks: list[int] = []
        widths: list[int] = []

        def mark(_: nn.Module, args: tuple[object, ...], named: dict[str, object]) -> None:
            marks.append(counter.get_total_flops())
            widths.append(int(entering(args, named).shape[-1]))

        hooks = [part.register_forward_pre_hook(mark, with_kwargs=True) for part in parts]
        try:
            features = module(ids, torch.ones_like(ids))
        finally:
            for hook in hooks:
                hook.remove()
    names = [f"{layers.path}.{i}" for i in range(layers.count)] if layers else []
    names = [layers.embedding, *names] if layers else [next(iter(dict(network.named_children())))]
    ends = [*marks, counter.get_total_flops()]
    width = int(features.shape[-1])
    pooled: Shape = (width,) if features.ndim == 2 else (None, width)
    counts = _counts(network, parts)
    return tuple(
        Stage(
            name=name,
            shape=pooled if i == len(names) - 1 else (None, widths[i]),
            parameters=counts[i],
            gflops=(ends[i] - (ends[i - 1] if i else 0)) / 1e9,
        )
        for i, name in enumerate(names)
    )


def _counts(network: nn.Module, layers: list[nn.Module]) -> list[int]:
    """Parameters per stage: those before the layers, in each layer, the rest with the last."""
    total = sum(each.numel() for each in network.parameters())
    if not layers:
        return [total]
    inside = {each for layer in layers for each in layer.parameters()}
    before = 0
    for weight in network.parameters():
        if weight in inside:
            break
        before += weight.numel()
    counts = [sum(each.numel() for each in layer.parameters()) for layer in layers]
    counts[-1] += total - before - sum(counts)
    return [before, *counts]


def _sample(network: nn.Module) -> torch.Tensor:
    """Two short texts of valid token ids, int64 (2, 5), equal but for the last token."""
    ids = torch.full((2, 5), 2, device=next(network.parameters()).device)
    ids[1, -1] = 3
    return ids


def _default_pool(network: nn.Module) -> str:
    """The last token where a token sees only those before it (a decoder), else the mean."""
    ids = _sample(network)
    with torch.no_grad():
        first = network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, 0]
    return "last" if torch.equal(first[0], first[1]) else "mean"


def read_preprocessing(reference: str, folder: Path, network: nn.Module) -> TextPreprocessing:
    """How a text becomes the input of a network, from the folder that both are in.

    Raises:
        BackboneError: the tokenizer cannot be read, or is of another network.
    """
    tokenizer = snapshot.tokenizer(reference, folder)
    given = (getattr(network.config, f"{which}_token_id", None) for which in ("pad", "eos"))
    pad_id = next((each for each in given if isinstance(each, int)), 0)
    known = _embeddings(reference, network).num_embeddings
    if max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0) >= known:
        raise BackboneError(
            f"The backbone {reference!r} knows {known:,} tokens, fewer than its tokenizer gives; "
            "the files are not of one model."
        )
    return TextPreprocessing(
        tokenizer=tokenizer.to_str(),
        max_tokens=snapshot.text_limit(network, folder),
        pad_id=pad_id,
    )


def read_network(reference: str, folder: Path, kind: Any = AutoModel) -> nn.Module:
    """The network in a folder that `snapshot.check` has passed, in evaluation mode.

    Args:
        reference: what to call it in messages.
        folder: with config.json and safetensors.
        kind: the class of transformers that makes it.

    Raises:
        BackboneError: it cannot be loaded, lacks weights, or has both an encoder and a decoder.
    """
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if config.is_encoder_decoder:
            raise BackboneError(
                f"The backbone {reference!r} has an encoder and a decoder, which headstart does "
                "not cut; use an encoder such as BERT or a decoder such as GPT-2."
            )
        config.use_cache = False
        config._attn_implementation = None  # A config may name a kernel to fetch from the hub.
        with quiet(), seeded(0):
            network, report = kind.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (
        SafetensorError,
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        TypeError,
        ImportError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise BackboneError(
            f"The backbone {reference!r} cannot be loaded: {first_line(error)}"
        ) from None
    if getattr(network, "pooler", None) is not None:
        network.pooler = None  # Trained for another task, and not part of the pooled features.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise BackboneError(
            f"The weights of {reference!r} lack {len(missing)} tensors, such as "
            f"{', '.join(map(repr, missing[:3]))}; they are of another network."
        )
    checked: nn.Module = network.eval()
    return checked


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bar and no report: what matters is checked by who asks for it."""
    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _embeddings(reference: str, network: nn.Module) -> nn.Embedding:
    try:
        # torch types whatever a module has as a module or a tensor.
        found = network.get_input_embeddings()  # type: ignore[operator]
    except (AttributeError, NotImplementedError):
        found = None
    if not isinstance(found, nn.Embedding):
        raise BackboneError(f"The backbone {reference!r} does not read texts: it embeds no tokens.")
    return found
