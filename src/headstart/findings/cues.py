"""A label that something beside the content predicts: file size, format, length, folder, order.

A network learns such a shortcut in place of what is meant (Geirhos et al. 2020, "Shortcut Learning
in Deep Neural Networks"). Each cue has a small decision tree, cross-validated: copies are in one
fold. It is reported where the tree beats the majority clearly (sign test), or ranks one class above
the others (Mann-Whitney test), both corrected for how many are tested.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, Severity, finding
from headstart.types import Floats, Indices, Mask
from headstart.wording import items, percent, some

SIGNIFICANT = 0.001
"""Probability of such a finding by chance, over all cues and classes together."""

SKILL = 0.3
"""Share of the majority's errors that a cue must save; or of the variance of numbers."""

RANKING = 0.9
"""Area under the ROC curve from which a cue tells one class from all others."""

LEAST = 10
"""Items of a class from which it is looked at."""

FEW = 40

AROUND = 5
"""Items before and after one that are looked at, to see whether the data is sorted."""


@dataclass(frozen=True)
class Cue:
    """Something beside the content.

    Attributes:
        name: in a sentence.
        rows: of the evidence's items it is known of, ascending.
        values: of these, as numbers.
        advice: what to do where it predicts the label.
    """

    name: str
    rows: Indices
    values: Floats
    advice: str


def found_in(evidence: Evidence) -> Iterator[Finding]:
    """A finding for each cue that predicts the label."""
    cues = [
        cue for cue in _cues(evidence) if len(cue.rows) >= FEW and len(np.unique(cue.values)) > 1
    ]
    if not cues:
        return
    fold = evidence.folds()
    tests = len(cues) * max(1, len(evidence.classes) + 1)
    for cue in cues:
        held_out = cue.rows[fold[cue.rows] >= 0]
        values = cue.values[fold[cue.rows] >= 0]
        said = _said(evidence, held_out, values, fold[held_out], SIGNIFICANT / tests)
        if said:
            severity: Severity = "note" if cue.name == ORDER else "warning"
            kind = "order" if cue.name == ORDER else "shortcut"
            message = f"{cue.name} alone predicts the label: {'; '.join(said)}. {cue.advice}"
            yield finding(kind, severity, message, ())


ORDER = "The order of the items"
_ALIKE = (
    "A model may learn that instead of what is meant: bring all items into one form, or collect "
    "them in one way."
)
_GROUPS = (
    "Items that were collected together may share more than the label; those belong on one side "
    "of the split."
)


def _cues(evidence: Evidence) -> Iterator[Cue]:
    data, rows = evidence.data, np.arange(len(evidence.positions))
    if data.modality == "text":
        lengths = [len(data.items[at]) for at in evidence.positions.tolist()]
        yield Cue("The length of the text", rows, np.log1p(np.array(lengths, np.float64)), _ALIKE)
    yield from _of_looks(evidence)
    yield from _of_folders(evidence)
    if not _sorted_by_label(evidence):
        yield Cue(ORDER, rows, evidence.positions.astype(np.float64), _GROUPS)


def _of_looks(evidence: Evidence) -> Iterator[Cue]:
    looks = evidence.looks
    if looks is None:
        return
    there = np.isin(looks.positions, evidence.positions)
    rows = np.searchsorted(evidence.positions, looks.positions[there])
    formats = np.unique(np.array(looks.formats), return_inverse=True)[1].astype(np.float64)
    for name, values in (
        ("The size of the file", np.log1p(looks.bytes)),
        ("The format of the file", formats),
        ("The width of the image", looks.width),
        ("The height of the image", looks.height),
        ("The aspect ratio of the image", np.log(looks.width / looks.height)),
    ):
        known = np.isfinite(values[there])
        yield Cue(name, rows[known], values[there][known], _ALIKE)


def _of_folders(evidence: Evidence) -> Iterator[Cue]:
    """The folders of a table's images, where these are not what names the classes."""
    data = evidence.data
    if data.reads.kind != "paths" or data.reads.label_from:
        return
    folders = [
        str(PurePath(item).parent) if isinstance(item := data.items[at], (str, PurePath)) else ""
        for at in evidence.positions.tolist()
    ]
    labels = [data.labels[at] if data.labels else "" for at in evidence.positions.tolist()]
    named = [PurePath(one).name == label for one, label in zip(folders, labels, strict=True)]
    if np.mean(named) < 0.5:
        numbers = np.unique(np.array(folders), return_inverse=True)[1].astype(np.float64)
        yield Cue("The folder of the image", np.arange(len(numbers)), numbers, _ALIKE)


