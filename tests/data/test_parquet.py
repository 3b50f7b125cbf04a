import io
import threading
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from headstart.data import read, read_inputs
from headstart.data.hub import is_name, table_of
from headstart.data.images import decode, load
from headstart.data.lazy import Lazy
from headstart.data.rows import dataset_of
from headstart.errors import InputError
from headstart.preprocessing import ImagePreprocessing
from headstart.spec import ReadSpec

SMALL = ImagePreprocessing(4, 4, 1.0, "bilinear", (0.5,) * 3, (0.5,) * 3)


def png(value):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def value_of(item):
    return int(decode(load(item), SMALL).pixels[0, 0, 0])


def hub_folder(folder, sizes):
    (folder / "data").mkdir()
    first = 0
    for name, size in sizes.items():
        cells = [{"bytes": png((first + n) % 256), "path": None} for n in range(size)]
        labels = [(first + n) % 2 for n in range(size)]
        features = datasets.Features(
            image=datasets.Image(), label=datasets.ClassLabel(names=["cat", "dog"])
        )
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        table = pa.table({"image": pa.array(cells, kind), "label": pa.array(labels, pa.int64())})
        table = table.replace_schema_metadata(features.arrow_schema.metadata)
        pq.write_table(table, folder / "data" / name, row_group_size=40)
        first += size
    return folder


@pytest.fixture
def photos(tmp_path):
    sizes = {"train-00000-of-00002.parquet": 100, "train-00001-of-00002.parquet": 7,
             "test-00000-of-00001.parquet": 30}  # fmt: skip
    return hub_folder(tmp_path, sizes)


def test_the_layout_of_the_hub(photos):
    found = read(photos, ReadSpec(offline=True))
    assert found.modality == "image"
    assert len(found) == 137
    assert list(found.splits) == ["test"] * 30 + ["train"] * 107
    assert found.labels[:2] == ["dog", "cat"]
    assert found.names[31] == "train-00000-of-00002.parquet:2"
    # Written test last, read first: the files are read in natural order.
    expected = [*range(100 + 7, 137), *range(107)]
    assert [value_of(item) for item in found.items] == expected


def test_images_stay_on_disk_through_a_selection(photos):
    found = read(photos, ReadSpec())
    some = found.select(np.array([130, 3, 3, 90]))
    assert isinstance(some.items, Lazy)
    assert [value_of(item) for item in some.items] == [100, 110, 110, 60]
    assert [value_of(item) for item in some.items[1:3]] == [110, 110]
    assert value_of(found.items[-1]) == 106
    with pytest.raises(IndexError):
        found.items[137]


def test_threads_share_a_column(photos):
    found = read(photos, ReadSpec())
    results = {}

    def worker(start):
        for n in range(start, 137, 5):
            results[n] = value_of(found.items[n])

    workers = [threading.Thread(target=worker, args=(start,)) for start in range(5)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert [results[n] for n in range(137)] == [*range(107, 137), *range(107)]


def test_missing_images_and_labels(tmp_path):
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    cells = pa.array([{"bytes": png(1)}, None, {"bytes": png(3)}], kind)
    pq.write_table(pa.table({"img": cells, "label": ["a", "b", None]}), tmp_path / "t.parquet")
    found = read(tmp_path / "t.parquet", ReadSpec())
    assert [each.item for each in found.skipped] == ["t.parquet:3"]
    assert value_of(found.items[0]) == 1
    assert found.items[1] is None


def test_tables_of_texts_and_paths(tmp_path):
    (tmp_path / "1.png").write_bytes(png(1))
    pq.write_table(pa.table({"text": ["x", "y"], "tags": [["a"], []]}), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", ReadSpec()).labels == [("a",), ()]
    pq.write_table(pa.table({"path": ["1.png"], "y": ["a"]}), tmp_path / "p.parquet")
    assert read(tmp_path / "p.parquet", ReadSpec()).items == [str(tmp_path / "1.png")]
    found = read_inputs([str(tmp_path / "p.parquet"), "x.png"], "image", ReadSpec())
    assert isinstance(found.items, Lazy)
    assert list(found.items) == [str(tmp_path / "1.png"), "x.png"]


def test_broken_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 but not really PAR1")
    with pytest.raises(InputError, match=r"t\.parquet"):
        read(path, ReadSpec())
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    with pytest.raises(InputError, match="no rows"):
        read(path, ReadSpec())


def test_hub_names(tmp_path, monkeypatch):
    assert is_name("imdb")
    assert is_name("owner/some-name_1.0")
    assert not is_name("photos/")
    assert not is_name("../x")
    assert not is_name("a/b/c")
    with pytest.raises(InputError, match="--offline"):
        read("hf:owner/name", ReadSpec(offline=True))
    with pytest.raises(InputError, match="hf:OWNER/NAME"):
        read("hf:a/b/c", ReadSpec())
    for path in ("absent.csv", "./absent", "/absent"):
        with pytest.raises(InputError, match="no file or folder"):
            read(path, ReadSpec())


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """A cache of the hub's library, and a folder to work in; asking the hub is an error."""

    def forbidden(*_, **__):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    monkeypatch.setattr(datasets, "load_dataset", forbidden)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", forbidden)
    (tmp_path / "work" / "photos").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("phots", "is it 'photos'"),
        ("photos/trian", "no file or folder"),
        ("owner/name", "hf:owner/name"),
        ("imdb", "hf:imdb"),
        ("fotos", "is it 'photos'"),
    ],
)
def test_a_mistyped_name_asks_nobody(hub_cache, name, said):
    with pytest.raises(InputError, match=said):
        read(name, ReadSpec())


