"""The imagefolder layout of the hub: metadata beside the images, whole or in each split."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from headstart.data import read
from headstart.errors import InputError
from headstart.spec import ReadSpec


def images(folder, count=4):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")


def metadata(folder, rows, kind):
    path = folder / f"metadata.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif kind == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)


def rows(count=4, below=""):
    return [{"file_name": f"{below}{n}.png", "label": ["cat", "dog"][n % 2]} for n in range(count)]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("below", ["", "images/"])
def test_metadata_in_each_split(tmp_path, kind, below):
    for split in ("train", "Test", "validation"):
        images(tmp_path / split / below)
        metadata(tmp_path / split, rows(below=below), kind)
    images(tmp_path / "train" / below, 5)
    found = read(tmp_path, ReadSpec())
    assert found.modality == "image"
    assert list(found.labels) == ["cat", "dog"] * 6
    assert {split: list(found.splits).count(split) for split in found.splits} == {
        "train": 4, "test": 4, "validation": 4,
    }  # fmt: skip
    assert [each.item for each in found.skipped] == [f"train/{below}4.png"]
    assert found.names[0].startswith("Test/metadata.")
    assert all(Path(item).is_file() for item in found.items)
    assert not any("file_name" in note for note in found.notes)


def test_metadata_that_is_not_there_for_one_split(tmp_path):
    for split in ("train", "test"):
        images(tmp_path / split)
    metadata(tmp_path / "train", rows(), "csv")
    found = read(tmp_path, ReadSpec())
    assert set(found.splits) == {"train"}
    assert len(found.skipped) == 4


def test_columns_that_differ_and_rows_that_are_wrong(tmp_path):
    for split in ("train", "test"):
        images(tmp_path / split)
    metadata(tmp_path / "train", rows(), "jsonl")
    metadata(tmp_path / "test", [{**row, "caption": "x"} for row in rows(5)], "csv")
    found = read(tmp_path, ReadSpec(label="label"))
    assert len(found) == 8
    assert [each.item for each in found.skipped] == ["test/metadata.csv:6"]
    (tmp_path / "test" / "metadata.csv").write_text('file_name,label\n"1.png,cat\n')
    assert "test/metadata.csv:2" in [each.item for each in read(tmp_path, ReadSpec()).skipped]
    (tmp_path / "test" / "metadata.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"metadata\.csv"):
        read(tmp_path, ReadSpec())


def test_metadata_above_splits_takes_them_from_the_folders(tmp_path):
    for split in ("train", "test"):
        images(tmp_path / split)
    metadata(tmp_path, [*rows(below="train/"), *rows(below="test/")], "csv")
    found = read(tmp_path, ReadSpec())
    assert list(found.splits) == ["train"] * 4 + ["test"] * 4
    assert not found.skipped


def test_metadata_without_names_of_files_is_a_file_like_any_other(tmp_path):
    for label in ("cat", "dog"):
        images(tmp_path / "train" / label)
    (tmp_path / "train" / "metadata.csv").write_text("key,value\nlicence,none\n")
    found = read(tmp_path, ReadSpec())
    assert set(found.labels) == {"cat", "dog"}
    assert [each.item for each in found.skipped] == ["train/metadata.csv"]


def test_embedding_reads_the_same_rows(tmp_path):
    for split in ("train", "test"):
        images(tmp_path / split)
        metadata(tmp_path / split, rows(), "jsonl")
    assert len(read(tmp_path, ReadSpec(), labelled=False)) == 8


@pytest.mark.parametrize(
    "row", [{"key": "licence", "value": "none"}, {"name": "cat", "about": "a"}]
)
def test_metadata_about_something_else_leaves_the_classes(tmp_path, row):
    for label in ("cat", "dog"):
        images(tmp_path / label)
    metadata(tmp_path, [row, row], "csv")
    for labelled in (True, False):
        found = read(tmp_path, ReadSpec(), labelled=labelled)
        assert found.modality == "image"
        assert len(found) == 8
        assert [each.item for each in found.skipped] == ["metadata.csv"]
    assert set(read(tmp_path, ReadSpec()).labels) == {"cat", "dog"}


@pytest.mark.parametrize("column", ["file_name", "image"])
def test_metadata_beside_classes_is_a_question_unless_it_has_labels(tmp_path, column):
    for label in ("cat", "dog"):
        images(tmp_path / label)
    names = [f"{label}/{n}.png" for label in ("cat", "dog") for n in range(4)]
    metadata(tmp_path, [{column: n, "camera": "AB"[i % 2]} for i, n in enumerate(names)], "csv")
    with pytest.raises(InputError, match="'cat', 'dog'; say --label camera"):
        read(tmp_path, ReadSpec())
    assert set(read(tmp_path, ReadSpec(label="camera")).labels) == {"A", "B"}
    assert len(read(tmp_path, ReadSpec(), labelled=False)) == 8
    metadata(tmp_path, [{column: n, "label": "AB"[i % 2]} for i, n in enumerate(names)], "csv")
    assert set(read(tmp_path, ReadSpec()).labels) == {"A", "B"}


@pytest.mark.parametrize("write", ["{}.png", "images\\{}.png", " images/{}.png", "../{}", "{}"])
def test_every_image_that_a_row_names_is_counted_once(tmp_path, write):
    folder = tmp_path / "images"
    images(tmp_path / "images" / "images")
    cells = [write.replace("../{}", "./images/{}.png").format(n) for n in range(4)]
    labels = ["cat", "dog", "cat", ""]
    lines = [f"{cell},{label}" for cell, label in zip(cells, labels, strict=True)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,label", *lines]))
    found = read(folder, ReadSpec())
    assert list(found.labels) == ["cat", "dog", "cat"]
    assert found.skipped[0].item == "metadata.csv:5"
    assert not any("/0" in each.item for each in found.skipped)


def test_folders_of_splits_stand_against_a_column(tmp_path):
    for split in ("train", "test"):
        images(tmp_path / split)
        metadata(tmp_path / split, [{**row, "split": "train"} for row in rows()], "csv")
    found = read(tmp_path, ReadSpec(label="label"))
    assert list(found.splits) == ["test"] * 4 + ["train"] * 4
    assert any("'split'" in note and "not used" in note for note in found.notes)
