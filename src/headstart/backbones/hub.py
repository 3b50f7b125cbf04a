"""Folders in the hub's layout: local ones, those in the hub's cache, and downloads into it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import BackboneError, InputError, first_line

if TYPE_CHECKING:  # it imports numpy
    from headstart.types import Unchecked

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
VOCABULARIES = (
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
"""Without any of these, or tokenizer.json, transformers makes a tokenizer that knows no words."""

# What is downloaded: a repository may hold the same weights in many other forms.
_PARTS = (WEIGHTS, "model-*-of-*.safetensors")
_BESIDES = (
    *("config.json", INDEX, "merges.txt", *VOCABULARIES),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("sentence_bert_config.json", "1_Pooling/config.json"),
)
_CARD = ("README.md", "LICENSE*")

_ENDINGS = (".bin", ".h5", ".keras", ".msgpack", ".pt", ".pth", ".safetensors")
_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?", re.ASCII)


def is_name(reference: str) -> bool:
    """Whether this can be `OWNER/NAME` or `OWNER/NAME@REVISION`."""
    return _NAME.fullmatch(reference) is not None


def files_of(folder: Path) -> tuple[str, ...]:
    """What decides what is in a folder; of the hub's cache also which revision a name means."""
    folder = folder.absolute()
    revisions = folder.parent.parent / "refs"
    inside = folder.parent.name == "snapshots" and revisions.is_dir()
    if not inside:
        return (str(folder),)
    below = (str(each) for each in (revisions, *revisions.rglob("*")) if each.is_dir())
    return (str(folder), *sorted(below))


def read_json(file: Path) -> Unchecked:
    """A JSON object; empty where there is no file.

    Raises:
        BackboneError: it is something else.
    """
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BackboneError(f"The file {str(file)!r} is not a JSON object; fetch it again.")
    return value


def locate(
    reference: str, *, offline: bool, called: str | None = None, weights_alone: bool = False
) -> Path:
    """The folder with a repository's files, from the hub's cache, downloaded where they are not.

    What is in the cache is taken as it is, without asking whether the hub has something newer.

    Args:
        reference: `OWNER/NAME[@REVISION]`.
        offline: open no socket.
        called: what the user calls the backbone.
        weights_alone: whether nothing but the weights is needed.

    Raises:
        BackboneError: says why it is not to be had, and the ways to get it.
    """
    called = called or f"hf:{reference}"
    repository, _, revision = reference.partition("@")
    if not is_name(reference) or revision.endswith(_ENDINGS):
        raise BackboneError(
            f"The backbone {called!r} names no repository of the hub; write OWNER/NAME, with "
            "@REVISION behind it where it must be a certain one."
        )
    needed = _PARTS if weights_alone else (*_BESIDES, *_PARTS)
    folder = cached(repository, revision or None, needed)
    if folder and _missing(folder, weights_alone) is None:
        return folder
    if offline:
        what = "is not on this machine; leave --offline out to download"
        raise BackboneError(_ways(called, what))
    # The hub's client, and what it uses to reach the hub, raise what they like.
    try:
        folder = _download(repository, revision or None)
    except Exception as error:
        raise BackboneError(_ways(called, reason(error))) from error
    verify(folder, called)
    if missing := _missing(folder, weights_alone):
        pickled = (
            "weights in a pickle (.bin) are not read, but a converted copy may be in one of its "
            f"pull requests: hf:{repository}@refs/pr/NUMBER."
        )
        raise BackboneError(
            f"The repository {reference!r} has no {missing}, so it cannot be a backbone; "
            f"{pickled if missing == WEIGHTS else 'name another one.'}"
        )
    return folder


def is_cached(reference: str, *, weights_alone: bool = False) -> bool:
    """Whether a repository's files are in the hub's cache on this machine; opens no socket."""
    try:
        locate(reference, offline=True, weights_alone=weights_alone)
    except InputError:
        return False
    return True


def looks_like_weights(name: str) -> bool:
    """Whether this is called as files of weights are."""
    return name.endswith(_ENDINGS)


def cached(repository: str, revision: str | None, files: Collection[str]) -> Path | None:
    """The folder in the cache, where all of the repository's `files` are in it."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(
            snapshot_download(
                repository, revision=revision, allow_patterns=list(files), local_files_only=True
            )
        )
    except (HFValidationError, OSError):
        return None


def _download(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    # The weights come last: where they are, nothing else is missing, however a run was killed.
    files = [*_CARD, *_BESIDES]
    first = Path(snapshot_download(repository, revision=revision, allow_patterns=files))
    return Path(
        snapshot_download(repository, revision=first.name, allow_patterns=[*files, *_PARTS])
    )


def _missing(folder: Path, weights_alone: bool) -> str | None:
    """The first thing that a backbone needs and that is not there."""
    if not weights_alone:
        if not (folder / "config.json").is_file():
            return "config.json"
        words = ("tokenizer.json", *VOCABULARIES)
        images = "architecture" in read_json(folder / "config.json")
        if not images and not any((folder / name).is_file() for name in words):
            return "tokenizer"
    if (folder / WEIGHTS).is_file():
        return None
    if not (folder / INDEX).is_file():
        return WEIGHTS
    parts = read_json(folder / INDEX).get("weight_map")
    names = sorted(map(str, parts.values())) if isinstance(parts, dict) else [WEIGHTS]
    return next((name for name in names if not (folder / name).is_file()), None)


def verify(folder: Path, called: str) -> None:
    """The hub's cache names a large file by its SHA-256: hold what was downloaded against it.

    Raises:
        BackboneError: a file is not what the hub said; it is removed, so that it is fetched again.
    """
    for file in sorted(folder.rglob("*")):
        content = file.resolve()
        if not re.fullmatch(r"[0-9a-f]{64}", content.name):
            continue
        with content.open("rb") as opened:
            actual = hashlib.file_digest(opened, "sha256").hexdigest()
        if actual != content.name:
            content.unlink()
            file.unlink(missing_ok=True)
            raise BackboneError(
                f"The download of {called!r} is damaged: {file.name} has not the SHA-256 that the "
                "hub gave, and was removed; run the same command again."
            )


def reason(error: Exception) -> str:
    """Why a repository is not to be had, to go on a sentence that begins with its name."""
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    kinds: tuple[tuple[type[Exception], str], ...] = (
        (GatedRepoError, "has terms to accept on the hub first (then: hf auth login)"),
        (RepositoryNotFoundError, "is not on this machine, and the hub has no such repository"),
        (RevisionNotFoundError, "is not on this machine, and the hub has no such revision"),
        (
            LocalEntryNotFoundError,
            "is not on this machine, and the hub cannot be reached; run it again with the network",
        ),
    )
    said = next((what for kind, what in kinds if isinstance(error, kind)), None)
    stopped = (
        f"is not on this machine, and the download stopped ({first_line(error)}); run it again"
    )
    return said or stopped


def _ways(called: str, what: str) -> str:
    return (
        f"The backbone {called!r} {what}; or run `headstart fetch {called} --to DIR` on a machine "
        "with the network, bring DIR and say --backbone DIR; or name a folder or a file of its "
        "weights that you have."
    )
