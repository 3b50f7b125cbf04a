"""The only `fit` of a head or a network for labelled items: whoever trains calls it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from headstart import sealed
from headstart.data.dataset import Dataset
from headstart.evaluation import Results, predictions
from headstart.features.trunk import Trunk
from headstart.predictors import Model
from headstart.progress import Clock, Progress
from headstart.report.report import Report
from headstart.run.climbing import Climbed, climb
from headstart.run.finish import finish
from headstart.run.measure import measured
from headstart.run.prepare import Arrange, Prepared, prepare
from headstart.spec import FitSpec
from headstart.training.assemble import about, assemble, scores_on_test
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

    Raises:
        InputError: the data or an option is wrong; nothing was written.
    """
    prepared = prepare(dataset, spec, name, arrange, progress, clock)
    unfinished = None if out is None else sealed.beside(out, "unfinished")
    climbed = climb(
        prepared.dataset,
        prepared.trunk,
        prepared.wide,
        prepared.examples,
        spec,
        progress,
        began=clock.began,
        folder=unfinished,
    )
    clock.lap("train")
    with progress.stage("Evaluating", None):
        run = _concluded(prepared, climbed, spec, name, every_item=out is not None)
    clock.lap("evaluate")

    def save(folder: Path) -> None:
        run.model.save(folder)
        predictions.write(predictions.table_of(run.results), folder / predictions.FILE)

    done = None if climbed.stopped else climbed.unfinished
    return replace(run, report=finish(run.report, save, out, done, progress, clock))


def _concluded(
    prepared: Prepared, climbed: Climbed, spec: FitSpec, name: str, *, every_item: bool
) -> Run:
    """The model of a climbed ladder, its report, and where asked its answers to every item."""
    data, features, best = prepared.dataset, prepared.features, climbed.best
    model = replace(assemble(best, data), trained=trained_on(best, features))
    scores = scores_on_test(model, best, data)
    answers = results(model, best, data, features, scores, every_item=every_item)
    report = measured(name, data, features, climbed, answers, spec)
    if prepared.near is not None:
        near = prepared.near.to_json(data.names, spec.near_duplicates)
        report = replace(report, near_duplicates=near)
    facts = about(best, spec.seed)
    facts["metrics"] = {name: each.to_json() for name, each in report.test.items()}
    facts["versions"] = dict(report.versions)
    facts["reads"] = data.reads.to_json()
    answered = answers if every_item else answers.select(answers.within("test"))
    return Run(replace(model, about=facts), report, answered, best.trunk)
