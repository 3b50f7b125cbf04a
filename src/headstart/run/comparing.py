"""Models, or answers of models from elsewhere, compared on the same items."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import InputError, ModelError, first_line
from headstart.evaluation import Results
from headstart.evaluation.answers import labels_of
from headstart.evaluation.calibration import probabilities
from headstart.evaluation.comparison import Answers, Comparison, compare
from headstart.evaluation.predictions import SEPARATOR
from headstart.installed import versions
from headstart.predictors import Model
from headstart.progress import Progress
from headstart.report.comparison import ComparisonReport, Example, letter
from headstart.report.page import gallery
from headstart.report.page.compared import write as write_page
from headstart.report.page.items import of_items
from headstart.report.page.keep import places_of
from headstart.run.answered import Answered, of_file, of_folder, of_results
from headstart.run.evaluating import Asked, asked
from headstart.run.matched import Matched, matched
from headstart.run.slicing import values_of
from headstart.spec import ReadSpec
from headstart.types import Floats, Label, Unchecked
from headstart.wording import items, percent, some, value

FEW = 30
"""Items below which a comparison says little."""


@dataclass(frozen=True)
class Given:
    """One of what is compared: a model with the data as it reads it, or saved answers.

    Attributes:
        name: what it is called.
        model, data, spec: where it is asked; None where its answers are saved.
        folder: a model whose saved answers count.
        file: a table of answers.
    """

    name: str
    model: Model | None = None
    data: Dataset | None = None
    spec: ReadSpec | None = None
    folder: Path | None = None
    file: Path | None = None


def run(
    given: Sequence[Given],
    progress: Progress,
    *,
    dataset: str | None,
    by: str | None,
    cells: Mapping[str, object] | None,
    began: float,
    options: Unchecked,
    page: Path | None,
    private: bool,
) -> ComparisonReport:
    """Compare every two of some models.

    Args:
        given: two or more.
        progress: shows what is going on.
        dataset: what the data is called; None: the answers that are saved count.
        by: the column to compare within.
        cells: its cells by the names of the items, where there is data; else it is a column of
            the answers.
        began: when the person began to wait, by `time.monotonic`.
        options: how the data is read, where that is not as by default.
        page: the page to write; None writes none.
        private: leaves names of items, texts and images out of it.

    Raises:
        InputError: what is given cannot be compared; why, with how many items.
    """
    asked_first = [_asked(each, progress, dataset or "") for each in given if each.model]
    answers = iter([each for each, _ in asked_first])
    task = asked_first[0][0].task if asked_first else None
    models = []
    for each in given:
        if each.model:
            models.append(next(answers))
        elif each.folder:
            models.append(of_folder(each.folder, each.name))
        else:
            assert each.file is not None
            models.append(of_file(each.file, each.name, task))
    wanted = next((at for at, each in enumerate(given) if each.model), None)
    with progress.stage("Comparing", None):
        same = matched(models, wanted=wanted)
        slices = _slices(models, same, by, cells)
        compared = compare(
            *(models[0].task, same.targets, same.answers, same.classes),
            by=slices,
            together=same.together,
            seed=0,
        )
    skipped = tuple(dict.fromkeys(each for model in models for each in model.skipped))
    read = None if wanted is None else given[wanted].data
    report = ComparisonReport(
        models=tuple(each.name for each in given),
        dataset=dataset,
        task=models[0].task,
        classes=same.classes,
        counts={
            "compared": len(same.names),
            "trained_on": same.trained_on,
            "skipped": len(skipped),
        },
        compared=compared,
        examples=_examples(models, same, compared),
        by=by,
        page=None if page is None else str(page),
        options=options,
        versions=versions(),
        skipped=skipped,
        warnings=tuple(
            dict.fromkeys(
                (
                    *(read.warnings if read else ()),
                    *(said for _, found in asked_first for said in found.warnings),
                    *_warnings(models, same),
                    *(said for each in compared.evaluations for said in each.notes),
                )
            )
        ),
        notes=(*(read.notes if read else ()), *_notes(same)),
        seconds={"total": time.monotonic() - began},
    )
    if page is not None:
        with progress.stage("Writing the page", None):
            first = asked_first[0][1].results if asked_first else None
            kept = {} if private else _kept(given, report, read, first)
            write_page(report.to_json(), kept, page, private=private)
    return report


def _kept(
    given: Sequence[Given], report: ComparisonReport, data: Dataset | None, asked: Results | None
) -> dict[str, Unchecked]:
    """Thumbnails or texts of the examples, by digest: of the data, or as the models keep them."""
    if data is not None and asked is not None:
        digests = [each.digest for examples in report.examples for each in examples]
        return of_items(data, digests, places_of(asked.digests, asked.positions.tolist()))
    kept: dict[str, Unchecked] = {}
    for folder in (each.folder for each in given if each.folder):
        try:
            kept |= gallery.read(folder / gallery.FILE)
        except (OSError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{str(folder / gallery.FILE)!r} cannot be understood ({first_line(error)}); it "
                "was changed, or another version of headstart wrote it."
            ) from error
    return kept


def _asked(given: Given, progress: Progress, dataset: str) -> tuple[Answered, Asked]:
    assert given.model is not None
    assert given.data is not None
    assert given.spec is not None
    found = asked(given.model, given.data, given.spec, progress, name=dataset)
    learnt = given.model.seen(found.results.digests).tolist()
    answers = of_results(
        given.name,
        found.results,
        learnt,
        found.skipped,
        tells=given.model.trained is not None,
    )
    return answers, found


def _warnings(models: Sequence[Answered], same: Matched) -> tuple[str, ...]:
    """What the answers are that are compared, where it is less than it seems."""
    said = []
    if len(same.names) < FEW:
        said.append(f"Only {items(len(same.names), 'item')} to compare on, which says little.")
    bare = [letter(at) for at, each in enumerate(models) if not each.probable]
    if bare:
        said.append(
            f"Without probabilities of {some(bare)}, only metrics of the answers are compared."
        )
    unknown = [letter(at) for at, each in enumerate(models) if not each.tells]
    if unknown:
        said.append(
            f"What {some(unknown)} was trained on is not known (no split is given, or an old "
            "model): items that it learnt from would count for it."
        )
    if same.unknown:
        said.append(
            f"{items(sum(same.unknown.values()), 'item')} of classes that the models do not know "
            f"({some(same.unknown)}) are left out."
        )
    if same.beside:
        said.append(f"{items(same.beside, 'item')} of the answers are not among the data's.")
    return tuple(said)


def _notes(same: Matched) -> tuple[str, ...]:
    """How items are drawn that are not independent."""
    if same.together is None:
        return ()
    groups = len(np.unique(same.together))
    return (
        f"{items(len(same.names), 'item')} in {items(groups, 'group')}: whole groups are drawn "
        "and change places for the intervals and the tests.",
    )


def _slices(
    models: Sequence[Answered], same: Matched, by: str | None, cells: Mapping[str, object] | None
) -> list[str]:
    """What the column holds for each item that is compared; empty where there is none asked for."""
    if by is None:
        return []
    if cells is not None:
        return values_of(by, (cells.get(name) for name in same.names))
    holding = next((at for at, each in enumerate(models) if by in each.columns), None)
    if holding is None:
        known = sorted({name for each in models for name in each.columns})
        has = f"they have {some(known)}" if known else "they have none to compare by"
        raise InputError(f"No answers have a column {by!r} (--by); {has}.")
    column = models[holding].columns[by]
    return values_of(by, (column[at] for at in same.rows[holding]))


def _examples(
    models: Sequence[Answered], same: Matched, compared: Comparison
) -> tuple[tuple[Example, ...], ...]:
    task = models[0].task
    known = next((at for at, each in enumerate(models) if len(each.digests)), None)
    digests = () if known is None else models[known].digests
    return tuple(
        tuple(
            Example(
                item=same.names[at],
                label=_label(same.labels[at]),
                new=_answer(task, same, same.answers[pair.new], at),
                old=_answer(task, same, same.answers[pair.old], at),
                digest="" if known is None else digests[same.rows[known][at]],
            )
            for at in pair.examples
        )
        for pair in compared.pairs
    )


def _answer(task: str, same: Matched, answers: Answers, at: int) -> str:
    if task == "regression":
        return _label(float(answers.scores[at]))
    shares = probabilities(task, answers.scores[at : at + 1])
    answer = _label(_classes_of(task, same.classes, answers, shares, at))
    if task == "classification" and answers.probable:
        return f"{answer} ({percent(float(shares[0, list(same.classes).index(answer)]))})"
    return answer


def _classes_of(
    task: str, classes: Sequence[str], answers: Answers, shares: Floats, at: int
) -> Label:
    if answers.predicted is None:
        return labels_of(task, classes, shares)[0]
    said = answers.predicted[at]
    return tuple(compress(classes, said)) if task == "multilabel" else classes[int(said)]


def _label(label: Label) -> str:
    if isinstance(label, tuple):
        return SEPARATOR.join(label) or "(none)"
    return value(label) if isinstance(label, float) else label
