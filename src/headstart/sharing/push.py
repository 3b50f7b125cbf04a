"""A saved model goes to the hub: refused, shown, then uploaded in one commit."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from headstart.atomic import whole_folder
from headstart.backbones import hub
from headstart.errors import InputError
from headstart.located import PREFIX
from headstart.paths import check_written
from headstart.progress import Progress
from headstart.sharing import contents
from headstart.sharing.upload import refuse_without_token, upload
from headstart.types import JsonObject, Unchecked
from headstart.wording import items, shown, size


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What was uploaded, or would be.

    Attributes:
        repository: `OWNER/NAME`.
        files: bytes of each, by its name in the repository.
        warnings: what a person should know.
        url: of the repository; commit: what `hf:OWNER/NAME@COMMIT` names for ever. None: nothing
            was uploaded.
        folder: where it was written instead.
    """

    repository: str
    files: Mapping[str, int]
    warnings: tuple[str, ...] = ()
    url: str | None = None
    commit: str | None = None
    folder: str | None = None

    def to_json(self) -> JsonObject:
        """What `headstart push --json` prints."""
        return {**asdict(self), "files": dict(self.files), "warnings": list(self.warnings)}


def push(
    folder: Path,
    name: str,
    progress: Progress,
    *,
    private: bool,
    examples: bool,
    message: str,
    dry_run: Path | None,
) -> Pushed:
    """Upload a saved model; see `headstart.api.push`.

    Raises:
        InputError: there is no such model, its licence forbids it, or the hub refuses.
    """
    repository = _repository(name)
    about = contents.checked(folder)
    warnings = _licence(about, private=private)
    if not message.strip():
        raise InputError("--message is empty; say what this version is, or leave it out.")
    if dry_run is not None:
        _check_target(dry_run)
    else:
        refuse_without_token()
    with tempfile.TemporaryDirectory(prefix="headstart-push-") as made:
        into = Path(made)
        warnings += contents.write(folder, about, into, repository, examples=examples)
        files = {
            each.relative_to(into).as_posix(): each
            for each in sorted(into.rglob("*"))
            if each.is_file()
        }
        sizes = {name: path.stat().st_size for name, path in files.items()}
        for sentence in (*_listing(repository, sizes, dry_run, private, examples), *warnings):
            progress.say(sentence)
        if dry_run is not None:
            _copy(into, dry_run)
            return Pushed(
                repository=repository, files=sizes, warnings=warnings, folder=str(dry_run)
            )
        # The hub's client shows how far it is.
        url, commit = upload(
            files, repository, private=private, message=message, ours=contents.EVERY
        )
    return Pushed(repository=repository, files=sizes, warnings=warnings, url=url, commit=commit)


def _repository(name: str) -> str:
    repository = name.removeprefix(PREFIX)
    if not hub.is_name(repository) or "@" in repository:
        raise InputError(
            f"{shown(name)[:200]!r} is no name of a repository; write OWNER/NAME, with your name "
            "on the hub, or that of an organisation, before the slash."
        )
    return repository


def _licence(about: Unchecked, *, private: bool) -> tuple[str, ...]:
    """Warn of a licence that allows less than others think, and refuse one that allows nothing."""
    backbone = about.get("backbone") or {}
    licence = backbone.get("licence")
    named = str(licence or "").lower()
    name = shown(str(backbone.get("name")))
    if "-nd" in named and not private:
        raise InputError(
            f"The weights of {name} are under {shown(str(licence))}, which forbids to pass on what "
            "is made of them; push with --private, or train on another backbone."
        )
    if not named or named in ("unknown", "other"):
        return (
            f"The licence of the weights of {name} is not known; make sure that they may be passed "
            "on.",
        )
    if "-nc" in named:
        return (f"The weights of {name} are under {shown(str(licence))}: no commercial use.",)
    return ()


def _listing(
    repository: str,
    sizes: Mapping[str, int],
    dry_run: Path | None,
    private: bool,
    examples: bool,
) -> list[str]:
    """What will be uploaded and where, before it is."""
    total = f"{items(len(sizes), 'file')}, {size(sum(sizes.values()))}"
    where = f"To {repository} on the hub" if dry_run is None else f"To {shown(str(dry_run))}"
    seen = ", which only you and whom you allow can see" if private else ""
    listed = [f"  {name} ({size(each)})" for name, each in sizes.items()]
    what = "Names" if examples else "Names of classes and columns go along; names"
    rest = "go along too" if examples else "stay here"
    return [f"{where}{seen}: {total}.", *listed, f"{what}, texts and thumbnails of items {rest}."]


def _check_target(folder: Path) -> None:
    check_written(folder, "--dry-run")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"--dry-run is {str(folder)!r}, which is not an empty folder; name a new one."
        )
    if not folder.resolve().parent.is_dir():
        raise InputError(
            f"--dry-run is {str(folder)!r}, but there is no folder {str(folder.parent)!r}; make it "
            "first."
        )


def _copy(source: Path, to: Path) -> None:
    with whole_folder(to.resolve()) as unfinished:
        shutil.copytree(source, unfinished)
