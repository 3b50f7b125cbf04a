"""The page of a comparison of models, from what `headstart compare --json` prints."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.evaluation.statistics import FIRST
from headstart.report.compared import NAMES, difference
from headstart.report.page import content
from headstart.report.page.content import IN_MEMORY, Cell, Headline, read_interval, titled
from headstart.report.page.differences import (
    gains,
    less,
    of_metrics,
    of_pairs,
    of_rows,
    plain,
    read_tested,
    tests_of,
)
from headstart.report.page.drawing import Plot, Table
from headstart.report.page.gallery import image_of, text_of
from headstart.report.page.rendered import rendered, save
from headstart.report.result import slice_name
from headstart.types import Unchecked
from headstart.wording import capital, count, figure, items, shown

MOST_PAIRS = 10
"""Of models, that have a part of the page each."""

TESTS = {"mcnemar": "McNemar, exact", "permutation": "permutation"}


@dataclass(frozen=True)
class Example:
    """An item on which two models differ, every text safe to show."""

    name: str
    label: str
    answers: tuple[tuple[str, str], ...]
    image: str | None
    text: str | None


@dataclass(frozen=True)
class Pair:
    """Two models: how they differ, in how many items they agree, and on which they do not."""

    key: str
    title: str
    sentence: str
    tests: Table
    plot: Plot | None
    columns: tuple[str, ...]
    agreement: tuple[tuple[str, tuple[Cell, ...]], ...]
    nearer: Table | None
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Parts:
    """The models by classes, or by the values of a column."""

    title: str
    caption: str
    table: Table
    plots: tuple[Plot, ...]


def write(report: Unchecked, kept: Mapping[str, Unchecked], out: Path, *, private: bool) -> None:
    """Write the page, whole or not at all.

    Args:
        report: `ComparisonReport.to_json()`.
        kept: what is shown of single items, by digest.
        out: the file.
        private: leave out names of items, models, columns and their values, texts, images and
            notes; names of classes stay.

    Raises:
        OSError: the disk refuses.
    """
    save(render(report, kept, private=private), out)


def render(report: Unchecked, kept: Mapping[str, Unchecked], *, private: bool = False) -> str:
    """The page's HTML; see `write`."""
    pairs = [
        _pair(report, at, kept, private=private) for at in range(len(report["pairs"][:MOST_PAIRS]))
    ]
    classes = _parts(report, "per_class", "Class")
    slices = None if private else _parts(report, "slices", shown(str(report["by"] or "")))
    return rendered(
        "compare.html",
        head=_headline(report, private=private),
        contents=[
            ("result", "Result"),
            *((each.key, each.title) for each in pairs),
            *([("classes", "Per class")] if classes else []),
            *([("slices", slices.title)] if slices else []),
            ("made", "How it was made"),
        ],
        private=private,
        version=report["versions"].get("headstart", ""),
        metrics=_metrics(report),
        differences=of_pairs(report),
        warnings=[] if private else [shown(each) for each in report["warnings"]],
        pairs=pairs,
        pairs_left=len(report["pairs"]) - len(pairs),
        classes=classes,
        slices=slices,
        command=None if private else _command(report),
        made=_made(report, private=private),
        skipped=None if private else content.skipped(report),
    )


def _headline(report: Unchecked, *, private: bool) -> Headline:
    pairs = report["pairs"]
    said = [shown(each["sentence"]) for each in pairs[:MOST_PAIRS]]
    first = said.pop(0).rstrip(".") if len(pairs) == 1 else _best(report)
    counts = report["counts"]
    on = f"Compared on {items(counts['compared'], 'item')} that no model is known to have learnt"
    left = counts["trained_on"]
    more = [
        *said,
        f"{on} from{f'; {count(left)} that one did are left out' if left else ''}.",
    ]
    if len(pairs) > 1:
        more.append(f"p is corrected for {items(len(pairs), 'pair')} of models (Holm).")
    if not private:
        more += [f"{letter}: {shown(name)}" for letter, name in report["models"].items()]
    data = "" if private else shown(report["dataset"] or "test items saved with the models")
    return Headline("Comparison of models", data, first, tuple(more))


def _best(report: Unchecked) -> str:
    """Which of several models is better than each other one, if any is."""
    wins = dict.fromkeys(report["models"], 0)
    for pair in report["pairs"]:
        test = tests_of(pair)[FIRST[report["task"]]]
        if test.significant:
            wins[pair["new"] if gains(test) else pair["old"]] += 1
    best = next((each for each, won in wins.items() if won == len(wins) - 1), None)
    if best is None:
        return "No model is better than each of the others"
    return f"{best} is better than each of the others"


def _metrics(report: Unchecked) -> Table:
    """The metrics of each model with their intervals."""
    models = tuple(report["models"])
    metrics = report["metrics"]
    names = dict.fromkeys(name for model in models for name in metrics[model])
    rows = [
        (titled(name), *(_cell(metrics[model].get(name)) for model in models)) for name in names
    ]
    return Table(("Metric", *models), tuple(rows))