def _sorted_by_label(evidence: Evidence) -> bool:
    """Whether the items come class by class, as folders and many tables have them.

    Each item is taken for what most of those around it are: a few wrong labels change nothing.
    """
    targets = evidence.targets
    if evidence.task != "classification":
        changes = np.any(np.diff(targets, axis=0).reshape(len(targets) - 1, -1) != 0, axis=1).sum()
        return bool(changes < 2 * len(np.unique(targets, axis=0)))
    padded = np.pad(targets.astype(np.int64), AROUND, constant_values=-1)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
    counts = np.stack([(around == each[:, None]).sum(axis=1) for each in around.T], axis=1)
    counts[around < 0] = 0
    most = counts == counts.max(axis=1, keepdims=True)
    smooth = np.where(most, around, len(evidence.classes)).min(axis=1)
    splits = max(1, len(set(evidence.data.splits)))
    return bool((np.diff(smooth) != 0).sum() < 2 * len(evidence.classes) * splits)


def _said(
    evidence: Evidence, rows: Indices, values: Floats, fold: Indices, significant: float
) -> list[str]:
    """What a tree on the values says of the labels; nothing where that is not much."""
    if len(rows) < FEW:
        return []
    targets = evidence.targets[rows]
    if evidence.task == "regression":
        return _of_numbers(values, targets.astype(np.float64), fold, significant)
    if evidence.task == "classification":
        codes = targets.astype(np.int64)
        leaf, shares = _shares(values, codes, fold, len(evidence.classes))
        said = _beats_majority(shares.argmax(axis=1)[leaf], codes, fold, significant)
        told = [
            name
            for code, name in enumerate(evidence.classes)
            if _ranks(shares[leaf, code], codes == code, significant)
        ]
    else:
        said, told = [], []
        for column, name in enumerate(evidence.classes):
            own = targets[:, column] > 0
            if own.any() and not own.all():
                leaf, shares = _shares(values, own.astype(np.int64), fold, 2)
                told += [name] if _ranks(shares[leaf, 1], own, significant) else []
    if told and not (said and len(told) == len(evidence.classes)):
        said.append(f"it tells {some(told)} from the other classes")
    return said


def _shares(
    values: Floats, targets: Indices, fold: Indices, classes: int
) -> tuple[Indices, Floats]:
    """Class probabilities by trees that did not learn from the item.

    Returns:
        Which leaf each item is in (n,), and the probabilities of each leaf (leaves, classes): a
        row for every item would be large where there are many classes.
    """
    from sklearn.tree import DecisionTreeClassifier

    leaf = np.zeros(len(values), np.int64)
    tables = [np.zeros((1, classes))]
    for each in np.unique(fold).tolist():
        own = fold == each
        if own.all():
            continue
        tree = DecisionTreeClassifier(
            max_leaf_nodes=max(8, 2 * classes), min_samples_leaf=5, random_state=0
        ).fit(values[~own, None], targets[~own])
        held_out = values[own, None]
        _, first, number = np.unique(tree.apply(held_out), return_index=True, return_inverse=True)
        leaf[own] = sum(map(len, tables)) + number
        tables.append(np.zeros((len(first), classes)))
        tables[-1][:, tree.classes_] = tree.predict_proba(held_out[first])
    return leaf, np.concatenate(tables)


def _beats_majority(
    predicted: Indices, targets: Indices, fold: Indices, significant: float
) -> list[str]:
    from scipy.stats import binomtest

    right = predicted == targets
    usual = np.zeros(len(targets), bool)
    for each in np.unique(fold).tolist():
        own = fold == each
        others = targets[~own] if not own.all() else targets
        usual[own] = targets[own] == np.bincount(others).argmax()
    better, worse = int((right & ~usual).sum()), int((usual & ~right).sum())
    missed = int((~usual).sum())
    if not missed or (better - worse) / missed < SKILL:
        return []
    if binomtest(better, better + worse, alternative="greater").pvalue > significant:
        return []
    return [
        f"with it {percent(float(right.mean()))} of {items(len(right), 'item')} are right, where "
        f"always predicting the most frequent class has {percent(float(usual.mean()))}"
    ]


def _ranks(share: Floats, own: Mask, significant: float) -> bool:
    from scipy.stats import mannwhitneyu

    if not LEAST <= own.sum() <= len(own) - LEAST:
        return False
    test = mannwhitneyu(share[own], share[~own], alternative="greater")
    area = test.statistic / (own.sum() * (~own).sum())
    return bool(area >= RANKING and test.pvalue <= significant)


def _of_numbers(values: Floats, targets: Floats, fold: Indices, significant: float) -> list[str]:
    from scipy.stats import ConstantInputWarning, spearmanr
    from sklearn.tree import DecisionTreeRegressor

    predicted = np.zeros(len(values))
    for each in np.unique(fold).tolist():
        own = fold == each
        if own.all():
            return []
        tree = DecisionTreeRegressor(max_leaf_nodes=8, min_samples_leaf=5, random_state=0)
        predicted[own] = tree.fit(values[~own, None], targets[~own]).predict(values[own, None])
    explained = 1 - np.mean((targets - predicted) ** 2) / max(float(np.var(targets)), 1e-300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)
        chance = spearmanr(predicted, targets, alternative="greater").pvalue
    if explained < SKILL or not chance <= significant:
        return []
    return [f"it explains {percent(float(explained))} of the variance"]
