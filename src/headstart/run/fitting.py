"""The only `fit` of a head or a network for labelled items: whoever trains calls it."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from headstart import sealed
from headstart.data.dataset import Dataset
from headstart.evaluation import Results, predictions
from headstart.evaluation.slices import Sliced
from headstart.features.trunk import Trunk
from headstart.findings import Finding
from headstart.predictors import Model
from headstart.progress import Clock, Progress
from headstart.report.page.keep import keep, shown, suspects
from headstart.report.report import Report
from headstart.run.climbing import Climbed, climb
from headstart.run.crossing import Budget, Crossed, cross, folds_of, results_of
from headstart.run.evidence import findings_of_fit
from headstart.run.explained import explained
from headstart.run.finish import finish
from headstart.run.measure import measured, scores_of_others
from headstart.run.prepare import Arrange, Prepared, prepare
from headstart.run.slicing import Cells, by_column, by_size, values_of
from headstart.spec import FitSpec
from headstart.tracking import refuse_remote
from headstart.training.assemble import about, assemble, scores_on_test
from headstart.training.deciding import chosen
from headstart.training.examples import Examples, without_test
from headstart.training.examples import arrange as held_out
from headstart.training.results import results, trained_on


@dataclass(frozen=True)
class Run:
    """A finished `fit`.

    Attributes:
        model: what was trained.
        report: what was done, and how good the model is.
        results: what the model says of the test items; where the run was saved, of every item.
        trunk: what the model was trained on, while it is open in this process.
    """

    model: Model
    report: Report
    results: Results = field(repr=False)
    trunk: Trunk | None = field(default=None, repr=False, compare=False)

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def fit(
    dataset: Dataset,
    spec: FitSpec,
    progress: Progress,
    clock: Clock,
    *,
    name: str = "(in memory)",
    out: Path | None = None,
    arrange: Arrange = held_out,
    by: tuple[str, Cells] | None = None,
) -> Run:
    """Prepare, adapt, measure, and save where asked.

    Args:
        dataset: what was read.
        spec: the options.
        progress: shows what is going on.
        clock: times the parts.
        name: what report and messages call the data.
        out: the folder to save in; None saves nothing.
        arrange: divides the items into training, validation and test.
        by: a column to measure within each value of, and its cells by the names of the items.

    Raises:
        InputError: the data or an option is wrong; nothing was written.
    """
    refuse_remote(spec.track, offline=spec.offline)
    if by is not None:
        values_of(by[0], by[1].values())  # refused before any training
    if spec.folds is not None:
        arrange = without_test
    prepared = prepare(dataset, spec, name, arrange, progress, clock)
    climbed, crossed = _trained(prepared, spec, progress, clock.began, out)
    clock.lap("train")
    with progress.stage("Evaluating", None):
        run = _concluded(prepared, climbed, crossed, spec, name, every_item=out is not None)
        run = replace(run, report=replace(run.report, slices=_slices(prepared, run, spec, by)))
    clock.lap("evaluate")

    def save(folder: Path) -> None:
        run.model.save(folder)
        predictions.write(predictions.table_of(run.results), folder / predictions.FILE)

    def gallery(folder: Path) -> tuple[str, ...]:
        items = shown(folder, run.results)
        # What folds answered is not of this model.
        asked = items if crossed is None else []
        gflops = climbed.best.trunk.backbone.gflops
        why, untold = explained(run.model, prepared.dataset, asked, gflops, progress)
        also = suspects(run.report.findings, run.results)
        keep(folder, prepared.dataset, items, also, why)
        return untold

    done = None if climbed.stopped else climbed.unfinished
    report = finish(run.report, save, out, done, progress, clock, spec.track, gallery)
    for unfinished in () if crossed is None else crossed.unfinished:
        unfinished.remove()
    return replace(run, report=report)


def _trained(
    prepared: Prepared, spec: FitSpec, progress: Progress, began: float, out: Path | None
) -> tuple[Climbed, Crossed | None]:
    """The climb that gives the model, and what those of the folds say, where there are any."""
    data, features = prepared.dataset, prepared.features
    fold = folds_of(data, features, spec)  # refused before any training
    budget = Budget(spec, began)

    def train(examples: Examples, what: str) -> Climbed:
        return climb(
            data,
            prepared.trunk,
            prepared.wide,
            examples,
            spec,
            progress,
            began=began if fold is None else budget.began(),
            folder=None if out is None else sealed.beside(out, what),
            extracted=fold is None and prepared.features.misses > 0,
            share=budget.share,
        )

    begins = time.monotonic()
    climbed = train(prepared.examples, "unfinished")
    if fold is None:
        return climbed, None
    seconds = time.monotonic() - begins
    return climbed, cross(data, features, fold, spec, train, seconds, progress)


def _concluded(
    prepared: Prepared,
    climbed: Climbed,
    crossed: Crossed | None,
    spec: FitSpec,
    name: str,
    *,
    every_item: bool,
) -> Run:
    """The model of a climbed ladder, its report, and where asked its answers to every item."""
    data, features, best = prepared.dataset, prepared.features, climbed.best
    found = chosen(best, spec)
    model = replace(
        assemble(best, data),
        trained=trained_on(best, features),
        decision=found.decision,
        abstain=found.abstain,
    )
    scores = scores_on_test(model, best, data)
    answers = results(model, best, data, features, scores, every_item=every_item)
    facts = about(best, spec.seed)
    if crossed is None:
        others = scores_of_others(data, climbed, spec)
        report = measured(name, data, features, climbed, answers, others, found, spec)
    else:
        answers = results_of(crossed, answers, data, features)
        report = measured(name, data, features, climbed, answers, crossed.others, found, spec)
        report = crossed.added_to(report)
        facts["folds"] = spec.folds
    if prepared.near is not None:
        near = prepared.near.to_json(data.names, spec.near_duplicates)
        report = replace(report, near_duplicates=near)
    corrections = prepared.corrections
    found_in_data, untold = _findings(prepared, climbed, spec, tested=crossed is not None)
    report = replace(
        report,
        findings=found_in_data,
        corrections=None if corrections is None else corrections.to_json(),
        warnings=(*report.warnings, *untold),
    )
    facts["metrics"] = {name: each.to_json() for name, each in report.test.items()}
    facts["versions"] = dict(report.versions)
    facts["reads"] = data.reads.to_json()
    answered = answers if every_item else answers.select(answers.within("test"))
    return Run(replace(model, about=facts), report, answered, best.trunk)


def _slices(
    prepared: Prepared, run: Run, spec: FitSpec, by: tuple[str, Cells] | None
) -> tuple[Sliced, ...]:
    """Of the test items: by their size, and by a column."""
    tested = run.results.select(run.results.within("test"))
    if not len(tested.positions):
        return ()
    found = by_size(prepared.dataset, tested, spec.seed)
    return found if by is None else (*found, by_column(*by, tested, spec.seed))


def _findings(
    prepared: Prepared, climbed: Climbed, spec: FitSpec, *, tested: bool
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """About the data, where something is tested: an estimator's fit tests nothing.

    The model is trained, but not saved yet: whatever goes wrong here is a warning.
    """
    first = climbed.tried[0].adapted
    if first is None or not (tested or len(first.examples.parts["test"])):
        return (), ()
    near = None if prepared.near is None else prepared.near.clusters
    try:
        return findings_of_fit(prepared.dataset, prepared.features, first, spec, near), ()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return (), (f"The data could not be checked ({reason}).",)
