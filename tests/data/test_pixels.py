import json

import numpy as np
import pytest

from headstart.data import pixels, read
from headstart.data.reads import Reads, TrainedSpec
from headstart.errors import InputError
from headstart.spec import ReadSpec
from tests.data.tables import delimited

RANDOM = np.random.default_rng(0)
PICTURES = [RANDOM.integers(0, 256, (8, 8)) for _ in range(6)]
LABELS = ["a", "b"] * 3


def csv(folder, header, rows):
    path = folder / "t.csv"
    path.write_text(delimited(header, rows))
    return path


@pytest.mark.parametrize("separator", [" ", ",", ", ", ";"])
def test_a_column_of_pixels(tmp_path, separator):
    rows = [
        (label, separator.join(map(str, each.ravel())), "Training" if n < 4 else "PrivateTest")
        for n, (each, label) in enumerate(zip(PICTURES, LABELS, strict=True))
    ]
    found = read(csv(tmp_path, ["emotion", "pixels", "Usage"], rows), ReadSpec())
    assert found.modality == "image"
    assert all(item.dtype == np.uint8 for item in found.items)
    assert np.array_equal(np.stack(found.items), np.stack(PICTURES))
    assert found.labels == LABELS
    assert list(found.splits) == ["train"] * 4 + ["test"] * 2
    assert found.reads == Reads("pixels", ("pixels",), ("emotion",))


@pytest.mark.parametrize("name", ["pixel{}", "pixel_{}", "px.{}", "{1}x{2}"])
def test_a_column_for_each_pixel(tmp_path, name):
    names = [name.format(n, n // 8 + 1, n % 8 + 1) for n in range(64)]
    rows = [(label, *each.ravel() / 255) for each, label in zip(PICTURES, LABELS, strict=True)]
    path = csv(tmp_path, ["label", *names], rows)
    found = read(path, ReadSpec())
    assert np.array_equal(np.stack(found.items), np.stack(PICTURES))
    assert found.reads.input == tuple(names)
    assert found.reads.scale == 255
    # What follows is scaled as the training data was, whatever is in it.
    path = csv(tmp_path, names, [[0.0] * 63 + [1]])
    spec = TrainedSpec(trained=found.reads)
    assert read(path, spec, labelled=False).items[0].max() == 255
    with pytest.raises(InputError, match="trained"):
        read(csv(tmp_path, names[1:], [[0] * 63]), spec, labelled=False)


def test_lists_of_pixels(tmp_path):
    lines = [{"image": PICTURES[n].tolist(), "label": LABELS[n]} for n in range(6)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = read(tmp_path / "t.jsonl", ReadSpec())
    assert np.array_equal(np.stack(found.items), np.stack(PICTURES))


def test_a_bad_picture_costs_its_row(tmp_path):
    flat = [" ".join(map(str, each.ravel())) for each in PICTURES]
    flat[1] += " 3"
    flat[2] = flat[2].replace(" ", " 3", 1) + "000"
    flat[3] = ""
    found = read(csv(tmp_path, ["pixels", "label"], zip(flat, LABELS, strict=True)), ReadSpec())
    assert len(found) == 3
    assert [each.item for each in found.skipped] == ["t.csv:3", "t.csv:4", "t.csv:5"]


def test_numbers_that_are_no_picture(tmp_path):
    names = [f"feature{n}" for n in range(64)]
    assert pixels.columns_of(names) == ()
    assert pixels.columns_of([f"pixel{n}" for n in range(65)]) == ()
    with pytest.raises(InputError, match="--input"):
        read(csv(tmp_path, ["label", *names], [("a", *range(64))] * 4), ReadSpec())
    assert not pixels.are_pixels(["1 2 3", "call 0123456789 now " * 9])
