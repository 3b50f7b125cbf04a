"""What is known of a backbone, kept in the cache: its network is read when something needs it.

Reading a network takes seconds, and what a run on stored features asks of it are its stages, its
preprocessing and its hashes. A description names the files that it was made from; where any of
them, a version or what a name means is another, it is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from headstart.atomic import whole
from headstart.backbones.backbone import Backbone, Parts, Stage
from headstart.errors import HeadstartError, InputError, first_line
from headstart.installed import version_of

FORMAT = 1
"""Raised when the same files are described otherwise than they were."""

LIBRARIES = ("headstart", "torch", "timm", "transformers", "keras")
PLACES = (
    "HOME",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "XDG_CACHE_HOME",
    "KERAS_HOME",
)
"""Variables that decide which files a name means."""

SMALL = 1 << 20
"""Bytes up to which a file is known by its content, not by its times."""

UNSETTLED = 2.0
"""Seconds in which a file may change again without its times showing it."""

_NOT_PLAIN = ("stages", "preprocessing", "parts", "resizer", "blocks", "files", "described")


@dataclass(frozen=True)
class Place:
    """Where a description is kept.

    Attributes:
        folder: of all descriptions.
        of: everything that decides what is described, but for the files.
    """

    folder: Path
    of: tuple[str, ...]

    @classmethod
    def at(cls, root: Path, name: str, pool: str) -> Place:
        """Of a backbone by a name, under a cache folder."""
        # A name may mean a folder or a file, from where the program runs.
        parts = filter(os.path.lexists, name.split("@"))
        paths = [str(Path(part).absolute()) for part in parts]
        libraries = [f"{each} {version_of(each)}" for each in LIBRARIES]
        places = [f"{each}={os.environ.get(each)}" for each in PLACES]
        return cls(root / "backbones", (str(FORMAT), name, pool, *paths, *libraries, *places))

    def resized(self, side: int) -> Place:
        """Of the same backbone for images of another size."""
        return replace(self, of=(*self.of, f"size {side}"))

    @property
    def file(self) -> Path:
        """The description."""
        return self.folder / f"{hashlib.sha256(json.dumps(self.of).encode()).hexdigest()[:32]}.json"


def load(place: Place, read: Callable[[], Backbone]) -> Backbone:
    """A backbone that is only described, where that is known; else `read`, and described.

    Raises:
        BackboneError: see `read`.
    """
    kept = _kept(place)
    if kept is not None and "refused" in kept:
        raise ValueError(kept["refused"])
    if kept is not None:
        return _described(place, kept, read)
    began = time.time()
    made = read()
    if made.files:
        _keep(place, made.files, _to_json(made), began)
    return replace(made, resizer=made.resizer and _resizer(place, lambda: made))


def _resizer(place: Place, made: Callable[[], Backbone]) -> Callable[[int], Backbone]:
    """Describes what the backbone's own resizer makes, and that it makes nothing of a size."""

    def resized(side: int) -> Backbone:
        began = time.time()

        def read() -> Backbone:
            own = made()
            assert own.resizer is not None
            try:
                return replace(own.resizer(side), files=own.files)
            except Exception as error:
                if own.files and not isinstance(error, InputError):
                    _keep(place.resized(side), own.files, {"refused": first_line(error)}, began)
                raise

        return load(place.resized(side), read)

    return resized


def _described(place: Place, kept: Mapping[str, Any], read: Callable[[], Backbone]) -> Backbone:
    @cache
    def own() -> Backbone:
        made = read()
        if _to_json(made) != kept["about"]:
            place.file.unlink(missing_ok=True)
            raise HeadstartError(
                f"The files of the backbone {made.name!r} changed while they were used; run the "
                "same command again."
            )
        return made

    def parts() -> Parts:
        return own().parts()

    from headstart.preprocessing import preprocessing_from_json

    about = dict(kept["about"])
    resizes = about.pop("resizes")
    return Backbone(
        **about
        | {
            "stages": tuple(
                Stage(**{**each, "shape": tuple(each["shape"])}) for each in about["stages"]
            ),
            "preprocessing": preprocessing_from_json(
                about["preprocessing"], about.pop("tokenizer")
            ),
        },
        parts=parts,
        resizer=_resizer(place, own) if resizes else None,
        files=tuple(kept["roots"]),
        described=True,
    )


def _to_json(made: Backbone) -> dict[str, Any]:
    plain = {each.name: getattr(made, each.name) for each in fields(made)}
    about = {name: value for name, value in plain.items() if name not in _NOT_PLAIN}
    about |= {
        "stages": [asdict(stage) for stage in made.stages],
        "preprocessing": made.preprocessing.to_json(),
        "tokenizer": getattr(made.preprocessing, "tokenizer", None),
        "resizes": made.resizer is not None,
    }
    return dict(json.loads(json.dumps(about)))


def _kept(place: Place) -> dict[str, Any] | None:
    """What was kept, where all files are as they were."""
    try:
        kept = json.loads(place.file.read_text("utf-8"))
        if kept.get("seal") != _seal(kept) or kept["files"] != state(kept["roots"]):
            return None
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return None
    return dict(kept)


def _keep(place: Place, roots: tuple[str, ...], about: dict[str, Any], began: float) -> None:
    """Write a description, unless its files may have changed meanwhile or the disk refuses."""
    try:
        files = state(roots)
        changed = max(path.stat().st_ctime for path in _files(roots))
    except (OSError, ValueError):
        return
    if changed > began - UNSETTLED:
        return
    kept = {"roots": list(roots), "files": files}
    kept |= {"refused": about["refused"]} if "refused" in about else {"about": about}
    kept["seal"] = _seal(kept)
    with contextlib.suppress(OSError):
        place.folder.mkdir(parents=True, exist_ok=True)
        with whole(place.file) as unfinished:
            unfinished.write_text(json.dumps(kept), "utf-8")


def state(roots: Sequence[str]) -> dict[str, Any]:
    """What tells files from other ones of the same name, by path; of folders, all that they hold.

    A small file is known by its content, a large one by its size, its inode and its times, of
    which no copying tool sets back the last.

    Raises:
        OSError: a file is not there.
    """
    found: dict[str, Any] = {}
    for path in _files(roots):
        about = path.stat()
        if about.st_size <= SMALL:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            times = (about.st_mtime_ns, about.st_ctime_ns)
            found[str(path)] = [about.st_size, about.st_ino, *times]
    return found


def _files(roots: Sequence[str]) -> Iterator[Path]:
    for root in map(Path, roots):
        if root.is_dir():
            inside = (*root.glob("*"), *root.glob("1_Pooling/*"))
            yield from sorted(each for each in inside if each.is_file())
        else:
            yield root


def _seal(kept: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in kept.items() if key != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
