"""Which backbones there are, and how a name becomes one."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Literal

from headstart.backbones import described, folder, hub, shipped
from headstart.errors import BackboneError
from headstart.randomness import seeded
from headstart.registry import FAMILIES

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

# What a family's function does, for places that hold backbones of several families. No registry:
# a place is where our own catalogue and names without a family lead, not a kind of part.
PLACES = {
    "hf": "headstart.backbones.folder:load",
    "package": "headstart.backbones.shipped:load",
}

UNNAMED = "a network that is not in the catalogue"
"""What others read where a backbone's name is no business of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A backbone that can be loaded by its name alone.

    Attributes:
        name: for `load`.
        modality: what it reads.
        default: whether it is the one for its modality.
        family: the module of `headstart.backbones` that makes it.
        reference: the full name, `FAMILY:...` or `PLACE:...`, that says where the weights are.
        description: one sentence.
        source: where the weights come from, for people.
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
    reference: str
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


def public_name(name: str) -> str:
    """A backbone's name for others: nothing that may be a path, or names a file."""
    if entry_of(name) is not None:
        return name
    public = name.startswith(("hf:", "timm:", "keras:"))
    return name if public and ("@" not in name or name.startswith("hf:")) else UNNAMED


def default_for(modality: str) -> str:
    """The name of the backbone for a modality, `image` or `text`."""
    return next(each.name for each in catalogue() if each.default and each.modality == modality)


def load(
    name: str, *, offline: bool = False, pool: str = "auto", cache: Path | None = None
) -> Backbone:
    """Load a backbone, in evaluation mode, on the CPU.

    Args:
        name: of the catalogue, with `@FILE` behind it for weights of your own;
            `timm:ARCHITECTURE[.TAG][@FILE]`; `keras:ARCHITECTURE[@FILE]`;
            `hf:OWNER/NAME[@REVISION]`, also without `hf:`; or a folder in the hub's layout.
        offline: open no socket.
        pool: how what the last stage gives becomes one vector, one of `headstart.spec.POOLS`.
        cache: the cache folder; what is known of the backbone is kept there, and its network read
            when it is first needed. None reads it now.

    Raises:
        BackboneError: there is no such backbone, its files cannot be used, or it cannot pool so.
    """
    if cache is None:
        return _read(name, offline, pool)
    place = described.Place.at(cache, name, pool)
    return described.load(place, lambda: _read(name, offline, pool))


def _read(name: str, offline: bool, pool: str) -> Backbone:
    short, at, own = name.partition("@")
    if entry := entry_of(short):
        made = replace(_load(entry.reference + at + own, offline, pool), name=name)
        return made if at else replace(made, licence=entry.licence)
    if name and Path(name).is_dir():
        return folder.load_folder(name, Path(name), pool=pool)
    if name.partition(":")[0] in {*PLACES, *FAMILIES}:
        return _load(name, offline, pool)
    if hub.looks_like_weights(name):
        family = "keras" if name.endswith((".h5", ".keras")) else "timm"
        raise BackboneError(
            f"The backbone {name!r} is called like a file of weights; say whose they are: "
            f"{family}:NETWORK@{name}, with a network that {family} knows."
        )
    if hub.is_name(name):
        return replace(_load(f"hf:{name}", offline, pool), name=name)
    raise _unknown(name)


def locate(name: str, *, offline: bool = False) -> Path:
    """The folder of a transformers network, by any name of one that `load` takes.

    Raises:
        BackboneError: it is not to be had, or of another family.
    """
    entry = entry_of(name)
    family, colon, reference = (entry.reference if entry else name).partition(":")
    if not colon:
        family, reference = "hf", name
    if family not in ("hf", "transformers"):
        raise BackboneError(
            f"The backbone {name!r} is no language model of transformers, so it cannot write; "
            "name one such as gpt2, hf:OWNER/NAME or a folder."
        )
    if reference and Path(reference).is_dir():
        return Path(reference)
    if not hub.is_name(reference):
        raise _unknown(name)
    return hub.locate(reference, offline=offline, called=name)


def entry_of(name: str) -> Entry | None:
    """What the catalogue says of a short name; None where it has no such name."""
    return next((each for each in catalogue() if each.name == name), None)


def _unknown(name: str) -> BackboneError:
    known = [each.name for each in catalogue()]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; perhaps you mean {' or '.join(close)}" if close else ""
    return BackboneError(
        f"No backbone is called {name!r}{hint}; there are short names, {', '.join(ways())}, and "
        "folders with a model: `headstart backbones` lists and explains them."
    )


def is_cached(entry: Entry) -> bool:
    """Whether an entry's weights are on this machine; opens no socket and imports no torch."""
    family, _, reference = entry.reference.partition(":")
    if family == "package":
        return shipped.is_cached(reference)
    # timm's own weights are on the hub under the names that timm has for them.
    repository = reference if family == "hf" else f"timm/{reference}"
    return hub.is_cached(repository, weights_alone=family == "timm")


def ways() -> tuple[str, ...]:
    """How names are spelled that are not in the catalogue."""
    ours = {"hf": "hf:OWNER/NAME", "timm": "timm:NAME", "keras": "keras:NAME"}
    others = sorted({*FAMILIES} - {*FAMILIES.ours})
    return (*ours.values(), *(f"{family}:NAME" for family in others))


def _load(name: str, offline: bool, pool: str) -> Backbone:
    family, _, reference = name.partition(":")
    loader: Callable[..., Backbone] = (
        resolve_name(PLACES[family]) if family in PLACES else FAMILIES.resolve(family)
    )
    # A network is made of random weights before it is filled, and a training in another thread must
    # not notice the draws. Ours see to it themselves, and download before: so no training waits.
    with nullcontext() if family in {*PLACES, *FAMILIES.ours} else seeded(0):
        return loader(reference, offline=offline, pool=pool)
