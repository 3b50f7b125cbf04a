"""One function per verb; the command line and the estimators call these."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from headstart import data as reading
from headstart.data.dataset import Dataset, Skipped, joined, told
from headstart.data.rows import refuse_skipped
from headstart.errors import InputError
from headstart.progress import Clock, Progress, Silent
from headstart.spec import FitSpec, GenerateSpec, ReadSpec, cache_folder

if TYPE_CHECKING:
    from headstart.backbones import Entry
    from headstart.features.extract import Features
    from headstart.generation.report import GenerationReport
    from headstart.generation.sample import Written
    from headstart.generation.saved import LanguageModel
    from headstart.model import Model, Predictions
    from headstart.report.report import EmbedReport, EvaluationReport, Report
    from headstart.training.ladder import Climbed


@dataclass(frozen=True)
class Run:
    """A finished `fit`: the model, and what is to be said of it."""

    model: "Model"
    report: "Report"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


@dataclass(frozen=True)
class TextRun:
    """A finished `fit` of `task="generation"`."""

    model: "LanguageModel"
    report: "GenerationReport"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


@overload
def fit(
    data: Any,
    labels: Any = None,
    *,
    task: Literal["generation"],
    sample_weight: Any = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> TextRun: ...
@overload
def fit(
    data: Any,
    labels: Any = None,
    *,
    sample_weight: Any = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run: ...
def fit(
    data: Any,
    labels: Any = None,
    *,
    sample_weight: Any = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run | TextRun:
    """Train the best model that the data allows, and measure it.

    Args:
        data: a folder, a table, the name of a hub data set; or what is in memory: a DataFrame, a
            `datasets.Dataset`, rows, columns, pairs (item, label), items, or a
            `headstart.data.Dataset`.
        labels: one for each item, where `data` are items.
        sample_weight: how much each item or row of what is in memory counts in training; numbers
            from 0.
        out: folder to save the model and `report.json` in; None saves nothing.
        progress: shows what is going on; by default a notebook does, and nothing else.
        **options: the fields of `headstart.spec.FitSpec`.

    Raises:
        InputError: the data or an option is wrong; nothing was written.
    """
    from headstart import sealed
    from headstart.data import labels as labelling
    from headstart.data.weights import weighted
    from headstart.features.trunk import Trunk
    from headstart.training.examples import arrange
    from headstart.training.feature_extraction import widened
    from headstart.training.ladder import climb

    spec = FitSpec(**options)
    progress = progress or usual_progress()
    if spec.task == "generation":
        if labels is not None or sample_weight is not None:
            raise InputError("--task generation learns from texts alone; leave out the rest.")
        return _fit_texts(data, None if out is None else Path(out), spec, progress)
    if out is not None:
        sealed.check_target(Path(out))
    clock = Clock()
    dataset = reading.read_any(data, spec, labels, weights=sample_weight)
    dataset = _with_test(dataset, spec)
    labelling.check(dataset)
    if sample_weight is not None:
        said_so = "The items are weighted in training, by sample_weight."
        dataset = replace(dataset, notes=(*dataset.notes, said_so))
    dataset = weighted(dataset, spec)
    clock.lap("read")
    trunk = Trunk.whole(spec, dataset.modality)
    clock.lap("load")
    wide = widened(trunk, spec, len(dataset))
    features = wide.extract(dataset, progress)
    _refuse_unreadable(data, features)
    refuse_skipped((*dataset.skipped, *features.skipped), spec)
    clock.lap("extract")
    # Once more, on what could be read: it may be of one class.
    with _saying_skipped((*dataset.skipped, *features.skipped)):
        said = labelling.check(dataset.select(features.kept))
    dataset = replace(dataset, warnings=(*dataset.warnings, *said))
    examples = arrange(dataset, features, spec)
    climbed = climb(
        dataset,
        trunk,
        wide,
        examples,
        spec,
        progress,
        began=clock.began,
        folder=None if out is None else sealed.beside(Path(out), "unfinished"),
    )
    clock.lap("train")
    with progress.stage("Evaluating", None):
        run = conclude(dataset, features, climbed, spec, name=_name(data))
    clock.lap("evaluate")
    if out is not None:
        with progress.stage("Saving the model", None):
            run.model.save(Path(out))
        clock.lap("save")
    report = replace(run.report, seconds=clock.seconds(), model=None if out is None else str(out))
    if out is not None:
        write_json(Path(out) / "report.json", report.to_json())
    if climbed.unfinished and not climbed.stopped:
        climbed.unfinished.remove()
    return Run(run.model, report)


def _fit_texts(data: Any, out: Path | None, spec: FitSpec, progress: Progress) -> TextRun:
    from headstart.generation.fit import fit as fit_texts

    if not isinstance(data, (str, Path, Dataset)):
        asked = replace(ReadSpec(), input=spec.input, strict=spec.strict)
        data = reading.read_any(data, asked, labelled=False)
        spec = replace(spec, input=None)
    done = fit_texts(data, out=out, spec=spec, progress=progress)
    if out is not None:
        write_json(out / "report.json", done.report.to_json())
    if done.unfinished:
        done.unfinished.remove()
    return TextRun(done.model, done.report)


def generate(
    model: "str | Path | LanguageModel",
    prompt: str,
    *,
    written: "Written | None" = None,
    **options: Any,
) -> Iterator[str]:
    """Let a saved language model write, piece by piece: `"".join(generate(...))` is all of it.

    Args:
        model: its folder, or what `headstart.generation.saved.load` gave.
        prompt: what the text goes on from.
        written: is told how it went: tokens, and whether the model ended the text.
        **options: the fields of `headstart.spec.GenerateSpec`.

    Raises:
        InputError: the model or an option is wrong; before anything is written.
    """
    spec = GenerateSpec(**options)
    try:
        prompt.encode("utf-8")
    except (AttributeError, UnicodeEncodeError):
        raise InputError("The prompt is no text in UTF-8.") from None
    from headstart.generation import saved
    from headstart.generation.sample import Written, stream

    loaded = saved.load(model) if isinstance(model, (str, Path)) else model
    return stream(loaded, prompt, spec, Written() if written is None else written)


def predict(
    model: "str | Path | Model",
    inputs: Any,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> "Predictions":
    """Answers of a saved model, a row for each item in its order.

    Args:
        model: its folder, or the model.
        inputs: paths, images, arrays or texts, mixed as you like, or one alone; a table of any
            library; or paths of folders and tables, for what is in them. Where the model is for
            texts a string is a text, unless it names a table or `.txt` file that is there.
        progress: shows what is going on; by default a notebook does, and nothing else.
        **options: the fields of `headstart.spec.ReadSpec`.

    Raises:
        InputError: the model or an input is wrong.
    """
    loaded = _loaded(model)
    spec = ReadSpec(**options)
    read = reading.read_inputs if isinstance(inputs, reading.Named) else reading.read_given
    answers = loaded.answer(read(inputs, loaded.modality, spec), progress or usual_progress())
    refuse_skipped(answers.skipped, spec)
    return answers


def evaluate(
    model: "str | Path | Model",
    data: Any,
    labels: Any = None,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> "EvaluationReport":
    """Measure a saved model on labelled data.

    Args:
        model: its folder, or the model.
        data: as `fit` takes it.
        labels: one for each item, where `data` are items.
        progress: shows what is going on; by default a notebook does, and nothing else.
        **options: the fields of `headstart.spec.ReadSpec`.

    Raises:
        InputError: the model or the data is wrong.
    """
    from headstart import evaluation
    from headstart.report.report import EvaluationReport
    from headstart.report.summary import tables
    from headstart.training.examples import match

    loaded = _loaded(model)
    began = time.monotonic()
    spec = ReadSpec(**{**options, "task": loaded.task})
    dataset = reading.read_any(data, spec, labels)
    if dataset.modality != loaded.modality:
        raise InputError(
            f"The model answers for {loaded.modality}s, but the data holds {dataset.modality}s."
        )
    if dataset.labels is None or dataset.task != loaded.task:
        raise InputError(
            f"The model is for {loaded.task}, but the data has "
            f"{'no labels' if dataset.labels is None else 'labels for ' + str(dataset.task)}."
        )
    scored = loaded.scores(dataset, progress or usual_progress())
    targets, known, strangers, unknown = match(dataset, scored.kept, loaded.classes)
    skipped = (*dataset.skipped, *scored.skipped, *strangers)
    refuse_skipped(skipped, spec)
    if not known.any():
        first = f" ({skipped[0].item}: {skipped[0].reason})" if skipped else ""
        raise InputError(f"No item of {_name(data)!r} can be measured{first}.")
    logits = scored.scores[known] / np.float32(loaded.temperature)
    measured = evaluation.evaluate(loaded.task, targets, logits, loaded.classes, seed=0)
    return EvaluationReport(
        model=str(model) if isinstance(model, (str, Path)) else "(in memory)",
        dataset=_name(data),
        task=loaded.task,
        classes=loaded.classes,
        counts={"measured": int(known.sum()), "skipped": len(skipped)},
        metrics=measured.metrics,
        skipped=skipped,
        warnings=(
            *dataset.warnings,
            *told(scored.notes, loaded.modality),
            *unknown,
            *measured.notes,
        ),
        notes=dataset.notes,
        seconds={"total": time.monotonic() - began},
        **tables(measured),
    )


def embed(
    data: Any,
    *,
    out: str | Path,
    backbone: str | None = None,
    cut: str | None = None,
    pool: str = "auto",
    progress: Progress | None = None,
    **options: Any,
) -> "EmbedReport":
    """Write the features of every item to a .lance, .parquet or .npz file.

    Args:
        data: as `fit` takes it, without labels; or one item alone.
        out: the file.
        backbone: a name that `headstart backbones` lists; by default one that fits the data.
        cut: stop after this stage; by default after the last.
        pool: how the last stage becomes one vector.
        progress: shows what is going on; by default a notebook does, and nothing else.
        **options: the fields of `headstart.spec.ReadSpec`.

    Raises:
        InputError: the data or an option is wrong.
    """
    from headstart.features import export
    from headstart.features.trunk import Trunk
    from headstart.report.report import EmbedReport

    spec = ReadSpec(**options)
    out = Path(out)
    export.check_target(out)
    clock = Clock()
    dataset = reading.read_any(data, spec, labelled=False)
    clock.lap("read")
    trunk = Trunk.load(backbone, dataset.modality, cut=cut, offline=spec.offline, pool=pool)
    if pool != "auto" and trunk.cut.stage != trunk.backbone.stages[-1].name:
        raise InputError(
            f"--pool is of the last stage, and --cut {cut} stops before it; leave one of them out."
        )
    export.check_shape(out, trunk.cut.shape)
    clock.lap("load")
    features = trunk.extract(dataset, progress or usual_progress())
    _refuse_unreadable(data, features)
    skipped = (*dataset.skipped, *features.skipped)
    refuse_skipped(skipped, spec)
    clock.lap("extract")
    export.write(out, dataset, features)
    clock.lap("write")
    return EmbedReport(
        path=str(out),
        backbone=trunk.backbone.name,
        cut=trunk.cut.stage,
        rows=len(features.kept),
        features=trunk.size,
        store={"hits": features.hits, "misses": features.misses},
        seconds=clock.seconds(),
        skipped=skipped,
        warnings=(
            *dataset.warnings,
            *features.warnings,
            *told(features.notes, dataset.modality),
        ),
        notes=dataset.notes,
    )


def export(
    model: "str | Path | Model", *, out: str | Path, format: str, offline: bool = False
) -> dict[str, Any]:
    """Write a saved model as one file for other libraries, checked to give the same answers.

    Args:
        model: a saved model.
        out: the file.
        format: a key of `headstart.export.FORMATS`.
        offline: open no socket.

    Returns:
        What was written: `path`, `format`, `classes`, and what else the format says of it.

    Raises:
        InputError: the model cannot be written so.
    """
    from headstart import export as exporting

    return exporting.write(_loaded(model), Path(out), format=format, offline=offline)


def load(folder: str | Path) -> "Model":
    """Read a saved model; see `headstart.model.load`."""
    from headstart import model

    return model.load(folder)


def catalogue() -> "tuple[Entry, ...]":
    """Every backbone that goes by a short name."""
    from headstart import backbones

    return backbones.catalogue()


def here(entry: "Entry") -> bool:
    """Whether the weights of a backbone of the catalogue are on this machine."""
    from headstart import backbones

    return backbones.here(entry)


def ways() -> tuple[str, ...]:
    """How backbones are named that are not in the catalogue."""
    from headstart import backbones

    return backbones.ways()


def describe(name: str, *, offline: bool = False) -> dict[str, Any]:
    """What there is to know of one backbone: its stages, input, size, licence, fingerprint.

    Raises:
        InputError: there is no such backbone.
    """
    from headstart import backbones

    found = backbones.load(name, offline=offline)
    plain = ("name", "family", "modality", "parameters", "gflops", "features", "pool", "licence")
    return {
        **{key: getattr(found, key) for key in (*plain, "fingerprint")},
        "preprocessing": found.preprocessing.to_json(),
        "stages": [asdict(stage) for stage in found.stages],
    }


def fetch(name: str, to: str | Path, *, offline: bool = False) -> dict[str, Any]:
    """Write a backbone to a new folder, to carry to a machine without a network.

    There `backbone=FOLDER` is the same backbone.

    Args:
        name: of the backbone.
        to: the folder.
        offline: open no socket; then it has to be on this machine.

    Returns:
        The `folder`, and of the backbone `name`, `licence`, `parameters`, `fingerprint`, and
        `bytes` of all its files.

    Raises:
        InputError: there is no such backbone, or the folder is not empty.
    """
    from headstart.backbones.fetch import fetch

    to = Path(to)
    found = fetch(name, to, offline=offline)
    return {
        "folder": str(to),
        **{key: getattr(found, key) for key in ("name", "licence", "parameters", "fingerprint")},
        "bytes": sum(each.stat().st_size for each in to.rglob("*") if each.is_file()),
    }


def demo(which: str, progress: Progress | None = None) -> Run:
    """Fit on data that ships in packages: photographs of solar cells, or sentences by topic.

    Data and model go to the folder `demo` in the cache.

    Args:
        which: `images` or `texts`.
        progress: shows what is going on.

    Raises:
        InputError: the packages of the extra `demo` are missing.
    """
    from headstart.data import demo as shipped

    folder = cache_folder() / "demo" / which
    table = shipped.solar_cells(folder, seed=0) if which == "images" else shipped.sentences(folder)
    column = "image" if which == "images" else "text"
    return fit(table, out=folder / "model", input=column, label="label", progress=progress)


def conclude(
    data: Dataset,
    features: "Features",
    climbed: "Climbed",
    spec: FitSpec,
    name: str = "(in memory)",
) -> Run:
    """The model of a climbed ladder, and its report."""
    from headstart.report.summary import summarise
    from headstart.training.assemble import about, assemble

    model = assemble(climbed.best, data)
    report = summarise(name, data, features, climbed, model, spec)
    said = about(climbed.best, spec.seed)
    said["metrics"] = {name: each.to_json() for name, each in report.test.items()}
    said["versions"] = dict(report.versions)
    return Run(replace(model, about=said), report)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file in one step: under a temporary name in the same folder, then renamed."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _with_test(dataset: Dataset, spec: FitSpec) -> Dataset:
    """The data with `--test` behind it, as its test split."""
    if spec.test is None:
        return dataset
    test = reading.read(spec.test, replace(_read_spec(spec), task=dataset.task or "auto"))
    if test.modality != dataset.modality:
        raise InputError(
            f"The data holds {dataset.modality}s, but --test holds {test.modality}s; "
            "name test data of the same kind."
        )
    return joined(dataset, test)


def _read_spec(spec: FitSpec) -> ReadSpec:
    return ReadSpec(**{each.name: getattr(spec, each.name) for each in fields(ReadSpec)})


def _loaded(model: "str | Path | Model") -> "Model":
    return load(model) if isinstance(model, (str, Path)) else model


def usual_progress() -> Progress:
    """What shows progress where nothing was said: a notebook, and nothing else."""
    from headstart.report.notebook import NotebookProgress, in_notebook

    return NotebookProgress() if in_notebook() else Silent()


def _name(data: Any) -> str:
    return str(data) if isinstance(data, (str, Path)) else "(in memory)"


def _refuse_unreadable(data: Any, features: "Features") -> None:
    if not len(features.kept):
        first = features.skipped[0]
        raise InputError(f"No item of {_name(data)!r} can be read ({first.item}: {first.reason}).")


@contextmanager
def _saying_skipped(skipped: Sequence[Skipped]) -> Iterator[None]:
    """What is missing may be among what was skipped."""
    try:
        yield
    except InputError as error:
        if not skipped:
            raise
        first = skipped[0]
        raise InputError(
            f"{error} Skipped were {len(skipped):,}, the first {first.item}: {first.reason}."
        ) from error
