"""The two shipped backbones, end to end from items to stored features."""

import gc
import json
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from headstart.data import from_memory
from headstart.data.dataset import Dataset
from headstart.data.texts import Tokeniser
from headstart.errors import InputError
from headstart.features import export, pipeline
from headstart.features.trunk import Trunk, current
from headstart.preprocessing import WHOLE, View
from headstart.progress import Silent
from headstart.spec import FitSpec
from tests.training import small

from .conftest import pictures

TEXTS = [
    "A cat.",
    "Short.",
    "The quick brown fox jumps over the lazy dog, and nobody is surprised any more.",
    "word " * 100,
    "naïve café 北京 😀",
    "word " * 400,
] + [f"Sentence number {number} of the lot." for number in range(20)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def texts():
    return Dataset("text", TEXTS, [f"text {number}" for number in range(len(TEXTS))])


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    """The last and a middle cut, with their graphs converted once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("graphs")))
        trunks = {
            cut: exact(Trunk.load("minilm-l6", "text", cut=cut, offline=True))
            for cut in (None, "encoder.layer.1")
        }
        for trunk in trunks.values():
            assert trunk.graph is not None
    return trunks


def exact(trunk):
    """The same in float32, which is what torch computes in."""
    return replace(trunk, precision="float32")


def eager(trunk, text):
    ids = Tokeniser(trunk.backbone.preprocessing).encode([text]).ids[0]
    tokens = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.no_grad():
        return trunk.cut.trunk(tokens, torch.ones_like(tokens))[0].numpy()


def test_text_features_are_the_networks_own(minilm, texts):
    features = minilm[None].extract(texts, Silent())
    assert features.misses == len(TEXTS)
    assert features.notes == {5: "truncated"}
    for row in range(6):
        expected = eager(minilm[None], TEXTS[row])
        np.testing.assert_allclose(features.vectors()[row], expected, atol=3e-3)


def test_a_text_has_the_same_features_alone_and_in_a_crowd(minilm, texts, tmp_path, monkeypatch):
    crowd = minilm[None].extract(texts, Silent()).vectors()
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "other"))
    for row in (0, 3, 9):
        alone = minilm[None].extract(texts.select(np.array([row])), Silent()).vectors()
        assert alone.tobytes() == crowd[row : row + 1].tobytes()


def test_a_middle_cut_stores_a_row_for_each_token_and_none_for_padding(minilm, texts):
    trunk = minilm["encoder.layer.1"]
    features = trunk.extract(texts, Silent())
    rows = features.activations()
    ids = Tokeniser(trunk.backbone.preprocessing).encode(TEXTS).ids
    assert [len(row) for row in rows] == [len(each) for each in ids]
    np.testing.assert_allclose(rows[2], eager(trunk, TEXTS[2]), atol=1e-2)
    again = trunk.extract(texts, Silent())
    assert again.misses == 0
    assert all(a.tobytes() == b.tobytes() for a, b in zip(rows, again.activations(), strict=True))


def test_token_rows_go_to_parquet_and_not_to_npz(minilm, texts, tmp_path):
    features = minilm["encoder.layer.1"].extract(texts, Silent())
    export.write(tmp_path / "tokens.parquet", texts, features)
    table = pq.read_table(tmp_path / "tokens.parquet")
    assert table.num_rows == len(TEXTS)
    first = np.array(table.column("feature")[0].as_py(), np.float32)
    np.testing.assert_array_equal(first, features.activations()[0].astype(np.float32))
    with pytest.raises(InputError, match="parquet"):
        export.check_shape(tmp_path / "tokens.npz", minilm["encoder.layer.1"].cut.shape)


def test_vectors_go_to_every_format(minilm, texts, tmp_path):
    import lance

    features = minilm[None].extract(texts, Silent())
    for suffix in export.FORMATS:
        export.write(tmp_path / f"vectors{suffix}", texts, features)
    expected = features.vectors()
    with np.load(tmp_path / "vectors.npz") as saved:
        np.testing.assert_array_equal(saved["feature"], expected)
        assert saved["item"].tolist() == list(texts.names)
    for table in (
        pq.read_table(tmp_path / "vectors.parquet"),
        lance.dataset(str(tmp_path / "vectors.lance")).to_table(),
    ):
        np.testing.assert_array_equal(np.stack(table.column("feature").to_numpy()), expected)


def test_the_graph_is_converted_once(minilm, tmp_path, monkeypatch):
    trunk = Trunk.load("minilm-l6", "text", cut=None, offline=True)
    first = trunk.graph.model
    monkeypatch.setattr(
        "headstart.runtime.compile.to_graph", lambda *_: pytest.fail("converted again")
    )
    again = Trunk.load("minilm-l6", "text", cut=None, offline=True).graph.model

    assert [output.partial_shape for output in again.outputs] == [
        output.partial_shape for output in first.outputs
    ]


def test_a_damaged_graph_is_converted_again(minilm, tmp_path):
    trunk = Trunk.load("minilm-l6", "text", cut="embeddings", offline=True)
    assert trunk.graph is not None
    (weights,) = (tmp_path / "cache" / "graphs").rglob("network.bin")
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    assert Trunk.load("minilm-l6", "text", cut="embeddings", offline=True).graph is not None
    content[1000] ^= 1
    assert weights.read_bytes() == bytes(content)


def test_a_backbone_for_the_other_modality_is_refused():
    with pytest.raises(InputError, match="reads texts"):
        Trunk.load("minilm-l6", "image", cut=None, offline=True)


def test_picture_features_are_the_networks_own(tmp_path):
    data = pictures(tmp_path / "data", 3)
    trunk = exact(Trunk.load(None, "image", cut="blocks.4", offline=True))
    features = trunk.extract(data, Silent())
    assert features.activations().shape == (3, 112, 14, 14)
    assert trunk.size == 112 * 14 * 14
    preprocessing = trunk.backbone.preprocessing
    pixels = [
        pipeline.images.decode(pipeline.images.load(path), preprocessing).pixels
        for path in data.items
    ]
    with torch.no_grad():
        expected = trunk.cut.trunk(torch.from_numpy(np.stack(pixels))).numpy()
    np.testing.assert_allclose(features.activations(), expected, rtol=2e-3, atol=2e-2)


@pytest.mark.slow
def test_features_in_the_processors_own_precision_are_near_those(tmp_path):
    """bfloat16 where the processor computes in it."""
    data = pictures(tmp_path / "data", 3)
    trunk = Trunk.load(None, "image", cut=None, offline=True)
    near, far = (each.extract(data, Silent()).vectors() for each in (trunk, exact(trunk)))
    lengths = np.linalg.norm(near, axis=1) * np.linalg.norm(far, axis=1)
    assert ((near * far).sum(axis=1) / lengths > 0.99).all()


def test_a_view_has_a_store_of_its_own_and_shares_the_graph(tmp_path):
    data = pictures(tmp_path / "data", 2)
    trunk = Trunk.load(None, "image", cut="blocks.0", offline=True)
    views = (WHOLE, View(flip=True), View(0.8, 0.0, 1.0))
    found = [trunk.extract(data, Silent(), view) for view in views]
    assert [each.misses for each in found] == [2, 2, 2]
    assert len(list((tmp_path / "cache" / "features").iterdir())) == 3
    assert len(list((tmp_path / "cache" / "graphs").rglob("network.bin"))) == 1
    assert [trunk.extract(data, Silent(), view).misses for view in views] == [0, 0, 0]
    whole, mirrored, part = (each.vectors() for each in found)
    assert np.abs(whole - mirrored).max() > 0.1
    assert np.abs(whole - part).max() > 0.1
    assert found[0].activations().nbytes == trunk.bytes_of(2)


def test_a_crop_has_a_store_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    whole, usual = (
        Trunk.load(None, "image", cut=None, offline=True, crop=crop) for crop in (1.0, None)
    )
    assert whole.backbone.preprocessing.crop_fraction == 1.0
    assert usual.backbone.preprocessing.crop_fraction == 0.875
    assert whole.key() != usual.key()


def test_a_size_has_a_store_of_its_own():
    larger, usual = (
        Trunk.load(None, "image", cut=None, offline=True, size=size) for size in (256, None)
    )
    assert larger.key() != usual.key()


def test_a_gpu_of_apple_has_a_store_of_its_own(monkeypatch):
    """Both compute in float32 by PyTorch, not to the same bits."""
    usual = Trunk.load("minilm-l6", "text", cut=None, offline=True)
    monkeypatch.setattr("headstart.runtime.device.by_torch", lambda _: True)
    processor, apple = (
        replace(usual, where=where).key(precision="float32") for where in ("cpu", "mps")
    )
    assert processor.made_by == apple.made_by.replace("device mps, ", "") != apple.made_by
    assert "device" not in replace(usual, where="cuda").key().made_by
    assert current(processor)
    assert current(apple)


def test_a_crop_of_texts_is_refused():
    with pytest.raises(InputError, match="--crop is for images"):
        Trunk.load(None, "text", cut=None, offline=True, crop=1.0)


def test_a_size_of_texts_is_refused():
    with pytest.raises(InputError, match="--size is for images"):
        Trunk.load(None, "text", cut=None, offline=True, size=300)


def test_batchnorm_that_is_not_there_cannot_be_trained():
    options = {"train_batchnorm": True, "strategy": "fine-tuning", "offline": True}
    assert Trunk.whole(FitSpec(**options), "image").backbone.has_batchnorm()
    with pytest.raises(InputError, match="'minilm-l6' has no BatchNorm"):
        Trunk.whole(FitSpec(**options), "text")


def test_a_pool_has_a_store_of_its_own_after_the_last_stage_alone():
    mean, first = (
        Trunk.load("minilm-l6", "text", cut=None, offline=True, pool=pool)
        for pool in ("mean", "first")
    )
    assert mean.key().name != first.key().name
    before = [each.at("encoder.layer.1").key().name for each in (mean, first)]
    assert before[0] == before[1]


def test_an_engine_is_gone_after_its_extraction(minilm, texts, monkeypatch):
    """Otherwise a search over settings, a fit each, fills the memory with networks."""
    opened = []
    trunk = minilm[None]
    kind, make = type(trunk), type(trunk)._engine

    def engine(self):
        made = make(self)
        opened.append(weakref.ref(made))
        return made

    monkeypatch.setattr(kind, "_engine", engine)
    trunk.extract(texts, Silent())
    gc.collect()
    (gone,) = opened
    assert gone() is None


@pytest.mark.parametrize("kind", ["image", "text"])
def test_a_network_runs_once_for_all_its_features(kind, tmp_path, monkeypatch):
    """Those of the last stage, and those of several, come from one store."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    if kind == "image":
        name, (items, labels) = small.weights(tmp_path), small.pictures(12)
    else:
        name, (items, labels) = small.texts(tmp_path, "bert"), small.sentences(12)
    data = from_memory(items, labels, "classification")
    trunk = Trunk.load(name, data.modality, cut=None, offline=True)
    wide = trunk.staged()
    first = wide.extract(data, Silent())
    assert (first.hits, first.misses) == (0, len(np.unique(first.digests)))
    again = trunk.extract(data, Silent())
    assert (again.hits, again.misses) == (first.misses, 0)
    assert np.array_equal(again.vectors(), first.vectors()[:, : trunk.size])
    assert np.array_equal(again.activations(), first.activations()[:, : trunk.size])
    assert all(rows.shape[1] == trunk.size for rows in again.batches(5))


def test_timing_an_item_stores_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    data = from_memory(*small.pictures(6), "classification")
    trunk = Trunk.load(small.weights(tmp_path), "image", cut=None, offline=True)
    assert trunk.seconds_of_item(data) > 0
    assert trunk.extract(data, Silent()).hits == 0


def test_the_same_weights_used_otherwise_have_a_store_and_a_graph_of_their_own(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    folder = Path(small.texts(tmp_path, "bert"))
    data = from_memory(*small.sentences(12), "classification")
    before = Trunk.load(str(folder), "text", cut=None, offline=True).extract(data, Silent())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_attention_heads": 4}))
    other = Trunk.load(str(folder), "text", cut=None, offline=True)
    after = other.extract(data, Silent())
    assert after.hits == 0
    assert len(list((tmp_path / "cache" / "graphs").iterdir())) == 2
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "fresh"))
    fresh = Trunk.load(str(folder), "text", cut=None, offline=True).extract(data, Silent())
    assert after.vectors().tobytes() == fresh.vectors().tobytes()
    assert not np.allclose(after.vectors(), before.vectors(), atol=1e-2)
