"""How good a model is, in words and in tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from headstart.evaluation import ClassRow, Difference, Interval
from headstart.evaluation.baselines import majority
from headstart.evaluation.metrics import clearly_better
from headstart.evaluation.slices import Slice, Sliced
from headstart.evaluation.statistics import FIRST, LOWER_IS_BETTER
from headstart.evaluation.tables import mistakes
from headstart.report.columns import columns
from headstart.report.jsonable import Metrics
from headstart.types import JsonObject
from headstart.wording import capital, count, figure, items, percent, shown

METRICS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "roc_auc": "ROC AUC",
    "map": "mean average precision",
    "log_loss": "log loss *",
    "ece": "calibration error *",
    "pearson_r": "Pearson r",
    "r2": "R2",
    "mae": "mean absolute error *",
}
HINTS = {
    "majority": ": it has not learnt what the labels say. More items may help.",
    "mean": ": it has not learnt what the labels say. More items may help.",
    "tfidf": ": on these test items words alone may do as well.",
}
MOST_CLASSES = 20
MOST_CONFUSED = 5
WIDEST = 40
"""Letters of the name of a slice: a cell may hold a whole text."""


def sentences(
    task: str,
    metrics: Metrics,
    baselines: Mapping[str, Metrics],
    gain: Difference | None = None,
    class_counts: Mapping[str, int] | None = None,
    decision: JsonObject | None = None,
) -> list[str]:
    """The result in words: the model's first metric, then that of each baseline.

    Whether accuracy is a gain over a baseline is not said where answers were chosen for something
    else.
    """
    first = FIRST[task]
    if first not in metrics:
        return ["nothing could be measured"]
    said = [_in_words(first, metrics[first])]
    purpose = _purpose(decision)
    if purpose is not None:
        said.append(purpose)
    for name, baseline in baselines.items():
        if first not in baseline:
            continue
        said.append(f"{who(name, task, class_counts or {})}: {_value(first, baseline[first])}")
        if name == "feature-extraction" and gain is not None:
            said.append(_gained(gain))
            continue
        if purpose is None and not clearly_better(first, metrics[first], baseline[first].value):
            said.append(f"that is no clear gain over it{HINTS.get(name, '.')}")
    return said


def _purpose(decision: JsonObject | None) -> str | None:
    """What answers were chosen for, where that is not to be right most often."""
    if decision is None or decision["kind"] == "labels":
        return None
    if decision["kind"] == "costs":
        return "answers were chosen for the least expected cost, not for accuracy"
    asked, name = float(str(decision["asked"])), shown(str(decision["class"]))
    return (
        f"answers were chosen for a {decision['kind']} of {percent(asked)} of {name}, not for "
        "accuracy"
    )


def _in_words(metric: str, found: Interval) -> str:
    name = capital(METRICS[metric].rstrip(" *"))
    if not math.isfinite(found.value):
        return f"{name} could not be computed"
    return f"{name} {_value(metric, found)}{_between(found, as_percent=metric == 'accuracy')}"


def _gained(gain: Difference) -> str:
    if gain.metric == "mae":
        low, value, high = (f"{each:+.3g}" for each in (gain.low, gain.value, gain.high))
        return (
            f"on the same items the mean absolute error changes by {value} (95% CI {low} to {high})"
        )
    low, value, high = (f"{100 * each:+.1f}" for each in (gain.low, gain.value, gain.high))
    return f"on the same items accuracy changes by {value} points (95% CI {low} to {high})"


def _between(found: Interval, *, as_percent: bool = False) -> str:
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return ""
    low, high = (
        f"{100 * end:.1f}" if as_percent else figure(end) for end in (found.low, found.high)
    )
    return f" (95% CI {low} to {high})"


def who(baseline: str, task: str, class_counts: Mapping[str, int]) -> str:
    """What a baseline is, in words."""
    if baseline == "mean":
        return "always predicting the mean"
    if baseline == "tfidf":
        return "TF-IDF (word counts, no pretrained network)"
    if baseline == "feature-extraction":
        return "feature extraction alone"
    if baseline != "majority":
        return f"baseline {shown(baseline)}"
    if task == "multilabel":
        return "the same answer for every item"
    most = majority(class_counts)
    if most is None:
        return "always predicting the most frequent class"
    return f"always predicting {most!r}"


def _value(metric: str, found: Interval) -> str:
    return percent(found.value) if metric == "accuracy" else figure(found.value)


def metric_table(metrics: Metrics, baselines: Mapping[str, Metrics]) -> Table:
    """Every metric with its 95% interval, beside the baselines."""
    table = columns(("metric", "model", "95% interval", *baselines), right=("model", *baselines))
    for name, found in metrics.items():
        others = [figure(each[name].value) if name in each else "-" for each in baselines.values()]
        table.add_row(Text(METRICS.get(name, name)), figure(found.value), interval(found), *others)
    if any(name in LOWER_IS_BETTER for name in metrics):
        table.add_row(Text("* lower is better", style="dim"))
    return table


def interval(found: Interval) -> str:
    """`low to high`, or a dash where the interval is undefined."""
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return "-"
    return f"{figure(found.low)} to {figure(found.high)}"


def class_table(rows: Sequence[ClassRow]) -> Table | None:
    """One row per class, or None where there are none or too many to read."""
    if not 0 < len(rows) <= MOST_CLASSES:
        return None
    numbers = ("test items", "precision", "recall", "F1")
    table = columns(("class", *numbers), right=numbers)
    for row in rows:
        found = (row.precision, row.recall, row.f1)
        shares = [figure(each) if row.support else "-" for each in found]
        table.add_row(Text(shown(row.name)), count(row.support), *shares)
    return table


def slice_table(found: Sliced) -> Table:
    """A row for each slice: the metric, and by how much it differs from that on all other items."""
    metric = METRICS[found.metric].rstrip(" *")
    numbers = ("items", metric, "difference")
    table = columns(
        ("", "items", metric, "95% interval", "difference", "interval of it"), right=numbers
    )
    for each in found.slices:
        name, *cells = slice_cells(each, found.metric)
        table.add_row(Text(name), *cells)
    return table


def slice_cells(found: Slice, metric: str) -> tuple[str, str, str, str, str, str]:
    """Name, items, metric, interval, difference to the rest, and interval of that, as text."""
    apart = found.difference
    known, bounded = math.isfinite(apart.value), math.isfinite(apart.low)
    form = "+.3g" if metric in LOWER_IS_BETTER else "+.3f"  # an error has a unit
    return (
        slice_name(found.name),
        count(found.items),
        figure(found.found.value),
        interval(found.found),
        f"{apart.value:{form}}" if known else "-",
        f"{apart.low:{form}} to {apart.high:{form}}" if bounded else "-",
    )


def slice_name(name: str) -> str:
    """A value of a column as a table has it: the start of a long one."""
    name = shown(name) or "(empty)"
    return name if len(name) <= WIDEST else f"{name[: WIDEST - 3]}..."


def slices_said(found: Sequence[Sliced]) -> str:
    """What differences between slices and the rest mean, as there are so many."""
    looked_at = sum(len(each.slices) for each in found)
    return (
        f"A difference is to all other items. {items(looked_at, 'slice')} were looked at: where "
        "nothing differs, about one interval of a difference in 20 leaves out 0."
    )


def confused(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> list[str]:
    """The most frequent mistakes first: `cat predicted as dog: 12 of 80 (15.0%)`."""
    found = mistakes(confusion)
    said_of = [shown(name) for name in classes]
    lines = [
        f"{said_of[each.label]} predicted as {said_of[each.prediction]}: {count(each.items)} of "
        f"{items(each.of, 'item')} ({percent(each.items / each.of)})"
        for each in found[:MOST_CONFUSED]
    ]
    left = sum(each.items for each in found[MOST_CONFUSED:])
    return [*lines, f"and {items(left, 'other mistake')}"] if left else lines
