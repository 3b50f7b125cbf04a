"""Findings about data, for a person at a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.text import Text

from headstart.report.columns import columns
from headstart.report.terminal import facts, section, show_skipped, show_warnings
from headstart.wording import count, duration, items, shown

if TYPE_CHECKING:
    from headstart.findings import Finding, Suspect
    from headstart.report.report import CheckReport

MOST_ITEMS = 5
WIDEST = 40
"""Letters of a name or text in a table."""

NARROWEST, LONGEST = 20, 60
"""Letters of a text: with less room there is no column of them."""
GAP = 2
"""Between two columns."""

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "dim"}


def show_check(report: CheckReport, console: Console) -> None:
    """Print what was checked, every finding with its first items, and what to do next."""
    rows = [
        (f"{report.modality}s", count(report.counts["checked"])),
        ("task", report.task),
        ("backbone", report.backbone),
        ("time", duration(report.seconds["total"])),
        *(("notes", note) for note in report.notes),
        *((("page", report.page),) if report.page else ()),
    ]
    section(console, f"Data: {report.dataset}", facts(rows))
    show_skipped(console, report.skipped, "--json lists them all")
    show_warnings(console, report.warnings)
    for each in report.findings:
        _show(console, each, report.texts)
    if not report.findings:
        section(console, "Findings", Text("nothing suspicious was found"))
    _show_next(report, console)


def _show_next(report: CheckReport, console: Console) -> None:
    if not any(each.items for each in report.findings):
        return
    section(console, "Next", None)
    if report.suspects is None:
        said = "write the suspects to a table, to correct labels or leave items out"
        command = "the same command with --out suspects.csv"
    else:
        said = f"fill in {report.suspects} (corrected_label, or leave_out), then"
        command = f"headstart fit DATA --out model --corrections {shlex.quote(report.suspects)}"
    console.print(Text(f"  {shown(said)}", style="dim"))
    console.print(Text(f"    {shown(command)}"), soft_wrap=True)


def _show(console: Console, finding: Finding, texts: Mapping[int, str]) -> None:
    title = f"{finding.kind.replace('-', ' ').capitalize()} ({finding.severity})"
    lines: list[RenderableType] = [Text(shown(finding.message))]
    if finding.items:
        # The table is two columns in.
        lines.append(_examples(finding.items[:MOST_ITEMS], texts, console.width - 2))
    left = finding.count - MOST_ITEMS
    if left > 0:
        lines.append(Text(f"and {items(left, 'more', 'more')}", style="dim"))
    section(console, title, Group(*lines))


def _examples(suspects: tuple[Suspect, ...], texts: Mapping[int, str], room: int) -> RenderableType:
    """A table of the columns that say something; with the texts, where there is room for them."""
    every = {
        "item": [each.name for each in suspects],
        "label": [each.label for each in suspects],
        "suggested": [each.suggestion for each in suspects],
        "beside": [each.beside for each in suspects],
    }
    used = {name: [_cut(cell) for cell in cells] for name, cells in every.items() if any(cells)}
    left = room - sum(max(map(cell_len, (name, *cells))) + GAP for name, cells in used.items())
    said = [texts.get(each.position, "") for each in suspects]
    if any(said) and left >= NARROWEST:
        used["text"] = [_fitted(shown(text), min(left, LONGEST)) for text in said]
    table = columns(tuple(used))
    for row in zip(*used.values(), strict=True):
        table.add_row(*map(Text, row))
    return table


def _fitted(text: str, width: int) -> str:
    """The start of a text that is so wide in a terminal, where some letters take two columns."""
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, width - 3).rstrip()}..."


def _cut(cell: str) -> str:
    cell = shown(cell)
    return cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 3]}..."
