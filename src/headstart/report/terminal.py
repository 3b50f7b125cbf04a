"""A finished run for a person at a terminal: calm, 80 columns, no markup from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headstart.data.dataset import SPLITS, Skipped
from headstart.report.columns import columns
from headstart.report.decisions import abstain_lines, decision_lines
from headstart.report.jsonable import Metrics
from headstart.report.result import (
    METRICS,
    class_table,
    confused,
    interval,
    metric_table,
    sentences,
    slice_table,
    slices_said,
)
from headstart.wording import count, duration, figure, items, rate, short, shown

if TYPE_CHECKING:
    from headstart.evaluation.learning_curve import LearningCurve
    from headstart.evaluation.slices import Sliced
    from headstart.report.report import EmbedReport, EvaluationReport, FitReport, Report

MOST_SKIPPED = 10
MOST_CLASSES = 8
MOST_SLICES = 20
PARTS = ("read", "load", "extract", "train", "evaluate", "total")
Facts = Sequence[tuple[str, str]]


def show_report(report: Report, console: Console) -> None:
    """Print what was read, guessed, skipped and done, how good it is, and what to do next."""
    show_done(console, report, _data(report), _model(report))
    section(console, "Time", _time(report))
    if len(report.rungs) > 1:
        section(console, "Ladder", _ladder(report))
    _result(console, report, report.test, report.baselines)
    _show_findings(console, report)
    if report.learning_curve is not None:
        section(console, "More data?", _curve(report.learning_curve))
    show_next(console, report)
    if report.outlook is not None and report.outlook.budget is None:
        _dim(console, report.outlook.sentence)


def _show_findings(console: Console, report: Report) -> None:
    """The first sentence of each finding about the data; `headstart check` says more."""
    if not report.findings:
        return
    table = Table.grid(padding=(0, 1))
    for each in report.findings:
        mark = Text("-", style="dim") if each.severity == "note" else Text("!", style="bold yellow")
        said, _, _ = each.message.partition(". ")
        table.add_row(mark, Text(shown(f"{said.rstrip('.')}.")))
    section(console, "Findings in the data: headstart check lists the items", table)


def show_done(console: Console, report: FitReport, data: Facts, model: Facts) -> None:
    """Print what was read, guessed, skipped and done.

    Args:
        console: where it goes.
        report: the run.
        data: what to say of the data, besides the notes.
        model: what to say of the model, between its backbone and its folder.
    """
    notes = [("notes", note) for note in report.notes]
    section(console, f"Data: {report.dataset}", facts([*data, *notes]))
    listed = "--json lists them all" if report.model is None else f"in {report.model}/report.json"
    show_skipped(console, report.skipped, listed)
    show_warnings(console, report.warnings)
    saved = [] if report.model is None else [("saved in", report.model)]
    section(console, "Model", facts([("backbone", _backbone(report)), *model, *saved]))


def show_next(console: Console, report: FitReport) -> None:
    """Print what to do next."""
    section(console, "Next", None)
    for what, command in report.next_steps:
        _dim(console, what)
        # Never wrapped: a command is there to be copied.
        console.print(Text(f"    {shown(command)}"), soft_wrap=True)


def _dim(console: Console, line: str) -> None:
    console.print(Padding(Text(shown(line), style="dim"), (0, 0, 0, 2), expand=False))


def show_evaluation(report: EvaluationReport, console: Console) -> None:
    """Print how good a saved model is on other data."""
    measured = items(report.counts["measured"], "item")
    rows = [("model", report.model), ("items", measured), *(("notes", n) for n in report.notes)]
    if report.predictions is not None:
        rows.append(("answers", f"in {report.predictions}"))
    section(console, f"Data: {report.dataset}", facts(rows))
    show_skipped(console, report.skipped, "--json lists them all")
    show_warnings(console, report.warnings)
    _result(console, report, report.metrics, {})


def show_embedding(report: EmbedReport, console: Console) -> None:
    """Print where the features went."""
    cut = f"after {report.cut}" if report.cut else "before the first stage"
    rows = [
        ("file", report.path),
        ("rows", f"{count(report.rows)}, each of {items(report.features, 'number')}"),
        ("backbone", f"{report.backbone}, cut {cut}"),
        ("store", _store(report.store)),
        ("time", duration(report.seconds["total"])),
        *(("notes", note) for note in report.notes),
    ]
    section(console, "Features", facts(rows))
    show_skipped(console, report.skipped, "--json lists them all")
    show_warnings(console, report.warnings)


def _result(
    console: Console,
    report: Report | EvaluationReport,
    metrics: Metrics,
    baselines: Mapping[str, Metrics],
) -> None:
    gain, counts = getattr(report, "gain", None), getattr(report, "class_counts", {})
    said = sentences(report.task, metrics, baselines, gain, counts, report.decision)
    lines: list[RenderableType] = [Text(said[0], style="bold"), *map(Text, said[1:]), Text()]
    table = metric_table(metrics, baselines)
    section(console, "Result", Group(*lines, table))
    for title, said in (
        ("Decision", decision_lines(report.decision)),
        ("Abstaining", abstain_lines(report.abstain)),
    ):
        if said:
            section(console, title, Group(*map(Text, said)))
    rows = class_table(report.per_class)
    if rows is not None:
        section(console, "Classes", rows)
    for each in report.slices:
        _show_slices(console, each)
    mistakes = confused(report.classes, report.confusion)
    if mistakes:
        section(console, "Confused most", Group(*map(Text, mistakes)))


def _show_slices(console: Console, found: Sliced) -> None:
    number = len(found.slices)
    if number > MOST_SLICES:
        section(console, f"By {found.by}", Text(f"{items(number, 'slice')}; --json lists them"))
        return
    said = Text(slices_said([found]), style="dim")
    section(console, f"By {found.by}", Group(slice_table(found), said))


def _curve(found: LearningCurve) -> RenderableType:
    """The sentence, and the metric by the number of training items."""
    name = METRICS[found.metric].rstrip(" *")
    numbers = ("training items", name)
    table = columns((*numbers, "95% interval"), right=numbers)
    for each in found.points:
        table.add_row(count(each.items), figure(each.found.value), interval(each.found))
    return Group(Text(found.sentence), Text(), table)


def section(console: Console, title: str, content: RenderableType | None) -> None:
    """Print a title and what is under it."""
    console.print()
    console.print(Text(shown(title), style="bold cyan"))
    if content is not None:
        console.print(Padding(content, (0, 0, 0, 2), expand=False))


def facts(rows: Facts) -> Table:
    """Names and values; a name is not repeated on the next line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    previous = None
    for name, value in rows:
        table.add_row(Text("" if name == previous else name), Text(shown(value)))
        previous = name
    return table


