"""What the page says, from `report.json` and `predictions.parquet`; the templates say how."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from headstart.backbones import UNNAMED, entry_of
from headstart.evaluation import Difference, Interval
from headstart.evaluation.statistics import FIRST, LOWER_IS_BETTER
from headstart.evaluation.tables import mistakes
from headstart.report.page import drawing
from headstart.report.page.drawing import Axis, Plot, Table, axis
from headstart.report.result import METRICS, interval, sentences, who
from headstart.spec import flag
from headstart.types import Unchecked
from headstart.wording import capital, count, duration, figure, items, percent, short, shown

MOST_CLASSES = 20
"""Of a confusion matrix with numbers in its cells."""

MOST_SQUARES = 200
"""Classes of one that is drawn without."""

_MOST_MISTAKES = 12

IN_MEMORY = "(in memory)"
"""What a report calls data that has no name."""


@dataclass(frozen=True)
class Headline:
    """What matters first: a sentence, what it is compared with, and of what."""

    kind: str
    data: str
    sentence: str
    more: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One of a confusion matrix: its items, and their share of the row."""

    items: str
    share: float
    right: bool


def read_interval(found: Mapping[str, float | None]) -> Interval:
    """As `report.json` has it: null is NaN."""
    value, low, high = (
        math.nan if found[name] is None else float(found[name] or 0)
        for name in ("value", "low", "high")
    )
    return Interval(value, low, high)


def _metrics(found: Mapping[str, Any]) -> dict[str, Interval]:
    return {name: read_interval(each) for name, each in found.items()}


def headline(report: Unchecked, *, private: bool) -> Headline:
    """The sentence that matters, and what it is compared with."""
    task, data = report["task"], "" if private else shown(report["dataset"])
    if task == "generation":
        return Headline("Text generation", data, *_perplexity(report))
    gain = report.get("gain")
    first, *more = sentences(
        task,
        _metrics(report["test"]),
        {name: _metrics(each) for name, each in report["baselines"].items()},
        None if gain is None else Difference(**gain),
        report.get("class_counts"),
        report.get("decision"),
    )
    kind = f"{report['modality'].capitalize()} {_TASKS.get(task, task)}"
    said = [capital(each).rstrip(".") + "." for each in more]
    return Headline(kind, data, capital(first), (*said, _tested(report)))


_TASKS = {"multilabel": "multi-label classification"}


def _tested(report: Unchecked) -> str:
    counts = report["counts"]
    if report.get("folds"):
        return (
            f"Measured in {report['folds']} folds: each of {items(counts['test'], 'item')} was "
            "answered once, by a model that did not learn from it."
        )
    return (
        f"Measured once, on {items(counts['test'], 'test item')} that the model did not learn "
        f"from; it learnt from {count(counts['train'] + counts['validation'])}."
    )


def _perplexity(report: Unchecked) -> tuple[str, tuple[str, ...]]:
    after, before = (
        read_interval(each["perplexity"])
        for each in (report["test"], report["baselines"]["pretrained"])
    )
    return f"Perplexity {figure(after.value)} per token (95% CI {interval(after)})", (
        f"The pretrained model, as it was: {figure(before.value)}.",
        f"Measured on {items(report['counts']['test'], 'test document')}.",
    )


def metrics(report: Unchecked) -> Table:
    """Every metric with its interval, beside the baselines."""
    every, found = report["baselines"], _metrics(report["test"])
    rows = []
    for name, each in found.items():
        others = [
            figure(read_interval(other[name]).value) if name in other else "-"
            for other in every.values()
        ]
        rows.append((titled(name), figure(each.value), interval(each), *others))
    named = (_named(name, report) for name in every)
    return Table(("Metric", "Model", "95% interval", *named), tuple(rows))


def titled(metric: str) -> str:
    """A metric as the first column of a table has it."""
    lower = " (lower is better)" if metric in (*LOWER_IS_BETTER, "perplexity") else ""
    return capital(METRICS.get(metric, metric).rstrip(" *") + lower)


