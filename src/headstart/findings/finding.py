"""A finding about data: what kind, how serious, in words, and the items that it is about."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Self

from headstart.data.corrections import written
from headstart.data.dataset import Dataset
from headstart.types import Label
from headstart.wording import hexadecimal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Suspect:
    """An item that a finding is about.

    Attributes:
        position: where it is in the data.
        name: what it is called.
        digest: of its content, 32 hexadecimal digits; empty where it cannot be read.
        label: what it is labelled, as text.
        suggestion: what it is more likely to be, as text; empty where nothing is suggested.
        beside: the name of the item that it is compared with; empty where there is none.
        beside_digest: of that item's content.
        score: how suspicious it is, by the measure of its kind of finding.
    """

    position: int
    name: str
    digest: str
    label: str
    suggestion: str = ""
    beside: str = ""
    beside_digest: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the data that a person should look at.

    Attributes:
        kind: such as `label-errors`.
        severity: `error` for what cannot be right, `warning` for what probably is not, `note` for
            what is worth knowing.
        message: a sentence or two, and what to do.
        items: the most suspicious first; of many, in the report of a fit, the first few.
        count: how many there are.
    """

    kind: str
    severity: Severity
    message: str
    items: tuple[Suspect, ...] = ()
    count: int = 0

    def shortened(self, most: int) -> Self:
        """The same with the first items alone."""
        return replace(self, items=self.items[:most])


def finding(kind: str, severity: Severity, message: str, items: Iterable[Suspect]) -> Finding:
    """A finding that counts its items."""
    listed = tuple(items)
    return Finding(kind, severity, message, listed, len(listed))


def suspect(
    data: Dataset,
    at: int,
    digest: bytes,
    *,
    suggestion: Label | None = None,
    beside: int | None = None,
    beside_digest: bytes = b"",
    score: float | None = None,
) -> Suspect:
    """The item at a position of the data."""
    return Suspect(
        position=at,
        name=data.names[at],
        digest=hexadecimal(digest) if digest else "",
        label=written(data.labels[at] if data.labels is not None else None),
        suggestion=written(suggestion),
        beside="" if beside is None else data.names[beside],
        beside_digest=hexadecimal(beside_digest) if beside_digest else "",
        score=None if score is None else float(f"{score:.4g}"),
    )
