"""A language model is measured on the test texts as it was and as it is, and becomes a report."""

import numpy as np
import torch

from headstart.data.dataset import SPLITS
from headstart.generation.network import NextToken
from headstart.generation.perplexity import Losses, gain, losses, perplexity
from headstart.generation.report import PRETRAINED, GenerationReport, Sample
from headstart.generation.sample import Written, stream
from headstart.generation.saved import LanguageModel
from headstart.generation.texts import Document
from headstart.installed import versions
from headstart.progress import Progress
from headstart.report.report import Rung
from headstart.run.tuning import Prepared, Tuned
from headstart.spec import GenerateSpec
from headstart.training.items import Tokens

FEW = 30
"""Test documents below which an interval says little."""

SAMPLE = 60
"""Tokens of the report's sample."""

SAMPLE_PROMPT = 40
"""Characters of a test text that the sample goes on from, where it has no prompt of its own."""


def measure(prepared: Prepared, progress: Progress, title: str) -> Losses:
    """Losses of the whole model, as it would be saved, on the test documents."""
    model, where = prepared.causal, torch.device(prepared.trunk.where)
    blocks = prepared.arranged.parts["test"]
    network = NextToken(model.backbone.module, model.head, autocast=False).to(where)
    items = Tokens(blocks.ids, model.preprocessing.pad_id)
    with progress.stage(title, len(blocks)) as advance:
        found = losses(network, items, blocks, where, advance=advance)
    network.cpu()
    return found


def sample(model: LanguageModel, prepared: Prepared, seed: int) -> Sample:
    """What the model writes after the prompt, or the first words, of a test document."""
    first = int(prepared.arranged.parts["test"].document[0])
    document: Document = prepared.documents.items[first]
    start = document.text.lstrip()[:SAMPLE_PROMPT]
    prompt = document.prompt or start.rpartition(" ")[0] or start
    asked = GenerateSpec(length=SAMPLE, seed=seed)
    return Sample(prompt, "".join(stream(model, prompt, asked, Written())))


def reported(
    name: str,
    prepared: Prepared,
    tuned: Tuned,
    before: Losses,
    after: Losses,
    written: Sample,
    seed: int,
) -> GenerationReport:
    """All there is to say of the run, but for the seconds and the saved model's folder.

    Args:
        name: of the data.
        prepared: what was learnt from.
        tuned: what was learnt.
        before: on the test documents, of the model as it was.
        after: the same of what it became.
        written: what it writes.
        seed: of the intervals.
    """
    candidate, trained = tuned.learner.candidate, tuned.trained
    parts, documents, model = prepared.arranged.parts, prepared.documents, prepared.causal
    skipped = (*documents.skipped, *prepared.arranged.skipped)
    return GenerationReport(
        dataset=name,
        task="generation",
        backbone=candidate.backbone,
        strategy=candidate.strategy,
        cut=candidate.cut,
        seed=seed,
        counts={
            **{name: parts[name].documents for name in SPLITS},
            "skipped": len(skipped),
            "tokens": {name: parts[name].tokens for name in SPLITS},
        },
        test={"perplexity": perplexity(after, seed)},
        baselines={PRETRAINED: {"perplexity": perplexity(before, seed)}},
        gain={"perplexity": gain(before, after, seed)},
        rungs=_rungs(tuned, seed),
        curve=tuple(float(np.exp(each)) for each in trained.losses),
        best_epoch=trained.best_epoch,
        sample=written,
        seconds={},
        store=tuned.learner.store,
        versions=versions(),
        backbone_facts={
            "parameters": sum(each.numel() for each in model.model.parameters()),
            "licence": model.backbone.licence,
            "fingerprint": model.backbone.fingerprint,
            "reads": model.preprocessing.max_tokens,
        },
        skipped=skipped,
        warnings=_warnings(prepared, tuned),
        notes=documents.notes,
    )


def _warnings(prepared: Prepared, tuned: Tuned) -> tuple[str, ...]:
    arranged, learner = prepared.arranged, tuned.learner
    said = [*prepared.documents.warnings, *arranged.warnings, *learner.warnings]
    said += [warning for features in learner.stored.values() for warning in features.warnings]
    if tuned.trained.best_epoch == 0:
        said.append(
            "No epoch was better on the validation texts than the pretrained model, so the model "
            "is as it was: give more texts, or fewer --epochs."
        )
    few = arranged.parts["test"].documents
    if few < FEW:
        said.append(f"Only {few} test texts: the intervals say little of other texts.")
    return tuple(dict.fromkeys(said))


def _rungs(tuned: Tuned, seed: int) -> tuple[Rung, ...]:
    """The pretrained model, and what it became."""
    candidate, kept = tuned.learner.candidate, tuned.trained.best_epoch > 0
    before, after = ({"perplexity": perplexity(each, seed)} for each in (tuned.before, tuned.after))
    first = Rung(
        strategy=PRETRAINED,
        cut=None,
        seconds=0.0,
        trained_parameters=0,
        validation=before,
        kept=not kept,
        why="the start of the next",
    )
    second = Rung(
        strategy=candidate.strategy,
        cut=candidate.cut,
        seconds=tuned.seconds,
        trained_parameters=tuned.trained_parameters,
        validation=after,
        kept=kept,
        why="asked for" if kept else "no epoch was better than the pretrained model",
    )
    return first, second