def _data(report: Report) -> list[tuple[str, str]]:
    counts = report.counts
    total = _items_of(report)
    split = (
        f"{count(counts['train'])} to train, {count(counts['validation'])} to validate, "
        f"{count(counts['test'])} to test"
    )
    if report.folds is not None:
        split = f"{count(counts['test'])} tested once each, in {report.folds} folds"
    rows = [(report.modality + "s", f"{count(total)}: {split}"), ("task", report.task)]
    if report.classes:
        rows.append(("classes", _classes(report)))
    return rows


def _items_of(report: Report) -> int:
    """Items that were learnt from or tested; in folds each was both."""
    names = SPLITS if report.folds is None else ("train", "validation")
    return sum(report.counts[name] for name in names)


def _classes(report: Report) -> str:
    seen = report.class_counts
    ordered = sorted(report.classes, key=lambda name: -seen.get(name, 0))
    named = [
        f"{name} ({count(seen[name])})" if name in seen else name for name in ordered[:MOST_CLASSES]
    ]
    left = len(ordered) - len(named)
    more = f", and {count(left)} more" if left else ""
    return f"{count(len(ordered))}: {', '.join(named)}{more}"


def _backbone(report: FitReport) -> str:
    facts = report.backbone_facts
    known = [
        f"{short(facts['parameters'])} parameters" if facts.get("parameters") else "",
        f"licence {facts['licence']}" if facts.get("licence") else "",
    ]
    details = ", ".join(each for each in known if each)
    return f"{report.backbone} ({details})" if details else report.backbone


