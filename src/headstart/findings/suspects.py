"""Suspects as a table to be filled in, which `fit --corrections` takes back."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from headstart.atomic import whole
from headstart.data.corrections import CORRECTED, DIGEST, LABEL, LEAVE_OUT, NAME, as_text
from headstart.data.dataset import Dataset
from headstart.findings.finding import Finding, Suspect
from headstart.wording import harmless

COLUMNS = (
    NAME, "findings", LABEL, "suggested_label", "score", "beside", CORRECTED, LEAVE_OUT, DIGEST,
)  # fmt: skip
TEXT = "text"
"""A column behind the name, where the items are texts."""
CHARACTERS = 600
"""Of a text that are shown."""


def texts_of(findings: Sequence[Finding], data: Dataset) -> dict[int, str]:
    """The start of each text that findings are about, in one line, by its position in the data.

    Nothing of images.
    """
    if data.modality != "text":
        return {}
    positions = {each.position for found in findings for each in found.items if each.position >= 0}
    return {at: _start(str(data.items[at])) for at in sorted(positions)}


def _start(text: str) -> str:
    line = " ".join(text.split())
    return harmless(line if len(line) <= CHARACTERS else f"{line[: CHARACTERS - 1]}…")


def write(findings: Sequence[Finding], path: Path, texts: Mapping[int, str]) -> int:
    """Write a row for each item that findings are about, the most serious first.

    The last columns but one are empty: there a person writes the right label, or that the item is
    to be left out.

    Args:
        findings: of a check.
        path: the file.
        texts: as `texts_of` gives them.

    Returns:
        How many rows.
    """
    kinds: dict[int, list[str]] = {}
    first: dict[int, Suspect] = {}
    for found in findings:
        for each in found.items:
            if each.position < 0:
                continue
            known = kinds.setdefault(each.position, [])
            if found.kind not in known:
                known.append(found.kind)
            before = first.setdefault(each.position, each)
            if each.suggestion and not before.suggestion:
                first[each.position] = each
    with whole(path) as unfinished, unfinished.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        header = (NAME, TEXT, *COLUMNS[1:]) if texts else COLUMNS
        writer.writerow(header)
        for at, each in first.items():
            score = "" if each.score is None else f"{each.score:.4g}"
            found_as = " ".join(kinds[at])
            name, label, suggestion, beside = map(
                as_text, (each.name, each.label, each.suggestion, each.beside)
            )
            text = (as_text(texts[at]),) if texts else ()
            cells = (name, *text, found_as, label, suggestion, score, beside)
            writer.writerow(map(_plain, (*cells, "", "", each.digest)))
    return len(first)


def _plain(cell: str) -> str:
    """A lone surrogate cannot be written as UTF-8."""
    return cell.encode("utf-8", "backslashreplace").decode()
