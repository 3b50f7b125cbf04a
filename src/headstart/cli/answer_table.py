"""Predictions for a person at a terminal."""

from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headstart.predictors import Predictions
from headstart.report.columns import columns
from headstart.report.rows import Row, id_key, rows
from headstart.report.terminal import show_skipped, show_warnings
from headstart.wording import count, items, percent, shown, value

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
    said = ["label", "probability"]
    if answers.probabilities is None:
        said = ["value"] if answers.abstain is None else ["value", "interval"]
    elif top is not None and answers.task == "classification":
        said = ["most probable"]
    id = id_key(answers)
    table = columns([*([] if id is None else [id]), "item", *said])
    for row in islice(rows(answers, top), min(len(answers.names), MOST_ROWS)):
        names = [row.item] if id is None else ["" if row.id is None else str(row.id), row.item]
        table.add_row(*(Text(shown(name)) for name in names), *_cells(row, top))
    return table


def _cells(row: Row, top: int | None) -> list[Text]:
    if row.error is not None:
        return [Text("-", style="dim")]
    if isinstance(row.label, float):
        ends = [] if row.interval is None else [Text(" to ".join(map(value, row.interval)))]
        return [Text(value(row.label)), *ends]
    best = sorted(row.ranked, key=lambda each: -each[1])
    single = isinstance(row.label, str)
    few = top or (0 if single else FEW_CLASSES)
    ranked = ", ".join(f"{shown(name)} {percent(share)}" for name, share in best[:few])
    if not single:
        return [Text(shown(", ".join(row.label or ("none",)))), Text(ranked)]
    if row.set is not None and len(row.set) != 1:
        return [Text(f"not sure: {shown(', '.join(row.set))}"), *([] if top else [Text("-")])]
    if top:
        return [Text(ranked)]
    assert row.probability is not None
    return [Text(shown(str(row.label))), Text(percent(row.probability))]
