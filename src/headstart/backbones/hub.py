"""Folders in the hub's layout: local ones, those in the hub's cache, and downloads into it."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.snapshot import read_json
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
FILES = (
    *("config.json", "generation_config.json", "README.md", "LICENSE*"),
    *(WEIGHTS, INDEX, "model-*-of-*.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "tokenizer.model", "spiece.model"),
    *("sentencepiece.bpe.model", "sentence_bert_config.json", "1_Pooling/config.json"),
)
"""What a backbone needs; a repository may hold the same weights in many other forms."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?", re.ASCII)


def is_name(reference: str) -> bool:
    """Whether this can be `OWNER/NAME` or `OWNER/NAME@REVISION`."""
    return _NAME.fullmatch(reference) is not None


def load(reference: str, *, offline: bool = True, pool: str = "auto") -> "Backbone":
    """Load `OWNER/NAME[@REVISION]`, or a folder in the hub's layout.

    Args:
        reference: what is there may be timm's (config.json says `architecture`) or transformers'.
        offline: open no socket.
        pool: how what the last stage gives becomes one vector.

    Raises:
        InputError: it is not to be had, damaged, or of another kind.
    """
    folder = Path(reference) if Path(reference).is_dir() else locate(reference, offline=offline)
    name = str(reference)
    if "architecture" in read_json(folder / "config.json"):
        from headstart.backbones import timm

        return timm.load_folder(name, folder, pool=pool)
    from headstart.backbones import transformers

    return transformers.load_folder(name, folder, pool=pool)


def locate(reference: str, *, offline: bool, called: str | None = None) -> Path:
    """The folder with a repository's files, from the hub's cache, downloaded where they are not.

    What is in the cache is taken as it is, without asking whether the hub has something newer.

    Args:
        reference: `OWNER/NAME[@REVISION]`.
        offline: open no socket.
        called: what the user calls the backbone.

    Raises:
        InputError: says why it is not to be had, and the ways to get it.
    """
    called = called or f"hf:{reference}"
    if not is_name(reference):
        raise InputError(
            f"The backbone {called!r} names no repository of the hub; write OWNER/NAME, with "
            "@REVISION behind it where it must be a certain one."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, _, revision = reference.partition("@")

    def found(local: bool) -> Path:
        return Path(
            snapshot_download(
                repository,
                revision=revision or None,
                allow_patterns=list(FILES),
                local_files_only=local,
            )
        )

    try:
        folder = found(True)
        if _missing(folder) is None:
            return folder
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError):
        pass
    if offline:
        raise InputError(_ways(called, "is not on this machine; leave --offline out to download"))
    try:
        folder = found(False)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise InputError(_ways(called, _reason(error))) from None
    _verify(folder, called)
    if missing := _missing(folder):
        raise InputError(f"The repository {reference!r} has no {missing}, so it is no backbone.")
    return folder


def here(reference: str) -> bool:
    """Whether a repository's files are in the hub's cache on this machine."""
    try:
        locate(reference, offline=True)
    except InputError:
        return False
    return True


def _missing(folder: Path) -> str | None:
    """The first file that a backbone needs and that is not there."""
    if not (folder / "config.json").is_file():
        return "config.json"
    if (folder / WEIGHTS).is_file():
        return None
    if not (folder / INDEX).is_file():
        return WEIGHTS
    parts = read_json(folder / INDEX).get("weight_map")
    names = sorted(set(parts.values())) if isinstance(parts, dict) else []
    absent: Callable[[str], bool] = lambda name: not (folder / name).is_file()  # noqa: E731
    return next((str(each) for each in names if absent(str(each))), None if names else INDEX)


def _verify(folder: Path, called: str) -> None:
    """The hub's cache names a large file by its SHA-256: hold what was downloaded against it.

    Raises:
        InputError: a file is not what the hub said; it is removed, so that it is fetched again.
    """
    for file in sorted(folder.glob("*.safetensors")):
        content = file.resolve()
        if not re.fullmatch(r"[0-9a-f]{64}", content.name):
            continue
        with content.open("rb") as opened:
            actual = hashlib.file_digest(opened, "sha256").hexdigest()
        if actual != content.name:
            content.unlink()
            file.unlink(missing_ok=True)
            raise InputError(
                f"The download of {called!r} is damaged: {file.name} has not the SHA-256 that the "
                "hub gave; run the same command again."
            )


def _reason(error: Exception) -> str:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    kinds: tuple[tuple[type[Exception], str], ...] = (
        (GatedRepoError, "has terms to accept on the hub first (then: hf auth login)"),
        (RepositoryNotFoundError, "is not on this machine, and the hub has no such repository"),
        (RevisionNotFoundError, "is not on this machine, and the hub has no such revision"),
        (LocalEntryNotFoundError, "is not on this machine, and the hub cannot be reached"),
        (EntryNotFoundError, "is not on this machine, and the hub lacks a file of it"),
    )
    said = next((what for kind, what in kinds if isinstance(error, kind)), None)
    first = str(error).strip().partition("\n")[0][:200]
    return said or f"is not on this machine, and the download failed ({first}); try again"


def _ways(called: str, what: str) -> str:
    return (
        f"The backbone {called!r} {what}; or run `headstart fetch {called} --to DIR` on a machine "
        "with the network, bring DIR and say --backbone DIR; or name a folder or file of its "
        "weights that you have (`headstart backbones` tells how)."
    )
