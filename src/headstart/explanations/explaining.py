"""Explanations of a model's answers, one item after another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headstart.data import images, texts
from headstart.data.dataset import Dataset
from headstart.errors import InputError, Unreadable
from headstart.explanations import activation, occlusion, words
from headstart.explanations.explanation import (
    METHODS,
    Explanation,
    ImageExplanation,
    Method,
    TextExplanation,
    Word,
)
from headstart.explanations.targets import Target, values
from headstart.features.pipeline import NOT_FINITE
from headstart.heads.linear import LinearHead
from headstart.preprocessing import ImagePreprocessing, TextPreprocessing
from headstart.progress import Progress, Silent
from headstart.runtime import graphs
from headstart.runtime.graphs import Graph
from headstart.runtime.reference import unknown
from headstart.types import Array, Floats
from headstart.wording import shown, some

if TYPE_CHECKING:
    from headstart.predictors.model import Model
    from headstart.runtime.engine import Engine
    from headstart.runtime.workers import Workers

Wanted = str | Sequence[str] | float | None
"""What is to be explained of an item: a class, several, or what the model answers (None, or the
value of an item)."""

LONGEST = 512
"""Pixels of the longer side of an explained image, at most: however large the image is."""

MAPS = "_maps"
"""Where a model keeps the network that gives its feature maps, once there is one."""

NO_MAPS = (
    "This model has no activation maps: they need a linear head on the means of feature maps of "
    "images; leave the method out."
)


@dataclass(frozen=True)
class Unexplained:
    """An item of which nothing can be explained, and why."""

    name: str
    reason: str


def explain(
    model: "Model",
    data: Dataset,
    wanted: Sequence[Wanted] | None = None,
    *,
    method: Method = "occlusion",
    parts: int = words.MOST,
    progress: Progress | None = None,
    workers: "Workers | None" = None,
) -> Iterator[Explanation | Unexplained]:
    """Explain a model's answers, one after another, so that what is not kept takes no memory.

    Args:
        model: what answers.
        data: the items, of the model's modality.
        wanted: for each item a class, several classes, or None: what the model answers (of
            several classes an item each that it has, or the most probable where it has none).
        method: how images are explained: "occlusion", or "activation map", which takes one pass of
            the network and marks less surely what counts.
        parts: of a text that are left out one by one; see `headstart.explanations.words.MOST`.
        progress: shows items done.
        workers: threads that prepare what is asked of the network.

    Returns:
        For each item in order an explanation for each class that is wanted, or why there is none.

    Raises:
        InputError: a class is none of the model's, the items are of another modality, or the model
            has no exact activation maps, which were asked for.
    """
    if data.modality != model.modality:
        raise InputError(
            f"The model answers for {model.modality}s, but the input holds {data.modality}s."
        )
    if method not in METHODS:
        raise InputError(f"method is {method!r}, but it must be one of {', '.join(METHODS)}.")
    if method == "activation map" and _maps(model) is None:
        raise InputError(NO_MAPS)
    asked = [None] * len(data) if wanted is None else list(wanted)
    columns = [_columns(model, each) for each in asked]
    return _each(_Explainer(model, method, parts, workers), data, columns, progress or Silent())


def _each(
    explainer: "_Explainer", data: Dataset, columns: Sequence[list[int] | None], progress: Progress
) -> Iterator[Explanation | Unexplained]:
    of = explainer.text if data.modality == "text" else explainer.image
    with progress.stage("Explaining", len(data)) as advance:
        for at, name in enumerate(data.names):
            try:
                yield from of(name, data.items[at], columns[at])
            except Unreadable as error:
                yield Unexplained(name, str(error))
            advance(1)


def _columns(model: "Model", wanted: Wanted) -> list[int] | None:
    if wanted is None or isinstance(wanted, (int, float)):
        wanted = []
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    if model.task == "regression":
        if names:
            raise InputError("This model predicts a number and has no classes; leave target out.")
        return [0]
    unknown = [name for name in names if name not in model.classes]
    if unknown:
        raise InputError(
            f"The class {shown(str(unknown[0]))!r} is none of the model's, which are "
            f"{some(model.classes, 5)}."
        )
    return [model.classes.index(name) for name in names] or None


@dataclass(frozen=True)
class _Explainer:
    """Explains one item at a time."""

    model: "Model"
    method: Method
    most: int
    workers: "Workers | None"

    def image(self, name: str, item: object, columns: list[int] | None) -> Iterator[Explanation]:
        preprocessing = self.model.preprocessing
        assert isinstance(preprocessing, ImagePreprocessing)
        content = images.load(item)
        pixels = images.decode(content, preprocessing).pixels
        scores = self._scores([pixels])[0]
        targets = self._targets(scores, columns)
        heat = self._heat(pixels, scores, targets)
        size = images.upright_size(content)
        small = images.thumbnail(content, LONGEST)
        for target, each in zip(targets, heat, strict=True):
            yield ImageExplanation(
                name=name,
                target=self._name(target),
                answer=self._answer(scores, target),
                heat=_placed(each, small.shape[:2], preprocessing),
                image=small,
                size=size,
                method=self.method,
            )

    def _heat(
        self, pixels: NDArray[np.uint8], scores: Array, targets: Sequence[Target]
    ) -> NDArray[np.float32]:
        if self.method == "occlusion":
            return occlusion.occluded(pixels, lambda some: self._ask(some, targets))
        kept, head = _maps(self.model), self.model.head
        assert kept is not None
        assert isinstance(head, LinearHead)
        mapped, engine = kept
        rows = np.repeat(pixels[None], engine.batch, axis=0)
        row = engine.beside().compute((rows,))[0]
        slope = np.stack([target.slope(np.atleast_1d(scores)) for target in targets], axis=1)
        weight, bias = (head.arrays[each].astype(np.float64) for each in ("weight", "bias"))
        if self.model.task == "regression":
            centre, spread = head.unit
            slope, bias = slope * spread, bias + centre / spread
        height, width, _ = pixels.shape
        found = mapped.heat(row, weight @ slope, bias @ slope, (height, width))
        if found is None:
            raise InputError(NO_MAPS)
        return found

    def text(self, name: str, item: object, columns: list[int] | None) -> Iterator[Explanation]:
        preprocessing = self.model.preprocessing
        assert isinstance(preprocessing, TextPreprocessing)
        text = texts.clean(item)
        read = text[: texts.tokeniser(preprocessing).reach(text)]
        scores = self._scores([read])[0]
        targets = self._targets(scores, columns)
        parts = words.spans(read)
        falls = words.weights(read, parts, lambda some: self._ask(some, targets), self.most)
        for target, column in zip(targets, falls.T, strict=True):
            yield TextExplanation(
                name=name,
                target=self._name(target),
                answer=self._answer(scores, target),
                text=read if len(read) == len(text) else f"{read}…",
                words=tuple(
                    Word(text[start:end], start, end, float(fall))
                    for (start, end), fall in zip(parts, column, strict=True)
                ),
            )

    def _ask(self, items: Sequence[object], targets: Sequence[Target]) -> Floats:
        return values(targets, self._scores(items))

    def _scores(self, items: Sequence[object]) -> Array:
        """Scores of items as the network takes them.

        Raises:
            Unreadable: the network has no finite answer to one.
        """
        data = Dataset(self.model.modality, items, [""] * len(items))
        scored = self.model.scores(data, workers=self.workers, prepared=True)
        if scored.unread:
            raise Unreadable(NOT_FINITE)
        return scored.scores

    def _targets(self, scores: Array, columns: list[int] | None) -> list[Target]:
        if columns is None:
            columns = [int(scores.argmax())]
            if self.model.task == "multilabel":
                shares = self.model.probabilities(scores[None])[0]
                columns = np.flatnonzero(shares >= 0.5).tolist() or columns
        return [Target(self.model.task, at, self.model.temperature) for at in columns]

    def _name(self, target: Target) -> str | None:
        return None if target.task == "regression" else self.model.classes[target.column]

    def _answer(self, scores: Array, target: Target) -> float:
        if target.task == "regression":
            return float(scores)
        return float(self.model.probabilities(scores[None])[0, target.column])


def _maps(model: "Model") -> "tuple[activation.Mapped, Engine] | None":
    """The network that gives the maps, compiled; None where there are none that are exact."""
    if MAPS not in model.__dict__:
        model.__dict__[MAPS] = _opened(model)
    kept: tuple[activation.Mapped, Engine] | None = model.__dict__[MAPS]
    return kept


def _opened(model: "Model") -> "tuple[activation.Mapped, Engine] | None":
    preprocessing = model.preprocessing
    if model.graph is None or not isinstance(model.head, LinearHead):
        return None
    if not isinstance(preprocessing, ImagePreprocessing):
        return None
    shape = (preprocessing.height, preprocessing.width)
    mapped = activation.mapped(model.graph, model.width, shape)
    if mapped is None:
        return None
    graph = Graph(mapped.graph, graphs.digest(mapped.graph), unknown(preprocessing))
    return mapped, model.compiled(graph)


def _placed(
    heat: Array, shape: tuple[int, int], preprocessing: ImagePreprocessing
) -> NDArray[np.float32]:
    """A heat map of what the network sees, where that is in the image (height, width).

    What it adds up to stays.
    """
    height, width = shape
    left, top, right, bottom = (
        round(edge) for edge in images.part_seen((width, height), preprocessing)
    )
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    small = Image.fromarray(heat).resize((right - left, bottom - top), Image.Resampling.BILINEAR)
    placed = np.zeros(shape, np.float32)
    area = heat.size / ((right - left) * (bottom - top))
    placed[top:bottom, left:right] = (np.asarray(small) * area)[: height - top, : width - left]
    return placed
