"""Causal language models from transformers: a decoder that can be cut, and the head above it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from headstart.backbones import snapshot
from headstart.backbones.backbone import Backbone
from headstart.backbones.catalogue import locate
from headstart.backbones.pooling import EveryToken
from headstart.backbones.transformers import backbone, read_network, read_preprocessing
from headstart.errors import BackboneError
from headstart.preprocessing import TextPreprocessing

CLOSE = 1e-3
"""How far scores may be apart that are computed in two ways, as a share of the largest."""


@dataclass(frozen=True, eq=False)
class Causal:
    """A language model that reads from left to right.

    Attributes:
        folder: where its files are.
        preprocessing: its tokenizer, and how much is read at once.
        model: the whole, from `AutoModelForCausalLM`; in evaluation mode.
        backbone: the decoder inside of it, by the same modules; gives the hidden states of every
            token (B, L, D).
        head: turns hidden states (..., D) into scores of the next token (..., V); of the same
            modules too.
    """

    folder: Path
    preprocessing: TextPreprocessing
    model: nn.Module
    backbone: Backbone
    head: nn.Module


def load(reference: str, *, offline: bool = True) -> Causal:
    """Load a causal language model.

    Args:
        reference: a name or folder of a transformers network, as `backbones.load` takes it.
        offline: open no socket.

    Raises:
        BackboneError: it is not to be had, files are missing or damaged, ask to run code, or are of
            no causal language model whose scores are those of its head.
    """
    folder = locate(reference, offline=offline)
    snapshot.check(reference, folder)
    model = read(reference, folder)
    # torch types whatever a module has as a module or a tensor.
    decoder: nn.Module = model.base_model  # type: ignore[assignment]
    head = model.get_output_embeddings()  # type: ignore[operator]
    preprocessing = read_preprocessing(reference, folder, decoder)
    found = Causal(
        folder=folder,
        preprocessing=preprocessing,
        model=model,
        backbone=backbone(
            reference,
            decoder,
            preprocessing,
            pool=EveryToken(),
            licence=snapshot.licence(folder),
        ),
        head=head,
    )
    if not isinstance(head, nn.Module) or _changes_scores(model) or not _head_is_all(found):
        raise BackboneError(
            f"The scores of {reference!r} are not those that its last matrix alone gives (they "
            "are scaled, capped or made in more steps), which headstart does not train; use "
            "another model, such as GPT-2, Llama or Qwen."
        )
    return found


def read(reference: str, folder: Path) -> nn.Module:
    """The whole network in a folder that was checked.

    Raises:
        BackboneError: it cannot be loaded, or is no causal language model.
    """
    model = read_network(reference, folder, AutoModelForCausalLM)
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise BackboneError(
                f"The weights of {reference!r} are damaged: {name!r} holds numbers that are not "
                "finite; fetch them again."
            )
    # A decoder sees nothing of what follows: another last token leaves the first scores alone.
    ids = torch.full((2, 4), 2)
    ids[1, -1] = 3
    with torch.no_grad():
        first = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, 0]
    if not torch.allclose(first[0], first[1], rtol=1e-4, atol=1e-5):
        raise BackboneError(
            f"The backbone {reference!r} does not read from left to right, so it cannot write; "
            "use a causal language model, such as GPT-2."
        )
    return model


def _changes_scores(model: nn.Module) -> bool:
    """Whether scores are capped or scaled after the head: too little to be seen while small."""
    # torch types whatever a module has as a module or a tensor.
    config: object = model.config.get_text_config()  # type: ignore[union-attr, operator]
    if getattr(config, "final_logit_softcapping", None) is not None:
        return True
    scales = (getattr(config, name, None) for name in ("logit_scale", "logits_scaling"))
    return any(scale not in (None, 1) for scale in scales)


def _head_is_all(found: Causal) -> bool:
    ids = torch.full((1, 4), 2)
    with torch.no_grad():
        whole = found.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        again = found.head(found.backbone.module(ids, torch.ones_like(ids)))
    furthest = float((whole - again).abs().max())
    return furthest <= CLOSE * float(whole.abs().max())
