"""What small bodies may cost: no more memory than their size, many times."""

import asyncio
import json
import tracemalloc

import pytest
from starlette.datastructures import Headers

from headstart.serving import items, tensors
from headstart.serving.refusal import Refused
from headstart.spec import ServeSpec

LIMITS = ServeSpec()
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def cost(work) -> int:
    """The most bytes that something refused takes."""
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_pixels_that_are_strings_are_not_made_as_wide_as_the_longest() -> None:
    data = ["a" * 30_000] + [""] * 29_999
    tensor = {"datatype": "UINT8", "shape": [1, 100, 100, 3], "data": data}
    assert cost(lambda: tensors.asked({"inputs": [tensor]}, "image", LIMITS)) < 10_000_000


@pytest.mark.parametrize(
    ("kind", "body"),
    [(JSON, json.dumps({"texts": [0] * 200_000}).encode()), (FORM, b"text=&" * 200_000)],
)
def test_too_many_items_are_counted_before_they_are_made(kind: str, body: bytes) -> None:
    headers = Headers({"content-type": kind})
    most = cost(lambda: asyncio.run(items.read(headers, body, "text", LIMITS)))
    assert most < 5 * len(body) + 1_000_000


@pytest.mark.parametrize("shape", [[2, 1, 1, 3], [1, 2, 1, 3]])
def test_pixels_may_be_nested_as_their_shape_or_flat(shape: list[int]) -> None:
    flat = [1, 2, 3, 4, 5, 255]
    for data in (flat, [[flat[:3]], [flat[3:]]], [[[1, 2, 3]], [[4, 5, 255]]]):
        tensor = {"datatype": "UINT8", "shape": shape, "data": data}
        found, _, _ = tensors.asked({"inputs": [tensor]}, "image", LIMITS)
        assert sum((each.ravel().tolist() for each in found.values), []) == flat
