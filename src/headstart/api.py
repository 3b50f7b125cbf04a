"""One function per verb; the command line and the estimators call these."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, Unpack, cast, overload

from headstart import data as reading
from headstart.atomic import check_file
from headstart.data.dataset import Dataset, Skipped
from headstart.data.ids import refuse_columns
from headstart.data.reads import TrainedSpec
from headstart.data.rows import refuse_skipped
from headstart.errors import InputError, first_line
from headstart.keywords import (
    CheckOptions,
    EmbedOptions,
    FitOptions,
    GenerateOptions,
    ItemOptions,
    ReadOptions,
)
from headstart.paths import cache_folder
from headstart.progress import Clock, Progress
from headstart.report.notebook import usual_progress
from headstart.spec import (
    CheckSpec,
    EmbedSpec,
    FitSpec,
    GenerateSpec,
    ItemSpec,
    ReadSpec,
    chosen,
    spec_of,
)
from headstart.values import value_of
from headstart.wording import shown

if TYPE_CHECKING:
    from headstart.backbones import BackboneSummary, Entry, Fetched
    from headstart.explanations import Explanation, Unexplained
    from headstart.explanations.explanation import Method
    from headstart.export import Exported
    from headstart.generation.sample import Written
    from headstart.generation.saved import LanguageModel
    from headstart.predictors import Model, Predictions, Predictor, Session
    from headstart.report.comparison import ComparisonReport
    from headstart.report.report import CheckReport, EmbedReport, EvaluationReport
    from headstart.run import Run
    from headstart.run.text_fit import TextRun
    from headstart.sharing import Pushed

Answering = TypeVar("Answering", bound="Predictor")


@overload
def fit(
    data: object,
    labels: object = None,
    *,
    task: Literal["generation"],
    sample_weight: object = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    began: float | None = None,
    **options: Unpack[FitOptions],
) -> "TextRun": ...
@overload
def fit(
    data: object,
    labels: object = None,
    *,
    task: Literal["auto", "classification", "multilabel", "regression"] = "auto",
    sample_weight: object = None,
    groups: object = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    began: float | None = None,
    **options: Unpack[FitOptions],
) -> "Run": ...
def fit(
    data: object,
    labels: object = None,
    *,
    task: str = "auto",
    sample_weight: object = None,
    groups: object = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    began: float | None = None,
    **options: Unpack[FitOptions],
) -> "Run | TextRun":
    """Train the best model that the data allows, and measure it.

    Args:
        data: a folder, a table, the name of a hub data set; or what is in memory: a DataFrame, a
            `datasets.Dataset`, rows, columns, pairs (item, label), items, or a
            `headstart.data.Dataset`.
        labels: one for each item, where `data` are items.
        sample_weight: how much each item or row of what is in memory counts in training; numbers
            from 0.
        groups: what each item belongs to, such as a patient, where `data` are items: the items of
            a group stay on one side of every split.
        out: folder to save the model and `report.json` in; None saves nothing.
        progress: shows what is going on; by default a notebook does, and nothing else.
        began: when the person began to wait, by `time.monotonic`: budget and total count from
            there; from now where None.
        task: what is predicted; "generation": a language model learns to write such texts.
        **options: the other fields of `headstart.spec.FitSpec`.

    Raises:
        InputError: the data or an option is wrong; nothing was written.
    """
    from headstart import run, sealed
    from headstart.data import labels as labelling
    from headstart.predictors.write import refuse_without_openvino
    from headstart.run.slicing import cells_of

    spec = spec_of(FitSpec, {"task": task, **options})
    progress = progress or usual_progress()
    folder = None if out is None else _path("--out", out)
    if folder is not None:
        sealed.check_target(folder)
    clock = Clock(began)
    if spec.task == "generation":
        if not (labels is None and sample_weight is None and groups is None):
            raise InputError("--task generation learns from texts alone; leave out the rest.")
        return _fit_texts(data, folder, spec, progress, clock)
    if folder is not None:
        refuse_without_openvino()
    by = None if spec.by is None else (spec.by, cells_of(spec.test or data, spec.by))
    dataset = reading.read_any(data, spec, labels, weights=sample_weight, groups=groups)
    if folder is not None:
        sealed.say_replaced(folder, progress)
    dataset = labelling.one_form(reading.with_test(dataset, spec))
    if sample_weight is not None:
        note = "The items are weighted in training, by sample_weight."
        dataset = replace(dataset, notes=(*dataset.notes, note))
    return run.fit(dataset, spec, progress, clock, name=_name(data), out=folder, by=by)


def _fit_texts(
    data: object, out: Path | None, spec: FitSpec, progress: Progress, clock: Clock
) -> "TextRun":
    from headstart import sealed
    from headstart.run import text_fit

    if out is not None:
        sealed.say_replaced(out, progress)
    name = _name(data)
    if not isinstance(data, (str, Path, Dataset)):
        asked = replace(ReadSpec(), input=spec.input, strict=spec.strict)
        data = reading.read_any(data, asked, labelled=False)
        spec = replace(spec, input=None)
    return text_fit.fit(data, spec, progress, clock, name=name, out=out)


def generate(
    model: "str | Path | LanguageModel",
    prompt: str,
    *,
    written: "Written | None" = None,
    offline: bool = False,
    **options: Unpack[GenerateOptions],
) -> Iterator[str]:
    """Let a saved language model write, piece by piece: `"".join(generate(...))` is all of it.

    Args:
        model: its folder, `hf:OWNER/NAME`, or what `headstart.generation.saved.load` gave.
        prompt: what the text goes on from.
        written: receives how it went: tokens, and whether the model ended the text.
        offline: open no socket.
        **options: the fields of `headstart.spec.GenerateSpec`.

    Raises:
        InputError: the model or an option is wrong; before anything is written.
    """
    spec = spec_of(GenerateSpec, options)
    try:
        prompt.encode("utf-8")
    except (AttributeError, UnicodeEncodeError):
        raise InputError("The prompt is no text in UTF-8.") from None
    from headstart.generation import saved
    from headstart.generation.sample import Written, stream

    loaded = saved.load(model, offline=offline) if isinstance(model, (str, Path)) else model
    return stream(loaded, prompt, spec, Written() if written is None else written)


def predict(
    model: "str | Path | Predictor",
    inputs: object,
    *,
    id: str | None = None,
    explain: str | Path | None = None,
    progress: Progress | None = None,
    **options: Unpack[ItemOptions],
) -> "Predictions":
    """Answers of a saved model, a row for each item in its order.

    Args:
        model: its folder, `hf:OWNER/NAME[@REVISION]`, the model, or a session of it.
        inputs: paths, images, arrays or texts, mixed as you like, or one alone; a table of any
            library; or paths of folders and tables, for what is in them. Where the model is for
            texts a string is a text, unless it names a table or `.txt` file that is there.
        id: a column of the tables; the answers carry its cells.
        explain: a folder to write to why the model answers so, for the first items.
        progress: shows what is going on; by default a notebook does, and nothing else.
        **options: the fields of `headstart.spec.ItemSpec`.

    Raises:
        InputError: the model, an input or the folder is wrong.
    """
    folder = None
    if explain is not None:
        from headstart.explanations.folder import check_folder, write_first

        folder = check_folder(_path("--explain", explain))
    loaded = _opened(model, "reads", offline=bool(options.get("offline")))
    if folder is not None:
        _with("explanations", loaded)
    spec = spec_of(TrainedSpec, {**options, "trained": loaded.reads})
    progress = progress or usual_progress()
    read = _items(inputs, loaded, spec, id)
    answers = loaded.answer(read, progress)
    refuse_skipped(answers.skipped, spec)
    if folder is None:
        return answers
    try:
        note = write_first(cast("Model", loaded), read, answers.labels, folder, progress)
    except Exception as error:
        # What was asked first is there; it may have taken hours.
        note = (f"The answers are whole, but there are no explanations: {first_line(error)}",)
    return replace(answers, warnings=(*answers.warnings, *note))


def _items(inputs: object, model: "Predictor", spec: TrainedSpec, id: str | None) -> Dataset:
    if isinstance(inputs, reading.Named):
        refuse_columns(inputs, input=spec.input, id=id)
        return reading.read_inputs(inputs, model.modality, spec, id=id)
    return reading.read_given(inputs, model.modality, spec, id=id)


def explain(
    model: "str | Path | Model | Session",
    inputs: object,
    *,
    target: str | Sequence[str] | None = None,
    method: "Method" = "occlusion",
    progress: Progress | None = None,
    **options: Unpack[ItemOptions],
) -> "list[Explanation | Unexplained]":
    """Why a saved model answers as it does: which places of an image count, and which words.

    Args:
        model: its folder, `hf:OWNER/NAME[@REVISION]`, the model, or a session of it.
        inputs: as `predict` takes them.
        target: a class to explain, or several; by default what the model answers.
        method: how images are explained: "occlusion", or "activation map", which takes one pass of
            the network and marks less surely what counts.
        progress: shows what is going on; by default a notebook does, and nothing else.
        **options: the fields of `headstart.spec.ItemSpec`.

    Returns:
        For each item in order an explanation of each class that is wanted, or why there is none.

    Raises:
        InputError: the model, an input or an option is wrong.
    """
    from headstart.explanations import Unexplained

    loaded: Model | Session = _opened(model, "explanations", offline=bool(options.get("offline")))
    spec = spec_of(TrainedSpec, {**options, "trained": loaded.reads})
    read = _items(inputs, loaded, spec, None)
    refuse_skipped(read.skipped, spec)
    progress = progress or usual_progress()
    wanted = [target] * len(read)
    found = list(loaded.explanations(read, wanted, method=method, progress=progress))
    unexplained = [each for each in found if isinstance(each, Unexplained)]
    refuse_skipped([Skipped(each.name, each.reason) for each in unexplained], spec)
    return found


def evaluate(
    model: "str | Path | Model",
    data: object,
    labels: object = None,
    *,
    out: str | Path | None = None,
    by: str | None = None,
    progress: Progress | None = None,
    began: float | None = None,
    **options: Unpack[ReadOptions],
) -> "EvaluationReport":
    """Measure a saved model on labelled data.

    Args:
        model: the folder of a saved model, `hf:OWNER/NAME[@REVISION]`, or a model.
        data: as `fit` takes it.
        labels: one for each item, where `data` are items.
        out: a .parquet, .csv or .jsonl file to write every item's label and answer to.
        by: a column of the data to measure within each value of.
        progress: shows what is going on; by default a notebook does, and nothing else.
        **options: the fields of `headstart.spec.ReadSpec`, but for the task.

    Raises:
        InputError: the model, the data or the file is wrong.
    """
    from headstart.run import evaluating
    from headstart.run.slicing import cells_of

    began = time.monotonic() if began is None else began
    path = None if out is None else check_file(_path("--out", out))
    loaded = _loaded(model, offline=bool(options.get("offline")))
    spec = spec_of(TrainedSpec, {**options, "task": loaded.task, "trained": loaded.reads})
    slices = None if by is None else (by, cells_of(data, by))
    dataset = reading.read_as_trained(data, spec, labels, classes=loaded.classes)
    return evaluating.evaluate(
        loaded,
        dataset,
        spec,
        progress or usual_progress(),
        names=(str(model) if isinstance(model, (str, Path)) else "(in memory)", _name(data)),
        began=began,
        out=path,
        by=slices,
    )


def check(
    data: object,
    labels: object = None,
    *,
    out: str | Path | None = None,
    page: str | Path | None = None,
    private: bool = False,
    progress: Progress | None = None,
    began: float | None = None,
    **options: Unpack[CheckOptions],
) -> "CheckReport":
    """Look for copies, leaks, wrong labels, outliers and shortcuts in labelled data.

    Args:
        data: as `fit` takes it.
        labels: one for each item, where `data` are items.
        out: a .csv file to write the suspects to, with columns to fill in; `fit` takes it back as
            `corrections`.
        page: an .html file to write the findings to, with thumbnails or texts of their items.
        private: leave names of items, texts and images out of the page; names of classes stay.
        progress: shows what is going on; by default a notebook does, and nothing else.
        began: see `fit`.
        **options: the fields of `headstart.spec.CheckSpec`.

    Raises:
        InputError: the data, an option or the file is wrong.
    """
    from headstart.data import labels as labelling
    from headstart.run import checking

    spec = spec_of(CheckSpec, options)
    path = None if out is None else check_file(_path("--out", out), (".csv",))
    written = _page(page, private=private)
    clock = Clock(began)
    dataset = reading.with_test(reading.read_any(data, spec, labels), spec.as_fit())
    return checking.check(
        labelling.one_form(dataset),
        spec,
        progress or usual_progress(),
        clock,
        name=_name(data),
        out=path,
        page=written,
        private=private,
    )


def report(
    model: str | Path,
    *,
    out: str | Path | None = None,
    private: bool = False,
    offline: bool = False,
) -> Path:
    """Make the page of a saved model again, from what is in its folder.

    Args:
        model: its folder, or `hf:OWNER/NAME[@REVISION]`.
        out: an .html file; by default `report.html` in the folder, or `report-private.html`.
        private: leave out names of items, texts and images, for a page that goes to others; names
            of classes stay.
        offline: open no socket.

    Returns:
        The file.

    Raises:
        InputError: it is no model, it has no `report.json`, or the file cannot be written.
    """
    from headstart import sealed
    from headstart.located import BESIDES, is_remote, located
    from headstart.report import page

    named = _path("model", model)
    if out is None and is_remote(named):
        raise InputError(
            "A model of the hub has no folder for its page; name a file: --out FILE.html."
        )
    folder = located(named, offline=offline, besides=BESIDES)
    sealed.read_about(folder)
    name = page.PRIVATE if private else page.FILE
    path = check_file(folder / name if out is None else _path("--out", out), (".html", ".htm"))
    page.write(folder, path, private=private)
    return path


def compare(
    *models: "str | Path | Model",
    data: object = None,
    labels: object = None,
    by: str | None = None,
    page: str | Path | None = None,
    private: bool = False,
    progress: Progress | None = None,
    began: float | None = None,
    **options: Unpack[ReadOptions],
) -> "ComparisonReport":
    """Compare every two of some models on the same items, which none of them was trained on.

    Args:
        *models: two or more folders of saved models, names of models on the hub, models, or tables
            of answers in the form of `predictions.parquet`; the last may be data by its name.
        data: labelled, as `fit` takes it; every model answers for it. None: the test items whose
            answers are saved with the models count.
        labels: one for each item, where `data` are items.
        by: a column of the data, or of a table of answers, to compare within each value of.
        page: an .html file to write the same to, with thumbnails or texts of the items on which the
            models differ.
        private: leave names of items, texts and images out of the page, and what models, columns
            and their values are called; names of classes stay.
        progress: shows what is going on; by default a notebook does, and nothing else.
        began: see `fit`.
        **options: the fields of `headstart.spec.ReadSpec`, but for the task.

    Raises:
        InputError: the models cannot be compared: other items, labels, classes or tasks.
    """
    from headstart.run import comparing
    from headstart.run.sides import sides

    began = time.monotonic() if began is None else began
    written = _page(page, private=private)
    given, named, cells = sides(models, data, labels, by, options)
    return comparing.run(
        given,
        progress or usual_progress(),
        dataset=named,
        by=by,
        cells=cells,
        began=began,
        options=chosen(spec_of(ReadSpec, options)),
        page=written,
        private=private,
    )


def embed(
    data: object,
    *,
    out: str | Path,
    progress: Progress | None = None,
    began: float | None = None,
    **options: Unpack[EmbedOptions],
) -> "EmbedReport":
    """Write the features of every item to a .lance, .parquet or .npz file.

    Args:
        data: as `fit` takes it, without labels; or one item alone.
        out: the file.
        progress: shows what is going on; by default a notebook does, and nothing else.
        began: see `fit`.
        **options: the fields of `headstart.spec.EmbedSpec`.

    Raises:
        InputError: the data or an option is wrong.
    """
    from headstart.features import export
    from headstart.run import embedding

    spec = spec_of(EmbedSpec, options)
    out = _path("--out", out)
    export.check_target(out)
    clock = Clock(began)
    items = ReadSpec(**{each.name: getattr(spec, each.name) for each in fields(ItemSpec)})
    dataset = reading.read_any(data, items, labelled=False)
    clock.lap("read")
    progress = progress or usual_progress()
    return embedding.embed(dataset, spec, progress, clock, name=_name(data), out=out)


def export(
    model: "str | Path | Model",
    *,
    out: str | Path,
    format: str,
    precision: str = "float32",
    data: object = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> "Exported":
    """Write a saved model for other libraries, checked on real items to give the same answers.

    Args:
        model: a saved model.
        out: the file (keras), or the folder.
        format: a key of `headstart.registry.EXPORTERS`.
        precision: of the network (onnx, openvino): `float16` stores its weights in half the space,
            `int8` computes with integers, and is refused where that is not faster here, or where
            more than one answer in 200 is another.
        data: the items that it is checked on, as `evaluate` takes them, or without labels; by
            default those of the model's own validation and test splits.
        offline: open no socket.
        progress: shows what is going on; by default a notebook does, and nothing else.

    Raises:
        InputError: the model cannot be written so, or there are no items to check it on.
        HeadstartError: what was written does not answer like the model.
    """
    from headstart import export as exporting
    from headstart.located import is_remote, located

    # What a stranger's report names as its data is not opened.
    remote = isinstance(model, str) and is_remote(model)
    if isinstance(model, (str, Path)):
        model = located(model, offline=offline)
    return exporting.write(
        _loaded(model),
        _path("--out", out),
        format=format,
        precision=precision,
        offline=offline,
        folder=model if isinstance(model, Path) and not remote else None,
        data=data,
        progress=progress or usual_progress(),
    )


def push(
    model: str | Path,
    name: str,
    *,
    private: bool = False,
    public_examples: bool = False,
    message: str = "Upload a model made by headstart",
    dry_run: str | Path | None = None,
    progress: Progress | None = None,
) -> "Pushed":
    """Upload a saved model to the Hugging Face hub, in one commit, with its card and its report.

    Names, texts and thumbnails of items and paths of this machine stay here; names of classes and
    columns go along.

    Args:
        model: its folder.
        name: the repository, `OWNER/NAME`; it is made where there is none.
        private: nobody else may see the repository.
        public_examples: upload names, texts and thumbnails of items, and every answer, too.
        message: of the commit.
        dry_run: a new folder to write to what would be uploaded; no socket is opened.
        progress: is told what goes where before it does; by default a notebook shows it.

    Raises:
        InputError: it is no model, its licence forbids it, there is no token, or the hub refuses.
    """
    from headstart import sharing

    return sharing.push(
        _path("model", model),
        str(value_of("name", name, (str,))),
        progress or usual_progress(),
        private=bool(value_of("--private", private, (bool,))),
        examples=bool(value_of("--public-examples", public_examples, (bool,))),
        message=str(value_of("--message", message, (str,))),
        dry_run=None if dry_run is None else _path("--dry-run", dry_run),
    )


def load(model: str | Path, *, offline: bool = False) -> "Model":
    """Read a saved model; see `headstart.predictors.load.load`."""
    from headstart import predictors

    return predictors.load(model, offline=offline)


def session(model: "str | Path | Model") -> "Session":
    """A model that is kept ready, for a server or a loop: `with session(model) as ready:`.

    Args:
        model: its folder, or the model.

    Raises:
        InputError: the model is wrong.
    """
    return _loaded(model).session()


def catalogue() -> "tuple[Entry, ...]":
    """Every backbone that goes by a short name."""
    from headstart import backbones

    return backbones.catalogue()


def is_cached(entry: "Entry") -> bool:
    """Whether the weights of a backbone of the catalogue are on this machine."""
    from headstart import backbones

    return backbones.is_cached(entry)


def ways() -> tuple[str, ...]:
    """How backbones are named that are not in the catalogue."""
    from headstart import backbones

    return backbones.ways()


def describe(name: str, *, offline: bool = False) -> "BackboneSummary":
    """What there is to know of one backbone: its stages, input, size, licence, fingerprint.

    Raises:
        InputError: there is no such backbone.
    """
    from headstart import backbones

    found = backbones.load(name, offline=offline, cache=cache_folder())
    return backbones.BackboneSummary.of(found)


def fetch(name: str, to: str | Path, *, offline: bool = False) -> "Fetched":
    """Write a backbone to a new folder, to carry to a machine without a network.

    There `backbone=FOLDER` is the same backbone.

    Args:
        name: of the backbone.
        to: the folder.
        offline: open no socket; then it has to be on this machine.

    Raises:
        InputError: there is no such backbone, or the folder is not empty.
    """
    from headstart import backbones
    from headstart.backbones.fetch import fetch

    to = _path("--to", to)
    return backbones.Fetched.of(fetch(name, to, offline=offline), to)


def demo(which: str, progress: Progress | None = None, began: float | None = None) -> "Run":
    """Fit on data that ships in packages: photographs of solar cells, or sentences by topic.

    Data and model go to the folder `demo` in the cache.

    Args:
        which: `images` or `texts`.
        progress: shows what is going on.
        began: see `fit`.

    Raises:
        InputError: the packages of the extra `demo` are missing.
    """
    from headstart.data import demo as shipped

    folder = cache_folder() / "demo" / which
    table = shipped.solar_cells(folder, seed=0) if which == "images" else shipped.sentences(folder)
    column = "image" if which == "images" else "text"
    return fit(
        table, out=folder / "model", input=column, label="label", progress=progress, began=began
    )


def _loaded(model: "str | Path | Model", *, offline: bool = False) -> "Model":
    from headstart.predictors import Session

    if isinstance(model, Session):
        raise InputError("Give the model itself here, not a session of it.")
    return _opened(model, "session", offline=offline)


def _opened(model: "str | Path | Answering", needs: str, *, offline: bool) -> "Model | Answering":
    """A model by its name, or the one that is given, which must have what is needed of it."""
    if isinstance(model, (str, Path)):
        return load(model, offline=offline)
    return _with(needs, model)


def _with(name: str, model: Answering) -> Answering:
    if not hasattr(model, name):
        raise InputError(
            f"A {type(model).__name__} is no model that answers; give one, or its folder."
        )
    return model


def _page(given: object, *, private: bool) -> Path | None:
    """The page to write beside an answer; None where none is asked for."""
    if given is not None:
        return check_file(_path("--page", given), (".html", ".htm"), "--page")
    if private:
        raise InputError("--private is about a page: name one with --page FILE.html.")
    return None


def _path(option: str, given: object) -> Path:
    return Path(str(value_of(option, given, (str,))))


def _name(data: object) -> str:
    return shown(str(data)) if isinstance(data, (str, Path)) else "(in memory)"
