"""The first rung: the whole backbone is frozen, only the head is trained.

Of several sets of features the one is kept whose head is best on training items that it was not
fitted on: the last stage alone, or with other stages. That asks nothing of the validation split.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart import heads
from headstart.backbones.backbone import Block
from headstart.data.dataset import Dataset, Split
from headstart.errors import InputError
from headstart.evaluation import judge
from headstart.features.trunk import Trunk
from headstart.heads.kept import fitted
from headstart.heads.linear import HELD_OUT_LOSS, LinearHead
from headstart.paths import cache_folder
from headstart.progress import Progress
from headstart.spec import FitSpec, head_of
from headstart.training.adapted import Adapted, few_to_calibrate_on
from headstart.training.examples import Examples, Part
from headstart.types import Indices

MOST_NUMBERS = 1 << 27
"""Most features of all items together (half a gigabyte) that are learnt from at once, when wide:
scaling and folds hold them several times."""

LEAST_GAIN = 0.01
"""Share of the loss that whole images must save, for they take longer to predict."""

TRIAL_ITEMS = 400
"""Training items on which whole images are tried before all items are extracted again."""

NO_HOPE = 1.03
"""The loss on these items, over that of the centres, from which on the rest is left out. So few
items tell the two apart within some percent: on five splits of solar cells the ratio was 1.00 to
1.10, and 0.98 to 1.00 on all 1,673 training items."""


@dataclass(frozen=True)
class Started:
    """The first rung before it learns from validation items.

    Attributes:
        trunk: the whole backbone, with the features that the head takes.
        examples: with those features.
        columns: which of them the head looks at; the others would not have helped.
        head: of those columns, from the training split alone.
        stages: what the columns are, where they are not the last stage's alone.
        seconds: what it took.
    """

    trunk: Trunk
    examples: Examples
    columns: Indices
    head: heads.Head
    stages: tuple[str, ...]
    seconds: float


def fit(examples: Examples, spec: FitSpec, trunk: Trunk, wide: Trunk | None = None) -> Adapted:
    """Train a head; choose and calibrate on validation; then learn from validation too.

    Without validation items nothing is calibrated.

    Args:
        examples: pooled features of every item, as `wide` gives them, or `trunk` without it.
        spec: which head, and the seed.
        trunk: the whole backbone.
        wide: the same with the features of several stages, to choose among.
    """
    return finished(start(examples, spec, trunk, wide), spec)


def start(examples: Examples, spec: FitSpec, trunk: Trunk, wide: Trunk | None = None) -> Started:
    """Choose features, and train a head on the training split; the arguments are those of `fit`."""
    began = time.monotonic()
    blocks = () if wide is None else wide.backbone.blocks
    columns, head = _best(examples, spec, blocks)
    if wide is not None and len(columns) > trunk.size:
        trunk = wide
    else:
        examples = examples.narrowed(len(columns))
    stages = _named(blocks, columns)
    return Started(trunk, examples, columns, head, stages, time.monotonic() - began)


def finished(started: Started, spec: FitSpec) -> Adapted:
    """Calibrate on validation items, and learn from them too."""
    began = time.monotonic()
    examples, columns = started.examples, started.columns
    train, validation = examples.parts["train"], examples.parts["validation"]
    logits = started.head.scores(validation.features[:, columns])
    judged = judge(examples.task, logits, validation.targets, examples.classes, spec.seed)
    head = started.head
    if len(validation) and not heads.kind_of(head.name).stops_early:
        both = train.joined(validation)
        head = _fit_head(both.columns(columns), None, examples, spec)
    width = train.features.shape[1]
    return Adapted(
        strategy="feature-extraction",
        cut=started.trunk.cut.stage,
        head=_spread(head, columns, width),
        start=_spread(started.head, columns, width),
        judged=judged,
        trained_parameters=head.trained_parameters,
        seconds=started.seconds + time.monotonic() - began,
        trunk=started.trunk,
        examples=examples,
        stages=started.stages,
        warnings=few_to_calibrate_on(len(validation), examples.task),
    )


def widened(trunk: Trunk, spec: FitSpec, items: int) -> Trunk:
    """The trunk whose features are learnt from: of several stages, where there is a choice."""
    if spec.strategy not in ("auto", "feature-extraction") or spec.head != "linear":
        return trunk
    wide = trunk if trunk.pool_chosen else trunk.staged()
    return wide if items * wide.size <= MOST_NUMBERS else trunk


def uncropped(
    data: Dataset, trunk: Trunk, started: Started, spec: FitSpec, progress: Progress
) -> tuple[Trunk, Started]:
    """`trunk` and its first rung; or those for whole images, where these are better.

    Pretrained networks are made for what a centre crop leaves. Whether the border matters is
    seen on some training items first, and then on all of them, with the features that were chosen.
    Under a budget the few must promise what all must hold, for deeper rungs want the time too;
    without one they need only not be clearly worse.

    Args:
        data: every item.
        trunk: the whole backbone, with the last stage's features.
        started: its first rung.
        spec: the options.
        progress: shows what is going on.
    """
    whole = trunk.uncropped()
    if whole is None:
        return trunk, started
    seeing = whole.staged() if started.trunk.backbone.blocks else whole
    try:
        if not _promising(seeing, started, spec, data, progress):
            return trunk, started
        second = _instead(seeing, started, spec, data, progress)
        if not _loss(second.head) < (1 - LEAST_GAIN) * _loss(started.head):
            return trunk, started
        both = _seen_by(seeing, second.examples, ("test",), data, progress)
    except InputError:  # An item of which the network makes no finite numbers at this size.
        return trunk, started
    return whole, replace(second, examples=both)


def _promising(
    seeing: Trunk, started: Started, spec: FitSpec, data: Dataset, progress: Progress
) -> bool:
    """Whether all are worth extracting, by some training items in the same folds."""
    examples = started.examples
    some = examples.parts["train"].sample(TRIAL_ITEMS, spec.seed)
    losses = [
        _loss(_fit_head(part.columns(started.columns), None, examples, spec))
        for part in (some, _seen(seeing, some, data, progress))
    ]
    most = NO_HOPE if spec.budget is None else 1 - LEAST_GAIN
    return losses[1] < most * losses[0]


def _instead(
    seeing: Trunk, started: Started, spec: FitSpec, data: Dataset, progress: Progress
) -> Started:
    """The same features of what another trunk gives for training and validation items."""
    examples = _seen_by(seeing, started.examples, ("train", "validation"), data, progress)
    began = time.monotonic()
    train, validation = (
        examples.parts[name].columns(started.columns) for name in ("train", "validation")
    )
    head = _fit_head(train, validation, examples, spec)
    seconds = time.monotonic() - began
    return replace(started, trunk=seeing, examples=examples, head=head, seconds=seconds)


def _seen_by(
    trunk: Trunk, examples: Examples, splits: Sequence[Split], data: Dataset, progress: Progress
) -> Examples:
    """The same items in some splits, with the features that a trunk gives."""
    parts = dict(examples.parts)
    for name in splits:
        parts[name] = _seen(trunk, parts[name], data, progress)
    return replace(examples, parts=parts)


def _seen(trunk: Trunk, part: Part, data: Dataset, progress: Progress) -> Part:
    """The same items with the features that a trunk gives."""
    features = trunk.extract(data.select(part.positions), progress)
    if features.skipped:
        raise InputError(f"{features.skipped[0].item}: {features.skipped[0].reason}.")
    return replace(part, features=features.vectors())


def _loss(head: heads.Head) -> float:
    loss = head.settings.get(HELD_OUT_LOSS)
    return loss if isinstance(loss, float) else math.inf


def _best(
    examples: Examples, spec: FitSpec, blocks: tuple[Block, ...]
) -> tuple[Indices, heads.Head]:
    """The columns of the features to learn from, and a head of them."""
    train, validation = examples.parts["train"], examples.parts["validation"]
    found = []
    for columns in _choices(train.features.shape[1], blocks):
        head = _fit_head(train.columns(columns), validation.columns(columns), examples, spec)
        found.append((columns, head))
    if len(found) == 1:
        return found[0]
    return min(found, key=lambda each: _loss(each[1]))


def _choices(width: int, blocks: tuple[Block, ...]) -> Iterator[Indices]:
    """Columns of the features: the last stage's, those and every mean, all; each set once."""
    if not blocks:
        yield np.arange(width)
        return
    seen = set()
    for pools in (("",), ("", "mean"), ("", "mean", "max")):
        chosen = np.repeat([block.pool in pools for block in blocks], [b.width for b in blocks])
        columns = np.flatnonzero(chosen)
        if len(columns) not in seen:
            seen.add(len(columns))
            yield columns


def _spread(head: heads.Head, columns: Indices, width: int) -> heads.Head:
    """The head for all features, of which it does not look at the others."""
    if len(columns) == width or not isinstance(head, LinearHead):
        return head
    weight = np.zeros((width, head.arrays["weight"].shape[1]), np.float32)
    weight[columns] = head.arrays["weight"]
    return LinearHead(arrays={**head.arrays, "weight": weight}, settings=head.settings)


def _named(blocks: tuple[Block, ...], columns: Indices) -> tuple[str, ...]:
    ends = np.cumsum([block.width for block in blocks])
    return tuple(block.name for block, end in zip(blocks, ends, strict=True) if end - 1 in columns)


def _fit_head(
    train: Part, validation: Part | None, examples: Examples, spec: FitSpec
) -> heads.Head:
    name, options = head_of(spec.head)
    return fitted(
        cache_folder(),
        name,
        train.features,
        train.targets,
        weights=train.weights,
        together=train.together,
        validation=(validation.features, validation.targets) if validation else None,
        task=examples.task,
        classes=len(examples.classes),
        seed=spec.seed,
        options=options,
        epochs=spec.epochs,
        balance="balanced" if spec.balance == "balanced" else "none",
    )
