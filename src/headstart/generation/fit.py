"""A whole `fit` of `--task generation`: texts in, a language model and its figures out."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from headstart import sealed
from headstart.backbones import causal
from headstart.backbones.causal import Causal
from headstart.data.dataset import SPLITS, Dataset
from headstart.data.rows import refuse_skipped
from headstart.errors import InputError
from headstart.evaluation import Interval
from headstart.features.device import device
from headstart.generation import saved
from headstart.generation.blocks import Arranged, arrange, ends_of
from headstart.generation.network import NextToken
from headstart.generation.perplexity import Losses, gain, losses, perplexity
from headstart.generation.report import PRETRAINED, GenerationReport, Sample
from headstart.generation.sample import Written, stream
from headstart.generation.saved import LanguageModel
from headstart.generation.texts import Document, read
from headstart.generation.tune import Tuned, tune
from headstart.progress import Clock, Progress
from headstart.report.report import Rung
from headstart.run.measure import versions
from headstart.spec import FitSpec, GenerateSpec
from headstart.training.checkpoint import Unfinished
from headstart.training.items import Tokens

FEW = 30
"""Test documents below which an interval says little."""

SAMPLE = 60
"""Tokens of the report's sample."""

SAMPLE_PROMPT = 40
"""Characters of a test text that the sample goes on from, where it has no prompt of its own."""


@dataclass(frozen=True)
class Finished:
    """The model, what is to be said of it, and what a killed run would have gone on from."""

    model: LanguageModel
    report: GenerationReport
    unfinished: Unfinished | None


def fit(
    data: str | Path | Dataset,
    *,
    out: Path | None,
    spec: FitSpec,
    progress: Progress,
    began: float | None = None,
) -> Finished:
    """Adapt a language model to texts, measure it and save it.

    Args:
        data: a text file, a folder of them, a table, the name of a hub data set, or a `Dataset`.
        out: folder for the model; None saves nothing.
        spec: the options.
        progress: shows what is going on.
        began: when the person began to wait, by `time.monotonic`; now where None.

    Raises:
        InputError: the data or an option is wrong; nothing was written.
    """
    clock = Clock(began)
    if spec.backbone is None:
        raise InputError(
            "--task generation needs a --backbone: a causal language model of transformers, such "
            "as gpt2, hf:OWNER/NAME or a folder."
        )
    where = device(spec.device)
    if out is not None:
        sealed.check_target(out)
        sealed.say_replaced(out, progress)
    documents = read(data, spec)
    clock.lap("read")
    adapted = causal.load(spec.backbone, offline=spec.offline)
    clock.lap("load")
    arranged = arrange(documents, adapted.preprocessing, ends_of(adapted.model), spec)
    refuse_skipped((*documents.skipped, *arranged.skipped), spec)
    before = _measure(adapted, arranged, where, progress, "Measuring the pretrained model")
    clock.lap("evaluate")
    unfinished = None if out is None else sealed.beside(out, "unfinished")
    tuned = tune(adapted, arranged, spec, progress, unfinished)
    clock.lap("train")
    after = _measure(adapted, arranged, where, progress, "Measuring the adapted model")
    measured = _Measured(before, after, spec.seed)
    model = LanguageModel(
        adapted.model,
        Tokenizer.from_str(adapted.preprocessing.tokenizer),
        _about(adapted, tuned, measured, spec),
    )
    with progress.stage("Writing a sample", None):
        sample = _sample(model, documents, arranged, spec)
    clock.lap("evaluate")
    if out is not None:
        with progress.stage("Saving the model", None):
            saved.write(out, adapted, tuned.adapter, dict(model.about))
        clock.lap("save")
    report = _report(documents, adapted, arranged, tuned, measured, spec)
    report = replace(
        report,
        dataset="(in memory)" if isinstance(data, Dataset) else str(data),
        sample=sample,
        seconds=clock.seconds(),
        model=None if out is None else str(out),
    )
    return Finished(model, report, tuned.unfinished)


@dataclass(frozen=True)
class _Measured:
    """Losses on the test documents, and what follows from them."""

    before: Losses
    after: Losses
    seed: int

    @cached_property
    def test(self) -> Interval:
        return perplexity(self.after, self.seed)

    @cached_property
    def pretrained(self) -> Interval:
        return perplexity(self.before, self.seed)

    @cached_property
    def gain(self) -> Interval:
        return gain(self.before, self.after, self.seed)


