"""Items worth a look, with what is kept of them beside the model: a thumbnail or the text.

`gallery.json` has an entry for each item that is shown, by its content's digest: `image` (a data
URI) or `text`; and where the answer was explained `heat` (an image again) or `words` (a list of
[part of the text, weight], all of the text in order), and `explains`, the class, or null for a
number.
So the page can be made again when the data has moved.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headstart.evaluation import notable
from headstart.report.page.rows import Rows
from headstart.types import Indices, Label, Unchecked
from headstart.wording import harmless, percent, shown, value

FILE = "gallery.json"
MOST = 18
"""Items of a kind."""

MOST_WORDS = 4
"""Of the heaviest words of a text that are listed below it, either way."""

CHARACTERS = 600
"""Of a text that are shown."""

_IMAGE = re.compile(r"data:image/(webp|jpeg|png);base64,[A-Za-z0-9+/]+=*")


@dataclass(frozen=True)
class Card:
    """An item as it is shown, every text safe to show.

    Attributes:
        name, truth, answer: what it is called, what is true, what the model says.
        sure: how sure the model is, or how far off.
        image, heat: data URIs, of the item and of what counts in it; text: the text.
        words: the text in parts, each with its weight from -1 (against `explains`) to 1 (for it).
        explains: what the heat or the words speak for: a class, or a larger number.
    """

    name: str
    truth: str
    answer: str
    sure: str
    image: str | None = None
    text: str | None = None
    heat: str | None = None
    words: tuple[tuple[str, float], ...] = ()
    explains: str = ""

    @property
    def heaviest(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The words that count most for what is explained, and against it, each where there are."""
        ordered = sorted(self.words, key=lambda part: -abs(part[1]))
        ways = {
            "For": [w for w, x in ordered if x > 0],
            "Against": [w for w, x in ordered if x < 0],
        }
        return tuple((way, tuple(some[:MOST_WORDS])) for way, some in ways.items() if some)


@dataclass(frozen=True)
class Shelf:
    """Items of one kind."""

    title: str
    about: str
    cards: tuple[Card, ...]

    @property
    def explained(self) -> bool:
        """Whether any of the answers is."""
        return any(card.heat or card.words for card in self.cards)


def picked(rows: Rows) -> dict[str, Indices]:
    """Places of the items that are shown, by the title of their shelf."""
    if not len(rows):
        return {}
    if rows.task == "regression":
        return {"The largest errors": notable.largest_errors(rows.targets, rows.scores, MOST)}
    sure = notable.sureness(rows.task, rows.scores)
    return {
        "The surest mistakes": notable.surest_mistakes(rows.targets, rows.predicted, sure, MOST),
        "The least sure answers": notable.least_sure(sure, MOST),
    }


_ABOUT = {
    "The largest errors": "Test items whose prediction is furthest from the label, those first.",
    "The surest mistakes": "Test items where the model is sure and the label says otherwise: wrong "
    "labels are often among them.",
    "The least sure answers": "Test items that the model can hardly decide on, the least sure "
    "first.",
}


def shelves(rows: Rows, kept: Mapping[str, Unchecked]) -> list[Shelf]:
    """What is shown, where there is anything to show.

    Args:
        rows: the test items.
        kept: by digest, as `read` gives it.
    """
    return [
        Shelf(title, _ABOUT[title], tuple(_card(rows, at, kept) for at in places.tolist()))
        for title, places in picked(rows).items()
        if len(places)
    ]


def read(path: Path) -> dict[str, Unchecked]:
    """What is kept of the items, by digest; nothing where there is no such file."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text("utf-8"))
    return {str(key): each for key, each in found.items() if isinstance(each, dict)}


def _card(rows: Rows, at: int, kept: Mapping[str, Unchecked]) -> Card:
    about = kept.get(rows.digests[at], {})
    explains = about.get("explains")
    return Card(
        shown(rows.names[at]),
        written(rows.labels[at]),
        written(rows.answers[at]),
        _sure(rows, at),
        image_of(about),
        text_of(about),
        image_of(about, "heat"),
        _words(about),
        "a larger number" if explains is None else shown(str(explains)),
    )


def written(label: Label | None) -> str:
    """A label as people read it."""
    if label is None:
        return "not known"
    if isinstance(label, float):
        return value(label)
    several = label if isinstance(label, str) else ", ".join(label) or "none"
    return shown(several)


def _sure(rows: Rows, at: int) -> str:
    if rows.task == "regression":
        return f"off by {value(abs(float(rows.scores[at] - rows.targets[at])))}"
    if rows.task == "multilabel":
        differs = rows.predicted[at] != rows.targets[at]
        which = differs.nonzero()[0] if differs.any() else [_doubted(rows, at)]
        return ", ".join(
            f"{shown(rows.classes[i])} {percent(float(rows.scores[at, i]))}" for i in which[:4]
        )
    return percent(float(rows.scores[at].max()))


def text_of(about: Unchecked) -> str | None:
    """The text that is kept of an item, safe to show."""
    text = about.get("text")
    return None if text is None else harmless(clipped(str(text)))


def image_of(about: Unchecked, which: str = "image") -> str | None:
    """A data URI of an image and nothing else: the file may have been edited."""
    given = about.get(which)
    return given if isinstance(given, str) and _IMAGE.fullmatch(given) else None


def _words(about: Unchecked) -> tuple[tuple[str, float], ...]:
    parts = about.get("words") or ()
    return tuple((harmless(str(part)), min(max(float(w), -1.0), 1.0)) for part, w in parts)


def clipped(text: str, most: int = CHARACTERS) -> str:
    """The start of a long text."""
    return text if len(text) <= most else text[:most] + "…"


def _doubted(rows: Rows, at: int) -> int:
    """The label of an item that the model can hardly decide on."""
    return int(abs(rows.scores[at] - 0.5).argmin())


def asked(rows: Rows) -> dict[str, str | None]:
    """Digests of the items that are shown, each once, and what there is to explain of each.

    That is the class that the model answers; of several labels the one that it is surest of where
    the label says otherwise, or least sure of where none does; of a number None.
    """
    every = [at for places in picked(rows).values() for at in places.tolist()]
    return {rows.digests[at]: _in_question(rows, at) for at in every}


def _in_question(rows: Rows, at: int) -> str | None:
    if rows.task == "regression":
        return None
    if rows.task == "multilabel":
        wrong = rows.predicted[at] != rows.targets[at]
        sure = abs(rows.scores[at] - 0.5)
        return rows.classes[int((wrong * sure).argmax()) if wrong.any() else _doubted(rows, at)]
    place = int(rows.predicted[at])
    return rows.classes[int(rows.scores[at].argmax()) if place < 0 else place]