def _cell(found: Unchecked | None) -> str:
    if found is None:
        return "-"
    each = read_interval(found)
    between = f" ({figure(each.low)} to {figure(each.high)})" if math.isfinite(each.low) else ""
    return f"{figure(each.value)}{between}"


def _pair(report: Unchecked, at: int, kept: Mapping[str, Unchecked], *, private: bool) -> Pair:
    pair = report["pairs"][at]
    new, old = pair["new"], pair["old"]
    tests = tests_of(pair)
    rows = [
        (titled(name), figure(each.old), figure(each.new), *difference(each), TESTS[each.test])
        for name, each in tests.items()
    ]
    several = len(report["pairs"]) > 1
    agreement = pair["agreement"]
    matrix = "both" in agreement
    words = [
        (NAMES[name].format(new=new, old=old), count(number)) for name, number in agreement.items()
    ]
    return Pair(
        key=f"pair-{at}",
        title=less(pair),
        sentence=shown(pair["sentence"]),
        tests=Table(("Metric", old, new, "Difference", "95% interval", "p", "Test"), tuple(rows)),
        plot=of_metrics(pair, FIRST[report["task"]], f"pair-{at}-plot") if several else None,
        columns=(f"{old} right", f"{old} wrong"),
        agreement=_agreement(agreement, new) if matrix else (),
        nearer=None if matrix else Table(("Answer", "Items"), tuple(words)),
        examples=() if private else tuple(_example(pair, each, kept) for each in pair["examples"]),
    )


def _agreement(counts: Mapping[str, int], new: str) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """Whether the newer model is right by whether the older one is."""
    total = max(sum(counts.values()), 1)
    cells = {
        name: Cell(count(number), number / total, name in ("both", "neither"))
        for name, number in counts.items()
    }
    return (
        (f"{new} right", (cells["both"], cells["only_new"])),
        (f"{new} wrong", (cells["only_old"], cells["neither"])),
    )


def _example(pair: Unchecked, example: Unchecked, kept: Mapping[str, Unchecked]) -> Example:
    about = kept.get(example["digest"], {})
    return Example(
        name=shown(example["item"]),
        label=shown(example["label"]),
        answers=tuple((pair[side], shown(example[side])) for side in ("new", "old")),
        image=image_of(about),
        text=text_of(about),
    )


def _parts(report: Unchecked, which: str, of: str) -> Parts | None:
    """What each model is worth on some of the items, and how they differ there."""
    found: Sequence[Unchecked] = report[which]
    if not found:
        return None
    called = slice_name if which == "slices" else shown
    letters = tuple(report["models"])
    metric = str(found[0]["tests"][0]["metric"])
    rows = [
        (
            called(str(each["name"])),
            count(each["items"]),
            *(
                "-" if each["values"][letter] is None else figure(each["values"][letter])
                for letter in letters
            ),
        )
        for each in found
    ]
    plots = []
    for at, pair in enumerate(report["pairs"][:MOST_PAIRS]):
        tests = [(called(str(each["name"])), read_tested(each["tests"][at])) for each in found]
        title = f"{plain(metric)}: {less(pair)}"
        plots.append(of_rows(f"{which}-{at}", title, tests, pair["new"], of))
    table = Table((capital(of), "Items", *letters), tuple(rows))
    return Parts(f"By {of}", titled(metric), table, tuple(each for each in plots if each))


def _command(report: Unchecked) -> str | None:
    """The command line that gives the same page; None where something of it has no name."""
    names = [*report["models"].values(), *([report["dataset"]] if report["dataset"] else [])]
    if IN_MEMORY in names:
        return None
    words = ["headstart", "compare", *map(content.argument, names)]
    words += ["--by", report["by"]] if report["by"] else []
    words += content.option_words(report["options"])
    words += ["--page", report["page"]] if report["page"] else []
    return content.joined(words)


def _made(report: Unchecked, *, private: bool) -> list[tuple[str, str]]:
    counts = report["counts"]
    rows = [
        ("Task", str(report["task"])),
        (
            "Items",
            f"{count(counts['compared'])} compared; {count(counts['trained_on'])} left out, which "
            f"a model was trained on; {count(counts['skipped'])} skipped",
        ),
        (
            "Intervals",
            "95%: Agresti and Min's (2005) where the test is McNemar's, a paired bootstrap "
            "otherwise",
        ),
        (
            "p",
            "corrected (Holm 1979) for every pair of models: the main metric is one family, all "
            "others are a second, classes and slices one each",
        ),
        ("Seed", "0"),
        ("Versions", content.versions(report)),
    ]
    if not private:
        rows += [("Note", note) for note in report["notes"]]
    return [(name, shown(each)) for name, each in rows]
