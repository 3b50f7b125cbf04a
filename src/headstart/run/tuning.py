"""Texts and a language model become what is learnt from, and a copy of the model learns."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from headstart.backbones import causal
from headstart.backbones.causal import Causal
from headstart.data.dataset import Dataset
from headstart.data.rows import refuse_skipped
from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.generation.blocks import Arranged, arrange, ends_of
from headstart.generation.learner import Learner, learner_for
from headstart.generation.perplexity import Losses
from headstart.generation.texts import read
from headstart.learning.loop import Trained
from headstart.progress import Clock, Progress
from headstart.runtime.device import device, precision
from headstart.spec import FitSpec
from headstart.training.adapt import learn
from headstart.training.checkpoint import Unfinished
from headstart.training.network import changed, trained_parameters
from headstart.training.strategies.lora import Adapter
from headstart.training.threads import every_core


@dataclass(frozen=True)
class Prepared:
    """What a run learns from.

    Attributes:
        documents: every text that could be read.
        arranged: their tokens in blocks, split.
        causal: the language model.
        trunk: its whole decoder.
    """

    documents: Dataset
    arranged: Arranged
    causal: Causal
    trunk: Trunk


def prepare(data: str | Path | Dataset, spec: FitSpec, clock: Clock) -> Prepared:
    """Read texts and a language model, and cut the texts into what it reads at once."""
    if spec.backbone is None:
        raise InputError(
            "--task generation needs a --backbone: a causal language model of transformers, such "
            "as gpt2, hf:OWNER/NAME or a folder."
        )
    where = device(spec.device)
    documents = read(data, spec)
    clock.lap("read")
    model = causal.load(spec.backbone, offline=spec.offline)
    clock.lap("load")
    arranged = arrange(documents, model.preprocessing, ends_of(model.model), spec)
    refuse_skipped((*documents.skipped, *arranged.skipped), spec)
    trunk = Trunk(model.backbone, model.backbone.cut(), where, precision(where))
    return Prepared(documents, arranged, model, trunk)


@dataclass(frozen=True)
class Tuned:
    """What came of adapting a language model, which itself stays as it was.

    Attributes:
        learner: what was done.
        weights: those that changed, by the model's own names.
        adapter: the low-rank matrices, by peft's names; None where whole matrices learnt.
        trained: how the training went; its losses are per token.
        before, after: losses on validation documents.
        trained_parameters: how many numbers learnt.
        seconds: what it took, extraction and earlier, killed runs included.
    """

    learner: Learner
    weights: Mapping[str, torch.Tensor]
    adapter: Adapter | None
    trained: Trained
    before: Losses
    after: Losses
    trained_parameters: int
    seconds: float


@every_core()
def adapt(
    prepared: Prepared, spec: FitSpec, progress: Progress, unfinished: Unfinished | None
) -> Tuned:
    """Adapt a copy of a language model as `spec.strategy` says.

    Args:
        prepared: the model, and what it learns from.
        spec: the options.
        progress: shows what is going on.
        unfinished: keeps what a killed run goes on from; None keeps nothing.

    Raises:
        InputError: it cannot be cut so or adapted so, or the hidden states of a `--cut` take too
            much disk.
    """
    began = time.monotonic()
    model, parts = prepared.causal, prepared.arranged.parts
    learner = learner_for(model, prepared.trunk, parts, spec, unfinished, progress)
    candidate = learner.candidate
    copied, network = learner.copy()
    parameters = trained_parameters(network)
    before = learner.losses(network)
    checkpoint = unfinished.checkpoint(candidate.words) if unfinished else None
    trained = learn(candidate, network, copied, learner.task(network), progress, checkpoint)
    after = learner.losses(network)
    network.cpu()
    adapter = learner.adapter(copied, network)
    learner.strategy.finish(network.tail)
    return Tuned(
        learner=learner,
        weights=changed(network, copied.names, model.model),
        adapter=adapter,
        trained=trained,
        before=before,
        after=after,
        trained_parameters=parameters,
        seconds=trained.before + time.monotonic() - began,
    )
