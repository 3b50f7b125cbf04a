"""The folder of a saved model, whatever its kind: written in one step, sealed, and checked.

model.json says what the model is, the SHA-256 of every other file that matters, and its own.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import cast

from headstart.atomic import is_unfinished
from headstart.data import files
from headstart.errors import ModelError, Unreadable
from headstart.paths import absolute, check_written, neighbour
from headstart.progress import Progress
from headstart.types import Unchecked
from headstart.wording import shown, some

SCHEMA = 3
DECIDES = 4
"""Of a model with `decision` or `abstain`, which an older headstart would leave out unsaid."""
READS = (1, 2, 3, DECIDES)
"""Older schemas that are read too: 1 had no `width`, for the head took all features; in 2 heads
gave values as they are, without `centre` and `spread`, and there was no reference of the compiled
network."""

ANSWERS = (
    "compiled/network.bin",
    "compiled/network.xml",
    "compiled/reference.safetensors",
    "model.safetensors",
    "tokenizer.json",
)
"""Files of a model that answers; see `headstart.predictors.write`."""

WRITES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "adapter/adapter_config.json",
    "adapter/adapter_model.safetensors",
)
"""Files of a model that writes texts; see `headstart.generation.saved`."""

_OURS = {
    *(name.partition("/")[0] for name in (*ANSWERS, *WRITES)),
    *("model.json", "README.md", "report.json", ".report.json.partial", "predictions.parquet"),
    *("report.html", "report-private.html", "gallery.json"),
}


def save(
    folder: Path,
    about: Unchecked,
    card: Callable[[Unchecked], str],
    contents: Callable[[Path], None],
    names: Iterable[str],
) -> None:
    """Write a model's folder in one step, sealed; a model that was there is replaced.

    Args:
        folder: where it goes.
        about: what model.json says, but for the schema and the hashes.
        card: makes README.md of that.
        contents: writes all other files into the folder that it is given.
        names: the files that are sealed, of those that are there.

    Raises:
        ModelError: something else is there.
        OSError: the disk refuses; what was there stays.
    """
    folder = folder.resolve()
    _restore(folder)
    check_target(folder)
    partial = beside(folder, "partial")
    if partial.exists():
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True)
        contents(partial)
        said = {"schema": SCHEMA, **about}
        (partial / "README.md").write_text(card(said), "utf-8")
        seal(partial, said, names)
        _replace(folder, partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def seal(folder: Path, about: Unchecked, names: Iterable[str]) -> None:
    """Write model.json: what there is to say, and the hashes of those of `names` that are there."""
    there = [name for name in names if (folder / name).is_file()]
    about = {**about, "files": {name: _sha256(folder / name) for name in there}}
    about["seal"] = seal_of(about)
    (folder / "model.json").write_text(
        json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )


def beside(folder: Path, what: str) -> Path:
    """A hidden neighbour of a model's folder: `.NAME.partial`; a hash for a name that is long."""
    return neighbour(folder.resolve(), what)


def check_target(folder: Path) -> None:
    """Refuse a folder to save into that holds anything but a model, or cannot be written.

    What is there is replaced as a whole, so not one file of somebody else's may be in it, and it
    may not be where somebody stands: their folder would be gone.

    Raises:
        ModelError: says what is in the way.
    """
    resolved = absolute(folder, "--out")
    check_written(folder, "--out", resolved / "adapter" / "adapter_model.safetensors")
    name = shown(str(folder))[:200]
    if resolved.is_dir():
        _check_replaced(resolved, name)
    elif os.path.lexists(resolved):
        raise ModelError(f"--out is {name!r}, which is a file; name a folder.")


def _check_replaced(folder: Path, name: str) -> None:
    there = {each.name for each in folder.iterdir() if not is_unfinished(each.name)}
    strange = sorted(there - _OURS) or _unless_whole(there)
    if strange:
        raise ModelError(
            f"{name!r} holds {some(strange, 1)}, so it is not a headstart model "
            "that may be replaced; name a new folder with --out."
        )
    if folder in (Path.cwd(), *Path.cwd().parents):
        raise ModelError(
            f"--out is {name!r}, the folder that you are in, which would be replaced; "
            "name one in it, such as --out model."
        )
    if folder.is_mount() or not os.access(folder.parent, os.W_OK | os.X_OK):
        raise ModelError(
            f"--out is {name!r}, which cannot be replaced as a whole; name a folder in it, such as "
            f"--out {shown(str(folder / 'model'))}."
        )


