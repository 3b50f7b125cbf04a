"""Batches that do not fit a device's memory are computed in halves, and nothing is lost."""

import numpy as np
import pytest
import torch
from torch import nn

from headstart.errors import HeadstartError
from headstart.runtime.halved import RowLimit
from headstart.runtime.torch_engine import TorchEngine

CPU = torch.device("cpu")


class Small(nn.Module):
    """A network on a device that holds so many rows."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.asked = most, []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(pixels))
        if len(pixels) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pixels.float().mean((1, 2))


def _pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (8, 4, 4, 3), np.uint8)


def test_an_engine_computes_in_halves_and_remembers():
    engine = TorchEngine(Small(3), "cpu", 8, "float32")
    found: list[np.ndarray] = []
    for seed in range(2):
        engine.start((_pixels(seed),), found.append)
    engine.wait()
    for seed in range(2):
        assert np.array_equal(found[seed], _pixels(seed).astype(np.float32).mean((1, 2)))
    assert engine._trunk.asked == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]


def test_an_item_that_does_not_fit_is_an_error_in_words():
    engine = TorchEngine(Small(0), "cpu", 8, "float32")
    with pytest.raises(HeadstartError, match="too little memory for one item; name another"):
        engine.start((_pixels(0),), lambda _: None)


def test_what_was_begun_is_undone_before_it_is_done_again():
    done: list[slice] = []

    def compute(part: slice) -> int:
        if part.stop - part.start > 3 or (part.start >= 3 and part.stop - part.start > 1):
            raise torch.OutOfMemoryError
        done.append(part)
        return part.start

    assert RowLimit(CPU).each(7, compute, done.clear) == list(range(7))
    assert done == [slice(at, at + 1) for at in range(7)]


def test_other_errors_are_not_its_business():
    with pytest.raises(ZeroDivisionError):
        RowLimit(CPU).each(4, lambda _: 1 // 0)


@pytest.mark.parametrize("rows", range(1, 40))
@pytest.mark.parametrize("least", [1, 2])
def test_parts_are_of_about_equal_size_and_none_is_smaller_than_it_may_be(rows, least):
    held = 16

    def compute(part: slice) -> int:
        if part.stop - part.start > held:
            raise torch.OutOfMemoryError
        return part.stop - part.start

    sizes = RowLimit(CPU, least).each(rows, compute)
    assert sum(sizes) == rows
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(rows, least)


def test_no_part_is_of_one_row_though_no_more_fit():
    asked: list[int] = []

    def compute(part: slice) -> None:
        asked.append(part.stop - part.start)
        raise torch.OutOfMemoryError

    with pytest.raises(HeadstartError, match="too little memory"):
        RowLimit(CPU, least=2).each(5, compute)
    assert asked == [5, 2]


def test_a_gpu_of_apple_is_halved_too(monkeypatch):
    freed: list[int] = []
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: freed.append(1))

    def compute(part: slice) -> int:
        if part.stop - part.start > 2:
            raise RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)")
        return part.start

    assert RowLimit(torch.device("mps")).each(4, compute) == [0, 2]
    assert freed == [1]


def test_another_error_of_the_device_is_not_its_business():
    def compute(_: slice) -> None:
        raise RuntimeError("the shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        RowLimit(CPU).each(4, compute)
