"""Labels: what cells mean, the classes in order, codes for a network, and what looks wrong."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Dataset, Label, Task
from headstart.data.names import shown, some
from headstart.errors import InputError

SMALL_CLASS = 10
"""A class of fewer items is mentioned: its figures are uncertain."""


def classes_of(labels: Iterable[Label], task: Task) -> tuple[str, ...]:
    """The classes, sorted; none for regression."""
    if task == "regression":
        return ()
    return tuple(sorted(counts_of(labels, task)))


def encode(labels: Sequence[Label], classes: Sequence[str], task: Task) -> NDArray[Any]:
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
        InputError: nothing can be learned, because all labels are the same.
    """
    if dataset.labels is None or dataset.task is None:
        return ()
    sides = dataset.splits or [None] * len(dataset)
    learnt = [x for x, side in zip(dataset.labels, sides, strict=True) if side in (None, "train")]
    if not learnt:
        raise InputError("The data has no items to train on; its train split is missing or empty.")
    if dataset.task == "regression":
        if len(set(learnt)) == 1:
            raise InputError("Every label is the same number; at least two values are needed.")
        return ()
    every = counts_of(dataset.labels, dataset.task)
    _refuse_unwritable(dataset, every)
    counts = counts_of(learnt, dataset.task)
    varied = dataset.task == "multilabel" and any(n < len(learnt) for n in counts.values())
    if len(counts) < 2 and not varied:
        there = f"only one class, {some(counts)}," if counts else "no class"
        raise InputError(f"There is {there} to learn from; at least two classes are needed.")
    return (*_lookalikes(every), *_small(every, len(dataset)))


def _refuse_unwritable(dataset: Dataset, classes: Iterable[str]) -> None:
    """A class with half of a character in its name, as JSON allows, cannot be saved."""
    if not (wrong := {name for name in classes if not _is_text(name)}):
        return
    for label, item in zip(dataset.labels or (), dataset.names, strict=True):
        for name in label if isinstance(label, tuple) else (str(label),):
            if name in wrong:
                raise InputError(
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
        plain = unicodedata.normalize("NFKC", name).casefold()
        alike[" ".join(plain.split())].append(name)
    return [
        f"Classes {some(names)} differ only in case, white space or Unicode form; "
        "they are kept apart."
        for names in alike.values()
        if len(names) > 1
    ]


def _small(counts: Counter[str], items: int) -> list[str]:
    warnings = []
    if len(counts) > 20 and 2 * len(counts) > items:
        warnings.append(
            f"There are {len(counts):,} classes for {items:,} items; is the label right?"
        )
    small = sorted(name for name, n in counts.items() if n < SMALL_CLASS)
    if small:
        warnings.append(
            f"Fewer than {SMALL_CLASS} items are labelled {some(small)}; "
            "their figures are uncertain."
        )
    return warnings
