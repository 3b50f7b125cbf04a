"""The page of a check: what was found in data, from what `headstart check --json` prints."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from headstart.data.dataset import Dataset
from headstart.findings.finding import SEVERITIES
from headstart.report.page import content, findings
from headstart.report.page.content import IN_MEMORY, Headline
from headstart.report.page.drawing import Table
from headstart.report.page.items import of_items
from headstart.report.page.rendered import rendered, save
from headstart.types import Unchecked
from headstart.wording import count, items, percent, shown

MOST_SUSPECTS = 24
"""Items of a finding that are shown."""

MOST_SKIPPED = 50

ADVICE = {
    "conflicting-labels": "Where both labels are right, an item has several: "
    "--task multilabel learns them.",
    "leaks": "Where the data gives no splits, headstart makes them, with copies on one side.",
    "near-conflicting-labels": "Look at each pair: what looks the same to you needs one label.",
    "label-errors": "Correct a label that is wrong; an unusual item whose label is right is worth "
    "keeping.",
    "shortcut": "Test the model on items that were collected in another way as well: one that "
    "learnt the cue fails there.",
    "blank": "Leave them out where their class cannot be told.",
    "unreadable": "They take no part in training or measuring until they are repaired.",
    "duplicates": "Leave out copies that are there by accident.",
    "near-duplicates": "headstart keeps them on one side of a split that it makes; a split that "
    "the data gives is left as it is.",
    "order": "Name what was collected together in a column, and that column with --group.",
    "outliers": "Leave out what is of none of the classes.",
    "similar-classes": "Look at the items below: labels of classes that look alike are wrong more "
    "often.",
    "tiny": "Leave them out where their class cannot be told.",
    "blurred": "Leave them out where their class cannot be told.",
    "aspect-ratio": "Look whether they were cut, or put together, by mistake.",
    "truncated": "Put what matters first, or divide long texts.",
}
"""What to do about each kind of finding."""


def write(
    report: Unchecked, data: Dataset, places: Mapping[str, int], out: Path, *, private: bool
) -> None:
    """Write the page, whole or not at all.

    Args:
        report: `CheckReport.to_json()`.
        data: what was checked.
        places: where items are in it, by their digests.
        out: the file.
        private: leave out names of items, texts, images and messages; names of classes stay.

    Raises:
        OSError: the disk refuses.
    """
    digests = [] if private else findings.digests_of(report["findings"], MOST_SUSPECTS)
    save(render(report, of_items(data, digests, places), private=private), out)


def render(report: Unchecked, kept: Mapping[str, Unchecked], *, private: bool = False) -> str:
    """The page's HTML.

    Args:
        report: `CheckReport.to_json()`.
        kept: what is shown of single items, by digest.
        private: see `write`.
    """
    every = findings.findings(report, kept, private=private, most=MOST_SUSPECTS)
    sections = [
        (f"finding-{at}", each, ADVICE.get(of["kind"], ""))
        for at, (each, of) in enumerate(zip(every, report["findings"], strict=True), 1)
    ]
    classes = _classes(report)
    return rendered(
        "check.html",
        head=_headline(report, private=private),
        contents=[
            ("result", "Result"),
            *((key, each.kind.capitalize()) for key, each, _ in sections),
            ("data", "The data"),
            ("made", "How it was made"),
        ],
        private=private,
        version=report["versions"].get("headstart", ""),
        summary=_summary(every),
        warnings=[] if private else [shown(each) for each in report["warnings"]],
        sections=sections,
        suspects_table=None if private or not report["suspects"] else shown(report["suspects"]),
        suspects=any(each["items"] for each in report["findings"]),
        data=_data(report),
        classes=classes,
        skipped=None if private else content.skipped(report, MOST_SKIPPED),
        command=None if private else _command(report),
        made=_made(report, private=private),
        time=content.time(report),
    )


def _headline(report: Unchecked, *, private: bool) -> Headline:
    """How much was found in how many items."""
    found = report["findings"]
    severities = Counter(each["severity"] for each in found)
    each = [items(severities[name], name) for name in SEVERITIES if severities[name]]
    one = str(report["modality"])
    of = items(report["counts"]["checked"], one)
    if not found:
        sentence = f"Nothing suspicious in {of}"
    elif len(each) == 1:
        sentence = f"{each[0]} in {of}"
    else:
        sentence = f"{', '.join(each[:-1])} and {each[-1]} in {of}"
    about = {s["position"] for f in found for s in f["items"] if s["position"] >= 0}
    share = percent(len(about) / max(report["counts"]["checked"], 1))
    more = []
    if about:
        which = "A finding is" if len(found) == 1 else "The findings are"
        more.append(f"{which} about {items(len(about), one)} in all ({share}).")
    if report["counts"]["skipped"]:
        more.append(f"{items(report['counts']['skipped'], 'item')} could not be used.")
    more.append("A finding is something to look at; not every suspect is an error.")
    called = "" if private else shown(report["dataset"])
    return Headline(f"Check of {one}s", called, sentence, tuple(more))


def _summary(every: list[findings.Finding]) -> Table | None:
    """A row for each finding."""
    rows = [
        (each.kind.capitalize(), each.severity, count(each.count) if each.count else "-")
        for each in every
    ]
    return Table(("Finding", "Severity", "Items"), tuple(rows)) if rows else None


def _data(report: Unchecked) -> list[tuple[str, str]]:
    """The counts of the data."""
    counts, splits = report["counts"], report["splits"]
    rows = [
        ("Items", f"{count(counts['checked'])} checked; {count(counts['skipped'])} skipped"),
        ("Task", str(report["task"])),
    ]
    if report["classes"]:
        rows.append(("Classes", count(len(report["classes"]))))
    said = ", ".join(f"{count(number)} {name}" for name, number in splits.items())
    rows.append(("Splits", f"{said}, as the data gives them" if splits else "the data gives none"))
    return rows


def _classes(report: Unchecked) -> list[tuple[str, str, list[tuple[str, float]]]]:
    """Per class its name, its items, and their share as text and number."""
    counts: dict[str, int] = report["class_counts"]
    total = max(report["counts"]["checked"], 1)
    return [
        (shown(name), count(number), [(percent(number / total), number / total)])
        for name, number in counts.items()
    ]


def _command(report: Unchecked) -> str | None:
    """The command line that gives the same page; None where there is none, as of data in memory."""
    if report["dataset"] == IN_MEMORY:
        return None
    words = ["headstart", "check", content.argument(report["dataset"])]
    words += content.option_words(report["options"])
    for name in ("suspects", "page"):
        if report[name]:
            words += ["--out" if name == "suspects" else "--page", report[name]]
    return content.joined(words)


def _made(report: Unchecked, *, private: bool) -> list[tuple[str, str]]:
    backbone = report["backbone"]
    rows = [
        ("Features of", content.public(backbone) if private else backbone),
        ("Seed", str(report["seed"])),
        ("Versions", content.versions(report)),
    ]
    if not private:
        if report["dataset"] == IN_MEMORY and report["options"]:
            rows.append(("Options", content.joined(content.option_words(report["options"]))))
        rows += [("Note", note) for note in report["notes"]]
    return [(name, shown(each)) for name, each in rows]
