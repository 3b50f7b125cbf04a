"""The saved model: a folder with no pickle in it, that answers without torch.

model.json          what it is: task, classes in order, preprocessing, backbone, cut, metrics,
                    versions, the SHA-256 of every other file that matters, and its own
model.safetensors   the head (`head.`), what was trained of the backbone (`backbone.`), and the
                    digests of the items it was trained on (`trained`)
compiled/           network.xml, network.bin: preprocessing and backbone, up to the features;
                    reference.safetensors: a few inputs and what the trained network gave for them
tokenizer.json      for texts
README.md           the model card
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headstart import heads, html, manifest, sealed
from headstart.card import card
from headstart.data import texts
from headstart.data.dataset import Dataset, Ids, Modality, Skipped, Task, count_notes
from headstart.data.reads import Reads, TrainedSpec, reads_from_json
from headstart.errors import InputError, first_line
from headstart.evaluation.calibration import probabilities
from headstart.features import graphs, pipeline, trial
from headstart.features.engine import CPU_BATCH, OpenVINOEngine, first, native_precision
from headstart.features.graphs import Graph
from headstart.features.reference import Reference, unknown
from headstart.paths import cache_folder
from headstart.preprocessing import (
    WHOLE,
    Preprocessing,
    TextPreprocessing,
    preprocessing_from_json,
)
from headstart.progress import Progress, Silent
from headstart.wording import shown, some

if TYPE_CHECKING:
    from headstart.features.store import StoreKey

NEEDED = ("compiled/network.xml", "compiled/network.bin", "model.safetensors")
HEAD, BACKBONE, TRAINED = "head.", "backbone.", "trained"
DIGEST = 16
"""Bytes that name the content of an item."""
ENGINE = "_engine"
"""Where a model keeps its engine, once there is one."""

SHOWN = 20
"""Rows of an answer that a notebook shows."""

BLOCK = 64
"""Items a head scores at once, always: matrix products of other sizes have other last bits."""


@dataclass(frozen=True, repr=False)
class Predictions:
    """Answers, one row for each item that was given, in its order.

    Attributes:
        names: what the items are called.
        classes: in the order of the columns of `probabilities`; empty for regression.
        probabilities: (items, classes), or None for regression; NaN where there is no answer.
        values: (items,) float64, or None but for regression; NaN where there is no answer.
        skipped: the items that could not be read, and why; also what a folder holds besides.
        ids: the column of the user's that was asked for, by the names of the items.
        errors: (items,) why an item has no answer, None where it has one; empty: all have.
    """

    names: list[str]
    task: Task
    classes: tuple[str, ...]
    probabilities: NDArray[np.floating[Any]] | None
    values: NDArray[np.floating[Any]] | None
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    ids: Ids | None = None
    errors: tuple[str | None, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def labels(self) -> list[Any]:
        """The answer for each item: a class, a tuple of classes, or a number; None for none."""
        answers = self._labels()
        if not self.errors:
            return answers
        return [None if e else a for a, e in zip(answers, self.errors, strict=True)]

    def _labels(self) -> list[Any]:
        if self.values is not None:
            return [float(value) for value in self.values]
        assert self.probabilities is not None
        if self.task == "multilabel":
            return [
                tuple(name for name, p in zip(self.classes, row, strict=True) if p >= 0.5)
                for row in self.probabilities
            ]
        return [self.classes[best] for best in self.probabilities.argmax(axis=1)]

    def __repr__(self) -> str:
        lost = sum(error is not None for error in self.errors)
        return f"<Predictions of {len(self):,} items{f', {lost:,} without an answer' * bool(lost)}>"

    def _repr_html_(self) -> str:
        """The first rows as a table, for a notebook."""
        errors = self.errors or (None,) * len(self)
        rows = []
        for name, label, error in islice(zip(self.names, self.labels, errors, strict=True), SHOWN):
            answer = " | ".join(label) if isinstance(label, tuple) else str(label)
            rows.append([name, shown(error or answer)])
        left = f"<p>and {len(self) - SHOWN:,} more</p>" if len(self) > SHOWN else ""
        return html.table(["item", "answer"], rows) + left


@dataclass(frozen=True)
class Scored:
    """A head's scores for the items that could be read.

    Attributes:
        kept: their positions; `scores` is (kept, classes) logits, or (kept,) float64 values.
        digests: (kept,) content digests.
        unread: the other items by position, and why.
    """

    kept: NDArray[np.int64]
    digests: NDArray[np.bytes_]
    scores: NDArray[Any]
    unread: Mapping[int, Skipped]
    notes: dict[int, str]
    warnings: tuple[str, ...] = ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The items that could not be read, in order."""
        return tuple(self.unread[at] for at in sorted(self.unread))


