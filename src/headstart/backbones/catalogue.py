"""Which backbones there are, and how a name becomes one."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Literal

from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

# Family -> a function from what follows `FAMILY:` in a name, `offline` and `pool` to a backbone.
FAMILIES = {
    "timm": "headstart.backbones.timm:load",
    "keras": "headstart.backbones.keras:load",
    "transformers": "headstart.backbones.transformers:load",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A backbone that can be loaded by its name alone.

    Attributes:
        name: for `load`.
        modality: what it reads.
        default: whether it is the one for its modality.
        family: the module of `headstart.backbones` that makes it.
        loader: `module:function` of `offline` and `pool`.
        description: one sentence.
        source: where the weights come from.
        licence: of the weights (SPDX).
        parameters: without the classifier.
        gflops: for one item; a text at its longest.
        megabytes: of the weights' file.
        input: what an item is turned into.
        features: length of the pooled vector.
        accuracy: what was published, or empty.
    """

    name: str
    modality: Literal["image", "text"]
    default: bool = False
    family: str
    loader: str
    description: str
    source: str
    licence: str
    parameters: int
    gflops: float
    megabytes: int
    input: str
    features: int
    accuracy: str = ""


@cache
def catalogue() -> tuple[Entry, ...]:
    """Every backbone that has a name of its own, in the order of the file."""
    text = files("headstart.backbones").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(Entry(name=name, **values) for name, values in tomllib.loads(text).items())


def default_for(modality: str) -> str:
    """The name of the backbone for a modality, `image` or `text`."""
    return next(each.name for each in catalogue() if each.default and each.modality == modality)


def load(name: str, *, offline: bool = False, pool: str = "auto") -> Backbone:
    """Load a backbone, in evaluation mode, on the CPU.

    Args:
        name: of the catalogue; `timm:ARCHITECTURE@FILE`; `keras:ARCHITECTURE` or
            `keras:ARCHITECTURE@FILE`; or a transformers model, as a folder or as `ORG/NAME` where
            the hub's cache has it.
        offline: open no socket.
        pool: how what the last stage gives becomes one vector, one of `headstart.spec.POOLS`.

    Raises:
        InputError: there is no such backbone, its files cannot be used, or it cannot pool so.
    """
    wanted = {"offline": offline, "pool": pool}
    for entry in catalogue():
        if entry.name == name:
            return _resolve(entry.loader)(**wanted)
    family, colon, reference = name.partition(":")
    if colon and (loader := _families().get(family)):
        return _resolve(loader)(reference, **wanted)
    if (name and Path(name).is_dir()) or re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return _resolve(FAMILIES["transformers"])(name, **wanted)
    known = [entry.name for entry in catalogue()]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"perhaps you mean {' or '.join(close)}" if close else f"there are {', '.join(known)}"
    raise InputError(
        f"No backbone is called {name!r}; {hint}, timm:NAME@FILE, "
        "keras:NAME, keras:NAME@FILE, or a folder with a transformers model."
    )


def _families() -> dict[str, str]:
    """Ours, and those of other packages (entry-point group `headstart.backbones`)."""
    others = {each.name: each.value for each in entry_points(group="headstart.backbones")}
    return others | FAMILIES


def _resolve(target: str) -> Callable[..., Backbone]:
    loader: Callable[..., Backbone] = resolve_name(target)
    return loader
