"""What a table's cells name, to files: relative paths, paths of other machines, bare ids.

How the cells of a column name files is decided once, for the column, so that no row finds a file
by a way of its own.
"""

import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from headstart.data.images import EXTENSIONS
from headstart.data.walk import LEFTOVERS
from headstart.errors import DataError, Unreadable
from headstart.wording import shown, some

MOST_ENTRIES = 200_000
"""Files and folders that are looked at unasked; with `--root`, as many as there are."""

_SAMPLE = 200
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:|file:")


@dataclass(frozen=True)
class _Found:
    """An image below the folder that is searched."""

    path: str
    folders: tuple[str, ...]
    suffix: str

    @property
    def place(self) -> tuple[tuple[str, ...], str]:
        return self.folders, self.suffix


class Finder:
    """Finds the files that a column of a table names."""

    def __init__(self, folder: Path | None, root: str | None, table: str = "") -> None:
        """Look in `root`, where it is given, then in the table's own folder.

        Raises:
            DataError: there is no folder `root`.
        """
        if root is not None and not Path(root).is_dir():
            raise DataError(f"--root is {shown(root)!r}, but there is no such folder.")
        own = [] if folder is None else [str(folder)]
        self._starts = own if root is None else [root, *own]
        self._asked = root is not None
        self._table = table
        self._strip: int | None = None
        self._places: dict[tuple[tuple[str, ...], str], int] = {}
        self.notes: tuple[str, ...] = ()

    def has(self, written: str) -> bool:
        """Whether there is a file of a path as it is written."""
        return len(written) < 4096 and self._direct(written) is not None

    def holds(self, cells: Sequence[object]) -> bool:
        """Whether most of some cells are the paths of files."""
        names = _names(cells[:20])
        return 2 * sum(map(self.has, names)) > len(names)

    def names_files(self, cells: Sequence[object]) -> bool:
        """Whether most of some cells name images, as ids or ends of paths."""
        names = _names(cells)
        if not names or any(len(name) > 300 or re.search(r"\s", name) for name in names):
            return False
        matched = sum(bool(self._matches(name, 0)) for name in names)
        return matched >= 0.8 * len(names)

    def study(self, cells: Sequence[object]) -> None:
        """Find out how the cells of a column name files, where that is not as they are written.

        Raises:
            DataError: they could be files in several folders; or they are URLs.
        """
        names = _names(cells)
        urls = [name for name in names if URL.match(name)]
        if 2 * len(urls) > len(names):
            raise DataError(
                f"{self._table} names images by URLs such as {shown(urls[0])[:100]!r}, but they "
                "must be files; download them first."
            )
        if not names or 2 * sum(self._direct(name) is not None for name in names) >= len(names):
            return
        depth = max(len(_parts(name)) for name in names)
        for strip in range(depth):
            found = {name: self._matches(name, strip) for name in names}
            hits = {name: files for name, files in found.items() if files}
            if 2 * len(hits) >= len(names) and self._settle(hits, strip):
                return

    def path(self, written: str) -> str:
        """The path of the file that a cell names.

        Raises:
            Unreadable: it is a URL, there is no such file, or it is not a regular one.
        """
        if URL.match(written):
            raise Unreadable("it is a URL, but images must be files; download them first")
        found = self._direct(written)
        if found is not None:
            return found
        if self._strip is not None:
            files = self._matches(written.strip(), self._strip)
            if files:
                best = max(files, key=lambda file: self._places.get(file.place, 0))
                if len(files) == 1 or sum(self._places.get(f.place, 0) > 0 for f in files) == 1:
                    return best.path
                raise Unreadable(f"it can be {some(file.path for file in files)}")
        raise Unreadable(self._missing(written))

    def or_as_written(self, written: str) -> str:
        """The same, or the path as it is written where there is no such file."""
        try:
            return self.path(written)
        except Unreadable:
            return written

    def _missing(self, written: str) -> str:
        for start in self._starts:
            try:
                if os.path.lexists(os.path.join(start, written)):  # noqa: PTH118
                    return "it is not a regular file"
            except (OSError, ValueError):
                break
        return "there is no such file"

    def _direct(self, written: str) -> str | None:
        """The file of a path as it is written, or with the blanks or backslashes of it mended."""
        forms = dict.fromkeys(
            (written, written.strip(), written.strip().replace("\\", "/"))
            if "\\" in written or written != written.strip()
            else (written,)
        )
        for form in forms:
            for start in self._starts:
                path = os.path.join(start, form)  # noqa: PTH118 - kept as written, fast
                try:
                    if stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
                        return path
                except (OSError, ValueError):
                    continue
        return None

    def _settle(self, hits: dict[str, list[_Found]], strip: int) -> bool:
        """Take one way for the column, if no two cells then name the same file.

        Raises:
            DataError: many cells name a file in each of several folders.
        """
        places = Counter(place for files in hits.values() for place in {f.place for f in files})
        many = [name for name, files in hits.items() if len(files) > 1]
        if many:
            places = self._chosen(places, many[0], hits)
        chosen = [max(files, key=lambda f: places.get(f.place, 0)).path for files in hits.values()]
        if len(set(chosen)) < len(chosen):
            return False
        self._strip, self._places = strip, dict(places)
        name = next(iter(hits))
        self.notes = (
            f"The cells of {self._table} are found as files by their names: {shown(name)!r} is "
            f"{shown(chosen[0])!r} (a guess; --root says where they are).",
        )
        return True

    def _chosen(
        self,
        places: Counter[tuple[tuple[str, ...], str]],
        name: str,
        hits: dict[str, list[_Found]],
    ) -> Counter[tuple[tuple[str, ...], str]]:
        """Of the places that the same cells have files in, the one that holds the most.

        Where two hold as many, the one that is called like the table: train.csv names train/.
        """
        rivals = {file.place for files in hits.values() if len(files) > 1 for file in files}
        most = max(places[place] for place in rivals)
        best = [place for place in rivals if places[place] == most]
        if len(best) > 1:
            stem = re.split(r"[^a-z0-9]", self._table.lower())[0]
            best = [place for place in best if place[0] and place[0][-1].lower() == stem]
        if len(best) != 1:
            files = [file.path for file in hits[name]]
            raise DataError(
                f"In {self._table}, {shown(name)!r} can be {some(files)}; name the folder that is "
                "meant with --root."
            )
        return Counter({p: n for p, n in places.items() if p not in rivals or p == best[0]})

    def _matches(self, written: str, strip: int) -> list[_Found]:
        """The images below the folder whose paths end like the cell, its first parts left out."""
        tail = _parts(written)[strip:]
        if not tail or ".." in tail:
            return []
        *folders, name = (part.lower() for part in tail)
        stem, suffix = os.path.splitext(name)  # noqa: PTH122
        if suffix not in EXTENSIONS:
            stem, suffix = name, ""
        files = self._index.get(stem) or []
        if not files and stem.isdecimal():
            number = str(int(stem))
            files = self._index.get(f"#{number}") or self._index.get(number) or []
        return [
            file
            for file in files
            if suffix in ("", file.suffix)
            and [part.lower() for part in file.folders[len(file.folders) - len(folders) :]]
            == folders
        ]

    @cached_property
    def _index(self) -> dict[str, list[_Found]]:
        """The images below the folder by name without extension; numbers also by their value.

        Empty where there are too many to look at unasked.
        """
        index: defaultdict[str, list[_Found]] = defaultdict(list)
        if not self._starts:
            return index
        entries = 0
        seen: set[str] = set()
        waiting: list[tuple[str, tuple[str, ...]]] = [(self._starts[0], ())]
        while waiting:
            folder, parts = waiting.pop()
            for entry in _entries(folder, seen):
                entries += 1
                if entries > MOST_ENTRIES and not self._asked:
                    return {}
                stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122
                if suffix.lower() in EXTENSIONS:
                    found = _Found(entry.path, parts, suffix.lower())
                    index[stem.lower()].append(found)
                    if stem.isdecimal() and len(stem) < 20 and str(int(stem)) != stem:
                        index[f"#{int(stem)}"].append(found)
                elif entry.is_dir():
                    waiting.append((entry.path, (*parts, entry.name)))
        return index


def _entries(folder: str, seen: set[str]) -> list["os.DirEntry[str]"]:
    """What is in a folder, in order; nothing where it cannot be read or was seen before."""
    try:
        real = os.path.realpath(folder)
        if real in seen:
            return []
        seen.add(real)
        with os.scandir(folder) as inside:
            kept = [e for e in inside if e.name[0] != "." and e.name.lower() not in LEFTOVERS]
        return sorted(kept, key=lambda entry: entry.name)
    except OSError:
        return []


def _names(cells: Sequence[object]) -> list[str]:
    """The distinct names in some cells, evenly taken."""
    step = max(1, len(cells) // _SAMPLE)
    kept = [c for c in cells[::step] if isinstance(c, str | int) and not isinstance(c, bool)]
    return list(dict.fromkeys(name for cell in kept if (name := str(cell).strip())))


def _parts(written: str) -> list[str]:
    return [part for part in re.split(r"[/\\]", written) if part not in ("", ".")]
