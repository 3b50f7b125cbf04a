"""What a finished run has to say: the content of `report.json`."""

from __future__ import annotations

import shlex
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING

from headstart.data.dataset import Modality, Skipped, Task
from headstart.evaluation import ClassRow, Difference
from headstart.evaluation.learning_curve import LearningCurve
from headstart.evaluation.slices import Sliced
from headstart.findings import Finding
from headstart.report.jsonable import Metrics, jsonable, metrics_to_json
from headstart.report.notebook import Showable
from headstart.types import Json, JsonObject, Unchecked
from headstart.wording import shown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from rich.console import Console

    from headstart.search.outlook import Outlook


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One step of the ladder: what it cost and what it bought.

    Attributes:
        strategy: how the backbone was adapted.
        cut: the stage after which training begins; None: before the first, all is trained.
        seconds: what it took; 0 where it was not tried.
        trained_parameters: how many numbers were fitted.
        validation: metrics on the validation split.
        kept: whether it is the model; None where there was no choice.
        why: the reason, in words.
        history: losses of each epoch: `val_loss` of a network, and of a head that was asked for
            epochs; its `loss` too.
        predicted_seconds: what it was expected to take, of a rung that was chosen under a budget.
    """

    strategy: str
    cut: str | None
    seconds: float
    trained_parameters: int
    validation: Metrics
    kept: bool | None = None
    why: str | None = None
    history: Mapping[str, list[float]] = field(default_factory=dict)
    predicted_seconds: float | None = None

    def to_json(self) -> JsonObject:
        """A JSON object."""
        return _plain_fields(self) | {"validation": metrics_to_json(self.validation)}


@dataclass(frozen=True, kw_only=True)
class FitReport(Showable):
    """A finished `fit`, whatever was learnt.

    Attributes:
        dataset: what the user called the data.
        task: what is predicted, or `generation`.
        backbone: the name of the pretrained network; `backbone_facts`: its parameters, licence
            and whatever else is worth knowing of it.
        strategy, cut, seed: what was done.
        counts: items per split (`train`, `validation`, `test`) and `skipped`.
        test: metrics on the test split, with 95% intervals.
        baselines: the same metrics of what the model is compared with, by its name.
        rungs: every rung of the ladder that was tried.
        seconds: per part (`read`, `extract`, `train`, `evaluate`) and `total`.
        store: `hits` and `misses` of the feature store.
        skipped: what was left out, and why.
        warnings: what a person should know; notes: what was guessed.
        versions: of Python and of the libraries that matter.
        options: those of the fit that were not left as they are by default.
        model: the folder of the saved model; None: it was not saved.
    """

    dataset: str
    task: str
    backbone: str
    strategy: str
    cut: str | None
    seed: int
    counts: Unchecked
    test: Metrics
    baselines: Mapping[str, Metrics]
    rungs: tuple[Rung, ...]
    seconds: Mapping[str, float]
    store: Mapping[str, int]
    versions: Mapping[str, str]
    backbone_facts: Unchecked = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    options: Unchecked = field(default_factory=dict)
    model: str | None = None

    @property
    def next_steps(self) -> tuple[tuple[str, str], ...]:
        """What to do next: pairs of words and the command that does it."""
        if self.model is None:
            return (("keep a model: fit again, and name a folder for it", "--out DIR"),)
        return self._steps(shlex.quote(self.model))

    @abstractmethod
    def _steps(self, folder: str) -> tuple[tuple[str, str], ...]:
        """What to do next with the model in a folder, which is quoted for a shell."""

    def to_json(self) -> JsonObject:
        """The content of `report.json`; NaN and infinity are null there."""
        return _plain_fields(self) | {
            "test": metrics_to_json(self.test),
            "baselines": {name: metrics_to_json(each) for name, each in self.baselines.items()},
            "rungs": [rung.to_json() for rung in self.rungs],
            "skipped": _rows(self.skipped),
            "next_steps": [{"what": what, "command": how} for what, how in self.next_steps],
        }


@dataclass(frozen=True, kw_only=True)
class Report(FitReport):
    """A finished `fit` of a model that predicts.

    Attributes:
        modality: what an item is.
        classes: in the model's order; empty for regression.
        head: what scores the features.
        temperature: what the logits were divided by to calibrate them; None: they were not.
        class_counts: items per class, over every split.
        baselines: the metrics of simpler answers (`majority` or `mean`, `tfidf`), of the first
            rung (`feature-extraction`) where it is not the model, and of the network from random
            weights (`from-scratch`) where it was asked for.
        gain: of the model over the first rung, on the same test items; None where it is that.
        per_class: one row per class; empty for regression.
        folds: of how many folds the figures are, where they are of every item; `counts` then has
            these items as `test`, though the saved model was trained on them. None: of the test
            split.
        confusion: test items by true class (row) and predicted class (column); empty where a
            confusion matrix makes no sense.
        near_duplicates: what was done with them (`handled`), how many `items` are in how many
            `groups`, the `largest` of them, how many `pairs`, how many of these were `refused`
            because a group would be too large, and `examples`; None: not looked for.
        findings: what may be wrong with the data, with the first items of each.
        corrections: how many `labels` were corrected and items `left_out`; None: none were given.
        learning_curve: what more labels would buy the head on the frozen network; None where it
            was not measured.
        decision: how probabilities become answers, where a threshold, a target or costs do, on how
            many items that was chosen, and what it is worth on the test items; see
            `headstart.evaluation.decided`.
        abstain: the same of prediction sets and intervals.
        slices: the first metric on quarters of the test items by their size, and beside the rest;
            nothing where they are few, or all of one size.
    """

    task: Task
    modality: Modality
    classes: tuple[str, ...]
    head: str
    gain: Difference | None = None
    folds: int | None = None
    outlook: Outlook | None = None
    temperature: float | None = None
    class_counts: Mapping[str, int] = field(default_factory=dict)
    per_class: tuple[ClassRow, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    near_duplicates: JsonObject | None = None
    findings: tuple[Finding, ...] = ()
    corrections: Mapping[str, int] | None = None
    learning_curve: LearningCurve | None = None
    decision: JsonObject | None = None
    abstain: JsonObject | None = None
    slices: tuple[Sliced, ...] = ()

    def _steps(self, folder: str) -> tuple[tuple[str, str], ...]:
        example = "photo.jpg" if self.modality == "image" else "texts.csv"
        deeper = []
        if self.outlook is not None and self.outlook.budget is not None:
            said = f"{self.outlook.sentence} The same command with"
            deeper.append((said, f"--budget {self.outlook.budget}"))
        return (
            ("predict new items", f"headstart predict {folder} {example}"),
            ("evaluate it on other data", f"headstart evaluate {folder} DATA"),
            *deeper,
        )

    def show_on(self, console: Console) -> None:
        """See `Showable.show_on`."""
        from headstart.report.terminal import show_report

        show_report(self, console)

    def __repr__(self) -> str:
        return _short("Report of a fit on", self.dataset, self.test, self.counts.get("test", 0))

    def to_json(self) -> JsonObject:
        """See `FitReport.to_json`."""
        return super().to_json() | {
            "gain": None if self.gain is None else jsonable(asdict(self.gain)),
            "outlook": None if self.outlook is None else jsonable(asdict(self.outlook)),
            "learning_curve": _curve(self.learning_curve),
            "per_class": _rows(self.per_class),
            "findings": _rows(self.findings),
            "slices": [each.to_json() for each in self.slices],
        }


@dataclass(frozen=True, kw_only=True)
class CheckReport(Showable):
    """What a check of data found.

    Attributes:
        dataset, modality, task, classes: of the data.
        counts: items that were `checked` and `skipped`.
        class_counts: items that were checked, by class; empty for regression.
        splits: likewise, by the split that the data gives them; empty where it gives none.
        backbone: the network whose features were looked at.
        findings: the most serious first, each with all its items.
        suspects: the table that was written, to be filled in; None: none was asked for.
        page: the page that was written; None: none was asked for.
        seed, options, versions, store, seconds, skipped, warnings, notes: as in `Report`.
        texts: the start of each text that findings are about, by its position; not in the JSON.
    """

    dataset: str
    modality: Modality
    task: Task
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    backbone: str
    findings: tuple[Finding, ...]
    store: Mapping[str, int]
    seconds: Mapping[str, float]
    suspects: str | None = None
    page: str | None = None
    class_counts: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    options: Unchecked = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    texts: Mapping[int, str] = field(default_factory=dict)

    def show_on(self, console: Console) -> None:
        """See `Showable.show_on`."""
        from headstart.report.findings import show_check

        show_check(self, console)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{each.kind} {each.count:,}" for each in self.findings)
        return f"<Check of {shown(self.dataset)!r}: {kinds or 'nothing found'}>"

    def to_json(self) -> JsonObject:
        """What `headstart check --json` prints; NaN is null there."""
        plain = _plain_fields(self)
        del plain["texts"]  # the data holds them, and JSON may be sent to others
        return plain | {
            "findings": _rows(self.findings),
            "skipped": _rows(self.skipped),
        }


@dataclass(frozen=True, kw_only=True)
class EvaluationReport(Showable):
    """A saved model measured on other data; the attributes mean what `Report`'s mean.

    `counts` holds the items `measured`, those of them that the model was `trained_on`, and those
    `skipped`; `predictions` is the file with every item's answer, where one was asked for;
    `slices` are by what a column holds, where one was named.
    """

    model: str
    dataset: str
    task: Task
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    metrics: Metrics
    per_class: tuple[ClassRow, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    predictions: str | None = None
    decision: JsonObject | None = None
    abstain: JsonObject | None = None
    slices: tuple[Sliced, ...] = ()

    def show_on(self, console: Console) -> None:
        """See `Showable.show_on`."""
        from headstart.report.terminal import show_evaluation

        show_evaluation(self, console)

    def __repr__(self) -> str:
        measured = self.counts.get("measured", 0)
        return _short("Evaluation on", self.dataset, self.metrics, measured)

    def to_json(self) -> JsonObject:
        """What `headstart evaluate --json` prints; NaN is null there."""
        return _plain_fields(self) | {
            "metrics": metrics_to_json(self.metrics),
            "per_class": _rows(self.per_class),
            "slices": [each.to_json() for each in self.slices],
            "skipped": _rows(self.skipped),
        }


@dataclass(frozen=True, kw_only=True)
class EmbedReport(Showable):
    """Features written to a file.

    Attributes:
        path: the file.
        backbone, cut: where the features come from.
        rows: items written; features: numbers per item.
        store, seconds, skipped, warnings, notes: as in `Report`.
    """

    path: str
    backbone: str
    cut: str | None
    rows: int
    features: int
    store: Mapping[str, int]
    seconds: Mapping[str, float]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def show_on(self, console: Console) -> None:
        """See `Showable.show_on`."""
        from headstart.report.terminal import show_embedding

        show_embedding(self, console)

    def __repr__(self) -> str:
        return f"<{self.rows:,} rows of {self.features:,} features in {shown(self.path)!r}>"

    def to_json(self) -> JsonObject:
        """What `headstart embed --json` prints."""
        return _plain_fields(self) | {"skipped": _rows(self.skipped)}


def _short(what: str, dataset: str, metrics: Metrics, measured: int) -> str:
    first = next(iter(metrics.items()), None)
    figure = ""
    if first is not None:
        name, found = first
        figure = f": {name} {found.value:.4g} ({found.low:.4g} to {found.high:.4g})"
    return f"<{what} {shown(dataset)!r}{figure} on {measured:,} items>"


NESTED = (
    *("test", "baselines", "rungs", "gain", "outlook", "per_class", "skipped", "sample"),
    *("findings", "learning_curve", "slices"),
    *("validation", "metrics"),
)


def _plain_fields(value: DataclassInstance) -> JsonObject:
    """Every field in order; the ones that need their own conversion are only given their place."""
    return {
        each.name: None if each.name in NESTED else jsonable(getattr(value, each.name))
        for each in fields(value)
    }


def _curve(found: LearningCurve | None) -> Json:
    return None if found is None else jsonable(asdict(found) | {"sentence": found.sentence})


def _rows(parts: Sequence[DataclassInstance]) -> list[Json]:
    return [jsonable(asdict(part)) for part in parts]
