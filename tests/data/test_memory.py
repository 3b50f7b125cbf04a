import numpy as np
import pytest
from PIL import Image

from headstart.data import from_memory
from headstart.errors import InputError


def test_kinds(tmp_path):
    picture = Image.new("RGB", (8, 8))
    path = tmp_path / "1.png"
    picture.save(path)
    for items in ([picture], [np.zeros((8, 8, 3), np.uint8)], [path], [str(path)],
                  [path.read_bytes()], np.zeros((2, 8, 8, 3), np.uint8)):  # fmt: skip
        assert from_memory(items).modality == "image"
    assert from_memory(["a text", "see 1.png"]).modality == "text"
    assert from_memory(np.array(["a", "b"])).modality == "text"
    for wrong in ([], "text", [1], [picture, "text"], 7, b"x"):
        with pytest.raises(InputError):
            from_memory(wrong)


def test_what_strings_are_may_be_said():
    """A model of texts is asked about texts, whatever they look like; one of images about paths."""
    for strings in (["a.jpg", "b/c.png"], ["a text", "see 1.png"]):
        for modality in ("image", "text"):
            assert from_memory(strings, modality=modality).modality == modality
    assert from_memory(["a.jpg"]).modality == "image"
    # An array is an image whatever is said, so a model of texts can refuse it.
    assert from_memory([np.zeros((8, 8), np.uint8)], modality="text").modality == "image"


def test_labels():
    texts = ["x", "y", "z"]
    assert from_memory(texts, ["b", "a", "b"]).labels == ["b", "a", "b"]
    assert from_memory(texts, np.array([0, 1, 0])).labels == ["0", "1", "0"]
    assert from_memory(texts, np.array([0.5, 1, 0]), "regression").labels == [0.5, 1.0, 0.0]
    several = from_memory(texts, [["b", "a"], [], ["a"]])
    assert several.task == "multilabel"
    assert several.labels == [("a", "b"), (), ("a",)]
    assert from_memory(texts, np.array([[1, 0], [0, 0], [1, 1]])).labels == [("0",), (), ("0", "1")]
    with pytest.raises(InputError, match="3 items but 1 label"):
        from_memory(texts, ["a"])
    for missing in (["a", None, "b"], ["a", float("nan"), "b"], ["a", "NA", "b"]):
        found = from_memory(texts, missing)
        assert (list(found.items), found.labels) == (["x", "z"], ["a", "b"])
        assert [each.item for each in found.skipped] == ["y"]


def test_names_are_fit_to_print():
    found = from_memory(["a\nb", "x\x1b[0m", "y" * 500])
    assert list(found.names) == ["item 0", "x\\x1b[0m", "item 2"]