def say_replaced(folder: Path, progress: Progress) -> None:
    """Say before any work where a model in a folder to save into will be replaced."""
    if (folder / "model.json").is_file():
        name = shown(str(folder))
        progress.say(f"{name} holds a model; it is replaced when the new one is finished.")


def read_about(folder: Path) -> Unchecked:
    """What model.json says, its seal checked.

    Raises:
        ModelError: it is not a model, was damaged, or is of a newer version.
    """
    path = folder / "model.json"
    if not os.path.lexists(path) and (folder.is_dir() or not os.path.lexists(folder)):
        raise ModelError(f"{str(folder)!r} is not a headstart model: it has no model.json.")
    try:
        about = json.loads(files.content(str(path)).decode("utf-8"))
    except (Unreadable, ValueError, RecursionError) as error:
        raise ModelError(f"{str(path)!r} cannot be read ({error}).") from error
    if not isinstance(about, dict) or not isinstance(about.get("files"), dict):
        raise ModelError(f"{str(path)!r} is not the description of a headstart model.")
    if type(about.get("schema")) is not int or about["schema"] not in READS:
        raise ModelError(
            f"{str(path)!r} has schema {about.get('schema')!r}, but this headstart reads "
            f"{SCHEMA}; install the headstart that made it."
        )
    if about.get("seal") != seal_of(about):
        raise ModelError(
            f"{str(path)!r} is damaged or was changed: it does not match its own seal; "
            "copy the model again or train it again."
        )
    return cast(Unchecked, about)


def check_files(
    folder: Path, about: Unchecked, needed: Collection[str], allowed: Collection[str]
) -> None:
    """Compare every file that model.json names with its hash.

    Raises:
        ModelError: names the file that is missing, damaged, or of a name not `allowed`.
    """
    missing = sorted(set(needed) - set(about["files"]))
    if missing:
        path = str(folder / "model.json")
        raise ModelError(f"{path!r} does not name {missing[0]!r}; the model is not whole.")
    for name, expected in about["files"].items():
        _check_file(folder, name, expected, allowed)


def unreadable(folder: Path, why: str) -> ModelError:
    """What to say of a folder whose files are whole, and that is no model all the same."""
    return ModelError(
        f"The model in {str(folder)!r} cannot be read ({shown(why)[:200]}); train it again, or "
        "copy it again from where it came."
    )


def _check_file(folder: Path, name: str, expected: object, allowed: Collection[str]) -> None:
    if name not in allowed:
        raise ModelError(f"The model in {str(folder)!r} names a file it may not have: {name!r}.")
    try:
        actual = _sha256(folder / name)
    except Unreadable as error:
        raise ModelError(
            f"The model in {str(folder)!r} lacks {name!r} ({error}); copy it again."
        ) from error
    if actual != expected:
        raise ModelError(
            f"{name!r} of the model in {str(folder)!r} is damaged: its SHA-256 is not the one "
            "in model.json; copy the model again or train it again."
        )


def _unless_whole(there: set[str]) -> list[str]:
    whole = "model.json" in there and not there.isdisjoint({"compiled", "config.json"})
    return [] if whole else sorted(there)


def seal_of(about: Unchecked) -> str:
    """What model.json says of itself: the SHA-256 of all else in it."""
    rest = {key: value for key, value in about.items() if key != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with files.opened(str(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _restore(folder: Path) -> None:
    """Put an old model back that a run was killed while replacing."""
    old = beside(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)


def _replace(folder: Path, partial: Path) -> None:
    """Put what was written in the folder's place; the old model stays until it is there."""
    old = beside(folder, "old")
    if folder.exists():
        if old.exists():  # a killed run left it
            shutil.rmtree(old)
        folder.rename(old)
    try:
        partial.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    if old.exists():
        shutil.rmtree(old)
