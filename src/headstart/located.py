"""A saved model by its name: a folder of this machine, or a repository of the hub."""

import re
from collections.abc import Collection
from pathlib import Path

from headstart import sealed
from headstart.errors import BackboneError, ModelError
from headstart.wording import shown

PREFIX = "hf:"
BESIDES = ("report.json", "predictions.parquet", "gallery.json")
"""What may be beside a model and is not needed to answer: for its page, and to compare it."""
_COMMIT = re.compile("[0-9a-f]{40}")


def is_remote(model: str | Path) -> bool:
    """Whether a model is named as one of the hub, `hf:OWNER/NAME[@REVISION]`."""
    return str(model).startswith(PREFIX)


def located(model: str | Path, *, offline: bool = False, besides: Collection[str] = ()) -> Path:
    """The folder of a saved model; one of the hub is downloaded into the hub's own cache.

    Nothing but the files that a headstart model consists of is taken from a repository. They are
    checked where they are read, as those of any model.

    Args:
        model: a folder, or `hf:OWNER/NAME[@REVISION]`: a branch, a tag or a commit. The hub is
            asked what a branch is now; a commit that is in the cache is taken from there.
        offline: open no socket; then it has to be in the cache.
        besides: those of `BESIDES` that are wanted too, where the repository has them.

    Raises:
        ModelError: says why it is not to be had.
    """
    if not is_remote(model):
        return Path(model)
    from headstart.backbones import hub

    name = shown(str(model))[:200]
    reference = str(model).removeprefix(PREFIX)
    repository, _, revision = reference.partition("@")
    if not hub.is_name(reference):
        raise ModelError(
            f"The model {name!r} names no repository of the hub; write {PREFIX}OWNER/NAME, with "
            "@REVISION behind it where it must be a certain one."
        )
    first = _snapshot(name, repository, revision or None, ("model.json",), offline)
    if not (first / "model.json").exists():
        raise ModelError(
            f"The repository {name!r} is not a headstart model: it has no model.json. If it is a "
            f"pretrained network, train with --backbone {name}."
        )
    about = sealed.read_about(first)
    ours = [each for each in about["files"] if each in {*sealed.ANSWERS, *sealed.WRITES}]
    # The commit, so that all files are of one, whatever is pushed in between.
    return _snapshot(name, repository, first.name, ("model.json", *ours, *besides), offline)


def _snapshot(
    name: str, repository: str, revision: str | None, files: Collection[str], offline: bool
) -> Path:
    """The folder with some files of a repository, of those that it has."""
    from headstart.backbones import hub

    fixed = revision is not None and _COMMIT.fullmatch(revision)
    if (offline or fixed) and (kept := hub.cached(repository, revision, files)):
        return kept
    if offline:
        raise ModelError(
            f"The model {name!r} is not whole on this machine; leave --offline out to download it."
        )
    from huggingface_hub import snapshot_download

    # The hub's client, and what it uses to reach the hub, raise what they like.
    try:
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=list(files)))
    except Exception as error:
        raise ModelError(f"The model {name!r} {hub.reason(error)}.") from error
    try:
        hub.verify(folder, name)
    except BackboneError as error:
        raise ModelError(str(error)) from error
    return folder
