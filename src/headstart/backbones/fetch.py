"""A backbone in a folder that can be carried to a machine without a network."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

from headstart.atomic import whole_folder
from headstart.backbones import folder as folders
from headstart.backbones.backbone import Backbone
from headstart.backbones.catalogue import load
from headstart.errors import BackboneError, HeadstartError
from headstart.paths import check_written

# Family of a backbone -> a function of it and a folder. No registry: what is written has to be what
# one of our own readers of folders reads, so that another package has nothing to add.
SAVERS = {
    "timm": "headstart.backbones.timm_folder:save",
    "keras": "headstart.backbones.keras_folder:save",
    "transformers": "headstart.backbones.transformers:save_folder",
}


def fetch(name: str, folder: Path, *, offline: bool = False) -> Backbone:
    """Write a backbone to a new folder, in the hub's layout, in one step.

    What was written is read again, and has to be the same backbone.

    Args:
        name: see `headstart.backbones.load`.
        folder: where; it may be there if it is empty.
        offline: open no socket.

    Returns:
        The backbone as it was read from the folder.

    Raises:
        BackboneError: there is no such backbone, or the folder cannot be written.
    """
    folder = folder.resolve()
    _check_target(folder)
    made = load(name, offline=offline)
    if made.family not in SAVERS:
        raise BackboneError(
            f"The backbone {name!r} is of the family {made.family}, which headstart cannot write "
            "to a folder; bring its own files instead."
        )
    save: Callable[[Backbone, Path], None] = resolve_name(SAVERS[made.family])
    with whole_folder(folder) as unfinished:
        unfinished.mkdir()
        save(made, unfinished)
        card = unfinished / "README.md"
        card.write_text(_card(made), "utf-8")
        for each in unfinished.rglob("*"):
            if each.is_file():  # safetensors makes files that nobody else may read
                each.chmod(card.stat().st_mode)
        kept = folders.load_folder(name, unfinished)
        if any(getattr(kept, each) != getattr(made, each) for each in _SAME):
            raise HeadstartError(
                f"The backbone {name!r} is another one when it is read from the folder that was "
                "written, so nothing was kept; please report this."
            )
        _check_target(folder)  # it took a while
    return replace(kept, name=name)


_SAME = ("fingerprint", "preprocessing", "pool", "licence", "features")


def _check_target(folder: Path) -> None:
    check_written(folder, "--to")
    if folder.is_dir() and any(folder.iterdir()):
        raise BackboneError(
            f"--to is {str(folder)!r}, which is not empty; name a new folder, since nothing is "
            "overwritten."
        )
    if folder.exists() and not folder.is_dir():
        raise BackboneError(f"--to is {str(folder)!r}, which is a file; name a new folder.")
    if not folder.parent.is_dir():
        raise BackboneError(
            f"--to is {str(folder)!r}, but there is no folder {str(folder.parent)!r}; make it "
            "first."
        )


def _card(made: Backbone) -> str:
    # JSON is YAML, whatever is in a licence's name.
    licence = f"license: {json.dumps(made.licence)}\n" if made.licence else ""
    return (
        f"---\n{licence}tags:\n- headstart\n---\n\n# {made.name}\n\nThe weights of the backbone "
        f"`{made.name}` without a classifier, written by `headstart fetch`. Licence: "
        f"{made.licence or 'unknown'}. SHA-256 of the weights: `{made.fingerprint}`.\n\n"
        "Use it with `--backbone FOLDER`.\n"
    )
