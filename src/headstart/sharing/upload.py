"""A folder becomes a commit of a repository on the hub."""

import json
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headstart.errors import HeadstartError, InputError, first_line
from headstart.wording import shown, some

_ANYBODYS = {".gitattributes", "README.md"}
"""What a repository may hold that was made by hand, before there is a model in it."""


def refuse_without_token() -> None:
    """Refuse to go on where nobody is logged in.

    Raises:
        InputError: says how to.
    """
    from huggingface_hub import get_token

    if get_token() is None:
        raise InputError(
            "There is no token for the hub on this machine: run `hf auth login` with a token that "
            "may write, or set HF_TOKEN."
        )


def upload(
    files: Mapping[str, Path],
    repository: str,
    *,
    private: bool,
    message: str,
    ours: Collection[str],
) -> tuple[str, str]:
    """Upload files in one commit; the repository is made where there is none.

    Args:
        files: by their names in the repository.
        repository: `OWNER/NAME`.
        private: nobody else may see the repository.
        message: of the commit.
        ours: names of files of an earlier push; those that are in no `files` are deleted.

    Returns:
        The address of the repository, and the commit.

    Raises:
        InputError: the hub refuses or cannot be reached; or the repository is public though it must
            be private, or holds something else.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(library_name="headstart")
    with _explained(repository):
        url = str(api.create_repo(repository, private=private or None, exist_ok=True))
        info = api.model_info(repository)
        there = {each.rfilename for each in info.siblings or ()}
        model = "model.json" in there and _is_ours(
            Path(api.hf_hub_download(repository, "model.json", revision=info.sha))
        )
    _refuse(repository, there, model, private=private, public=info.private is False)
    kept = [CommitOperationAdd(name, path) for name, path in files.items()]
    gone = [CommitOperationDelete(name) for name in sorted(there & {*ours} - {*files})]
    with _explained(repository), warnings.catch_warnings():
        # The client's own use of its HTTP library; and that a table goes with a model is meant.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "It seems that you are about to commit a data file")
        made = api.create_commit(
            repository, [*kept, *gone], commit_message=message, parent_commit=info.sha
        )
    return url, str(made.oid)


def _refuse(repository: str, there: set[str], ours: bool, *, private: bool, public: bool) -> None:
    if private and public:
        raise InputError(
            f"The repository {repository} is there and is public; make it private on the hub "
            "first, or name a new one."
        )
    if not ours and (others := sorted(there - _ANYBODYS)):
        raise InputError(
            f"The repository {repository} holds {some(others, 3)}, and no headstart model; name a "
            "new one."
        )


def _is_ours(file: Path) -> bool:
    """Whether a model.json is of any version of headstart; that of TensorFlow.js is another."""
    try:
        said = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and {"schema", "seal"} <= set(said)


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """What goes wrong at the hub, as one sentence; its client raises what it likes."""
    try:
        yield
    except HeadstartError:
        raise
    except Exception as failure:
        error = _first(failure)
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403):
            owner = repository.partition("/")[0]
            raise InputError(
                f"The hub does not let your token write to {repository}; log in as {owner}, or a "
                "member of it, with a token that may write: `hf auth login`."
            ) from failure
        raise InputError(
            f"The hub could not take {repository} ({shown(first_line(error)).rstrip('.')}); "
            "nothing was changed in it; run it again."
        ) from failure


def _first(error: BaseException) -> BaseException:
    """What went wrong first: the client says of an upload no more than that it failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