def _model(report: Report) -> list[tuple[str, str]]:
    cut = f"after {report.cut}" if report.cut else "before the first stage"
    hot = report.temperature
    calibrated = "" if hot is None else f", calibrated with a temperature of {figure(hot)}"
    return [
        ("strategy", f"{report.strategy}, cut {cut}"),
        *_seen(report),
        ("head", report.head + calibrated),
        ("seed", str(report.seed)),
    ]


def _seen(report: Report) -> list[tuple[str, str]]:
    """What of the network and of the items the head learnt from, and where it was computed."""
    facts = report.backbone_facts
    stages, form = facts.get("stages") or (), facts.get("preprocessing") or {}
    rows = []
    if len(stages) > 1:
        places = list(dict.fromkeys(name.partition(" (")[0] for name in stages[1:]))
        rows.append(("features", f"the last stage, and {', '.join(places)}"))
    if facts.get("device"):
        rows.append(("device", f"{facts['device']}, in {facts['precision']}"))
    if report.modality == "image" and form:
        crop = float(form["crop_fraction"])
        part = "" if crop == 1 else f", the middle {crop:.1%}"
        rows.append(("images", f"{form['height']} x {form['width']} pixels{part}"))
    return rows


def _time(report: Report) -> Table:
    numbers = ("time", "items", "speed")
    table = columns(("part", *numbers, "store"), right=numbers)
    splits = _items_of(report)
    done = {
        "read": splits + report.counts["skipped"],
        "extract": report.store.get("misses", 0),
        # A model that is saved is asked about every item, for its predictions.parquet.
        "evaluate": report.counts["test"] if report.model is None else splits,
    }
    ordered = [part for part in PARTS if part in report.seconds and part != "total"]
    ordered += [part for part in report.seconds if part not in PARTS]
    for part in [*ordered, "total"]:
        seconds, number = report.seconds.get(part, 0.0), done.get(part)
        store = _store(report.store) if part == "extract" else ""
        speed = f"{rate(number / seconds)}/s" if number and seconds > 0 else ""
        style = "bold" if part == "total" else None
        number_of = "" if number is None else count(number)
        table.add_row(Text(shown(part)), duration(seconds), number_of, speed, store, style=style)
    return table


def _store(store: Mapping[str, int]) -> str:
    hits, misses = store.get("hits", 0), store.get("misses", 0)
    if not hits + misses:
        return ""
    return f"{count(hits)} of {count(hits + misses)} found there"


def _ladder(report: Report) -> RenderableType:
    metric = next((name for rung in report.rungs for name in rung.validation), "")
    measured = f"validation {METRICS.get(metric, metric)}"
    numbers = (measured, "trained", "time")
    table = columns(("rung", *numbers, "kept"), right=numbers)
    reasons: list[RenderableType] = []
    for rung in report.rungs:
        value = figure(rung.validation[metric].value) if metric in rung.validation else "-"
        after = rung.cut and rung.strategy != "feature-extraction"
        name = shown(f"{rung.strategy} after {rung.cut}" if after else rung.strategy)
        tried = bool(rung.validation) or rung.seconds > 0
        spent = short(rung.trained_parameters), duration(rung.seconds)
        kept = {True: "yes", False: "no" if tried else "not tried", None: ""}[rung.kept]
        table.add_row(Text(name), value, *(spent if tried else ("-", "-")), Text(kept))
        if rung.why:
            reasons.append(Text(f"{name}: {shown(rung.why)}"))
    return Group(table, *reasons)


def show_skipped(console: Console, skipped: Sequence[Skipped], rest: str) -> None:
    """Print the first skipped items with their reasons, and where to find the `rest`."""
    if not skipped:
        return
    lines = [Text(shown(f"{each.item}: {each.reason}")) for each in skipped[:MOST_SKIPPED]]
    left = len(skipped) - len(lines)
    if left:
        lines.append(Text(shown(f"and {count(left)} more; {rest}"), style="dim"))
    section(console, f"Skipped: {items(len(skipped), 'item')}", Group(*lines))


def show_warnings(console: Console, warnings: Sequence[str]) -> None:
    """Print what a person should know."""
    if not warnings:
        return
    table = Table.grid(padding=(0, 1))
    for each in warnings:
        table.add_row(Text("!", style="bold yellow"), Text(shown(each)))
    section(console, "Warnings", table)
