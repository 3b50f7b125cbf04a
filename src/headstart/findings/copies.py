"""Items that are there more than once: with the same label, with others, on both sides of a split.

Identical items have one digest; near-duplicates are in one component of `Evidence.together`.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from headstart.data.together import numbered
from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, Suspect, finding
from headstart.types import Indices
from headstart.wording import items


def found_in(evidence: Evidence) -> Iterator[Finding]:
    """Duplicates, duplicates with different labels, and leaks between given splits."""
    content = numbered(bytes(each) or None for each in evidence.contents)
    exact = _groups(content)
    near = [group for group in _groups(evidence.together) if len(set(content[group])) > 1]
    yield from _conflicting(evidence, exact, "identical", "error")
    yield from _conflicting(evidence, near, "nearly identical", "warning")
    yield from _leaks(evidence, [*exact, *near])
    yield from _duplicates(evidence, exact)
    yield from _near_duplicates(evidence, near)


def _groups(numbers: Indices) -> list[Indices]:
    """The positions of each number that is there more than once, in order of the first."""
    known = np.flatnonzero(numbers >= 0)
    order = known[np.argsort(numbers[known], kind="stable")]
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    parts = np.split(order, starts[1:]) if len(order) else []
    return sorted((part for part in parts if len(part) > 1), key=lambda part: int(part[0]))


def _conflicting(
    evidence: Evidence, groups: Sequence[Indices], how: str, severity: str
) -> Iterator[Finding]:
    """Copies whose labels differ; numbers by more than the spread of all of them."""
    data = evidence.data
    assert data.labels is not None
    spread = np.std(np.asarray(data.labels, np.float64)) if evidence.task == "regression" else 0.0
    listed: list[Suspect] = []
    parts = 0
    for group in groups:
        labels = [data.labels[at] for at in group.tolist()]
        if evidence.task == "regression":
            differ = np.ptp(np.asarray(labels, np.float64)) > spread
        else:
            differ = len(set(labels)) > 1
        if differ:
            parts += 1
            first = int(group[0])
            listed.append(evidence.suspect(first, beside=int(group[1])))
            listed += [evidence.suspect(at, beside=first) for at in group[1:].tolist()]
    if listed:
        yield finding(
            "conflicting-labels" if severity == "error" else "near-conflicting-labels",
            "error" if severity == "error" else "warning",
            f"{items(len(listed), 'item')} in {items(parts, 'group')} are {how}, but are labelled "
            "differently: correct the labels, or leave the items out.",
            listed,
        )


def _leaks(evidence: Evidence, groups: Sequence[Indices]) -> Iterator[Finding]:
    """Copies on both sides of a split that the data gives."""
    splits = evidence.data.splits
    if not any(splits):
        return
    listed: dict[int, Suspect] = {}
    for group in groups:
        sides: dict[str, int] = {}
        for at in group.tolist():
            sides.setdefault(splits[at] or "train", at)
        if len(sides) < 2:
            continue
        for at in group.tolist():
            own = splits[at] or "train"
            other = next(there for side, there in sides.items() if side != own)
            listed.setdefault(at, evidence.suspect(at, beside=other))
    if listed:
        yield finding(
            "leaks",
            "error",
            f"{items(len(listed), 'item has', 'items have')} copies on the other side of the "
            "data's own splits: what is tested is not new to the model, and its figures are "
            "too good. Take them out of one split.",
            listed.values(),
        )


def _duplicates(evidence: Evidence, groups: Sequence[Indices]) -> Iterator[Finding]:
    listed = [
        evidence.suspect(at, beside=int(group[0])) for group in groups for at in group[1:].tolist()
    ]
    if listed:
        yield finding(
            "duplicates",
            "note",
            f"{items(len(listed), 'item repeats', 'items repeat')} an earlier one exactly. "
            "headstart keeps copies on one side of a split that it makes; they count as often as "
            "they are there.",
            listed,
        )


def _near_duplicates(evidence: Evidence, groups: Sequence[Indices]) -> Iterator[Finding]:
    listed = [
        evidence.suspect(at, beside=int(group[0])) for group in groups for at in group[1:].tolist()
    ]
    if listed:
        yield finding(
            "near-duplicates",
            "note",
            f"{items(len(listed), 'item is', 'items are')} nearly the same as an "
            f"earlier one, in {items(len(groups), 'group')}.",
            listed,
        )
