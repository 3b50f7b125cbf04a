"""Findings about data, with their items where they may be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headstart.report.page.gallery import image_of, text_of
from headstart.types import Unchecked
from headstart.wording import shown

MOST_SUSPECTS = 6
"""Items of a finding that the page of a model shows."""


@dataclass(frozen=True)
class Suspect:
    """An item that a finding is about, and the item that it lies beside, where there is one."""

    name: str
    label: str
    suggestion: str
    beside: str
    label_beside: str
    image: str | None
    image_beside: str | None
    text: str | None
    text_beside: str | None


@dataclass(frozen=True)
class Finding:
    """What was found in the data.

    Attributes:
        severity, message: as the report has them.
        kind: in words.
        count: items that it is about; left: those of them that are not shown.
        suspects: those that are.
    """

    severity: str
    kind: str
    message: str
    count: int
    suspects: tuple[Suspect, ...]
    left: int


def findings(
    report: Unchecked,
    kept: Mapping[str, Unchecked],
    *,
    private: bool,
    most: int = MOST_SUSPECTS,
) -> list[Finding]:
    """What was found in the data, with the items where they may be shown.

    Args:
        report: of a fit or a check, as JSON.
        kept: what is kept of single items, by digest.
        private: without messages and items.
        most: items of each.
    """
    found = []
    for each in report.get("findings") or []:
        every = each.get("items") or []
        total = each.get("count") or len(every)
        first, covered = ([], 0) if private else _first(every, most)
        labels = {_key(s): str(s.get("label") or "") for s in every}
        found.append(
            Finding(
                severity=str(each["severity"]),
                kind=str(each["kind"]).replace("-", " "),
                message="" if private else shown(each["message"]),
                count=total,
                suspects=tuple(_suspect(s, labels, kept) for s in first),
                left=total - covered,
            )
        )
    return found


def digests_of(every: Sequence[Unchecked], most: int) -> list[str]:
    """Of the items that are shown of findings, given as JSON, in order; some may repeat."""
    first = [s for each in every for s in _first(each["items"], most)[0]]
    return [each for s in first for each in (s["digest"], s["beside_digest"]) if each]


def _first(every: Sequence[Unchecked], most: int) -> tuple[list[Unchecked], int]:
    """The first that are shown, and how many are seen then: two beside each other are one pair."""
    pairs: set[tuple[object, object]] = set()
    first: list[Unchecked] = []
    for at, each in enumerate(every):
        pair = _key(each), _key_beside(each)
        if pair[::-1] in pairs:
            continue
        if len(first) == most:
            return first, at
        pairs.add(pair)
        first.append(each)
    return first, len(every)


def _key(suspect: Unchecked) -> tuple[object, object]:
    return suspect.get("name"), suspect.get("digest")


def _key_beside(suspect: Unchecked) -> tuple[object, object]:
    return suspect.get("beside"), suspect.get("beside_digest")


def _suspect(
    suspect: Unchecked, labels: Mapping[tuple[object, object], str], kept: Mapping[str, Unchecked]
) -> Suspect:
    about = kept.get(suspect.get("digest") or "", {})
    # Models of an older headstart keep what is beside by its name.
    beside = kept.get(suspect.get("beside_digest") or f"name:{suspect.get('beside')}", {})
    name, label, suggestion, other = (
        shown(str(suspect.get(key) or "")) for key in ("name", "label", "suggestion", "beside")
    )
    return Suspect(
        name=name,
        label=label,
        suggestion=suggestion,
        beside=other,
        label_beside=shown(labels.get(_key_beside(suspect), "")),
        image=image_of(about),
        image_beside=image_of(beside),
        text=text_of(about),
        text_beside=text_of(beside),
    )
