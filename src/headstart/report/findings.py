"""Findings about data, for a person at a terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

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
        _show(console, each)
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


def _show(console: Console, finding: Finding) -> None:
    title = f"{finding.kind.replace('-', ' ').capitalize()} ({finding.severity})"
    lines: list[RenderableType] = [Text(shown(finding.message))]
    if finding.items:
        lines.append(_examples(finding.items[:MOST_ITEMS]))
    left = finding.count - MOST_ITEMS
    if left > 0:
        lines.append(Text(f"and {items(left, 'more', 'more')}", style="dim"))
    section(console, title, Group(*lines))


def _examples(suspects: tuple[Suspect, ...]) -> RenderableType:
    """A table of the columns that say something."""
    every = {
        "item": [each.name for each in suspects],
        "label": [each.label for each in suspects],
        "suggested": [each.suggestion for each in suspects],
        "beside": [each.beside for each in suspects],
    }
    used = {name: cells for name, cells in every.items() if any(cells)}
    table = columns(tuple(used))
    for row in zip(*used.values(), strict=True):
        table.add_row(*(Text(_cut(cell)) for cell in row))
    return table


def _cut(cell: str) -> str:
    cell = shown(cell)
    return cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 3]}..."