@dataclass(frozen=True)
class Model:
    """A trained model: network, head, and what they mean.

    Attributes:
        graph: the compiled part, from uint8 images or token ids to features.
        width: how many of the graph's features the head takes, from the first; all where None.
        digest, reference: of the graph; see `headstart.features.graphs.Graph`.
        weights: of the backbone, those that were trained, by the names of its own module.
        trained: content digests of the items that it was trained on, sorted, uint8 (items, 16);
            None in a model of an older headstart, which kept none.
        about: what model.json says besides, for people: backbone, cut, strategy, metrics, seed.
    """

    task: Task
    modality: Modality
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    head: heads.Head
    temperature: float
    precision: str
    graph: ov.Model
    width: int | None = None
    digest: str = ""
    reference: Reference | None = None
    weights: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    trained: NDArray[np.uint8] | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def reads(self) -> Reads:
        """The columns and files it was trained on."""
        return reads_from_json(self.about.get("reads"))

    @property
    def engine(self) -> OpenVINOEngine:
        """The compiled network, in the model's precision where this processor has it.

        It is for one run; see `OpenVINOEngine.beside`.
        """
        with first():
            if ENGINE not in self.__dict__:
                reference = self.reference or unknown(self.preprocessing)
                graph = Graph(self.graph, self.digest or graphs.digest(self.graph), reference)
                batch = CPU_BATCH[self.modality]
                self.__dict__[ENGINE] = trial.engine(graph, batch, self._precision, _cache())
        engine: OpenVINOEngine = self.__dict__[ENGINE]
        return engine.beside()

    @property
    def _precision(self) -> str:
        return self.precision if self.precision == native_precision() else "float32"

    def __getstate__(self) -> dict[str, Any]:
        """What `pickle` and `copy` carry: arrays, and the graph as the bytes of its two files."""
        return {**_fields(self), "graph": graphs.packed(self.graph)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "graph": graphs.unpacked(*state["graph"])})

    def __repr__(self) -> str:
        some_of = f" of {some(self.classes, 3)}" if self.classes else ""
        name = self.about.get("backbone", {}).get("name", "a network")
        return f"<Model for {self.modality} {self.task}{some_of}, from {shown(str(name))}>"

    def scores(self, data: Dataset, progress: Progress | None = None) -> Scored:
        """Logits, or values, of every item that can be read; each distinct one computed once."""
        row: dict[bytes, int] = {}
        notes_by_digest: dict[bytes, str] = {}
        found: list[Any] = []
        waiting: list[NDArray[np.float16]] = []

        def score(most: int) -> None:
            block, waiting[:] = waiting[:most], waiting[most:]
            found.extend(self._scores_of(np.stack(block)))

        def emit(computed: pipeline.Computed) -> None:
            waiting.extend(computed.values)
            while len(waiting) >= BLOCK:
                score(BLOCK)
            for digest, note in zip(computed.digests, computed.notes, strict=True):
                row[digest] = len(row)
                if note:
                    notes_by_digest[digest] = note

        with (progress or Silent()).stage("Predicting", len(data)) as advance:
            outcome = pipeline.run(
                data,
                self.preprocessing,
                lambda: self.engine,
                known=lambda digests: np.zeros(len(digests), bool),
                emit=emit,
                advance=advance,
            )
        if waiting:
            score(BLOCK)
        kept = outcome.kept
        digests = [bytes(digest).ljust(16, b"\0") for digest in outcome.digests[kept]]
        regression = self.task == "regression"
        kind, shape = (np.float64, ()) if regression else (np.float32, (len(self.classes),))
        table = np.array(found, kind).reshape(-1, *shape)
        return Scored(
            kept=kept,
            digests=outcome.digests[kept],
            scores=table[[row[digest] for digest in digests]],
            unread=outcome.skipped,
            notes={
                int(at): notes_by_digest[digest]
                for at, digest in zip(kept, digests, strict=True)
                if digest in notes_by_digest
            },
        )

    def stored_scores(self, data: Dataset, progress: Progress | None = None) -> Scored:
        """`scores`, with the features that are in the store; those that are not go there."""
        from headstart.features.stored import stored

        features = stored(
            data,
            self.preprocessing,
            lambda: self.engine,
            self.key,
            self._precision,
            root=cache_folder(),
            shape=(self._size,),
            progress=progress or Silent(),
        )
        blocks = (np.asarray(rows) for rows in features.batches(BLOCK))
        shape = () if self.task == "regression" else (len(self.classes),)
        empty = np.empty((0, *shape), np.float32)
        unread = np.setdiff1d(np.arange(len(data)), features.kept).tolist()
        return Scored(
            kept=features.kept,
            digests=features.digests,
            scores=np.concatenate([empty, *map(self._scores_of, blocks)]),
            unread=dict(zip(unread, features.skipped, strict=True)),
            notes=features.notes,
            warnings=features.warnings,
        )

    def key(self, precision: str) -> "StoreKey":
        """What the features of items are stored under.

        Those of the trunk that the model was trained on, where the cache says that its network is
        this one: what the model says of itself is not believed.
        """
        from headstart.features.store import StoreKey
        from headstart.features.trunk import current, made_by

        about = self.about.get("store")
        if self.digest and isinstance(about, dict):
            with contextlib.suppress(TypeError):
                trained = StoreKey(**about)
                alike = (repr(self.preprocessing), WHOLE.name, self.precision)
                if (
                    (trained.preprocessing, trained.view, trained.dtype) == alike
                    and "openvino" in trained.made_by
                    and current(trained)
                    and graphs.digest_in(cache_folder(), trained.graph) == self.digest
                ):
                    return replace(trained, dtype=precision)
        return StoreKey(
            backbone=str((self.about.get("backbone") or {}).get("name")),
            pool="",
            fingerprint=self.digest or graphs.digest(self.graph),
            function="",
            cut=str(self.about.get("cut")),
            preprocessing=repr(self.preprocessing),
            view=WHOLE.name,
            dtype=precision,
            made_by=made_by(self.modality, "openvino"),
        )

    @property
    def _size(self) -> int:
        return int(self.graph.output(0).partial_shape[1].get_length())

    def _scores_of(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Scores of at most `BLOCK` rows of features."""
        padded = np.concatenate([rows, *[rows[:1]] * (BLOCK - len(rows))]).astype(np.float32)
        return self.head.scores(padded[:, : self.width])[: len(rows)]

    def seen(self, digests: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        """Which of some items, by content digest, the model was trained on."""
        if self.trained is None:
            return np.zeros(len(digests), bool)
        return np.isin(digests, self.trained.view(f"S{DIGEST}").ravel())

    def answer(self, data: Dataset, progress: Progress | None = None) -> Predictions:
        """Predictions for a data set's items.

        Raises:
            InputError: the items are not of the model's modality.
        """
        if data.modality != self.modality:
            raise InputError(
                f"The model answers for {self.modality}s, but the input holds {data.modality}s."
            )
        scored = self.scores(data, progress)
        regression = self.task == "regression"
        answers = scored.scores if regression else self.probabilities(scored.scores)
        rows = np.full((len(data), *answers.shape[1:]), np.nan, answers.dtype)
        rows[scored.kept] = answers
        errors: list[str | None] = [None] * len(data)
        for at, each in scored.unread.items():
            errors[at] = each.reason
        return Predictions(
            names=list(data.names),
            task=self.task,
            classes=self.classes,
            probabilities=None if regression else rows,
            values=rows if regression else None,
            skipped=(*data.skipped, *scored.skipped),
            warnings=(*data.warnings, *data.notes, *count_notes(scored.notes, self.modality)),
            ids=data.ids,
            errors=tuple(errors) if scored.unread else (),
        )

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities (items, classes) from `scores`."""
        return probabilities(self.task, scores / self.temperature).astype(np.float32)

    def predict(self, inputs: Any) -> Predictions:
        """Predictions for items in memory, a row for each in its order.

        Args:
            inputs: paths, PIL images, arrays, tensors, encoded images or texts, mixed as you
                like; one alone; or a table of any library, whose input column is read.

        Raises:
            InputError: there is nothing in it that the model answers for.
        """
        from headstart.data.given import items_for

        return self.answer(items_for(inputs, self.modality, TrainedSpec(trained=self.reads)))

    def save(self, folder: str | Path) -> None:
        """Write the model's folder in one step; a model that was there is replaced.

        Raises:
            InputError: something else is there.
            OSError: the disk refuses; what was there stays.
        """
        sealed.save(Path(folder), self._about(), card, self._write, sealed.ANSWERS)

    def _write(self, folder: Path) -> None:
        from safetensors.numpy import save

        (folder / "compiled").mkdir()
        graphs.write(self.graph, folder / "compiled" / "network.xml")
        if self.reference is not None:
            graphs.write_reference(self.reference, folder / "compiled")
        # Not save_file: that one makes a file that nobody else may read.
        arrays = {f"{HEAD}{name}": array for name, array in self.head.arrays.items()}
        arrays |= {f"{BACKBONE}{name}": array for name, array in self.weights.items()}
        if self.trained is not None:
            arrays[TRAINED] = self.trained
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        (folder / "model.safetensors").write_bytes(save(arrays))
        if isinstance(self.preprocessing, TextPreprocessing):
            (folder / "tokenizer.json").write_text(self.preprocessing.tokenizer, "utf-8")

    def _about(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "modality": self.modality,
            "classes": list(self.classes),
            "preprocessing": self.preprocessing.to_json(),
            "head": {"name": self.head.name, "settings": self.head.settings},
            "temperature": self.temperature,
            "precision": self.precision,
            "width": self.width,
            **({} if self.trained is None else {"trained_items": len(self.trained)}),
            **self.about,
        }


def load(folder: str | Path) -> Model:
    """Read a saved model, every file checked against its hash before it is used.

    Raises:
        InputError: it is not a model, was damaged, or is of a newer version.
    """
    from safetensors import SafetensorError

    folder = Path(folder)
    about = sealed.read_about(folder)
    if about.get("task") == "generation":
        raise InputError(
            f"The model in {str(folder)!r} writes texts; ask it with `headstart generate`, or "
            "with headstart.generate from Python."
        )
    sealed.check_files(folder, about, NEEDED, sealed.ANSWERS)
    try:
        return _assemble(folder, about)
    except (
        *(LookupError, AttributeError, TypeError, ValueError, RuntimeError, OSError),
        SafetensorError,
    ) as error:
        raise sealed.unreadable(folder, first_line(error)) from error


def _assemble(folder: Path, about: dict[str, Any]) -> Model:
    from safetensors.numpy import load_file

    manifest.check(about)
    tokenizer = folder / "tokenizer.json"
    head = about["head"]
    arrays = load_file(folder / "model.safetensors")
    known = {
        "schema", "task", "modality", "classes", "preprocessing",
        "head", "temperature", "precision", "width", "files", "seal", "trained_items",
    }  # fmt: skip
    return _checked(
        Model(
            task=about["task"],
            modality=about["modality"],
            classes=tuple(about["classes"]),
            preprocessing=preprocessing_from_json(
                about["preprocessing"],
                tokenizer.read_text("utf-8") if about["modality"] == "text" else None,
            ),
            head=heads.load(head["name"], _part(arrays, HEAD), head["settings"]),
            weights=_part(arrays, BACKBONE),
            trained=arrays.get(TRAINED),
            temperature=float(about["temperature"]),
            precision=about["precision"],
            width=about.get("width"),
            digest=graphs.digest_of(
                {name: about["files"][f"compiled/{name}"] for name in graphs.NAMES}
            ),
            reference=graphs.read_reference(folder / "compiled")
            if f"compiled/{graphs.REFERENCE}" in about["files"]
            else None,
            graph=ov.Core().read_model(folder / "compiled" / "network.xml"),
            about={key: value for key, value in about.items() if key not in known},
        )
    )


def _checked(model: Model) -> Model:
    """The model, if its parts fit each other.

    Raises:
        ValueError: says which do not.
    """
    preprocessing, inputs = model.preprocessing, model.graph.inputs
    if isinstance(preprocessing, TextPreprocessing):
        texts.tokeniser(preprocessing)
    kind, count = ("i64", 2) if model.modality == "text" else ("u8", 1)
    if [each.element_type.get_type_name() for each in inputs] != [kind] * count:
        raise ValueError(f"its network does not take {model.modality}s")
    if model.head.settings.get("task") != model.task:
        raise ValueError("its head is for another task")
    if not all(np.isfinite(each).all() for each in model.head.arrays.values()):
        raise ValueError("its head holds numbers that are not finite")
    if model.reads.modality not in (None, model.modality):
        raise ValueError("it was trained on columns of another kind")
    trained = model.trained
    if trained is not None and (trained.dtype != np.uint8 or trained.shape[1:] != (DIGEST,)):
        raise ValueError("its list of the items it was trained on is none")
    size = model._size
    if not size > 0 or (model.width or 0) > size:
        raise ValueError(f"'width' is {model.width}, but its network gives {size} features")
    scores = model.head.scores(np.zeros((1, size), np.float32)[:, : model.width])
    if scores.shape != ((1,) if model.task == "regression" else (1, len(model.classes))):
        raise ValueError("its head does not fit its classes")
    return model


def _cache() -> Path | None:
    try:
        return cache_folder()
    except RuntimeError:  # There is no home.
        return None


def _fields(model: Model) -> dict[str, Any]:
    return {each.name: getattr(model, each.name) for each in fields(model)}


def _part(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
