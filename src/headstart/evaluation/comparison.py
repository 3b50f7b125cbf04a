"""Several models on the same items: which is better, by how much, on what, and how sure that is.

Every two models are compared. The metric that comes first for the task is corrected for how many
pairs there are; all others together are a second family, and so are the classes and the slices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from headstart.evaluation.calibration import probabilities
from headstart.evaluation.intervals import Statistic
from headstart.evaluation.metrics import Evaluation, evaluate
from headstart.evaluation.paired import (
    Tested,
    answered,
    by_item,
    holm,
    shares_tested,
    statistics_tested,
)
from headstart.evaluation.slices import groups_of
from headstart.evaluation.statistics import FIRST, METRICS, OF_LABELS, statistics
from headstart.types import Floats, Indices, Mask, Scores, Targets

EXAMPLES = 10
"""Items of a pair that are shown where one model is right and the other wrong."""


@dataclass(frozen=True)
class Answers:
    """What one model says of the items that are compared.

    Attributes:
        name: of the model.
        scores: calibrated logits (n, classes), or values (n,).
        probable: whether the scores hold probabilities; else they only mark the class answered.
        predicted: what is answered, int (n,) or (n, classes), where that is not what the scores
            make likeliest: thresholds were chosen, say.
    """

    name: str
    scores: Scores
    probable: bool = True
    predicted: Indices | Mask | None = None


@dataclass(frozen=True)
class Pair:
    """Two of the models.

    Attributes:
        new, old: which; differences are new less old.
        tests: by metric.
        agreement: items that `both` answer rightly, `only_new`, `only_old` and `neither`; of
            regression those that are nearer with `new`, with `old`, and `equal`.
        examples: items on which they differ most, the first half better with `new`.
    """

    new: int
    old: int
    tests: Mapping[str, Tested]
    agreement: Mapping[str, int]
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Slice:
    """Some of the items.

    Attributes:
        name: the class, or what a column holds.
        items: how many there are.
        values: the metric of each model on them.
        tests: of every two models, in the order of `Comparison.pairs`.
    """

    name: str
    items: int
    values: tuple[float, ...]
    tests: tuple[Tested, ...]


@dataclass(frozen=True)
class Comparison:
    """Models compared on the same items.

    Attributes:
        evaluations: of each model.
        pairs: every two of them.
        per_class: of classes, the share of their items that is found; empty for regression.
        slices: of what a column holds: accuracy, or the mean absolute error.
    """

    evaluations: tuple[Evaluation, ...]
    pairs: tuple[Pair, ...]
    per_class: tuple[Slice, ...]
    slices: tuple[Slice, ...]


def compare(
    task: str,
    targets: Targets,
    models: Sequence[Answers],
    classes: Sequence[str],
    *,
    by: Sequence[str] = (),
    together: Indices | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare every two models on the same items.

    Args:
        task: "classification", "multilabel" or "regression".
        targets: int (n,) from 0, none of an unknown class; 0/1 (n, classes); or float (n,).
            At least one item.
        models: two or more, with answers to these items.
        classes: names, in the order of the columns of scores.
        by: a value for each item, to compare within; empty compares over all alone.
        together: int (n,): items of the same number are drawn, and change places, together; each
            is alone where None.
        seed: of resamples and permutations.
    """
    if together is not None and len(np.unique(together)) == len(together):
        together = None
    evaluations = tuple(_evaluated(task, targets, each, classes, together, seed) for each in models)
    items = [by_item(task, targets, each.scores, each.predicted) for each in models]
    pairs = _corrected(
        [
            _pair(task, targets, models, items, at, classes, together, seed)
            for at in combinations(range(len(models)), 2)
        ],
        FIRST[task],
    )
    hits = [_found(task, each, targets) for each in models]
    per_class = [
        _slice(name, "recall", [h[which, at] for h in hits], _of(together, which), seed)
        for at, name in enumerate(classes)
        if len(which := np.flatnonzero(_of_class(task, targets, at)))
    ]
    metric = "mae" if task == "regression" else "accuracy"
    exact = [each == 1 for each in items] if task == "classification" else items
    slices = [
        _slice(name, metric, [each[which] for each in exact], _of(together, which), seed)
        for name, which in groups_of(by)
    ]
    return Comparison(evaluations, pairs, _family(per_class), _family(slices))


def _of(together: Indices | None, which: Indices) -> Indices | None:
    """What some items belong to; None where each is alone, or the question is of one group."""
    if together is None or len(np.unique(together[which])) in (1, len(which)):
        return None
    return together[which]


def _evaluated(
    task: str,
    targets: Targets,
    model: Answers,
    classes: Sequence[str],
    together: Indices | None,
    seed: int,
) -> Evaluation:
    found = evaluate(
        *(task, targets, model.scores, classes),
        seed=seed,
        predicted=model.predicted,
        together=together,
    )
    if model.probable:
        return found
    return replace(found, metrics={n: m for n, m in found.metrics.items() if n in OF_LABELS})


