"""Predictions for a person at a terminal."""

from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headstart.cli.rows import Row, rows
from headstart.data.names import shown
from headstart.model import Predictions
from headstart.report.columns import columns
from headstart.report.terminal import show_skipped, show_warnings
from headstart.wording import count, figure, items, percent

MOST_ROWS = 200
FEW_CLASSES = 3


def show_answers(
    answers: Predictions, top: int | None, path: Path | None, console: Console
) -> None:
    """Print the answers, or, where they went to a file, how many there are."""
    left = len(answers.names) - MOST_ROWS
    if path is not None:
        answered = len(answers) - sum(error is not None for error in answers.errors)
        said = f"{items(answered, 'answer')} in {shown(str(path))}"
        console.print(Text(said), soft_wrap=True)
    else:
        console.print(_table(answers, top))
        if left > 0:
            more = f"and {count(left)} more; --out FILE.csv writes them all"
            console.print(Text(more, style="dim"))
    rest = "the file names them all" if path else "--json lists them all"
    show_skipped(console, answers.skipped, rest)
    show_warnings(console, answers.warnings)


def _table(answers: Predictions, top: int | None) -> Table:
    said = ["value"] if answers.probabilities is None else ["label", "probability"]
    table = columns(["item", *said])
    ranked = top or (0 if answers.task == "classification" else FEW_CLASSES)
    for row in islice(rows(answers, top), min(len(answers.names), MOST_ROWS)):
        table.add_row(Text(shown(row.item)), *_cells(row, ranked))
    return table


def _cells(row: Row, ranked: int) -> list[Text]:
    if row.error is not None:
        return [Text("-", style="dim")]
    if isinstance(row.label, float):
        return [Text(figure(row.label))]
    label = row.label if isinstance(row.label, str) else ", ".join(row.label or ("none",))
    best = sorted(row.ranked, key=lambda each: -each[1])
    if ranked:
        share = ", ".join(f"{shown(name)} {percent(p)}" for name, p in best[:ranked])
    else:
        share = percent(best[0][1])
    return [Text(shown(label)), Text(share)]
