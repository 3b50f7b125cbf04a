"""Train, validation and test: stratified, seeded, what belongs together on one side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.blocks import Blocks, blocks_of, confined, taken
from headstart.data.dataset import Split, Task
from headstart.data.forms import ordered
from headstart.data.labels import counts_of
from headstart.data.strata import memberships, names, strata_of
from headstart.data.together import joined, numbered
from headstart.errors import DataError
from headstart.types import Indices, Label
from headstart.wording import some

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SIDES: dict[Split | None, int] = {None: 0, "train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True)
class Splits:
    """Where each item goes: ascending indices; every item is in exactly one of the four.

    Attributes:
        train, validation, test: int64 index arrays.
        dropped: items of a given train (or validation) split that are also in a given test (or
            validation) split: they stay where they are judged by, and are left out here.
        warnings: what a person should know.
    """

    train: Indices
    validation: Indices
    test: Indices
    dropped: Indices
    warnings: tuple[str, ...] = ()


def split(
    labels: Sequence[Label],
    digests: Sequence[bytes],
    given: Sequence[Split | None],
    *,
    task: Task,
    test_size: float,
    validation_size: float,
    seed: int,
    together: Indices | None = None,
) -> Splits:
    """Divide items into train, validation and test.

    Identical items (by digest) count once and stay together. Splits given by the data are kept;
    a test or validation split that is not given is cut from the training items, by class
    (regression: by quantile; multilabel: by each item's rarest label).
    A class of one distinct item is for training alone, one of two for training and test.

    Items of a group are on one side of what is cut; one that the given splits have parted is for
    training. The same is then true of a class in one group, and in two.

    Args:
        labels: one per item.
        digests: one per item.
        given: one per item, or empty; None counts as train where others are given.
        task: what the labels are.
        test_size: share of the items for test, unless the data has a test split; 0 for none.
        validation_size: the same for validation.
        seed: of the shuffle.
        together: int, one per item: those of the same number are one group, those of -1 alone.

    Raises:
        DataError: there are too few distinct items or groups, or no training items.
    """
    contents = numbered(digests)
    sides = _given_sides(given, len(labels))
    # A content goes to the side of its most protected copy: test, then validation.
    side = np.zeros(contents.max(initial=-1) + 1, np.int64)
    np.maximum.at(side, contents, sides)
    dropped = sides < side[contents]
    groups = contents if together is None else joined(contents, together)
    first = np.unique(contents, return_index=True)[1]
    group = groups[first]
    grouped = groups.max(initial=-1) < contents.max(initial=-1)
    distinct = [labels[at] for at in first.tolist()]
    strata = strata_of(distinct, task, labels)
    rng = np.random.default_rng(seed)
    pool = np.flatnonzero(side == 0)
    if not pool.size and dropped.any():
        raise DataError(
            "Every item to train on is also in the test or validation split; take them out of one."
        )
    if not pool.size:
        raise DataError("The data has no items to train on; its train split is missing or empty.")
    shares = {2: test_size, 1: validation_size}
    warnings: tuple[str, ...] = ()
    members = memberships(distinct, task) if grouped else None
    if members is not None and test_size and not (side == 2).any():
        warnings = _confined(members, distinct, group, pool, task)
    for number, share in shares.items():
        if share and not (side == number).any():
            if members is not None:
                _carve_groups(side, group, members, number, share * pool.size, task, rng)
            else:
                _carve(side, strata, number, share * pool.size, rng)
            _refuse_empty(side, number, pool.size, group[pool] if grouped else None, task)
    placed = side[contents]
    train, validation, test = (np.flatnonzero((placed == n) & ~dropped) for n in (0, 1, 2))
    warnings += _warnings(labels, train, validation, test, task)
    return Splits(train, validation, test, np.flatnonzero(dropped), warnings)


def check_duplicates(
    digests: Sequence[bytes],
    labels: Sequence[Label] | None,
    names: Sequence[str],
    splits: Sequence[Split | None],
) -> tuple[str, ...]:
    """Warn of identical items with different labels, and in different given splits.

    Args:
        digests: one per item.
        labels: one per item, or None.
        names: what to call each.
        splits: the splits given by the data, or empty.
    """
    contents = numbered(digests)
    first = np.unique(contents, return_index=True)[1][contents]
    copies = np.flatnonzero(first != np.arange(first.size)).tolist()
    if not copies:
        return ()
    pairs = [(int(first[copy]), copy) for copy in copies]
    warnings = []
    differ = _differing(pairs, labels) if labels is not None else []
    if differ and labels is not None:
        a, b = differ[0]
        number = isinstance(labels[a], float)
        what = "number" if number else "label"
        verdict = "these are far apart" if number else "one of them is wrong"
        warnings.append(
            f"{_times(len(differ), 'item')} identical to one with another {what}, such as "
            f"{names[a]} ({_written(labels[a])}) and {names[b]} ({_written(labels[b])}); {verdict}."
        )
    sides = _given_sides(splits, len(digests))
    across = [(a, b) for a, b in pairs if sides[a] != sides[b]]
    if across:
        a, b = across[0]
        warnings.append(
            f"{_times(len(across), 'item')} in more than one given split, such as {names[a]} "
            f"({splits[a] or 'no split'}) and {names[b]} ({splits[b] or 'no split'}); each is "
            "kept in test, else in validation, and left out of train."
        )
    return tuple(warnings)


def _differing(pairs: Sequence[tuple[int, int]], labels: Sequence[Label]) -> list[tuple[int, int]]:
    """The pairs that are labelled differently: numbers by more than the spread of all of them.

    Two measurements of one thing differ by noise, and neither is wrong.
    """
    if not isinstance(labels[0], float):
        return [(a, b) for a, b in pairs if labels[a] != labels[b]]
    values = np.asarray(labels, np.float64)
    return [(a, b) for a, b in pairs if abs(values[a] - values[b]) > values.std()]


def _written(label: Label) -> str:
    return some(label) or "none" if isinstance(label, tuple) else repr(label)


def _times(count: int, what: str) -> str:
    return f"{count:,} {what} is" if count == 1 else f"{count:,} {what}s are"


def _given_sides(given: Sequence[Split | None], items: int) -> Indices:
    if not len(given):
        return np.zeros(items, np.int64)
    return np.fromiter((_SIDES[each] for each in given), np.int64, items)


def _carve(
    side: Indices, strata: Indices, number: int, wanted: float, rng: np.random.Generator
) -> None:
    """Move about `wanted` contents from train to `number`, by stratum.

    A stratum of two or more gives at least one and keeps at least one.
    """
    pool = np.flatnonzero(side == 0)
    sizes = np.bincount(strata[pool])
    quota = sizes * (wanted / pool.size)
    take = np.floor(quota).astype(np.int64)
    # Largest remainders round the shares so that they add up to the whole.
    rest = round(quota.sum()) - int(take.sum())
    take[np.argsort(take - quota, kind="stable")[:rest]] += 1
    take = np.minimum(np.maximum(take, sizes >= 2), np.maximum(sizes - 1, 0))
    order = np.lexsort((rng.random(pool.size), strata[pool]))
    starts = np.cumsum(sizes) - sizes
    of = strata[pool][order]
    position = np.arange(pool.size) - starts[of]
    side[pool[order[position < take[of]]]] = number


def _blocks(side: Indices, group: Indices, members: "csr_array") -> Blocks:
    """The groups of what is in train; one that is in another split too stays there."""
    parted = np.zeros(int(group.max(initial=-1)) + 1, bool)
    parted[group[side != 0]] = True
    return blocks_of(group, members, np.flatnonzero(side == 0), parted)


def _carve_groups(
    side: Indices,
    group: Indices,
    members: "csr_array",
    number: int,
    wanted: float,
    task: Task,
    rng: np.random.Generator,
) -> None:
    """Move groups with about `wanted` contents from train to `number`, by stratum."""
    inside = side == 0
    share = min(wanted / max(int(np.count_nonzero(inside)), 1), 0.99)
    blocks = _blocks(side, group, members)
    moved = taken(blocks, share, rng, all_learnt=task != "regression")
    side[inside & moved[group]] = number


def _refuse_empty(
    side: Indices, number: int, distinct: int, groups: Indices | None, task: Task
) -> None:
    if (side == number).any():
        return
    name = next(split for split, n in _SIDES.items() if n == number)
    if groups is None:
        raise DataError(
            f"There {'is' if distinct == 1 else 'are'} only {distinct:,} distinct "
            f"item{'' if distinct == 1 else 's'} to divide, and none is left for {name}; "
            "a class needs at least 3."
        )
    what = {"classification": "a class needs", "multilabel": "each label of an item needs"}
    raise DataError(
        f"{in_groups(groups)}, and none is left for {name}; {what.get(task, 'the data needs')} at "
        "least 3 groups."
    )


def in_groups(groups: Indices) -> str:
    """Of how many groups, (n,), distinct items are, and how large these are."""
    sizes = np.sort(np.bincount(groups))[::-1]
    sizes = sizes[sizes > 0]
    several = f"{len(sizes):,} group{'' if len(sizes) == 1 else 's'}"
    most = ", ".join(f"{size:,}" for size in sizes[:5].tolist())
    of = f"of {most} items" if len(sizes) <= 5 else f"the largest of {most} items"
    return f"The {len(groups):,} distinct items are in {several} that may not be parted ({of})"


def _confined(
    members: "csr_array",
    labels: Sequence[Label],
    group: Indices,
    pool: Indices,
    task: Task,
) -> tuple[str, ...]:
    """Warn of classes whose items are all in one group: they are learnt, and never tested.

    Raises:
        DataError: that leaves too few classes to test.
    """
    if task == "regression":
        return ()
    unparted = np.zeros(int(group.max(initial=-1)) + 1, bool)
    sizes = confined(blocks_of(group, members, pool, unparted))
    if not sizes:
        return ()
    every = names(labels)
    counts = np.asarray(members[pool].sum(axis=0))
    most = [f"{every[at]!r} ({number:,} items)" for at, number in sizes.items()]
    said = ", ".join(most[:5]) + (f" and {len(most) - 5:,} more" if len(most) > 5 else "")
    left = np.count_nonzero(counts > 1) - len(sizes)
    if left < (2 if task == "classification" else 1):
        raise DataError(
            f"The items of these classes are all in one group each: {said}. A group is on one side "
            "of the split, so that too few classes can be both learnt and tested; name a finer "
            "group, or give classes items of several groups."
        )
    return (
        f"The items of these classes are all in one group each, so that they are learnt and not "
        f"tested: {said}.",
    )


def _warnings(
    labels: Sequence[Label], train: Indices, validation: Indices, test: Indices, task: Task
) -> tuple[str, ...]:
    if task == "regression":
        return ()
    known, seen, judged = (
        set(counts_of([labels[i] for i in side.tolist()], task))
        for side in (train, validation, test)
    )
    warnings = []
    if test.size and (untested := ordered(known - judged)):
        warnings.append(f"Too few items to test: {some(untested)}; absent from the test split.")
    if unknown := ordered((judged | seen) - known):
        several = "the items stay, without that label"
        what = several if task == "multilabel" else "what is so labelled is left out"
        warnings.append(f"No training item is labelled {some(unknown)}; {what}.")
    return tuple(warnings)
