"""How good the answers are, with intervals, and how much better than another's, paired.

Items are drawn with replacement, all seeds of a set together: an item that is in the test parts of
two seeds is drawn in both or in neither, and two peers are measured on the same draws. What is
drawn is a metric's mean over the seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2000
METRICS = {"classification": ("accuracy",), "regression": ("pearson_r", "r2")}


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Columns:
    """What a metric of one run needs, per test item: its means give the metric.

    Attributes:
        ids: the items' numbers within the set; values: (n, q).
    """

    ids: tuple[int, ...]
    values: Floats
    task: str


def answers(predictions: Sequence[Any], task: str, items: int) -> list[Any]:
    """What metrics need of predictions: the number of the likeliest class, or the value.

    Args:
        predictions: probabilities (items, classes) or values (items,).
        task: `classification` or `regression`.
        items: to be tested on.

    Raises:
        ValueError: there is not one usable prediction for each test item.
    """
    values = np.asarray(predictions, dtype=np.float64)
    if len(values) != items or not np.isfinite(values).all():
        raise ValueError(
            f"{items} test items, but {len(values)} predictions, "
            f"{int((~np.isfinite(values)).sum())} numbers of them unusable"
        )
    if task == "classification":
        return values.argmax(axis=1).tolist()
    return [float(f"{each:.5g}") for each in values.reshape(-1).tolist()]


def columns(result: Mapping[str, Any], answered: Sequence[Any] | None = None) -> Columns:
    """Of a finished run, or of what it `answered` at an earlier epoch."""
    ids = tuple(result["ids"])
    said = np.asarray(result["answers"] if answered is None else answered, dtype=np.float64)
    truth = np.asarray(result["truth"], dtype=np.float64)
    if result["task"] == "classification":
        return Columns(ids, (said == truth).astype(np.float64)[:, None], "classification")
    # Centred, so that the squares keep their digits; no metric here depends on the zero.
    middle = truth.mean()
    truth, said = truth - middle, said - middle
    values = np.stack([said, truth, said**2, truth**2, said * truth], axis=1)
    return Columns(ids, values, "regression")


def matched(
    theirs: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each run of theirs with the one of ours that it may be compared with, where there is one."""
    return [(one, other) for one in theirs for other in ours if comparable(one, other)]


def comparable(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs learnt and were tested on the same, on the same kind of processor."""
    return _conditions(one) == _conditions(other)


def _conditions(result: Mapping[str, Any]) -> tuple[Any, ...]:
    of_machine = [result["machine"].get(key) for key in ("processor", "processor_features")]
    return (*(result[key] for key in ("dataset", "seed", "tables")), *of_machine)


def metrics(means: Floats, task: str) -> dict[str, Floats]:
    """Each metric of means (m, q) of columns, as (m,); NaN where it is undefined."""
    if task == "classification":
        return {"accuracy": means[:, 0]}
    said, truth, said2, truth2, both = means.T
    spread = truth2 - truth**2
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (both - said * truth) / np.sqrt((said2 - said**2) * spread)
        r2 = 1 - (said2 - 2 * both + truth2) / spread
    # Someone who says the same of every item has no correlation: none is 0 here.
    return {"pearson_r": np.nan_to_num(r), "r2": r2}


def point(found: Columns) -> dict[str, float]:
    """The metrics of one run."""
    means = found.values.mean(axis=0)[None]
    return {name: float(each[0]) for name, each in metrics(means, found.task).items()}


def measured(runs: Sequence[Columns], resamples: int = RESAMPLES) -> dict[str, Measured]:
    """The mean over the seeds of each metric, with its interval."""
    drawn = _drawn(runs, _draws(runs, resamples))
    return {name: _interval(each) for name, each in drawn.items()}


def difference(
    ours: Sequence[Columns], theirs: Sequence[Columns], resamples: int = RESAMPLES
) -> dict[str, Measured]:
    """Ours less theirs, mean over the seeds, on the same items in the same order.

    Raises:
        ValueError: the test items are not the same.
    """
    if [each.ids for each in ours] != [each.ids for each in theirs]:
        raise ValueError("a paired difference needs the same test items on both sides")
    draws = _draws(ours, resamples)
    a, b = _drawn(ours, draws), _drawn(theirs, draws)
    return {name: _interval(a[name] - b[name]) for name in a}


def _draws(runs: Sequence[Columns], resamples: int) -> list[Floats]:
    """How often each item of each run is drawn, (resamples + 1, n): first everything once."""
    every, places = np.unique(np.concatenate([each.ids for each in runs]), return_inverse=True)
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(every), np.full(len(every), 1 / len(every)), size=resamples)
    counts = np.concatenate([np.ones((1, len(every)), dtype=counts.dtype), counts])
    ends = np.cumsum([len(each.ids) for each in runs])[:-1]
    return [counts[:, part].astype(np.float64) for part in np.split(places, ends)]


def _drawn(runs: Sequence[Columns], draws: Sequence[Floats]) -> dict[str, Floats]:
    """Each metric's mean over the runs for each draw; the first is the value itself."""
    found: dict[str, list[Floats]] = {}
    for each, weights in zip(runs, draws, strict=True):
        means = weights @ each.values / weights.sum(axis=1, keepdims=True)
        for name, values in metrics(means, each.task).items():
            found.setdefault(name, []).append(values)
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def _interval(drawn: Floats) -> Measured:
    value, samples = float(drawn[0]), drawn[1:]
    low, high = np.percentile(samples[np.isfinite(samples)], (2.5, 97.5))
    return Measured(value, min(float(low), value), max(float(high), value))
