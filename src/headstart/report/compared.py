"""A comparison of models for a person at a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from headstart.evaluation.comparison import Pair, Slice
from headstart.evaluation.paired import Tested
from headstart.evaluation.statistics import FIRST, LOWER_IS_BETTER
from headstart.report.columns import columns
from headstart.report.result import METRICS, slice_name
from headstart.report.terminal import facts, section, show_skipped, show_warnings
from headstart.wording import count, figure, items, shown

if TYPE_CHECKING:
    from headstart.report.comparison import ComparisonReport

MOST_ROWS = 20
NAMES = {
    "both": "both right",
    "only_new": "only {new} right",
    "only_old": "only {old} right",
    "neither": "neither right",
    "new_nearer": "{new} nearer",
    "old_nearer": "{old} nearer",
    "equal": "equally near",
}


def show_comparison(report: ComparisonReport, console: Console) -> None:
    """Print which model is better, by how much, on what, and where they disagree."""
    counts = report.counts
    left = counts["trained_on"]
    said = f"{count(counts['compared'])} compared on"
    if left:
        said += f"; {count(left)} left out, which a model was trained on"
    rows = [
        (f"model {letter}", name)
        for letter, name in zip(report.letters, report.models, strict=True)
    ]
    rows += [("items", said), *(("notes", note) for note in report.notes)]
    rows += [("page", report.page)] if report.page else []
    section(console, f"Data: {report.dataset or 'test items saved with the models'}", facts(rows))
    show_skipped(console, report.skipped, "--json lists them all")
    show_warnings(console, report.warnings)
    pairs = report.compared.pairs
    sentences = [in_words(report, pair) for pair in pairs]
    section(console, "Result", Group(Text(sentences[0], style="bold"), *map(Text, sentences[1:])))
    for pair in pairs:
        new, old = report.letters[pair.new], report.letters[pair.old]
        section(console, f"{new} less {old}", _tests(report, pair))
    for title, slices, called in (
        ("Classes", report.compared.per_class, shown),
        (f"By {report.by}", report.compared.slices, slice_name),
    ):
        if 0 < len(slices) <= MOST_ROWS:
            section(console, title, _slices(report, slices, called))
        elif slices:
            section(console, title, Text(f"{items(len(slices), 'row')}; --json lists them"))
    for pair, examples in zip(pairs, report.examples, strict=True):
        new, old = report.letters[pair.new], report.letters[pair.old]
        counted = ", ".join(
            f"{NAMES[name].format(new=new, old=old)}: {count(number)}"
            for name, number in pair.agreement.items()
        )
        table = columns(("item", "label", new, old))
        for each in examples:
            table.add_row(
                *(Text(shown(cell)) for cell in (each.item, each.label, each.new, each.old))
            )
        parts: list[RenderableType] = [Text(counted), *([table] if examples else [])]
        section(console, f"Where {new} and {old} disagree", Group(*parts))


def in_words(report: ComparisonReport, pair: Pair) -> str:
    """One sentence on the main metric: which of the two is better, if either is."""
    test = pair.tests[FIRST[report.task]]
    new, old = report.letters[pair.new], report.letters[pair.old]
    found = test.difference
    if not math.isfinite(found.value):
        return f"{new} and {old} cannot be compared: {METRICS[found.metric]} is undefined."
    name = METRICS[found.metric].rstrip(" *")
    if found.metric == "accuracy":
        value, low, high = (f"{100 * x:+.1f}" for x in (found.value, found.low, found.high))
        by = f"{name} {value} points (95% CI {low} to {high}), {_chance(test)}"
    else:
        value, low, high = (f"{x:+.3g}" for x in (found.value, found.low, found.high))
        by = f"{name} {value} (95% CI {low} to {high}), {_chance(test)}"
    if not test.significant:
        return f"The difference between {new} and {old} is not significant: {by}."
    better = (found.value > 0) != (found.metric in LOWER_IS_BETTER)
    return f"{new} is {'better' if better else 'worse'} than {old}: {by}."


def _chance(test: Tested) -> str:
    return f"p {'< 0.001' if test.adjusted < 0.001 else f'= {test.adjusted:.3f}'}"


def _tests(report: ComparisonReport, pair: Pair) -> Table:
    new, old = report.letters[pair.new], report.letters[pair.old]
    numbers = (old, new, "difference", "p")
    table = columns(("metric", old, new, "difference", "95% interval", "p"), right=numbers)
    for name, test in pair.tests.items():
        table.add_row(
            Text(METRICS.get(name, name)), figure(test.old), figure(test.new), *difference(test)
        )
    if any(name in LOWER_IS_BETTER for name in pair.tests):
        table.add_row(Text("* lower is better", style="dim"))
    return table


def difference(test: Tested) -> tuple[str, str, str]:
    """The difference, its interval and p as a table has them."""
    found = test.difference
    if not math.isfinite(found.value):
        return "-", "-", "-"
    interval = f"{found.low:+.3f} to {found.high:+.3f}"
    return f"{found.value:+.3f}", interval, _chance(test).removeprefix("p ").removeprefix("= ")


def _slices(
    report: ComparisonReport, slices: Sequence[Slice], called: Callable[[str], str]
) -> Table:
    """The metric of each model in each slice; with two models, their difference too."""
    two = len(report.models) == 2
    metric = METRICS.get(slices[0].tests[0].difference.metric, "recall").rstrip(" *")
    said = tuple(f"{metric} {letter}" for letter in report.letters)
    numbers = ("items", *said, *(("difference", "p") if two else ()))
    names = ("", "items", *said, *(("difference", "95% interval", "p") if two else ()))
    table = columns(names, right=numbers)
    for each in slices:
        row = [figure(value) for value in each.values]
        table.add_row(
            Text(called(each.name)),
            count(each.items),
            *row,
            *(difference(each.tests[0]) if two else ()),
        )
    return table