def _measure(
    adapted: Causal, arranged: Arranged, where: str, progress: Progress, title: str
) -> Losses:
    """Losses of the whole model, as it would be saved, on the test documents."""
    blocks = arranged.parts["test"]
    network = NextToken(adapted.backbone.module, adapted.head, autocast=False)
    items = Tokens(blocks.ids, adapted.preprocessing.pad_id)
    network.to(where)
    with progress.stage(title, len(blocks)) as advance:
        found = losses(network, items, blocks, torch.device(where), advance=advance)
    network.cpu()
    return found


def _about(adapted: Causal, tuned: Tuned, measured: _Measured, spec: FitSpec) -> dict[str, Any]:
    """What model.json says of how the model was made."""
    return {
        "backbone": adapted.backbone.identity(),
        "cut": tuned.plan.cut,
        "strategy": tuned.plan.strategy,
        "seed": spec.seed,
        "metrics": {
            "perplexity": measured.test.to_json(),
            PRETRAINED: measured.pretrained.to_json(),
        },
        "versions": versions(),
    }


def _sample(model: LanguageModel, documents: Dataset, arranged: Arranged, spec: FitSpec) -> Sample:
    """What the model writes after the prompt, or the first words, of a test document."""
    document: Document = documents.items[int(arranged.parts["test"].document[0])]
    start = document.text.lstrip()[:SAMPLE_PROMPT]
    prompt = document.prompt or start.rpartition(" ")[0] or start
    asked = GenerateSpec(length=SAMPLE, seed=spec.seed)
    return Sample(prompt, "".join(stream(model, prompt, asked, Written())))


def _report(
    documents: Dataset,
    adapted: Causal,
    arranged: Arranged,
    tuned: Tuned,
    measured: _Measured,
    spec: FitSpec,
) -> GenerationReport:
    parts = arranged.parts
    skipped = (*documents.skipped, *arranged.skipped)
    warnings = [*documents.warnings, *arranged.warnings, *tuned.warnings]
    if parts["test"].documents < FEW:
        warnings.append(
            f"Only {parts['test'].documents} test texts: the intervals say little of other texts."
        )
    return GenerationReport(
        dataset="",
        backbone=adapted.backbone.name,
        strategy=tuned.plan.strategy,
        cut=tuned.plan.cut,
        seed=spec.seed,
        counts={
            **{name: parts[name].documents for name in SPLITS},
            "skipped": len(skipped),
            "tokens": {name: parts[name].tokens for name in SPLITS},
        },
        test={"perplexity": measured.test},
        baselines={PRETRAINED: {"perplexity": measured.pretrained}},
        gain={"perplexity": measured.gain},
        rungs=_rungs(tuned, spec.seed),
        curve=tuple(float(np.exp(each)) for each in tuned.trained.losses),
        best_epoch=tuned.trained.best_epoch,
        seconds={},
        store=tuned.store,
        versions=versions(),
        backbone_facts={
            "parameters": sum(each.numel() for each in adapted.model.parameters()),
            "licence": adapted.backbone.licence,
            "fingerprint": adapted.backbone.fingerprint,
            "reads": adapted.preprocessing.max_tokens,
        },
        skipped=skipped,
        warnings=tuple(dict.fromkeys(warnings)),
        notes=documents.notes,
    )


def _rungs(tuned: Tuned, seed: int) -> tuple[Rung, ...]:
    """The pretrained model, and what it became."""
    kept = tuned.trained.best_epoch > 0
    first = Rung(
        strategy=PRETRAINED,
        cut=None,
        seconds=0.0,
        trained_parameters=0,
        validation={"perplexity": perplexity(tuned.before, seed)},
        kept=not kept,
        why="the start of the next",
    )
    second = Rung(
        strategy=tuned.plan.strategy,
        cut=tuned.plan.cut,
        seconds=tuned.seconds,
        trained_parameters=tuned.trained_parameters,
        validation={"perplexity": perplexity(tuned.after, seed)},
        kept=kept,
        why="asked for" if kept else "no epoch was better than the pretrained model",
    )
    return first, second
