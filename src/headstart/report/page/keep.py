"""What the page shows of single items, kept beside the model: `gallery.json`."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.atomic import write_json
from headstart.data import images, texts
from headstart.data.dataset import Dataset
from headstart.errors import Unreadable
from headstart.evaluation import Results, predictions
from headstart.explanations import Explanation, ImageExplanation, TextExplanation
from headstart.explanations.drawing import overlay, parts
from headstart.findings import Finding
from headstart.report.page import gallery, rows
from headstart.report.page.findings import MOST_SUSPECTS, digests_of
from headstart.types import Json, JsonObject, Unchecked
from headstart.wording import hexadecimal

LONGEST = 176
"""Pixels of a thumbnail's longer side."""

_QUALITY = 72


@dataclass(frozen=True)
class Item:
    """One that the page shows.

    Attributes:
        digest: of its content, 32 hexadecimal digits.
        position: in the data.
        explains: the class that there is to explain; None of a number.
    """

    digest: str
    position: int
    explains: str | None


def shown(folder: Path, results: Results) -> list[Item]:
    """The items that the page of a model shows, those most worth a look first.

    Args:
        folder: of the model, with its `predictions.parquet`.
        results: what the model says of the items.
    """
    asked = gallery.asked(rows.read(folder / predictions.FILE))
    places = places_of(results.digests, results.positions.tolist())
    return [
        Item(digest, places[digest], explains)
        for digest, explains in asked.items()
        if digest in places
    ]


def suspects(findings: Sequence[Finding], results: Results) -> dict[str, int]:
    """Where in the data the items are that the page shows of findings, by digest."""
    places = places_of(results.digests, results.positions.tolist())
    wanted = digests_of([asdict(each) for each in findings], MOST_SUSPECTS)
    return {each: places[each] for each in wanted if each in places}


def places_of(contents: Iterable[bytes], positions: Iterable[int]) -> dict[str, int]:
    """Where items are in the data, by the digests of their content; the last of those alike."""
    return {
        hexadecimal(bytes(each)): at for each, at in zip(contents, positions, strict=True) if each
    }


def keep(
    folder: Path,
    data: Dataset,
    items: Sequence[Item],
    also: Mapping[str, int],
    explained: Mapping[int, Explanation] | None = None,
) -> None:
    """Write `gallery.json` into a model's folder.

    Args:
        folder: of the model.
        data: every item; what can no longer be read is shown by its name alone.
        items: those that `shown` gives.
        also: what `suspects` gives; they are kept too.
        explained: by position in the data, why the model answers so.
    """
    why = explained or {}
    kept: JsonObject = {digest: shown_of(data, at) for digest, at in also.items()}
    kept |= {
        each.digest: {
            **shown_of(data, each.position),
            **(_explanation(why[each.position]) if each.position in why else {}),
        }
        for each in items
    }
    write_json(folder / gallery.FILE, kept)


def _explanation(found: Explanation) -> JsonObject:
    """A heat map over the image, or the text in parts with their weights."""
    if isinstance(found, ImageExplanation):
        drawn = overlay(found)
        drawn.thumbnail((LONGEST, LONGEST))
        return {"heat": data_uri(np.asarray(drawn)), "explains": found.target}
    return {"words": _parts(found), "explains": found.target}


def _parts(found: TextExplanation) -> list[Json]:
    """As much of the text as the page shows."""
    kept: list[Json] = []
    left = gallery.CHARACTERS
    for text, weight in parts(found):
        kept.append([gallery.clipped(text, left), round(weight, 3)])
        left -= len(text)
        if left < 0:
            break
    return kept


def shown_of(data: Dataset, at: int) -> Unchecked:
    """A thumbnail or the start of a text of one item."""
    item = data.items[at]
    try:
        if data.modality == "text":
            return {"text": texts.clean(item)[: gallery.CHARACTERS + 1]}
        return {"image": data_uri(images.thumbnail(images.load(item), LONGEST))}
    except Unreadable:
        return {}


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """An image for a page: uint8 (height, width, 3)."""
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "WEBP", quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