def _named(baseline: str, report: Unchecked) -> str:
    return capital(who(baseline, report["task"], report.get("class_counts") or {}))


def compared(report: Unchecked) -> Plot | None:
    """The first metric of the model beside those of the baselines."""
    name = FIRST.get(report["task"], "perplexity")
    every = {"This model": report["test"]}
    every |= {_named(each, report): found for each, found in report["baselines"].items()}
    rows = [(title, read_interval(found[name])) for title, found in every.items() if name in found]
    known = [(title, each) for title, each in rows if math.isfinite(each.value)]
    if len(known) < 2:
        return None
    title = METRICS.get(name, name).rstrip(" *")
    ends = [end for _, each in known for end in (each.value, each.low, each.high)]
    x = axis(capital(title), ends)
    shapes, high = drawing.intervals([(n, e.value, e.low, e.high) for n, e in known], x)
    return Plot(
        "compared",
        f"{capital(title)} beside the baselines",
        "A dot is the value on the test items, the line its 95% interval.",
        shapes,
        Table(
            ("Model", title, "95% interval"),
            tuple((n, figure(each.value), interval(each)) for n, each in known),
        ),
        size=(drawing.WIDTH, high),
    )


def confusion(report: Unchecked) -> list[tuple[str, list[Cell]]]:
    """Rows of the confusion matrix with their classes; none where it is too large for numbers."""
    matrix = report.get("confusion") or []
    if not 1 < len(matrix) <= MOST_CLASSES:
        return []
    return [
        (
            shown(report["classes"][at]),
            [
                Cell(count(number), number / max(sum(row), 1), at == place)
                for place, number in enumerate(row)
            ],
        )
        for at, row in enumerate(matrix)
    ]


def squares(report: Unchecked) -> Plot | None:
    """A confusion matrix of many classes."""
    matrix = report.get("confusion") or []
    if not MOST_CLASSES < len(matrix) <= MOST_SQUARES:
        return None
    shapes, side = drawing.cells(matrix)
    return Plot(
        "confusion",
        "Confusion matrix",
        "A row for each true class, a column for each predicted one, in alphabetical order; darker "
        "squares hold more of their row. The diagonal is right.",
        shapes,
        confused(report) or Table(("Class",), ()),
        size=(side, side),
    )


def confused(report: Unchecked) -> Table | None:
    """The most frequent mistakes."""
    names, found = report.get("classes", ()), mistakes(report.get("confusion") or [])
    if not found:
        return None
    rows = [
        (shown(names[each.label]), shown(names[each.prediction]), count(each.items),
         percent(each.items / each.of))
        for each in found[:_MOST_MISTAKES]
    ]  # fmt: skip
    return Table(("Label", "Predicted", "Items", "Of the label's items"), tuple(rows))


def per_class(report: Unchecked) -> list[tuple[str, str, list[tuple[str, float]]]]:
    """Per class its name, test items, and precision, recall and F1 as text and share."""
    return [
        (
            shown(row["name"]),
            count(row["support"]),
            [
                (figure(share) if row["support"] else "-", share if row["support"] else 0.0)
                for share in (row["precision"] or 0.0, row["recall"] or 0.0, row["f1"] or 0.0)
            ],
        )
        for row in report.get("per_class") or []
    ]


def ladder(report: Unchecked, *, private: bool = False) -> Table | None:
    """Every rung that was tried; nothing where there was no choice.

    Private: without the reasons, which are free text.
    """
    rungs: Sequence[Unchecked] = report["rungs"]
    if len(rungs) < 2:
        return None
    name = next((each for rung in rungs for each in rung["validation"]), "")
    rows = []
    for rung in rungs:
        found = rung["validation"].get(name)
        known = "-" if found is None else figure(read_interval(found).value)
        after = f" after {rung['cut']}" if rung["cut"] else ""
        tried = bool(rung["validation"]) or rung["seconds"] > 0
        kept = {True: "yes", False: "no" if tried else "not tried", None: ""}[rung["kept"]]
        rows.append(
            (
                shown(f"{rung['strategy']}{after}"),
                known,
                short(rung["trained_parameters"]),
                duration(rung["seconds"]),
                kept,
                *(() if private else (shown(rung["why"] or ""),)),
            )
        )
    measured = f"Validation {METRICS.get(name, name).rstrip(' *')}"
    why = () if private else ("Why",)
    return Table(("Rung", measured, "Trained", "Time", "Kept", *why), tuple(rows))


