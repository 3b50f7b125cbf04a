"""What the page shows of single items, kept beside the model: `gallery.json`."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.atomic import write_json
from headstart.data import images, texts
from headstart.data.dataset import Dataset
from headstart.errors import Unreadable
from headstart.evaluation import Results, predictions
from headstart.findings import Finding
from headstart.report.page import gallery, rows
from headstart.types import JsonObject, Unchecked

LONGEST = 176
"""Pixels of a thumbnail's longer side."""

_QUALITY = 72


def keep(
    folder: Path,
    data: Dataset,
    results: Results,
    findings: Sequence[Finding] = (),
) -> None:
    """Write `gallery.json` into a model's folder that has its `predictions.parquet`.

    Args:
        folder: of the model.
        data: every item; what can no longer be read is shown by its name alone.
        results: what the model says of them.
        findings: about the data; the items that the page shows of each are kept too.
    """
    wanted = gallery.digests(rows.read(folder / predictions.FILE))
    place = {bytes(each).ljust(16, b"\0").hex(): at for at, each in enumerate(results.digests)}
    positions = {each: int(results.positions[place[each]]) for each in wanted if each in place}
    kept: JsonObject = {digest: shown_of(data, at) for digest, at in positions.items()}
    write_json(folder / gallery.FILE, {**_suspects(data, findings), **kept})


def _suspects(data: Dataset, findings: Sequence[Finding]) -> JsonObject:
    """Of each finding's first items, and what they lie beside, which is known by its name."""
    first = [each for found in findings for each in found.items[: gallery.MOST_SUSPECTS]]
    beside = {each.beside for each in first if each.beside}
    places = {name: at for at, name in enumerate(data.names) if name in beside}
    kept: JsonObject = {each.digest: shown_of(data, each.position) for each in first if each.digest}
    return kept | {f"name:{name}": shown_of(data, at) for name, at in places.items()}


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
