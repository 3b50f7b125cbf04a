"""The model: network, head, and what they mean; it answers without torch."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart import heads
from headstart.data.dataset import Dataset, Modality, Task, count_notes
from headstart.data.reads import Reads, TrainedSpec, reads_from_json
from headstart.errors import InputError
from headstart.evaluation.calibration import probabilities
from headstart.evaluation.conformal import Conformal
from headstart.evaluation.decisions import Decision
from headstart.features import pipeline
from headstart.paths import cache_folder
from headstart.predictors.answers import Predictions, Scored
from headstart.predictors.session import Session
from headstart.predictors.write import write
from headstart.preprocessing import WHOLE, ImagePreprocessing, Preprocessing
from headstart.progress import Progress, Silent
from headstart.runtime import graphs
from headstart.runtime.engine import CPU_BATCH, Engine, first, native_precision
from headstart.runtime.graphs import Graph
from headstart.runtime.reference import Reference, unknown
from headstart.runtime.workers import Workers
from headstart.types import Array, Unchecked
from headstart.wording import shown, some

if TYPE_CHECKING:
    import openvino as ov
    from torch import nn

    from headstart.explanations import Explanation, Unexplained
    from headstart.explanations.explaining import Wanted
    from headstart.explanations.explanation import Method
    from headstart.features.store import StoreKey

DIGEST = 16
"""Bytes that name the content of an item."""
ENGINE = "_engine"
"""Where a model keeps its engine, once there is one."""

BLOCK = 64
"""Items a head scores at once, always: matrix products of other sizes have other last bits."""


@dataclass(frozen=True)
class Model:
    """A trained model: network, head, and what they mean.

    Attributes:
        graph: the compiled part, from uint8 images or token ids to features; None where OpenVINO
            was not installed: then `module` gives the features, on the device `where`, and the
            model cannot be saved.
        width: how many of the graph's features the head takes, from the first; all where None.
        digest, reference: of the graph; see `headstart.runtime.graphs.Graph`.
        weights: of the backbone, those that were trained, by the names of its own module.
        trained: content digests of the items that it was trained on, sorted, uint8 (items, 16);
            None in a model of an older headstart, which kept none.
        about: what model.json says besides, for people: backbone, cut, strategy, metrics, seed.
        decision: how probabilities become answers; None: the most probable class, or one half.
        abstain: when an answer is several classes, or an interval; None: never.
    """

    task: Task
    modality: Modality
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    head: heads.Head
    temperature: float
    precision: str
    graph: "ov.Model | None"
    width: int | None = None
    digest: str = ""
    reference: Reference | None = None
    weights: Mapping[str, Array] = field(default_factory=dict)
    trained: NDArray[np.uint8] | None = None
    about: Unchecked = field(default_factory=dict)
    module: "nn.Module | None" = None
    where: str = "cpu"
    decision: Decision | None = None
    abstain: Conformal | None = None

    @property
    def reads(self) -> Reads:
        """The columns and files it was trained on."""
        return reads_from_json(self.about.get("reads"))

    @property
    def engine(self) -> Engine:
        """The network, in the model's precision where this processor has it.

        It is for one run; see `Engine.beside`.
        """
        with first():
            if ENGINE not in self.__dict__:
                self.__dict__[ENGINE] = self._opened()
        engine: Engine = self.__dict__[ENGINE]
        return engine.beside()

    def _opened(self) -> Engine:
        if self.module is not None:
            from headstart.runtime.torch_engine import TorchEngine

            return TorchEngine(self.module, self.where, precision=self.precision)
        assert self.graph is not None
        reference = self.reference or unknown(self.preprocessing)
        graph = Graph(self.graph, self.digest or graphs.digest(self.graph), reference)
        return self.compiled(graph)

    def compiled(self, graph: Graph) -> Engine:
        """A graph that takes the model's items, compiled as the model's own is."""
        from headstart.runtime import trial

        return trial.engine(graph, CPU_BATCH[self.modality], self._precision, _cache())

    @property
    def _precision(self) -> str:
        return self.precision if self.precision == native_precision() else "float32"

    def __getstate__(self) -> Unchecked:
        """What `pickle` and `copy` carry: arrays, and the graph as the bytes of its two files.

        Where there is no graph it is the module.
        """
        return {**_fields(self), "graph": self.graph and graphs.packed(self.graph)}

    def __setstate__(self, state: Unchecked) -> None:
        packed = state["graph"]
        self.__dict__.update({**state, "graph": packed and graphs.unpacked(*packed)})

    def __repr__(self) -> str:
        some_of = f" of {some(self.classes, 3)}" if self.classes else ""
        name = self.about.get("backbone", {}).get("name", "a network")
        return f"<Model for {self.modality} {self.task}{some_of}, from {shown(str(name))}>"

    def scores(
        self,
        data: Dataset,
        progress: Progress | None = None,
        workers: Workers | None = None,
        *,
        prepared: bool = False,
    ) -> Scored:
        """Logits, or values, of every item that can be read; each distinct one computed once.

        Args:
            data: the items.
            progress: shows items done.
            workers: threads that prepare the items; threads of its own where None.
            prepared: whether images are as the network takes them, neither resized nor cropped.
        """
        preprocessing = self.preprocessing
        if prepared and isinstance(preprocessing, ImagePreprocessing):
            preprocessing = replace(preprocessing, crop_fraction=1.0)
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
                preprocessing,
                lambda: self.engine,
                known=pipeline.none_known,
                emit=emit,
                advance=advance,
                workers=workers,
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
        if self.graph is None:
            return self.scores(data, progress)
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
        assert self.graph is not None
        return int(self.graph.output(0).partial_shape[1].get_length())

    def _scores_of(self, rows: Array) -> NDArray[np.float32]:
        """Scores of at most `BLOCK` rows of features."""
        padded = np.empty((BLOCK, rows.shape[1]), np.float32)
        padded[: len(rows)] = rows
        padded[len(rows) :] = padded[0]
        return self.head.scores(padded[:, : self.width])[: len(rows)]

    def seen(self, digests: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        """Which of some items, by content digest, the model was trained on."""
        if self.trained is None:
            return np.zeros(len(digests), bool)
        return np.isin(digests, self.trained.view(f"S{DIGEST}").ravel())

    def answer(
        self, data: Dataset, progress: Progress | None = None, workers: Workers | None = None
    ) -> Predictions:
        """Predictions for a data set's items; see `scores`.

        Raises:
            InputError: the items are not of the model's modality.
        """
        if data.modality != self.modality:
            raise InputError(
                f"The model answers for {self.modality}s, but the input holds {data.modality}s."
            )
        scored = self.scores(data, progress, workers)
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
            decision=self.decision,
            abstain=self.abstain,
            notes=scored.notes,
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

    def explanations(
        self,
        data: Dataset,
        wanted: "Sequence[Wanted] | None" = None,
        *,
        method: "Method" = "occlusion",
        progress: Progress | None = None,
        workers: Workers | None = None,
    ) -> "Iterator[Explanation | Unexplained]":
        """Why it answers as it does; see `headstart.explanations.explain`."""
        from headstart.explanations import explain

        return explain(self, data, wanted, method=method, progress=progress, workers=workers)

    def session(self) -> Session:
        """The same answers, sooner, for a server or a loop: `with model.session() as session:`."""
        return Session(self)

    def save(self, folder: str | Path) -> None:
        """Write the model's folder in one step; a model that was there is replaced.

        Raises:
            InputError: something else is there, or OpenVINO is not installed.
            OSError: the disk refuses; what was there stays.
        """
        write(self, Path(folder))


def _cache() -> Path | None:
    try:
        return cache_folder()
    except RuntimeError:  # There is no home.
        return None


def _fields(model: Model) -> Unchecked:
    return {each.name: getattr(model, each.name) for each in fields(model)}
