"""Labels: what cells mean, the classes in order, codes for a network, and what looks wrong."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from headstart.data.dataset import Dataset, Task
from headstart.data.forms import MISSING, is_truth, ordered, same
from headstart.errors import DataError
from headstart.types import Label, Targets
from headstart.wording import items, shown, some

SMALL_CLASS = 10
"""A class of fewer items is mentioned: its figures are uncertain."""

FAR = 10
"""A number this many times as far from the others as they lie apart may stand for "missing"."""

STRETCHED = 100
"""So many times the range of the middle half is a spread that a few numbers make."""


def classes_of(labels: Iterable[Label], task: Task) -> tuple[str, ...]:
    """The classes in order, numbers by what they count; none for regression."""
    if task == "regression":
        return ()
    return tuple(ordered(counts_of(labels, task)))


def encode(labels: Sequence[Label], classes: Sequence[str], task: Task) -> Targets:
    """Labels as numbers.

    Returns:
        classification: int64 (n,), -1 where a label is not among `classes`; multilabel: uint8
        (n, classes), unknown ones left out; regression: float64 (n,).
    """
    if task == "regression":
        return np.asarray(labels, np.float64).reshape(-1)
    codes = {name: code for code, name in enumerate(classes)}
    if task == "classification":
        return np.fromiter((codes.get(str(x), -1) for x in labels), np.int64, len(labels))
    encoded = np.zeros((len(labels), len(classes)), np.uint8)
    for row, several in enumerate(labels):
        assert isinstance(several, tuple)
        encoded[row, [codes[name] for name in several if name in codes]] = 1
    return encoded


def check(dataset: Dataset) -> tuple[str, ...]:
    """What a person should know about the labels before a model is made from them.

    Raises:
        DataError: nothing can be learned, because all labels are the same.
    """
    if dataset.labels is None or dataset.task is None:
        return ()
    sides = dataset.splits or [None] * len(dataset)
    learnt = [x for x, side in zip(dataset.labels, sides, strict=True) if side in (None, "train")]
    if not learnt:
        raise DataError("The data has no items to train on; its train split is missing or empty.")
    if dataset.task == "regression":
        if len(set(learnt)) == 1:
            raise DataError("Every label is the same number; at least two values are needed.")
        return _far(learnt)
    every = counts_of(dataset.labels, dataset.task)
    _refuse_unwritable(dataset, every)
    counts = counts_of(learnt, dataset.task)
    varied = dataset.task == "multilabel" and any(n < len(learnt) for n in counts.values())
    if len(counts) < 2 and not varied:
        there = f"only one class, {some(counts)}," if counts else "no class"
        raise DataError(f"There is {there} to learn from; at least two classes are needed.")
    return (*_lookalikes(every), *_small(every, len(dataset)))


def _refuse_unwritable(dataset: Dataset, classes: Iterable[str]) -> None:
    """A class with half of a character in its name, as JSON allows, cannot be saved."""
    if not (wrong := {name for name in classes if not _is_text(name)}):
        return
    for label, item in zip(dataset.labels or (), dataset.names, strict=True):
        for name in label if isinstance(label, tuple) else (str(label),):
            if name in wrong:
                raise DataError(
                    f"{item}: the label '{shown(name)[:80]}' has a lone surrogate in it, which is "
                    "no character; correct it."
                )


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def counts_of(labels: Iterable[Label], task: Task) -> Counter[str]:
    """How many items have each class."""
    if task == "multilabel":
        return Counter(chain.from_iterable(x for x in labels if isinstance(x, tuple)))
    return Counter(str(x) for x in labels)


def _lookalikes(classes: Iterable[str]) -> list[str]:
    alike = defaultdict(list)
    for name in sorted(classes):
        alike[_without_case(name)].append(name)
    return [
        f"Classes {some(names)} differ only in case, white space or Unicode form; "
        "they are kept apart."
        for names in alike.values()
        if len(names) > 1
    ]


def _without_case(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def lookalikes(names: Iterable[str], classes: Iterable[str]) -> dict[str, str]:
    """Which of some names differ from a class only in case, white space or Unicode form."""
    plain = {_without_case(each): each for each in classes}
    return {name: plain[key] for name in names if (key := _without_case(name)) in plain}


def one_form(dataset: Dataset) -> Dataset:
    """The data with the labels of its other splits as those of its train split are written."""
    if dataset.labels is None or dataset.task is None or not dataset.splits:
        return dataset
    sides = zip(dataset.labels, dataset.splits, strict=True)
    return aligned(
        dataset, classes_of([x for x, side in sides if side in (None, "train")], dataset.task)
    )


def aligned(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The data with its labels as `classes` write them, where only the form differs.

    Other data may come from another format: `1.0` for `1`, `True` for `true` or `1`, `1` for `01`.
    """
    if dataset.labels is None or dataset.task in (None, "regression"):
        return dataset
    known = defaultdict(list)
    for each in classes:
        known[same(each)].append(each)
    bits = set(known) <= {0.0, 1.0}
    names = {}
    for name in ordered(set(counts_of(dataset.labels, dataset.task)) - set(classes)):
        there = known.get(same(name), [])
        if len(there) == 1 and (bits or is_truth(name) == is_truth(there[0])):
            names[name] = there[0]
    if not names:
        return dataset
    labels = [
        tuple(ordered({names.get(each, each) for each in x}))
        if isinstance(x, tuple)
        else names.get(str(x), x)
        for x in dataset.labels
    ]
    note = f"Labels {some(names)} are taken as the classes {some(names.values())}, written so."
    return replace(dataset, labels=labels, notes=(*dataset.notes, note))


def kept_words(classes: Iterable[str], na_values: str | None) -> str | None:
    """What `na_values` is for other data, where a word such as NA is one of the classes."""
    return "" if na_values is None and not MISSING.isdisjoint(classes) else na_values


def _far(values: Sequence[Label]) -> tuple[str, ...]:
    """A warning of a least or greatest number that is so far out that it may mean "missing"."""
    numbers, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    if numbers.size < 4:
        return ()
    warnings: list[str] = []
    for at, near, rest in ((0, 1, numbers[1:]), (-1, -2, numbers[:-1])):
        if abs(numbers[at] - numbers[near]) > FAR * np.ptp(rest):
            far = f"{numbers[at]:.15g}"
            warnings.append(
                f"{items(int(counts[at]), 'item')} labelled {far}, far from all others "
                f"({rest[0]:.6g} to {rest[-1]:.6g}); if that means that the label is missing, "
                f"say --na-values={far}."
            )
    low, high = np.percentile(np.asarray(values, np.float64), (25, 75))
    if not warnings and 0 < STRETCHED * (high - low) < np.std(np.asarray(values, np.float64)):
        warnings.append(
            f"Half of the numbers lie between {low:.6g} and {high:.6g}, but they go from "
            f"{numbers[0]:.6g} to {numbers[-1]:.6g}: the few large ones decide what is learnt. "
            "Consider their logarithm as the label."
        )
    return tuple(warnings)


def _small(counts: Counter[str], items: int) -> list[str]:
    warnings = []
    if len(counts) > 20 and 2 * len(counts) > items:
        warnings.append(
            f"There are {len(counts):,} classes for {items:,} items; is the label right?"
        )
    small = ordered(name for name, n in counts.items() if n < SMALL_CLASS)
    if small:
        warnings.append(
            f"Fewer than {SMALL_CLASS} items are labelled {some(small)}; "
            "their figures are uncertain."
        )
    return warnings
