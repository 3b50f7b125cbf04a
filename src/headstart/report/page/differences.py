"""Paired differences between models as plots, from what a comparison's report holds."""

import math
from collections.abc import Sequence

from headstart.evaluation import Difference
from headstart.evaluation.paired import Tested
from headstart.evaluation.statistics import FIRST, LOWER_IS_BETTER
from headstart.report.compared import difference
from headstart.report.page import drawing
from headstart.report.page.content import titled
from headstart.report.page.drawing import Plot, Table, axis
from headstart.types import Unchecked
from headstart.wording import capital, count

MOST_ROWS = 20
"""Of a plot of classes, or of slices."""

SHARES = ("accuracy", "macro_f1", "micro_f1", "roc_auc", "map", "ece")
"""Metrics of one scale, whose differences have one axis."""


def read_tested(found: Unchecked) -> Tested:
    """A test as the report has it: null is NaN."""
    value, low, high, new, old, p, adjusted = (
        math.nan if found[name] is None else float(found[name])
        for name in ("difference", "low", "high", "new", "old", "p", "p_adjusted")
    )
    between = Difference(str(found["metric"]), value, low, high)
    return Tested(between, new, old, p, adjusted, str(found["test"]))


def tests_of(pair: Unchecked) -> dict[str, Tested]:
    """Of a pair of models, by metric."""
    return {str(each["metric"]): read_tested(each) for each in pair["tests"]}


def gains(test: Tested) -> bool:
    """Whether the newer model is the better one."""
    return (test.difference.value > 0) != (test.difference.metric in LOWER_IS_BETTER)


def of_pairs(report: Unchecked) -> Plot | None:
    """The main metric of every pair; of a single pair every metric of the same scale."""
    pairs, main = report["pairs"], FIRST[report["task"]]
    if len(pairs) == 1:
        return of_metrics(pairs[0], main, "differences")
    rows = [(less(pair), tests_of(pair)[main]) for pair in pairs[:MOST_ROWS]]
    return of_rows("differences", f"Differences: {plain(main)}", rows, "the first", "pair")


def of_metrics(pair: Unchecked, main: str, key: str) -> Plot | None:
    """The main metric of a pair, and every other of the same scale."""
    tests = tests_of(pair)
    shown_here = [name for name in tests if name == main or {name, main} <= {*SHARES}]
    rows = [(plain(name), tests[name]) for name in shown_here]
    return of_rows(key, f"Differences: {less(pair)}", rows, pair["new"], "metric")


def less(pair: Unchecked) -> str:
    """What differences of a pair are: `B less A`."""
    return f"{pair['new']} less {pair['old']}"


def plain(metric: str) -> str:
    """A metric without which way is better, which a plot says below."""
    return titled(metric).partition(" (")[0]


def of_rows(
    key: str, title: str, rows: Sequence[tuple[str, Tested]], new: str, of: str
) -> Plot | None:
    """Differences with their intervals, a row each; None where none is defined.

    Args:
        key, title: of the plot.
        rows: what is compared in each, and the test; of many the most certain are drawn.
        new: which model is better to the right of zero.
        of: what the rows are, for the table's first column.
    """
    known = [(name, each) for name, each in rows if math.isfinite(each.difference.value)]
    if not known:
        return None
    drawn = known
    if len(known) > MOST_ROWS:
        drawn = sorted(known, key=lambda row: row[1].adjusted)[:MOST_ROWS]
    kinds = [(1 if gains(each) else 2) if each.significant else 0 for _, each in drawn]
    found = [(name, each.difference) for name, each in drawn]
    ends = [end for _, d in found for end in (d.value, d.low, d.high)]
    x = axis("Difference", [0.0, *ends])
    shapes, high = drawing.intervals([(n, d.value, d.low, d.high) for n, d in found], x, kinds)
    legend = ((1, f"{new} better"), (2, f"{new} worse"), (0, "not significant"))
    return Plot(
        key,
        title,
        _description(drawn, len(known), new),
        shapes,
        Table(
            (capital(of), "Difference", "95% interval", "p"),
            tuple((name, *difference(each)) for name, each in rows),
        ),
        tuple(each for each in legend if each[0] in kinds),
        (drawing.WIDTH, high),
    )


def _description(drawn: Sequence[tuple[str, Tested]], known: int, new: str) -> str:
    lower = any(each.difference.metric in LOWER_IS_BETTER for _, each in drawn)
    significant = [name for name, each in drawn if each.significant]
    return (
        "A dot is a difference, the line its 95% interval. "
        f"To the right of zero {new} is higher{', which is worse where lower is better' * lower}. "
        + (
            f"Significant: {', '.join(significant)}."
            if significant
            else "No difference is significant."
        )
        + f" {count(len(drawn))} of {count(known)} are drawn, the most certain."
        * (len(drawn) < known)
    )
