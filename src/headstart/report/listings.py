"""Lists for a person at a terminal: stored features, and pretrained networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from headstart.report.columns import columns
from headstart.report.terminal import facts, section
from headstart.wording import count, items, short, shown, size

if TYPE_CHECKING:
    from headstart.backbones import BackboneSummary, Entry, Fetched
    from headstart.features.cache import StoreInfo


def show_stores(
    stores: Sequence["StoreInfo"], root: Path, console: Console, *, removed: bool
) -> None:
    """Print the feature stores under `root`, or those that were `removed` from it."""
    also = [(name, field) for name, field in _TELL_APART.items() if _tells_apart(stores, field)]
    names = ("backbone", "cut", *(name for name, _ in also), "items", "size", "last used")
    table = columns(names, right=("items", "size"))
    for each in stores:
        used = each.last_used.astimezone().strftime("%Y-%m-%d %H:%M")
        more = [str(getattr(each, field)) for _, field in also]
        texts = [Text(shown(text)) for text in (each.backbone, each.cut, *more)]
        table.add_row(*texts, count(each.rows), size(each.bytes), used)
    if stores:
        console.print(table)
        console.print()
    total = f"{items(len(stores), 'store')}, {size(sum(each.bytes for each in stores))}"
    said = f"removed {total} from {root}" if removed else f"{total} in {root}"
    console.print(Text(shown(said)), soft_wrap=True)


_TELL_APART = {
    "pixels": "size",
    "pool": "pool",
    "view": "view",
    "precision": "precision",
    "weights": "weights",
    "made by": "made_by",
}
"""Columns that are shown where stores differ in them, and what they hold."""


def _tells_apart(stores: Sequence["StoreInfo"], field: str) -> bool:
    """Whether stores of one backbone and cut differ in a field."""
    seen: dict[tuple[str, str], set[str]] = {}
    for each in stores:
        seen.setdefault((each.backbone, each.cut), set()).add(getattr(each, field))
    return any(len(values) > 1 for values in seen.values())


def show_backbones(
    entries: Sequence["Entry"], here: Sequence[bool], ways: Sequence[str], console: Console
) -> None:
    """Print every backbone that goes by a short name, and how others are named.

    Args:
        entries: of the catalogue.
        here: whether each one's weights are on this machine.
        ways: spellings of names that are not in the catalogue.
        console: where to.
    """
    numbers = ("parameters", "GFLOPs", "features", "weights")
    table = columns(("name", "for", *numbers, "licence"), right=numbers)
    for each, there in zip(entries, here, strict=True):
        weights = "here" if there else size(each.megabytes * 1e6)
        cost = short(each.parameters), f"{each.gflops:.3g}", count(each.features), weights
        modality = f"{each.modality}{'*' if each.default else ''}"
        table.add_row(Text(each.name), modality, *cost, Text(each.licence))
    console.print(table)
    console.print()
    for each in entries:
        accuracy = f" {each.accuracy}." if each.accuracy else ""
        source = f" From {each.source.removeprefix('https://')}."
        console.print(Text(f"{each.name}: {each.description}{accuracy}{source}"))
    console.print()
    for line in _ABOUT:
        console.print(Text(line.format(ways=", ".join(ways)), style="dim"))


_ABOUT = (
    "* the default. Parameters are without a classifier, GFLOPs for one item.",
    "Weights are here, or downloaded at the first use into the hub's cache.",
    "Others by name: {ways}; hf:OWNER/NAME@REVISION pins one.",
    "Your own: a folder with a model, or weights: timm:NAME@FILE, vgg16@FILE, keras:NAME@FILE.",
    "headstart backbones NAME shows the stages of one.",
    "headstart fetch NAME --to DIR puts one in a folder, for a machine without a network.",
)


def show_fetched(fetched: "Fetched", console: Console) -> None:
    """Print where a backbone was written."""
    rows = [
        ("backbone", shown(fetched.backbone.name)),
        ("folder", shown(fetched.folder)),
        ("licence", shown(fetched.backbone.licence or "unknown")),
        ("parameters", short(fetched.backbone.parameters)),
        ("size", size(fetched.bytes)),
    ]
    section(console, "Fetched", facts(rows))
    console.print(Text("Bring the folder where you need it, and say --backbone DIR.", style="dim"))


def show_backbone(about: "BackboneSummary", console: Console) -> None:
    """Print one backbone and its stages."""
    rows = [
        (name, _fact(value))
        for name, value in about.to_json().items()
        if name != "stages" and value != ""
    ]
    section(console, f"Backbone: {about.name}", facts(rows))
    numbers = ("parameters", "GFLOPs")
    table = columns(("stage", "output", *numbers), right=numbers)
    for each in about.stages:
        shape = " x ".join("length" if side is None else str(side) for side in each.shape)
        table.add_row(Text(shown(each.name)), shape, short(each.parameters), f"{each.gflops:.3g}")
    section(console, "Stages, in order: a cut goes after one of them", table)


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_fact(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return count(value) if isinstance(value, int) else str(value)
