"""Every file below a folder, in natural order, however deep and wherever links lead."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headstart.data.images import EXTENSIONS
from headstart.data.names import natural_key
from headstart.errors import DataError
from headstart.wording import shown

LEFTOVERS = frozenset(
    (
        *("__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"),
        *("system volume information", "lost+found", "@eadir", "#recycle", "__pycache__"),
    )
)
"""What operating systems and programs leave in folders, in lower case, beside what is hidden."""
_VISITS = 100
"""How often one folder is entered through links before they are taken to multiply for ever."""

_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class File:
    """A file, or what is taken for one: a device, a dangling link, a folder called `a.jpg`.

    Attributes:
        path: where it is.
        parts: the same below the folder that was walked, by part.
    """

    path: str
    parts: tuple[str, ...]

    @property
    def suffix(self) -> str:
        """What its name ends with, in lower case: `.jpg`."""
        return os.path.splitext(self.parts[-1])[1].lower()  # noqa: PTH122 - may not be UTF-8

    @property
    def name(self) -> str:
        """What to call it in messages, escaped for a terminal."""
        return shown("/".join(self.parts))


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    parts: tuple[str, ...]
    identity: _Identity
    above: "_Folder | None"

    def is_inside(self, identity: _Identity) -> bool:
        folder: _Folder | None = self
        while folder is not None and folder.identity != identity:
            folder = folder.above
        return folder is not None


def walk(top: Path) -> tuple[list[File], list[tuple[str, ...]]]:
    """Every file below a folder, and every folder, by its parts.

    What is hidden or an operating system's is passed by; a link that leads back up is not
    followed. Nothing is opened.

    Raises:
        DataError: a folder cannot be listed, or links between folders multiply without end.
    """
    files: list[File] = []
    folders: list[tuple[str, ...]] = []
    visits: Counter[_Identity] = Counter()
    # A stack of its own: folders may be nested deeper than Python calls itself.
    try:
        waiting: list[File | _Folder] = [_Folder(str(top), (), _identity(str(top)), None)]
        while waiting:
            entry = waiting.pop()
            if isinstance(entry, File):
                files.append(entry)
                continue
            folders.append(entry.parts)
            visits[entry.identity] += 1
            if visits[entry.identity] > _VISITS:
                raise DataError(
                    f"{shown('/'.join(entry.parts))!r} in {shown(str(top))} is reached by more "
                    f"than {_VISITS} ways through links; remove links between its folders."
                )
            waiting += reversed(list(_entries(entry)))
    except OSError as error:
        raise DataError(
            f"{shown(str(error.filename or top))[:200]} cannot be read ({error.strerror}); "
            "check its permissions, or move it out of the data."
        ) from error
    return files, folders


def _entries(folder: _Folder) -> Iterator[File | _Folder]:
    for entry in sorted(os.scandir(folder.path), key=lambda entry: natural_key(entry.name)):
        if entry.name.startswith(".") or entry.name.lower() in LEFTOVERS:
            continue
        parts = (*folder.parts, entry.name)
        if not _is_folder(entry):
            yield File(entry.path, parts)
            continue
        identity = _identity(entry.path)
        if not (entry.is_symlink() and folder.is_inside(identity)):
            yield _Folder(entry.path, parts, identity, folder)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    if os.path.splitext(entry.name)[1].lower() in EXTENSIONS:  # noqa: PTH122
        return False
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that may not be entered
        return False


def _identity(path: str) -> _Identity:
    status = os.stat(path)  # noqa: PTH116 - a million times
    return status.st_dev, status.st_ino
