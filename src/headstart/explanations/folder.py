"""Explanations as a folder: `index.html` for people, `explanations.json`, and an image for each."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.atomic import whole_folder
from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.explanations.drawing import marked, overlay
from headstart.explanations.explaining import Unexplained
from headstart.explanations.explanation import Explanation, ImageExplanation
from headstart.paths import check_written
from headstart.progress import Progress
from headstart.types import Json, JsonObject
from headstart.wording import harmless, meaningful, percent, value

if TYPE_CHECKING:
    from headstart.predictors.model import Model

MOST = 100
"""Items that are explained in a folder."""

PAGE, DATA = "index.html", "explanations.json"
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Explanations</title>
<style>
body { font: 1rem/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid gray; padding: 0.5rem 0 1rem; }
h2 { font-size: 1rem; overflow-wrap: anywhere; } img { max-width: 100%; }
p.text { white-space: pre-wrap; overflow-wrap: anywhere; }
</style></head><body>
<h1>Explanations</h1>
<p>Orange (solid underline) speaks for the answer, purple (dotted underline) against it.</p>
"""


def check_folder(folder: str | Path) -> Path:
    """The folder to write explanations to, before any work is done for it.

    Raises:
        InputError: it cannot be made, or holds something else.
    """
    path = Path(folder)
    check_written(path, "--explain", path / DATA)
    said = f"--explain is {str(folder)[:200]!r}"
    if path.exists() and not path.is_dir():
        raise InputError(f"{said}, which is a file; name a folder.")
    path = path.resolve()
    if Path.cwd().is_relative_to(path):
        raise InputError(f"{said}, the folder that you are in; name a new one.")
    if path.is_dir() and not _replaceable(path):
        raise InputError(f"{said}, a folder that holds other files; name a new one.")
    return path


def _replaceable(folder: Path) -> bool:
    """Whether a folder is empty, or holds nothing but explanations."""
    there = list(folder.iterdir())
    if not there:
        return True
    try:
        listed = json.loads((folder / DATA).read_text("utf-8"))
        ours = {PAGE, DATA, *(str(each["image"]) for each in listed if each.get("image"))}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return all(each.name in ours and each.is_file() for each in there)


def write_first(
    model: "Model", data: Dataset, labels: Sequence[object], folder: Path, progress: Progress
) -> tuple[str, ...]:
    """Explain answers to the first `MOST` items, in a folder.

    Args:
        model: what answered.
        data: the items.
        labels: the answer to each: a class, a tuple of classes, a number, or None.
        folder: see `check_folder`.
        progress: shows items done.

    Returns:
        What a person should know of it.
    """
    some = data.select(np.arange(min(MOST, len(data))))
    wanted = [classes_of(label, model.classes) for label in labels[: len(some)]]
    write(model.explanations(some, wanted, progress=progress), folder)
    if len(some) == len(data):
        return ()
    return (
        f"The first {len(some):,} of {len(data):,} items are explained; give fewer for others.",
    )


def classes_of(label: object, classes: Sequence[str]) -> list[str]:
    """The classes that an answer names: one, several, or none where it is a number or None."""
    several = label if isinstance(label, tuple) else (label,)
    return [each for each in several if each in classes]


def write(explanations: Iterable[Explanation | Unexplained], folder: Path) -> None:
    """Write explanations to a folder in one step; those that were there are replaced.

    Raises:
        OSError: the disk refuses; what was there stays.
        InputError: something else came to be in the folder; it stays.
    """
    page, listed = [_HEAD], list[JsonObject]()
    with whole_folder(folder) as unfinished:
        unfinished.mkdir()
        for number, each in enumerate(explanations, start=1):
            image = f"{number:04}.png" if isinstance(each, ImageExplanation) else None
            if isinstance(each, ImageExplanation):
                overlay(each).save(unfinished / f"{number:04}.png")
            listed.append(as_json(each, image))
            page.append(_section(each, image))
        text = json.dumps(listed, indent=1, allow_nan=False)
        (unfinished / DATA).write_text(text + "\n", "utf-8")
        page.append("</body></html>\n")
        (unfinished / PAGE).write_text("".join(page), "utf-8")
        if folder.is_dir() and not _replaceable(folder):
            raise InputError(f"{str(folder)[:200]!r} has other files by now; name a new folder.")


def as_json(explanation: Explanation | Unexplained, image: str | None = None) -> JsonObject:
    """An explanation as JSON; of a heat map the name of the file that shows it."""
    if isinstance(explanation, Unexplained):
        return {"item": explanation.name, "error": explanation.reason}
    answer = "value" if explanation.target is None else "probability"
    about: JsonObject = {"item": explanation.name}
    if explanation.target is not None:
        about["label"] = explanation.target
    about |= {answer: meaningful(explanation.answer), "method": explanation.method}
    if isinstance(explanation, ImageExplanation):
        width, height = explanation.size
        about |= {"width": width, "height": height, "image": image}
        return about
    words: list[Json] = [
        {"word": word.text, "start": word.start, "end": word.end, "weight": meaningful(word.weight)}
        for word in explanation.words
    ]
    about |= {"text": explanation.text, "words": words}
    return about


def _section(explanation: Explanation | Unexplained, image: str | None) -> str:
    name = escape(harmless(explanation.name))
    if isinstance(explanation, Unexplained):
        reason = escape(harmless(explanation.reason))
        return f"<section><h2><bdi>{name}</bdi></h2><p>Not explained: {reason}.</p></section>\n"
    said = title(explanation)
    if isinstance(explanation, ImageExplanation):
        shown = f'<img src="{image}" alt="What speaks for {escape(said)} in {name}, as colour">'
    else:
        shown = f'<p class="text">{marked(explanation)}</p>'
    return f"<section><h2><bdi>{name}</bdi>: <bdi>{escape(said)}</bdi></h2>{shown}</section>\n"


def title(explanation: Explanation) -> str:
    """What is explained: `cat (97.3%)`, or the value; safe for a terminal, not escaped for HTML."""
    if explanation.target is None:
        return value(explanation.answer)
    return f"{harmless(explanation.target)} ({percent(explanation.answer)})"
