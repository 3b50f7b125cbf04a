"""Files and folders that are whole or not there: written under another name, then renamed."""

import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import InputError
from headstart.paths import check_written

if TYPE_CHECKING:  # it imports numpy
    from headstart.types import JsonObject

ROWS = (".csv", ".jsonl", ".parquet")
"""What a file of rows may end in."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when all is written and removed otherwise.

    It ends as `path` does. A format may make a folder of it; what is synced is a file.
    """
    unfinished = _beside(path, path.suffix)
    try:
        yield unfinished
        if unfinished.is_file():
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """The same for a folder, which is to be made, and replaces one that is there.

    It is not synced: for caches, whose content is checked where it is read.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(folder)
    try:
        yield unfinished
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def write_json(path: Path, content: "JsonObject") -> None:
    """Write a JSON object in one step."""
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _beside(path: Path, suffix: str = "") -> Path:
    return path.with_name(f".headstart-{os.getpid()}-{os.urandom(4).hex()}.partial{suffix}")


def is_unfinished(name: str) -> bool:
    """Whether a file has a name of `whole`: a killed process left it."""
    return name.startswith(".headstart-") and ".partial" in name


def check_file(out: str | Path, suffixes: Collection[str] = ROWS, option: str = "--out") -> Path:
    """The file to write, before any work is done for it.

    Raises:
        InputError: it cannot be written there, or not in a format we know.
    """
    path = Path(out)
    out = str(out)
    if path.suffix.lower() not in suffixes:
        *most, last = suffixes
        known = f"{', '.join(most)} or {last}" if most else last
        raise InputError(f"{option} is {out!r}, but it must end in {known}.")
    check_written(path, option)
    if path.is_dir():
        raise InputError(f"{option} is {out!r}, which is a folder; name a file.")
    if not path.parent.is_dir():
        raise InputError(
            f"{option} is {out!r}, but there is no folder {str(path.parent)!r}; make it."
        )
    return path.resolve()
