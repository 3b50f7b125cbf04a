"""Items that cannot be read, texts that are empty, and texts that are cut at the token limit."""

from collections.abc import Iterator

from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, Suspect, finding
from headstart.wording import items, percent

TRUNCATED = "truncated"
"""The note of a text that has more tokens than the network takes."""


def found_in(evidence: Evidence) -> Iterator[Finding]:
    """What was skipped, and what was cut."""
    if evidence.skipped:
        first = evidence.skipped[0]
        yield finding(
            "unreadable",
            "warning",
            f"{items(len(evidence.skipped), 'item')} cannot be used, such as {first.item}: "
            f"{first.reason}.",
            (Suspect(-1, each.item, "", "") for each in evidence.skipped),
        )
    cut = [at for at, note in sorted(evidence.notes.items()) if TRUNCATED in note]
    if cut and evidence.data.modality == "text":
        share = len(cut) / len(evidence.data)
        yield finding(
            TRUNCATED,
            "note",
            f"{items(len(cut), 'text')} ({percent(share)}) are longer than the network reads: what "
            "is said after its limit of tokens does not count.",
            (evidence.suspect(at) for at in cut),
        )
