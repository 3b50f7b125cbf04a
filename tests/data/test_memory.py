import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import headstart
from headstart.data import from_memory, images
from headstart.data.dataset import Unusable
from headstart.data.given import items_for, read_any, read_given
from headstart.errors import InputError
from headstart.spec import ReadSpec


def test_kinds(tmp_path):
    picture = Image.new("RGB", (8, 8))
    path = tmp_path / "1.png"
    picture.save(path)
    for items in ([picture], [np.zeros((8, 8, 3), np.uint8)], [path], [str(path)],
                  [path.read_bytes()], np.zeros((2, 8, 8, 3), np.uint8)):  # fmt: skip
        assert from_memory(items).modality == "image"
    assert from_memory(["a text", "see 1.png"]).modality == "text"
    assert from_memory(np.array(["a", "b"])).modality == "text"
    for wrong in (
        [],
        [1],
        [picture, "text"],
        7,
        None,
        {"a", "b"},
        np.zeros(3),
        np.zeros((2, 3, 4, 5, 6)),
    ):
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


PIXELS = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)


def png() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "png")
    return stream.getvalue()


@pytest.mark.parametrize(
    "one",
    [
        PIXELS,
        PIXELS[:, :, 0],
        PIXELS[:, :, :1],
        PIXELS / 255.0,
        np.moveaxis(PIXELS[:1], 2, 0)[:1],
        torch.from_numpy(PIXELS).permute(2, 0, 1),
        torch.from_numpy(PIXELS[:, :, 0] / 255.0).to(torch.bfloat16),
        torch.zeros(3, 8, 6, requires_grad=True),
        Image.fromarray(PIXELS),
        png(),
        bytearray(png()),
        io.BytesIO(png()),
        {"bytes": png(), "path": None},
    ],
    ids=lambda one: type(one).__name__,
)
def test_one_image_is_one_item(one):
    for modality in ("image", None):
        found = from_memory(one, modality=modality)
        assert (len(found), found.modality) == (1, "image")
        assert images.digest(images.load(found.items[0]))
        if not isinstance(one, io.BytesIO):
            continue
        one.seek(0)


@pytest.mark.parametrize("one", ["a", "a text.", "/", ".", "", Path("x.png")], ids=repr)
def test_one_text_or_path_is_one_item(one):
    modality = "image" if isinstance(one, Path) else "text"
    assert len(from_memory(one, modality=modality)) == 1


def test_a_stack_has_an_item_a_row():
    for stack in (np.zeros((5, 8, 6, 3), np.uint8), np.zeros((5, 8, 6)), np.zeros((4, 8, 6)),
                  torch.zeros(5, 3, 8, 6), torch.zeros(5, 8, 6)):  # fmt: skip
        assert len(from_memory(stack)) == 5 - (stack.shape[0] == 4)


def test_channels_first_or_three_grey_images_is_asked():
    with pytest.raises(InputError, match=r"channels first, or three grey.*list\(array\)"):
        from_memory(np.zeros((3, 8, 6)))
    assert len(from_memory(list(np.zeros((3, 8, 6))))) == 3


def test_columns_of_every_library():
    import datasets
    import pyarrow as pa

    words = ["one", None, "three"]
    for column in (
        pd.Series(words, index=[7, 8, 9]),
        pd.Series(words, dtype="string"),
        pd.Series(words, dtype="category"),
        np.array(words, object),
        np.array([["one"], [None], ["three"]], object),
        pa.array(words),
        pa.chunked_array([words]),
        datasets.Dataset.from_dict({"text": words})["text"],
        (word for word in words),
        dict.fromkeys(["one", "two", "three"]).keys() and tuple(words),
    ):
        found = from_memory(column, modality="text")
        assert [item for item in found.items if isinstance(item, str)] == ["one", "three"]
        assert found.items[1] == Unusable("it is missing")


def test_an_opened_image_may_be_there_many_times(tmp_path):
    """Threads that decode one object at the same time would spoil it."""
    Image.effect_noise((400, 400), 50).save(tmp_path / "a.png")
    items = from_memory([Image.open(tmp_path / "a.png")] * 64).items
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda item: images.digest(images.load(item)), items))
    assert len(digests) == 1


