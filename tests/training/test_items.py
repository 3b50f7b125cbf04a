from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.data import images
from headstart.data.dataset import Dataset
from headstart.data.texts import Tokeniser
from headstart.errors import InputError
from headstart.features.extract import Features
from headstart.features.store import Store, StoreKey
from headstart.preprocessing import ImagePreprocessing, TextPreprocessing, random_view
from headstart.spec.fit import FLIPS
from headstart.training.items import Activations, Pictures, Tokens, decoded
from tests.backbones.text_models import WORDS, save_tokenizer

PICTURE = ImagePreprocessing(32, 24, 0.9, "bilinear", (0.5,) * 3, (0.5,) * 3)
LENGTHS = [3, 1, 5, 2, 5, 4]
INDEX = np.array([4, 1, 0, 5, 1])


def stored(folder: Path, view: str, values: list[np.ndarray], *, ragged: bool = False) -> Features:
    """Features of items that are numbered, in a store of their own."""
    key = StoreKey("small", "auto", "0", "f", "middle", "none", view, "float32", "tests")
    shape = (None, *values[0].shape[1:]) if ragged else values[0].shape
    digests = [(number + 1).to_bytes(16, "big") for number in range(len(values))]
    store = Store(folder, key, shape)
    store.append(digests, values, [None] * len(values))
    store.refresh()
    kept = np.arange(len(values))
    contents = np.zeros(kept.max(initial=-1) + 1, "S16")
    contents[kept] = digests
    return Features(
        kept, np.array(digests, "S16"), (), {}, 0, len(values), 0.0, (), contents, store
    )


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float16)


@pytest.fixture
def views(tmp_path):
    """Three views of six items, each an activation of 4 x 3 x 2."""
    values = [[numbers((4, 3, 2), 10 * view + item) for item in range(6)] for view in range(3)]
    features = [stored(tmp_path, f"{view}", each) for view, each in enumerate(values)]
    return Activations(features), np.array(values, np.float32)


def test_activations_are_judged_on_in_the_first_view(views):
    items, values = views
    assert len(items) == 6
    assert items.lengths is None
    (plain,) = items.plain(INDEX)
    assert plain.dtype == torch.float32
    assert (plain.numpy() == values[0][INDEX]).all()
    assert plain.is_contiguous(memory_format=torch.channels_last)


def test_each_item_of_a_batch_is_in_a_view_that_the_generator_picks(views):
    items, values = views
    seen = set()
    for seed in range(12):
        (batch,) = items.batch(INDEX, np.random.default_rng(seed))
        (again,) = items.batch(INDEX, np.random.default_rng(seed))
        assert torch.equal(batch, again)
        assert batch.is_contiguous(memory_format=torch.channels_last)
        for row, at in zip(batch.numpy(), INDEX, strict=True):
            (view,) = np.flatnonzero((values[:, at] == row).all(axis=(1, 2, 3)))
            seen.add((int(view), int(at)))
    assert seen == {(view, at) for view in range(3) for at in set(INDEX.tolist())}


def test_activations_of_texts_are_padded_on_the_right(tmp_path):
    values = [numbers((length, 7), length) for length in LENGTHS]
    items = Activations([stored(tmp_path, "whole", values, ragged=True)])
    for hidden, mask in (items.plain(INDEX), items.batch(INDEX, np.random.default_rng(0))):
        assert hidden.dtype == torch.float32
        assert mask.dtype == torch.int64
        assert hidden.shape == (5, 5, 7)
        for row, at in enumerate(INDEX):
            length = LENGTHS[at]
            assert mask[row].tolist() == [1] * length + [0] * (5 - length)
            assert (hidden[row, :length].numpy() == values[at]).all()
            assert (hidden[row, length:] == 0).all()
    assert items.lengths.tolist() == LENGTHS
    hidden, mask = items.plain(np.array([1]))
    assert hidden.shape == (1, 1, 7)
    assert mask.tolist() == [[1]]