def training(report: Unchecked) -> list[Plot]:
    """Losses of each epoch, of every rung that has them, and of a language model."""
    curves = [
        (f"Training of {shown(rung['strategy'])}", "Loss", rung.get("history") or {}, 1)
        for rung in report["rungs"]
    ]
    if report.get("curve"):
        perplexity = {"validation": report["curve"]}
        curves.append(("Perplexity while training", "Perplexity per token", perplexity, 0))
    found = []
    for place, (title, what, history, first) in enumerate(curves):
        lines = {n: [math.nan if v is None else v for v in y] for n, y in history.items() if y}
        if max((len(y) for y in lines.values()), default=0) > 1:
            found.append(_epochs(f"training-{place}", title, what, lines, first))
    return found


_LINES = {"loss": "training", "val_loss": "validation"}


def _epochs(
    key: str, title: str, what: str, lines: Mapping[str, Sequence[float]], first: int
) -> Plot:
    longest = max(map(len, lines.values()))
    x = Axis("Epoch", first, first + longest - 1)
    frame = drawing.Frame(x, axis(what, (v for y in lines.values() for v in y), from_zero=True))
    shapes = [frame.around()]
    for kind, y in enumerate(lines.values(), 1):
        known = [(first + at, v) for at, v in enumerate(y) if math.isfinite(v)]
        shapes.append(frame.line(kind, [at for at, _ in known], [v for _, v in known]))
    names = tuple(_LINES.get(name, shown(name)) for name in lines)
    rows = tuple(
        (str(first + at), *(figure(y[at]) if at < len(y) else "-" for y in lines.values()))
        for at in range(longest)
    )
    ends = ", ".join(
        f"{name} from {figure(y[0])} to {figure(y[-1])}"
        for name, y in zip(names, lines.values(), strict=True)
    )
    table = Table(("Epoch", *names), rows)
    shape = Markup().join(shapes)
    return Plot(key, title, f"{what} after each epoch: {ends}.", shape, table,
                tuple(enumerate(names, 1)))  # fmt: skip


def more_labels(report: Unchecked) -> tuple[str, Plot] | None:
    """Whether more labels would help, in a sentence and as the metric by training items."""
    found = report.get("learning_curve")
    if not found:
        return None
    points = [(each["items"], read_interval(each["found"])) for each in found["points"]]
    ahead, items_ahead = read_interval(found["expected"]), found["items"]
    name = METRICS.get(found["metric"], found["metric"]).rstrip(" *")
    ends = [end for _, e in (*points, (0, ahead)) for end in (e.value, e.low, e.high)]
    title = capital(name)
    frame = drawing.Frame(axis("Training items", [0, items_ahead], from_zero=True),
                          axis(title, ends))  # fmt: skip
    at, values = [n for n, _ in points], [e.value for _, e in points]
    shapes = [frame.around(), frame.line(1, at, values), frame.dots(1, at, values)]
    shapes += [frame.whisker(1, n, e.low, e.high) for n, e in points]
    shapes += [frame.line(0, [at[-1], items_ahead], [values[-1], ahead.value])]
    shapes += [frame.whisker(2, items_ahead, ahead.low, ahead.high)]
    shapes += [frame.dots(2, [items_ahead], [ahead.value])]
    rows = [(count(n), figure(e.value), interval(e)) for n, e in (*points, (items_ahead, ahead))]
    plot = Plot(
        "more-labels",
        "Learning curve",
        f"{title} on the test items by the number of training items, with 95% intervals; the last "
        "point is what a power law expects of twice as many, with an 80% band.",
        Markup().join(shapes),
        Table(("Training items", title, "Interval"), tuple(rows)),
        ((1, "measured"), (2, "expected")),
    )
    return shown(str(found.get("sentence") or "")), plot


