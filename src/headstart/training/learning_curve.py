"""Heads on parts of the training items, for the learning curve; from features that are there.

Each head has the settings that were chosen for the model's own (how much to regularise, say), so
a part costs one fit. They are measured on the test items, as the model is, and choose nothing.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from headstart import heads
from headstart.evaluation.learning_curve import SHARES, LearningCurve, learning_curve
from headstart.evaluation.statistics import FIRST, first
from headstart.heads.kept import fitted
from headstart.paths import cache_folder
from headstart.spec import FitSpec, head_of
from headstart.training.adapted import Adapted
from headstart.training.examples import Examples, Part
from headstart.types import Floats, Indices

PARTS = 5
"""Of each size but the whole."""

LEAST_ITEMS, LEAST_TESTED = 10, 20
"""Fewer training items than the first, or test items than the second, tell nothing."""

PASSES = 100
"""Over the items, that fitting a linear head takes at most, as a rule."""

LARGEST_SHARE = 0.05
"""Of the work of the features, that the heads may be: half of what a tenth of a run would allow,
for the count is rough."""


def costs_little(examples: Examples, features: int, spec: FitSpec, gflops: float) -> bool:
    """Whether the heads are little work beside the features: counted, not timed.

    Args:
        examples: what is learnt from.
        features: numbers per item that the head takes.
        spec: which head.
        gflops: billions of operations that the network takes for one item.
    """
    name, _ = head_of(spec.head)
    if heads.kind_of(name).in_epochs:
        return False
    sizes = {split: len(part) for split, part in examples.parts.items()}
    learnt, every = sizes["train"] + sizes["validation"], sum(sizes.values())
    times = sum(share * (PARTS if share < 1 else 1) for share in SHARES)
    outputs = max(1, len(examples.classes))
    by_item = 4 * features * max(PASSES * outputs, 6 * min(learnt, features))
    return times * learnt * by_item <= LARGEST_SHARE * every * gflops * 1e9


def measured(adapted: Adapted, spec: FitSpec) -> LearningCurve | None:
    """The learning curve of a head on frozen features.

    Args:
        adapted: a finished rung of which nothing but the head was trained.
        spec: the options it was trained with.

    Returns:
        None where there are too few items, in training or to test on, or the head looks at no
        feature.
    """
    examples = adapted.examples
    name, _ = head_of(spec.head)
    held_out = examples.parts["validation"]
    stops = heads.kind_of(name).stops_early and len(held_out) > 0
    learnt, test = examples.parts["train"], examples.parts["test"]
    if not stops:
        learnt = learnt.joined(held_out)
    learnt, test, held_out = (adapted.looked_at(part) for part in (learnt, test, held_out))
    if not learnt.features.shape[1]:
        return None
    if len(test) < LEAST_TESTED:
        return None
    metric = FIRST[examples.task]
    sizes: list[int] = []
    items: list[Floats] = []
    for which in _parts(learnt, examples, spec.seed):
        head = _fitted(learnt, which, held_out if stops else None, adapted, spec)
        scores = head.scores(test.features)
        found = first(examples.task, test.targets, scores, examples.classes)
        if not np.isfinite(found.value) or not found.columns.shape[1]:
            return None
        sizes.append(len(which))
        items.append(found.columns[:, 0])
    return learning_curve(metric, sizes, items, seed=spec.seed, together=test.together)


def _parts(learnt: Part, examples: Examples, seed: int) -> Iterator[Indices]:
    """Rows of the parts, the smallest first; stratified by class where an item has one.

    Items that belong together come one after another: fewer groups, not less of each.
    """
    rng = np.random.default_rng(seed)
    targets = learnt.targets
    numbers = np.arange(len(targets)) if learnt.together is None else learnt.together
    _, group = np.unique(numbers, return_inverse=True)
    strata = np.zeros(len(targets), np.int64)
    if examples.task == "classification":
        strata = targets.astype(np.int64)
    least = max(LEAST_ITEMS, 2 * len(examples.classes))
    for share in SHARES:
        if share == 1:
            yield np.arange(len(targets))
            continue
        if share * len(targets) < least:
            continue
        for _ in range(PARTS):
            mixed = np.argsort(rng.permutation(int(group.max()) + 1)[group], kind="stable")
            chosen = []
            for stratum in np.unique(strata).tolist():
                own = mixed[strata[mixed] == stratum]
                chosen.append(own[: max(1, round(share * len(own)))])
            yield np.sort(np.concatenate(chosen))


def _fitted(
    learnt: Part, which: Indices, held_out: Part | None, adapted: Adapted, spec: FitSpec
) -> heads.Head:
    name, options = head_of(spec.head)
    given: dict[str, Any] = {
        **options,
        **{key: adapted.head.settings.get(key) for key in heads.kind_of(name).choices},
    }
    return fitted(
        cache_folder(),
        name,
        learnt.features[which],
        learnt.targets[which],
        task=adapted.examples.task,
        classes=len(adapted.examples.classes),
        seed=spec.seed,
        options=given,
        epochs=spec.epochs,
        balance="balanced" if spec.balance == "balanced" else "none",
        weights=None if learnt.weights is None else learnt.weights[which],
        validation=None if held_out is None else (held_out.features, held_out.targets),
    )