def _pair(
    task: str,
    targets: Targets,
    models: Sequence[Answers],
    items: Sequence[Floats],
    at: tuple[int, int],
    classes: Sequence[str],
    together: Indices | None,
    seed: int,
) -> Pair:
    """The second of two models, less the first."""
    old, new = at
    rng = np.random.default_rng((seed, old, new))
    before, after = (
        statistics(task, targets, models[each].scores, classes, models[each].predicted)
        for each in at
    )
    probable = models[old].probable and models[new].probable
    tests = {}
    for metric in METRICS[task]:
        if not probable and metric not in OF_LABELS:
            continue
        if metric == "accuracy" and together is None:
            tests[metric] = shares_tested(metric, items[new] == 1, items[old] == 1)
        else:
            tests[metric] = statistics_tested(
                metric, after.metrics[metric], before.metrics[metric], rng, together=together
            )
    gain = items[old] - items[new] if task == "regression" else items[new] - items[old]
    if task == "classification" and probable:
        # Of items on which just one is right, first those on which they are furthest apart.
        every = np.arange(len(targets))
        a, b = (probabilities(task, models[each].scores)[every, targets] for each in at)
        gain = gain * (1 + np.abs(b - a))
    return Pair(new, old, tests, _agreement(task, items[new], items[old]), _examples(gain))


def _agreement(task: str, new: Floats, old: Floats) -> dict[str, int]:
    if task == "regression":
        counts = {"new_nearer": new < old, "old_nearer": new > old, "equal": new == old}
    else:
        a, b = new == 1, old == 1
        counts = {"both": a & b, "only_new": a & ~b, "only_old": b & ~a, "neither": ~a & ~b}
    return {name: int(which.sum()) for name, which in counts.items()}


def _examples(gain: Floats) -> tuple[int, ...]:
    """The items of which the one or the other says most more that is right; ties in order."""
    order = np.argsort(-gain, kind="stable")
    better = [at for at in order[: EXAMPLES // 2].tolist() if gain[at] > 0]
    worse = [at for at in order[::-1][: EXAMPLES // 2].tolist() if gain[at] < 0]
    return (*better, *worse)


def _found(task: str, model: Answers, targets: Targets) -> Mask:
    """Which classes each item is said to be of, (n, classes)."""
    if task == "regression":
        return np.zeros((len(targets), 0), bool)
    found = answered(task, model.scores) if model.predicted is None else model.predicted
    if task == "multilabel":
        return np.asarray(found, bool)
    return np.asarray(found[:, None] == np.arange(model.scores.shape[1]), bool)


def _of_class(task: str, targets: Targets, at: int) -> Mask:
    if task == "multilabel":
        return np.asarray(targets[:, at] > 0, bool)
    return np.asarray(targets == at, bool)


def _slice(
    name: str,
    metric: str,
    sides: Sequence[Mask] | Sequence[Floats],
    together: Indices | None,
    seed: int,
) -> Slice:
    """The means of some items, each (k,), compared."""
    tests = []
    for old, new in combinations(sides, 2):
        if new.dtype == bool and together is None:
            tests.append(shares_tested(metric, new.astype(bool), old.astype(bool)))
            continue
        a, b = (Statistic(float(x.mean()), x[:, None].astype(np.float64)) for x in (new, old))
        rng = np.random.default_rng(seed)
        tests.append(statistics_tested(metric, a, b, rng, together=together))
    return Slice(name, len(sides[0]), tuple(float(each.mean()) for each in sides), tuple(tests))


def _corrected(pairs: Sequence[Pair], main: str) -> tuple[Pair, ...]:
    """The pairs with p corrected: of the main metric in one family, of all others in another."""
    places = [(at, metric) for at, pair in enumerate(pairs) for metric in pair.tests]
    adjusted: dict[tuple[int, str], float] = {}
    for family in (
        [place for place in places if place[1] == main],
        [place for place in places if place[1] != main],
    ):
        chances = [pairs[at].tests[metric].chance for at, metric in family]
        adjusted.update(zip(family, holm(chances), strict=True))
    return tuple(
        replace(
            pair,
            tests={
                metric: replace(each, adjusted=adjusted[at, metric])
                for metric, each in pair.tests.items()
            },
        )
        for at, pair in enumerate(pairs)
    )


def _family(slices: Sequence[Slice]) -> tuple[Slice, ...]:
    """The slices with p corrected for how many there are, and for how many pairs."""
    adjusted = iter(holm([test.chance for each in slices for test in each.tests]))
    return tuple(
        replace(each, tests=tuple(replace(test, adjusted=next(adjusted)) for test in each.tests))
        for each in slices
    )