_PARTS = ("start", "read", "load", "extract", "near-duplicates", "train", "evaluate", "save")


def time(report: Unchecked) -> Plot | None:
    """What took how long."""
    seconds = dict(report["seconds"])
    total = seconds.pop("total", 0.0) or sum(seconds.values())
    ordered = sorted(seconds, key=lambda n: _PARTS.index(n) if n in _PARTS else len(_PARTS))
    parts = [(name, float(seconds[name])) for name in ordered]
    if not parts or not total:
        return None
    shapes, high = drawing.shares(parts)
    most = max(parts, key=lambda each: each[1])
    return Plot(
        "time",
        f"{duration(total)} in all",
        f"Most of it went to {shown(most[0])}: {duration(most[1])}.",
        shapes,
        Table(("Part", "Time"), tuple((shown(name), duration(each)) for name, each in parts)),
        tuple(
            (at % drawing.KINDS + 1, f"{shown(name)} {duration(each)}")
            for at, (name, each) in enumerate(parts)
            if each >= 0.01 * total
        ),
        (drawing.WIDTH, high),
    )


def made(report: Unchecked, *, private: bool) -> list[tuple[str, str]]:
    """How the model was made: names and values."""
    facts = report.get("backbone_facts") or {}
    counts = report["counts"]
    rows = [
        ("Backbone", public(report["backbone"]) if private else report["backbone"]),
        ("Licence of its weights", facts.get("licence") or "unknown"),
        (
            "Strategy",
            report["strategy"] + (f", cut after {report['cut']}" if report["cut"] else ""),
        ),
    ]
    if report.get("head"):
        rows.append(("Head", report["head"]))
    if report.get("temperature"):
        rows.append(("Calibration", f"temperature {figure(report['temperature'])}"))
    rows += [("Seed", str(report["seed"]))]
    split = ", ".join(f"{count(counts[n])} {n}" for n in ("train", "validation", "test"))
    rows += [("Items", f"{split}; {count(counts['skipped'])} skipped")]
    if facts.get("device"):
        rows.append(("Computed on", f"{facts['device']}, in {facts.get('precision', '')}"))
    rows += [("Versions", versions(report))]
    if not private:
        if report["dataset"] == IN_MEMORY and report.get("options"):
            rows += [("Options", joined(option_words(report["options"])))]
        rows += [("Note", note) for note in report["notes"]]
    return [(name, shown(str(each))) for name, each in rows]


def versions(report: Unchecked) -> str:
    """Of Python and of the libraries, in a line."""
    return ", ".join(f"{name} {each}" for name, each in report["versions"].items())


def public(backbone: str) -> str:
    """A name of the catalogue; any other may be a path, or name somebody."""
    return UNNAMED if entry_of(backbone) is None else backbone


def command(report: Unchecked) -> str | None:
    """The command line that makes the same model; None where there is none that does, as of data
    in memory, or the report does not know it.
    """
    options = report.get("options")
    if options is None or report["dataset"] == IN_MEMORY:
        return None
    words = ["headstart", "fit", argument(report["dataset"]), *option_words(options)]
    words += ["--out", report["model"]] if report.get("model") else []
    return joined(words)


def argument(path: str) -> str:
    """A path that no command line takes for an option."""
    return f"./{path}" if path.startswith("-") else path


def option_words(options: Unchecked) -> list[str]:
    """Options as a command line has them."""
    words: list[str] = []
    for name, each in options.items():
        words += [flag(name)] if each is True else [flag(name), str(each)]
    return words


def joined(words: Sequence[str]) -> str:
    """A command line that a shell reads as these words."""
    return " ".join(shlex.quote(shown(str(each))) for each in words)


def skipped(report: Unchecked, most: int = 20) -> tuple[Table, int] | None:
    """The first items that were left out, and why; and how many more there are."""
    every = report["skipped"]
    rows = [(shown(each["item"]), shown(each["reason"])) for each in every[:most]]
    return (Table(("Item", "Reason"), tuple(rows)), len(every) - len(rows)) if rows else None
