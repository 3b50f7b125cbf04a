"""The folder that a repository is to hold: a model that loads, its card and its report."""

import json
import shutil
from pathlib import Path

from headstart import sealed
from headstart.errors import ModelError, first_line
from headstart.report import page
from headstart.sharing import hubcard, public
from headstart.types import Unchecked

EXAMPLES = ("predictions.parquet", "gallery.json")
"""What is known of single items; uploaded only where that is asked for."""
BESIDES = ("README.md", "model.json", "report.json", page.FILE)
EVERY = frozenset((*sealed.ANSWERS, *sealed.WRITES, *EXAMPLES, *BESIDES))
"""Every file that a push may write, so that a later one knows which to take away."""

_CONFIGURATIONS = (
    *("config.json", "generation_config.json"),
    *("tokenizer_config.json", "adapter/adapter_config.json"),
)


def checked(folder: Path) -> Unchecked:
    """What model.json says of a model whose files are all whole.

    Raises:
        ModelError: it is no model, or was damaged.
    """
    about = sealed.read_about(folder)
    sealed.check_files(folder, about, ("model.safetensors",), {*sealed.ANSWERS, *sealed.WRITES})
    return about


def write(
    folder: Path, about: Unchecked, into: Path, repository: str, *, examples: bool
) -> tuple[str, ...]:
    """Write what is to be uploaded; large files are links to those of the model.

    Args:
        folder: of the model.
        about: what `checked` gave.
        into: an empty folder.
        repository: `OWNER/NAME`.
        examples: whether names, texts and thumbnails of items go along.

    Returns:
        What is missing, in sentences.

    Raises:
        ModelError: a file cannot be understood, or the model was replaced meanwhile.
        OSError: the disk refuses.
    """
    for name in about["files"]:
        (into / name).parent.mkdir(exist_ok=True)
        if name in _CONFIGURATIONS:
            _configuration(folder / name, into / name)
        else:
            _link(folder / name, into / name)
    said = public.about(about)
    sealed.seal(into, said, about["files"])
    _refuse_changed(folder, about["files"], sealed.read_about(into)["files"])
    (into / "README.md").write_text(hubcard.readme(said, repository), "utf-8")
    return _report(folder, into, examples)


def _refuse_changed(folder: Path, before: Unchecked, now: Unchecked) -> None:
    """What was not whole when it was read must not be sealed as if it were."""
    for name, expected in before.items():
        if name not in _CONFIGURATIONS and now.get(name) != expected:
            raise ModelError(
                f"{name!r} in {str(folder)!r} changed while it was read; run it again."
            )


def _report(folder: Path, into: Path, examples: bool) -> tuple[str, ...]:
    source = folder / "report.json"
    if not source.is_file():
        return ("The model has no report.json, so no report goes along.",)
    try:
        said = json.loads(source.read_text("utf-8"))
        made = public.report(said, examples=examples)
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError) as error:
        raise ModelError(f"{str(source)!r} cannot be understood ({first_line(error)}).") from error
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    (into / "report.json").write_text(text, "utf-8")
    if not examples:
        page.write(folder, into / page.FILE, private=True)
        return ()
    missing = [name for name in EXAMPLES if not (folder / name).is_file()]
    for name in EXAMPLES:
        if name not in missing:
            _link(folder / name, into / name)
    page.write(into, into / page.FILE)
    return tuple(f"The model has no {name}, so none goes along." for name in missing)


def _configuration(source: Path, to: Path) -> None:
    try:
        to.write_text(public.configuration(source.read_text("utf-8")), "utf-8")
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{str(source)!r} cannot be understood ({first_line(error)}).") from error


def _link(source: Path, to: Path) -> None:
    try:
        to.symlink_to(source.resolve())
    except OSError:  # where links are not for everybody, as on Windows
        shutil.copyfile(source, to)
