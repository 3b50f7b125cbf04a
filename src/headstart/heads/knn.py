"""Nearest neighbours by cosine similarity, the nearer the more its vote weighs.

Weights are `exp(similarity / 0.07)` (Wu et al. 2018, "Unsupervised Feature Learning via
Non-Parametric Instance Discrimination"), the nearest one's taken as 1. The shares of the classes in
the training data vote with that weight too, so that no probability is ever zero. How many
neighbours is chosen by leave-one-out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from headstart.errors import InputError
from headstart.evaluation.calibration import calibrate
from headstart.heads.contract import (
    Balance,
    Validation,
    check_arrays,
    check_width,
    distinct_rows,
    in_unit,
    moments,
    setting,
    standardised,
    unit_of,
    weighing,
)
from headstart.types import Array, Floats, JsonObject

SHARPNESS = 0.07
_NEIGHBOURS = (1, 3, 5, 10, 20, 50)
_ASKED_TO_CHOOSE = 2_000
_ASKED_AT_ONCE = 512
_SEEN_AT_ONCE = 16_384


@dataclass(frozen=True)
class NeighboursHead:
    """The training items themselves.

    Arrays: mean and scale (d,), items (n, d) float16 of length one, targets (n,) for
    classification and (n, outputs) otherwise, weights (n,), prior (outputs,). For regression the
    targets are `(value - centre) / spread`, with `centre` and `spread` among the settings.
    """

    name: ClassVar[str] = "knn"
    in_epochs: ClassVar[bool] = False
    stops_early: ClassVar[bool] = False
    kept: ClassVar[bool] = False
    choices: ClassVar[tuple[str, ...]] = ("neighbours",)
    arrays: dict[str, Array]
    settings: JsonObject

    def __post_init__(self) -> None:
        task = setting(self.name, self.settings, "task", str)
        targets = "n" if task == "classification" else "no"
        axes = {"items": "nd", "mean": "d", "scale": "d", "targets": targets, "weights": "n"}
        check_arrays(self.name, self.arrays, {**axes, "prior": "o"})
        most = setting(self.name, self.settings, "neighbours", int)
        codes = self.arrays["targets"] if task == "classification" else np.zeros(0, np.int64)
        if most < 1 or isinstance(most, bool) or not _are_codes(codes, len(self.arrays["prior"])):
            raise InputError("The saved knn head has absurd neighbours or targets; save it again.")
        in_unit(self.name, self.settings, np.zeros(0))

    @property
    def trained_parameters(self) -> int:
        """See `Head.trained_parameters`."""
        return 0

    def scores(self, features: Array) -> Array:
        """See `Head.scores`."""
        check_width(features, len(self.arrays["mean"]))
        task = setting(self.name, self.settings, "task", str)
        most = setting(self.name, self.settings, "neighbours", int)
        scores = np.empty((len(features), len(self.arrays["prior"])), np.float32)
        done = 0
        for nearest, similarity in self._neighbours(features, most):
            share = self._votes(nearest, similarity)
            scores[done : done + len(share)] = (
                share if task == "regression" else _logits(task, share)
            )
            done += len(share)
        if task == "regression":
            return in_unit(self.name, self.settings, scores[:, 0])
        return scores

    @staticmethod
    def options(text: str) -> JsonObject:
        """None: see `HeadType.options`."""
        raise ValueError(f"knn has no options, so leave {':' + text!r} out")

    @classmethod
    def fit(
        cls,
        features: npt.NDArray[np.float32],
        targets: Array,
        *,
        task: str,
        classes: int,
        seed: int,
        balance: Balance = "none",
        weights: Array | None = None,
        together: Array | None = None,
        validation: Validation | None = None,  # noqa: ARG003
        neighbours: int | None = None,
    ) -> "NeighboursHead":
        """See `headstart.heads.fit`; `validation` is not needed.

        The number of `neighbours` is chosen where it is None.
        """
        mean, scale = moments(features)
        weights = weighing(targets, classes, balance, weights)
        settings: JsonObject = {"task": task}
        if task == "regression":
            unit = unit_of(targets)
            targets = (targets - unit["centre"]) / unit["spread"]
            settings |= unit
        answers, prior = _answers(targets, task, classes, weights)
        arrays: dict[str, Array] = {
            "mean": mean.astype(np.float32),
            "scale": scale.astype(np.float32),
            "items": np.empty(features.shape, np.float16),
            "targets": answers,
            "weights": np.ones(len(features), np.float32)
            if weights is None
            else weights.astype(np.float32),
            "prior": prior,
        }
        for start in range(0, len(features), _SEEN_AT_ONCE):
            rows = slice(start, start + _SEEN_AT_ONCE)
            arrays["items"][rows] = _directions(features[rows], arrays["mean"], arrays["scale"])
        if neighbours is not None:
            return cls(arrays=arrays, settings={**settings, "neighbours": neighbours})
        distinct = distinct_rows(features)
        alone = dict(arrays)
        if len(distinct) < len(features):
            features, targets = features[distinct], targets[distinct]
            together = None if together is None else together[distinct]
            alone |= {name: arrays[name][distinct] for name in ("items", "targets", "weights")}
        asked = np.random.default_rng(seed).permutation(len(features))[:_ASKED_TO_CHOOSE]
        head = cls(arrays=alone, settings={**settings, "neighbours": 1})
        alike = np.arange(len(features)) if together is None else together
        best = head._best_number(features, targets, np.sort(asked), alike)
        return cls(arrays=arrays, settings={**settings, "neighbours": best})

    def _best_number(self, features: Array, targets: Array, asked: Array, together: Array) -> int:
        """The number of neighbours that does best on the head's own items, left out.

        So are those that belong together with them: the same number in `together`.
        """
        largest = np.unique(together, return_counts=True)[1].max()
        numbers = [k for k in _NEIGHBOURS if k <= len(features) - largest]
        if not numbers:
            return 1
        task, weights = setting(self.name, self.settings, "task", str), self.arrays["weights"]
        found = list(self._neighbours(features[asked], numbers[-1], together[asked], together))
        nearest, similarity = (np.concatenate(each) for each in zip(*found, strict=True))
        losses = []
        for k in numbers:
            share = self._votes(nearest[:, :k], similarity[:, :k])
            if task == "regression":
                loss = float(np.mean((share[:, 0] - targets[asked]) ** 2))
            else:
                _, loss = calibrate(task, _logits(task, share), targets[asked], weights[asked])
            losses.append(loss)
        return numbers[int(np.argmin(losses))]

    def _neighbours(
        self,
        features: Array,
        most: int,
        left_out: Array | None = None,
        together: Array | None = None,
    ) -> Iterator[tuple[Array, Array]]:
        """Indices and similarities (m, most) of the nearest items, nearest first.

        A few features against a part of the items at a time, so that memory stays flat.
        `left_out` has a number for each feature: items of that number in `together`, or the item in
        that place where it is None, are not its neighbours.
        """
        items, mean, scale = (self.arrays[name] for name in ("items", "mean", "scale"))
        for start in range(0, len(features), _ASKED_AT_ONCE):
            asked = _directions(features[start : start + _ASKED_AT_ONCE], mean, scale)
            nearest = np.empty((len(asked), 0), np.int64)
            similarity = np.empty((len(asked), 0), np.float32)
            for first in range(0, len(items), _SEEN_AT_ONCE):
                seen = items[first : first + _SEEN_AT_ONCE].astype(np.float32)
                products = asked @ seen.T
                if left_out is not None:
                    own = left_out[start : start + len(asked), None]
                    numbers = np.arange(len(items)) if together is None else together
                    products[own == numbers[first : first + len(seen)]] = -np.inf
                nearest, similarity = _merged(nearest, similarity, products, first, most)
            yield nearest, similarity

    def _votes(self, nearest: Array, similarity: Array) -> Floats:
        """Weighted mean (m, outputs) of what the neighbours and the prior say."""
        weights = np.exp((similarity - similarity[:, :1]).astype(np.float64) / SHARPNESS)
        weights *= self.arrays["weights"][nearest]
        prior = self.arrays["prior"].astype(np.float64)
        total = np.empty((len(nearest), len(prior)))
        for row, (each, weight) in enumerate(zip(nearest, weights, strict=True)):
            said = self.arrays["targets"][each]
            total[row] = weight @ said if said.ndim > 1 else np.bincount(said, weight, len(prior))
        if self.settings["task"] != "regression":
            total += prior
            return np.asarray(total / (weights.sum(axis=1, keepdims=True) + 1))
        return np.asarray(total / weights.sum(axis=1, keepdims=True))


def _are_codes(codes: Array, classes: int) -> bool:
    whole = codes.dtype.kind in "iu"
    return whole and (not len(codes) or bool(codes.min() >= 0 and codes.max() < classes))


def _directions(features: Array, mean: Array, scale: Array) -> npt.NDArray[np.float32]:
    """Standardised features scaled to length one (zero stays zero)."""
    rows = standardised(features, mean, scale)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(length > 0, length, 1)
    return rows


def _merged(
    nearest: Array, similarity: Array, products: Array, first: int, most: int
) -> tuple[Array, Array]:
    """The nearest of those found so far and of items `first`, `first` + 1 ..., nearest first."""
    best = np.argpartition(-products, min(most, products.shape[1]) - 1, axis=1)[:, :most]
    nearest = np.hstack((nearest, best + first))
    similarity = np.hstack((similarity, np.take_along_axis(products, best, axis=1)))
    order = np.lexsort((nearest, -similarity), axis=1)[:, :most]
    return np.take_along_axis(nearest, order, axis=1), np.take_along_axis(similarity, order, axis=1)


def _answers(
    targets: Array, task: str, classes: int, weights: Floats | None
) -> tuple[Array, Array]:
    """What each item votes for, (n,) or (n, outputs), and the smoothed mean vote (outputs,)."""
    if task == "regression":
        mean = np.average(targets, weights=weights)
        return targets[:, None].astype(np.float32), np.array([mean], np.float32)
    if task == "multilabel":
        answers = (targets > 0).astype(np.uint8)
        each = answers if weights is None else answers * weights[:, None]
        smoothed = (each.sum(axis=0, dtype=np.float64) + 0.5) / (len(answers) + 1)
        return answers, smoothed.astype(np.float32)
    counts = np.bincount(targets, weights, classes) + 0.5 / classes
    return targets.astype(np.int32), (counts / counts.sum()).astype(np.float32)


def _logits(task: str, share: Floats) -> Floats:
    return np.log(share) - (np.log1p(-share) if task == "multilabel" else 0)
