"""The plots of a model's answers to test items."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from headstart.evaluation import curves
from headstart.evaluation.curves import Bin, Curve, Histogram
from headstart.report.page.drawing import KINDS, Axis, Frame, Plot, Table, axis, number
from headstart.report.page.rows import Rows
from headstart.types import Floats, Mask, Scores
from headstart.wording import capital, count, figure, percent, shown

MOST_DOTS = 2_000
MOST_CLASSES = 20
"""Classes that all have a curve drawn to tell which are the worst."""

_BINS = 20
_TABLE_ROWS = 21


def of_answers(rows: Rows) -> list[Plot]:
    """The plots of a task; none where there are no test items, or their scores are not finite."""
    if not len(rows) or not np.isfinite(rows.scores).all():
        return []
    if rows.task == "regression":
        return _regression(rows)
    plots = [*_rankings(rows), _reliability(rows), _histogram(rows)]
    return [each for each in plots if each is not None]


def _rankings(rows: Rows) -> list[Plot]:
    """ROC and precision-recall; of several classes those with the smallest areas, of many those
    with the lowest F1.
    """
    kinds: tuple[tuple[str, str, str, str, Callable[[Mask, Scores], Curve | None]], ...] = (
        ("roc", "ROC curve", "False positive rate", "True positive rate", curves.roc),
        ("pr", "Precision and recall", "Recall", "Precision", curves.precision_recall),
    )
    plots = []
    for key, title, x, y, curve in kinds:
        found = _of_classes(rows, curve)
        if found:
            plots.append(_ranking(key, title, Axis(x, 0, 1), Axis(y, 0, 1), found, rows))
    return plots


def _of_classes(
    rows: Rows, curve: Callable[[Mask, Scores], Curve | None]
) -> list[tuple[str, Curve]]:
    every = [(rows.classes[at], curve(_has(rows, at), rows.scores[:, at])) for at in _which(rows)]
    found = [(name, each) for name, each in every if each is not None]
    return sorted(found, key=lambda each: each[1].area)[:KINDS]


def _has(rows: Rows, at: int) -> Mask:
    """Which items are of a class."""
    if rows.task == "multilabel":
        return np.asarray(rows.targets[:, at] > 0)
    return np.asarray(rows.targets == at)


def _which(rows: Rows) -> Sequence[int]:
    """The classes whose curves are looked at: of two the rarer, of many the worst."""
    every = range(len(rows.classes))
    if rows.task == "classification" and len(every) == 2:
        return [min(every, key=lambda at: int(_has(rows, at).sum()))]
    if len(every) <= MOST_CLASSES:
        return every
    f1 = _f1(rows)
    worst: list[int] = np.argsort(f1, kind="stable").tolist()
    return worst[: min(KINDS, int(np.isfinite(f1).sum()))]


def _f1(rows: Rows) -> Floats:
    """Of each class; infinite where all items are of it, or none, and there is no curve."""
    if rows.task == "multilabel":
        true, said = (marks > 0 for marks in (rows.targets, rows.predicted))
        both, of, given = ((true & said).sum(axis=0), true.sum(axis=0), said.sum(axis=0))
    else:
        right = rows.targets[rows.targets == rows.predicted]
        both, of, given = (
            np.bincount(places[places >= 0], minlength=len(rows.classes))
            for places in (right, rows.targets, rows.predicted)
        )
    f1 = 2 * both / np.maximum(of + given, 1)
    return np.where((of > 0) & (of < len(rows)), f1, np.inf)


def _ranking(
    key: str, title: str, x: Axis, y: Axis, found: Sequence[tuple[str, Curve]], rows: Rows
) -> Plot:
    frame, roc = Frame(x, y), key == "roc"
    shapes = [frame.around()]
    chance = [(0, 1)] if roc else [(base, base) for base in (found[0][1].base,) * (len(found) == 1)]
    shapes += [frame.line(0, (0, 1), ends) for ends in chance]
    legend = []
    area = "area" if roc else "average precision"
    for kind, (name, each) in enumerate(found, 1):
        shapes.append(frame.line(kind, each.x.tolist(), each.y.tolist()))
        legend.append((kind, f"{shown(name)}: {area} {figure(each.area)}"))
    knowing = "the diagonal" if roc else "the level line"
    left_out = len(rows.classes) > len(found) > 1
    by = "the lowest F1" if len(rows.classes) > MOST_CLASSES else "the smallest"
    which = f" Of {count(len(rows.classes))} classes the {len(found)} with {by}." * left_out
    description = (
        f"{title} on the test items, for {_listed(legend)}.{which}"
        + f" Scores that know nothing give {knowing}." * bool(chance)
    )
    grid = np.linspace(0, 1, 11)
    read_off = [np.interp(grid, each.x, each.y) for _, each in found]
    table = Table(
        (x.label, *(shown(name) for name, _ in found)),
        tuple(
            (f"{at:.1f}", *(number(float(line[place])) for line in read_off))
            for place, at in enumerate(grid)
        ),
    )
    return Plot(key, title, description, Markup().join(shapes), table, tuple(legend))


def _listed(legend: Sequence[tuple[int, str]]) -> str:
    return "; ".join(name for _, name in legend)


def _reliability(rows: Rows) -> Plot | None:
    known = rows.targets >= 0
    if rows.task == "multilabel":
        said, right = rows.scores.ravel(), rows.targets.ravel() > 0
        of, so = "probability of a label", "items that have it"
    else:
        said = rows.scores.max(axis=1)[known]
        right = (rows.scores.argmax(axis=1) == rows.targets)[known]
        of, so = "probability of the answer", "answers that are right"
    if not len(said):
        return None
    bins = [each for each in curves.reliability(said, right) if each.items]
    frame = Frame(
        Axis(capital(of), 0, 1, as_percent=True),
        Axis(f"Share of {so}", 0, 1, as_percent=True),
    )
    most = max(each.items for each in bins)
    points = [
        frame.dots(1, [each.probability], [each.right], r=3 + 7 * (each.items / most) ** 0.5)
        for each in bins
    ]
    line = frame.line(1, [each.probability for each in bins], [each.right for each in bins])
    shapes = [frame.around(), frame.line(0, (0, 1), (0, 1)), line, *points]
    return Plot(
        "reliability",
        "Reliability",
        f"How often the model is right, by how sure it says it is. {_gap(bins)} On the diagonal "
        "probabilities can be taken at their word; below it the model is too sure of itself. "
        "Larger dots are of more items.",
        Markup().join(shapes),
        Table(
            ("Probability", "Mean", capital(so), "Items"),
            tuple(
                (
                    f"{each.low:.0%} to {each.high:.0%}",
                    percent(each.probability),
                    percent(each.right),
                    count(each.items),
                )
                for each in bins
            ),
        ),
    )


def _gap(bins: Sequence[Bin]) -> str:
    most = max(bins, key=lambda each: each.items)
    return (
        f"Where it says {percent(most.probability)} on average (most items), "
        f"{percent(most.right)} are right."
    )


def _histogram(rows: Rows) -> Plot | None:
    if rows.task == "multilabel":
        x, truth = "Probability of a label", rows.targets > 0
        sets = {"has the label": rows.scores[truth], "has not": rows.scores[~truth]}
    elif len(rows.classes) == 2:
        x = f"Probability of {shown(rows.classes[1])}"
        sets = {
            shown(name): rows.scores[rows.targets == at, 1] for at, name in enumerate(rows.classes)
        }
    else:
        x, right = "Probability of the answer", rows.predicted == rows.targets
        said = rows.scores.max(axis=1, initial=0)
        sets = {"right": said[right], "wrong": said[~right]}
    found = curves.histogram(sets, _BINS, 0, 1)
    return _bars("scores", "Scores", x, found, as_percent=True)


def _bars(key: str, title: str, x: str, found: Histogram, *, as_percent: bool = False) -> Plot:
    """Bars of several sets on top of each other."""
    edges = found.edges.tolist()
    total = np.sum(list(found.counts.values()), axis=0)
    frame = Frame(
        Axis(x, edges[0], edges[-1], as_percent), Axis("Test items", 0, 1.05 * max(total.max(), 1))
    )
    shapes, below = [frame.around()], np.zeros(len(total), np.int64)
    for kind, counts in enumerate(found.counts.values(), 1):
        for place, items in enumerate(counts.tolist()):
            if items:
                low = int(below[place])
                shapes.append(frame.bar(kind, edges[place], edges[place + 1], low, low + items))
        below = below + counts
    names = tuple(found.counts)
    several = len(names) > 1
    sets = f", in bars on top of each other for {' and '.join(names)}" if several else ""
    rows = tuple(
        (
            f"{frame.x.written(low)} to {frame.x.written(high)}",
            *(count(int(each[place])) for each in found.counts.values()),
        )
        for place, (low, high) in enumerate(pairwise(edges))
        if total[place]
    )
    return Plot(
        key,
        title,
        f"How many test items have which {x[0].lower()}{x[1:]}{sets}.",
        Markup().join(shapes),
        Table((x, *names), rows),
        tuple(enumerate(names, 1)) if several else (),
    )


def _regression(rows: Rows) -> list[Plot]:
    truth, said = np.asarray(rows.targets, np.float64), np.asarray(rows.scores, np.float64)
    order = np.argsort(truth, kind="stable")
    at = order[curves.spread_out(len(order), MOST_DOTS)]
    both = [*truth[at].tolist(), *said[at].tolist()]
    frame = Frame(axis("True value", both), axis("Predicted value", both))
    ends = (frame.x.low, frame.x.high)
    some = f" {count(len(at))} of {count(len(rows))} items are drawn." * (len(at) < len(rows))
    predicted = Plot(
        "predicted",
        "Predicted against true",
        "Each dot is a test item; on the diagonal the prediction is exact." + some,
        frame.around()
        + frame.line(0, ends, ends)
        + frame.dots(1, truth[at].tolist(), said[at].tolist(), r=2.5),
        _deciles(truth, said),
    )
    errors = said - truth
    frame = Frame(axis("Predicted value", said[at]), axis("Error (predicted - true)", errors[at]))
    residuals = Plot(
        "residuals",
        "Residuals",
        "The error of each test item over what was predicted; a shape in them is something the "
        "model has not learnt." + some,
        frame.around()
        + frame.line(0, (frame.x.low, frame.x.high), (0, 0))
        + frame.dots(1, said[at].tolist(), errors[at].tolist(), r=2.5),
        _deciles(said, errors, "Predicted value", "Mean error"),
    )
    far = float(np.abs(errors).max()) or 1.0
    bars = _bars(
        "errors",
        "Distribution of errors",
        "Error (predicted - true)",
        curves.histogram({"Items": errors}, _BINS, -far, far),
    )
    return [predicted, residuals, bars]


def _deciles(x: Floats, y: Floats, of: str = "True value", mean: str = "Mean prediction") -> Table:
    """Means of y for tenths of the items in the order of x."""
    order = np.argsort(x, kind="stable")
    tenths = [part for part in np.array_split(order, 10) if len(part)]
    return Table(
        (of, mean, "Items"),
        tuple(
            (
                f"{figure(float(x[part[0]]))} to {figure(float(x[part[-1]]))}",
                figure(float(y[part].mean())),
                count(len(part)),
            )
            for part in tenths
        ),
    )
