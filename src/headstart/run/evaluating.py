"""A saved model measured on other labelled data."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart import evaluation
from headstart.data.dataset import Dataset, Skipped, count_notes
from headstart.data.divide import match
from headstart.data.rows import refuse_skipped
from headstart.data.together import joined, numbered
from headstart.errors import InputError
from headstart.evaluation import Results, predictions
from headstart.evaluation.answers import predicted
from headstart.evaluation.calibration import scaled
from headstart.evaluation.decided import of_conformal, of_decision
from headstart.predictors import Model, Scored
from headstart.progress import Progress
from headstart.report.report import EvaluationReport
from headstart.run import near_duplicates
from headstart.run.slicing import Cells, by_column
from headstart.spec import ReadSpec
from headstart.types import Mask, Targets
from headstart.wording import items, some


def evaluate(
    model: Model,
    dataset: Dataset,
    spec: ReadSpec,
    progress: Progress,
    *,
    names: tuple[str, str],
    began: float,
    out: Path | None,
    by: tuple[str, Cells] | None = None,
) -> EvaluationReport:
    """Measure a model on every item that it can read and whose label it knows.

    Args:
        model: it answers.
        dataset: labelled, with labels in the form of the model's.
        spec: how it was read.
        progress: shows what is going on.
        names: what a report calls the model and the data.
        began: when the person began to wait, by `time.monotonic`.
        out: where every item's label and answer go; None keeps none.
        by: a column to measure within each value of, and its cells by the names of the items.

    Raises:
        InputError: the data is of another kind than the model's, or nothing can be measured.
    """
    found = asked(model, dataset, spec, progress, name=names[1])
    results, note = _together(dataset, found.results, progress)
    skipped = found.skipped
    slices = () if by is None else (by_column(*by, results, 0),)
    measured = evaluation.evaluate(
        results.task,
        results.targets,
        results.scores,
        results.classes,
        seed=0,
        together=results.together,
        predicted=predicted(results.task, results.scores, results.decision),
    )
    seen = int(model.seen(results.digests).sum())
    if out is not None:
        predictions.write(predictions.table_of(results), out)
    return EvaluationReport(
        model=names[0],
        dataset=names[1],
        task=model.task,
        classes=model.classes,
        counts={"measured": len(results.positions), "trained_on": seen, "skipped": len(skipped)},
        metrics=measured.metrics,
        skipped=skipped,
        warnings=(
            *dataset.warnings,
            *_trained_on(seen, len(results.positions)),
            *found.warnings,
            *measured.notes,
        ),
        notes=(*dataset.notes, *note),
        seconds={"total": time.monotonic() - began},
        predictions=None if out is None else str(out),
        per_class=measured.per_class,
        confusion=measured.confused,
        decision=None if results.decision is None else of_decision(results.decision, results, 0),
        abstain=None if results.abstain is None else of_conformal(results.abstain, results, 0),
        slices=slices,
    )


def _together(
    dataset: Dataset, results: Results, progress: Progress
) -> tuple[Results, tuple[str, ...]]:
    """The results with what belongs together: groups, and copies and near-copies, which are not
    independent; and what to say of it.
    """
    digests = results.digests.tolist()
    near = near_duplicates.find(dataset, results.positions, digests, progress)
    copies = joined(numbered(digests), near.clusters[results.positions])
    groups = [] if results.groups is None else [numbered(results.groups)]
    found = replace(results, joined=joined(copies, *groups))
    sizes = np.bincount(copies)
    alike = int(sizes[sizes > 1].sum())
    if not alike:
        return found, ()
    return found, (
        f"{items(alike, 'item')} are copies or near-duplicates of others, in "
        f"{items(int((sizes > 1).sum()), 'group')}: the intervals take each group as a whole.",
    )


@dataclass(frozen=True)
class Asked:
    """What a model answers to labelled data.

    Attributes:
        results: of every item that it can read and whose label it knows.
        skipped: the others, and why.
        warnings: what a person should know of the answers.
    """

    results: Results
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]


def asked(
    model: Model, dataset: Dataset, spec: ReadSpec, progress: Progress, *, name: str
) -> Asked:
    """Ask a model about every item whose label it knows.

    Args:
        model: it answers.
        dataset: labelled, with labels in the form of the model's.
        spec: how it was read.
        progress: shows what is going on.
        name: what a message calls the data.

    Raises:
        InputError: the data is of another kind than the model's, or nothing can be measured.
    """
    _check(model, dataset)
    scored = model.stored_scores(dataset, progress)
    targets, known, unmatched, unknown = match(dataset, scored.kept, model.classes)
    skipped = (*dataset.skipped, *scored.skipped, *unmatched)
    refuse_skipped(skipped, spec)
    if not known.any():
        first = f" ({skipped[0].item}: {skipped[0].reason})" if skipped else ""
        classes = f"; the model's classes are {some(model.classes, 3)}" if unmatched else ""
        raise InputError(f"No item of '{name}' can be measured{first}{classes}.")
    results = _results(model, dataset, scored, known, targets)
    notes = count_notes(scored.notes, model.modality)
    return Asked(results, skipped, (*scored.warnings, *notes, *unknown))


def _results(
    model: Model, dataset: Dataset, scored: Scored, known: Mask, targets: Targets
) -> Results:
    """The answers to the items whose label the model knows."""
    assert dataset.labels is not None
    positions = scored.kept[known]
    places = positions.tolist()
    return Results(
        task=model.task,
        classes=model.classes,
        positions=positions,
        names=[dataset.names[at] for at in places],
        digests=scored.digests[known],
        splits=[dataset.splits[at] if dataset.splits else None for at in places],
        labels=[dataset.labels[at] for at in places],
        targets=targets,
        scores=scaled(scored.scores[known], model.temperature),
        groups=[dataset.groups[at] for at in places] if dataset.groups else None,
        decision=model.decision,
        abstain=model.abstain,
    )


def _check(model: Model, dataset: Dataset) -> None:
    if dataset.modality != model.modality:
        raise InputError(
            f"The model answers for {model.modality}s, but the data holds {dataset.modality}s."
        )
    if dataset.labels is None or dataset.task != model.task:
        raise InputError(
            f"The model is for {model.task}, but the data has "
            f"{'no labels' if dataset.labels is None else 'labels for ' + str(dataset.task)}."
        )


def _trained_on(seen: int, measured: int) -> tuple[str, ...]:
    if not seen:
        return ()
    which = "Every item" if seen == measured else f"{seen:,} of the {measured:,} items"
    verb = "is one" if seen in (1, measured) else "are among those"
    return (
        f"{which} {verb} that the model was trained on, so these figures are better than those of "
        "new items.",
    )
