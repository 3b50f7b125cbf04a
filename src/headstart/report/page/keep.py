"""What the page shows of single items, kept beside the model: `gallery.json`."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
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
from headstart.report.page.findings import MOST_SUSPECTS, digests_of
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
    place = places_of(results.digests, results.positions.tolist())
    kept: JsonObject = {each: shown_of(data, place[each]) for each in wanted if each in place}
    write_json(folder / gallery.FILE, {**_suspects(data, findings, place), **kept})


def places_of(contents: Iterable[bytes], positions: Iterable[int]) -> dict[str, int]:
    """Where items are in the data, by the digests of their content; the last of those alike."""
    # numpy drops trailing zeros
    return {
        bytes(each).ljust(16, b"\0").hex(): at
        for each, at in zip(contents, positions, strict=True)
        if each
    }


def _suspects(data: Dataset, findings: Sequence[Finding], place: Mapping[str, int]) -> JsonObject:
    """Of each finding's first items, and what they lie beside."""
    wanted = digests_of([asdict(each) for each in findings], MOST_SUSPECTS)
    return {each: shown_of(data, place[each]) for each in wanted if each in place}


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