@pytest.mark.parametrize("folder", ["datasets/owner___name", "hub/datasets--owner--name"])
def test_what_was_fetched_before_needs_no_prefix(hub_cache, monkeypatch, folder):
    (hub_cache / folder).mkdir(parents=True)
    texts = {"train": datasets.Dataset.from_dict({"text": ["a", "b"], "label": ["x", "y"]})}
    monkeypatch.setattr(datasets, "load_dataset", lambda name: datasets.DatasetDict(texts))
    assert read("owner/name", ReadSpec()).items == ["a", "b"]
    assert read("hf:owner/name", ReadSpec()).items == ["a", "b"]
    Path("owner").mkdir()
    with pytest.raises(InputError, match="no file or folder"):
        read("owner/name", ReadSpec())


def test_a_loaded_hub_data_set(tmp_path):
    features = datasets.Features(
        image=datasets.Image(), label=datasets.ClassLabel(names=["cat", "dog"])
    )
    parts = {
        name: datasets.Dataset.from_dict(
            {"image": [{"bytes": png(start + n), "path": None} for n in range(3)],
             "label": [0, 1, -1]}, features=features)
        for name, start in (("train", 0), ("test", 10), ("unsupervised", 20))
    }  # fmt: skip
    found = dataset_of(table_of(datasets.DatasetDict(parts), "owner/name"), ReadSpec())
    assert [value_of(item) for item in found.items] == [0, 1, 10, 11]
    assert found.labels == ["cat", "dog"] * 2
    assert list(found.splits) == ["train", "train", "test", "test"]
    assert [each.item for each in found.skipped] == ["owner/name/train:3", "owner/name/test:3"]
    texts = {"train": datasets.Dataset.from_dict({"text": ["a", "b"], "label": ["x", "y"]})}
    assert dataset_of(table_of(datasets.DatasetDict(texts), "imdb"), ReadSpec()).items == ["a", "b"]


def test_the_hub_cannot_be_reached(monkeypatch):
    def dataset_info(*_, **__):
        raise ConnectionError("no network\nat all")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", dataset_info)
    with pytest.raises(InputError, match="'owner/name'.*no network"):
        read("hf:owner/name", ReadSpec())


def test_damage_found_while_reading(photos):
    found = read(photos, ReadSpec())
    path = photos / "data" / "test-00000-of-00001.parquet"
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(InputError, match=r"test-00000-of-00001\.parquet"):
            list(found.items)
    assert value_of(found.items[30]) == 0
    path.unlink()
    with pytest.raises(InputError, match="damaged or has changed"):
        found.items[0]


def test_images_alone_and_files_that_differ(tmp_path):
    pq.write_table(pa.table({"image": [png(1), png(2)]}), tmp_path / "a.parquet")
    found = read(tmp_path, ReadSpec(), labelled=False)
    assert [value_of(item) for item in found.items] == [1, 2]
    pq.write_table(pa.table({"text": ["x"], "label": ["y"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet has the columns"):
        read(tmp_path, ReadSpec(), labelled=False)