def test_tables_are_no_column():
    with pytest.raises(InputError, match="one column"):
        from_memory(pd.DataFrame({"a": ["x"], "b": ["y"]}))


def test_a_text_may_be_in_a_file(tmp_path):
    (tmp_path / "a.txt").write_text("what it says")
    found = from_memory([tmp_path / "a.txt", "another", tmp_path / "b.txt"], modality="text")
    assert list(found.items[:2]) == ["what it says", "another"]
    assert isinstance(found.items[2], Unusable)


def test_of_texts_what_is_none_keeps_its_place():
    found = from_memory([PIXELS, "a text", None, 1.5, b"bytes"], modality="text")
    assert found.modality == "text"
    assert [isinstance(item, Unusable) for item in found.items] == [True, False, True, True, True]


def test_rows_and_tables_to_be_answered():
    frame = pd.DataFrame({"text": ["one", None, "three"], "other": [1, 2, 3]})
    for given_ in (frame, frame.to_dict("records"), frame.to_dict("list")):
        found = items_for(given_, "text", ReadSpec())
        assert [found.items[0], found.items[2]] == ["one", "three"]
        assert isinstance(found.items[1], Unusable)
    one = items_for({"text": "one", "label": 0}, "text", ReadSpec())
    assert list(one.items) == ["one"]
    assert list(items_for({"text": "one", "tags": [0, 1]}, "text", ReadSpec()).items) == ["one"]
    rows = items_for([{"image": PIXELS, "y": 1}, {"image": None, "y": 0}], "image", ReadSpec())
    assert len(rows) == 2


def test_places_stand_for_what_is_in_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Image.fromarray(PIXELS).save("folder/a.png")
    Image.fromarray(PIXELS).save("b.png")
    Path("t.csv").write_text("text\nfirst\nsecond\n")
    found = read_given(["b.png", Path("folder"), PIXELS, "folder", "gone.png"], "image", ReadSpec())
    assert found.names == ["b.png", "folder/a.png", "item 2", "folder/a.png", "gone.png"]
    assert found.items[2] is PIXELS
    # A word is a text, whatever folder has its name; `-` is no standard input here.
    texts = read_given(["folder", ".", "/", "-", "t.csv"], "text", ReadSpec())
    assert list(texts.items) == ["folder", ".", "/", "-", "first", "second"]
    assert list(read_given(".", "text", ReadSpec()).items) == ["."]
    with pytest.raises(InputError, match="no file"):
        read_given("texts.csv", "text", ReadSpec())


ITEMS = st.one_of(
    st.sampled_from(["a.png", "gone.jpg", ""]),
    st.builds(Path, st.sampled_from(["a.png", "gone.jpg", "."])),
    st.binary(max_size=4),
    st.just(png()),
    st.just(Image.fromarray(PIXELS)),
    st.tuples(*[st.integers(0, 5)] * 3).map(lambda shape: np.zeros(shape, np.uint8)),
    st.floats(),
    st.none(),
    st.just(pd.NA),
    st.builds(object),
    st.lists(st.integers(), max_size=2),
)


@settings(deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=8))
def test_every_item_of_a_mixed_list_keeps_its_place(items):
    """Property: an item is what it is alone, wherever it stands and whatever is beside it."""
    try:
        found = from_memory([PIXELS, *items], modality="image")
    except InputError as error:
        pytest.fail(str(error))
    assert len(found) == len(found.names) == 1 + len(items)
    for item, read in zip(items, found.items[1:], strict=True):
        if isinstance(read, Unusable):
            continue
        np.testing.assert_equal(read, item)


def test_options_reach_labels_in_memory():
    spec = ReadSpec(task="multilabel", separator="/")
    assert list(read_any(["one", "two"], spec, ["a/b", "b"]).labels) == [("a", "b"), ("b",)]
    with pytest.raises(InputError, match="label_from does nothing"):
        read_any(["a.png", "b.png"], ReadSpec(label_from="(.)"), ["a", "b"])


def test_two_channels_are_no_stack_of_narrow_images():
    with pytest.raises(InputError, match="holds no images"):
        from_memory(np.zeros((8, 9, 2), np.uint8))


def test_what_is_no_model_is_said():
    for wrong in (None, 5):
        with pytest.raises(InputError, match="is no model that answers"):
            headstart.predict(wrong, PIXELS)
