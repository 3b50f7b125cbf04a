"""Lists for a person at a terminal: stored features, and pretrained networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from headstart.data.names import shown
from headstart.report.columns import columns
from headstart.report.terminal import facts, section
from headstart.report.wording import count, items, short, size

if TYPE_CHECKING:
    from headstart.backbones import Entry
    from headstart.features.cache import StoreInfo


def show_stores(
    stores: Sequence["StoreInfo"], root: Path, console: Console, *, removed: bool
) -> None:
    """Print the feature stores under `root`, or those that were `removed` from it."""
    table = columns(("backbone", "cut", "items", "size", "last used"), right=("items", "size"))
    for each in stores:
        used = each.last_used.astimezone().strftime("%Y-%m-%d %H:%M")
        names = Text(shown(each.backbone)), Text(shown(each.cut))
        table.add_row(*names, count(each.rows), size(each.bytes), used)
    if stores:
        console.print(table)
        console.print()
    total = f"{items(len(stores), 'store')}, {size(sum(each.bytes for each in stores))}"
    said = f"removed {total} from {root}" if removed else f"{total} in {root}"
    console.print(Text(shown(said)), soft_wrap=True)


def show_backbones(entries: Sequence["Entry"], console: Console) -> None:
    """Print every backbone that goes by a short name."""
    numbers = ("parameters", "GFLOPs", "features")
    table = columns(("name", "for", *numbers, "licence"), right=numbers)
    for each in entries:
        cost = short(each.parameters), f"{each.gflops:.3g}", count(each.features)
        modality = f"{each.modality}s, default" if each.default else f"{each.modality}s"
        table.add_row(Text(each.name), modality, *cost, Text(each.licence))
    console.print(table)
    console.print()
    for each in entries:
        accuracy = f" {each.accuracy}." if each.accuracy else ""
        console.print(Text(f"{each.name}: {each.description}{accuracy}"))
    console.print()
    console.print(Text("headstart backbones NAME shows its stages.", style="dim"))


def show_backbone(about: Mapping[str, Any], console: Console) -> None:
    """Print one backbone and its stages.

    Args:
        about: what `headstart.api.describe` gives: facts by name, and `stages`, each with its
            `name`, `shape`, `parameters` and `gflops`.
        console: where to.
    """
    told = [
        (name, _fact(value)) for name, value in about.items() if name != "stages" and value != ""
    ]
    section(console, f"Backbone: {about['name']}", facts(told))
    numbers = ("parameters", "GFLOPs")
    table = columns(("stage", "output", *numbers), right=numbers)
    for each in about["stages"]:
        shape = " x ".join("length" if side is None else str(side) for side in each["shape"])
        cost = short(each["parameters"]), f"{each['gflops']:.3g}"
        table.add_row(Text(shown(each["name"])), shape, *cost)
    section(console, "Stages, in order: a cut goes after one of them", table)


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_fact(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return count(value) if isinstance(value, int) else str(value)