@pytest.fixture
def photos(tmp_path):
    """Pictures of several sizes and kinds: files, bytes and an array."""
    random = np.random.default_rng(0)
    arrays = [
        random.integers(0, 256, (*size, 3), np.uint8) for size in ((40, 60), (64, 33), (9, 9))
    ]
    items = []
    for number, array in enumerate(arrays):
        path = tmp_path / f"{number}.png"
        Image.fromarray(array).save(path)
        items.append(str(path))
    items += [Path(items[0]).read_bytes(), arrays[1]]
    return Dataset("image", items, [f"item {number}" for number in range(5)])


def pixels(photos: Dataset, at: int, *view) -> np.ndarray:
    return images.decode(images.load(photos.items[at]), PICTURE, *view).pixels


def test_pictures_are_judged_on_as_in_evaluation(photos):
    items = decoded(photos, PICTURE)
    assert isinstance(items, Pictures)
    assert items.lengths is None
    assert len(items) == 5
    (plain,) = items.plain(INDEX % 5)
    assert plain.dtype == torch.uint8
    assert plain.shape == (5, 32, 24, 3)
    for row, at in zip(plain.numpy(), INDEX % 5, strict=True):
        assert (row == pixels(photos, at)).all()


@pytest.mark.parametrize("flips", FLIPS)
def test_pictures_are_learnt_from_in_views_that_the_generator_picks(photos, flips):
    index = np.array([3, 0, 2, 1, 4, 0])
    items = decoded(photos, PICTURE, flips)
    (batch,) = items.batch(index, np.random.default_rng(5))
    random = np.random.default_rng(5)
    for row, at in zip(batch.numpy(), index, strict=True):
        assert (row == pixels(photos, at, random_view(random, flips))).all()
    (other,) = items.batch(index, np.random.default_rng(6))
    assert not torch.equal(batch, other)


@pytest.mark.parametrize("damage", ["gone", "empty", "damaged"])
def test_a_picture_that_cannot_be_read_any_more_is_named(photos, damage):
    path = Path(photos.items[1])
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(b"" if damage == "empty" else content[: len(content) // 2])
    items = decoded(photos, PICTURE)
    for ask in (items.plain, lambda index: items.batch(index, np.random.default_rng(0))):
        with pytest.raises(InputError, match=r"^item 1: .*could be read before; run the same"):
            ask(np.array([0, 1, 2]))
    assert items.plain(np.array([0, 2]))[0].shape == (2, 32, 24, 3)


@pytest.fixture
def words(tmp_path):
    save_tokenizer(tmp_path)
    tokenizer = (tmp_path / "tokenizer.json").read_text("utf-8")
    return TextPreprocessing(tokenizer, max_tokens=4, pad_id=9)


def test_tokens_are_the_tokenisers(words):
    said = ["w1 w2", "w3", "w4 w5 w6 w7 w8 w9", "nothing\0known w1", "w59 w58 w57"]
    data = Dataset("text", said, said)
    items = decoded(data, words)
    assert isinstance(items, Tokens)
    assert len(items) == 5
    expected = Tokeniser(words).encode([each.replace("\0", " ") for each in said]).ids
    assert expected[0].tolist() == [WORDS.index("w1"), WORDS.index("w2")]
    assert items.lengths.tolist() == list(map(len, expected))
    index = np.array([1, 2, 0, 3])
    ids, mask = items.plain(index)
    assert ids.dtype == mask.dtype == torch.int64
    assert ids.shape == mask.shape == (4, 4)
    for row, at in enumerate(index):
        length = len(expected[at])
        assert ids[row].tolist() == [*expected[at].tolist(), *[9] * (4 - length)]
        assert mask[row].tolist() == [1] * length + [0] * (4 - length)
    for one, other in zip(items.batch(index, np.random.default_rng(0)), (ids, mask), strict=True):
        assert torch.equal(one, other)


def test_a_batch_is_no_longer_than_its_longest_text(words):
    items = Tokens.of(Dataset("text", ["w1", "w1 w2 w3 w4"], ["a", "b"]), words)
    assert items.plain(np.array([0]))[0].shape == (1, 1)
