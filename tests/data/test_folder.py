import os

import pytest
from PIL import Image

from headstart.data import read, read_inputs
from headstart.data.dataset import Unusable
from headstart.data.images import load
from headstart.errors import InputError, Unreadable
from headstart.spec import ReadSpec


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (value, 0, 0)).save(path)


def text(path, content="some words"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_classes(tmp_path):
    for name in ("cat/2.png", "cat/10.png", "cat/more/1.JPG", "dog/1.png"):
        picture(tmp_path / name)
    picture(tmp_path / "dog/.hidden.png")
    picture(tmp_path / "__MACOSX/cat/._1.png")
    text(tmp_path / "cat/Thumbs.db")
    text(tmp_path / "cat/notes.md")
    picture(tmp_path / "stray.png")
    found = read(tmp_path, ReadSpec())
    assert found.modality == "image"
    assert list(found.names) == ["cat/2.png", "cat/10.png", "cat/more/1.JPG", "dog/1.png"]
    assert found.labels == ["cat", "cat", "cat", "dog"]
    assert found.task == "classification"
    assert not found.splits
    assert {each.item for each in found.skipped} == {"cat/notes.md", "stray.png"}
    assert load(found.items[0])
    with pytest.raises(InputError, match=r"notes\.md"):
        read(tmp_path, ReadSpec(strict=True))
    assert len(read(tmp_path, ReadSpec(), labelled=False)) == 5
    assert read(tmp_path, ReadSpec(), labelled=False).labels is None


def test_splits(tmp_path):
    for name in ("Train/cat/1.png", "Train/dog/1.png", "val/cat/1.png", "test/dog/1.png"):
        picture(tmp_path / name)
    found = read(tmp_path, ReadSpec())
    assert set(zip(found.names, found.splits, strict=True)) == {
        ("Train/cat/1.png", "train"), ("Train/dog/1.png", "train"),
        ("val/cat/1.png", "validation"), ("test/dog/1.png", "test"),
    }  # fmt: skip
    assert sorted(found.labels) == ["cat", "cat", "dog", "dog"]
    assert found.notes
    picture(tmp_path / "extra/cat/1.png")
    with pytest.raises(InputError, match="extra"):
        read(tmp_path, ReadSpec())


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train/1.png", "bus/1.png", "car/1.png"):
        picture(tmp_path / name)
    assert read(tmp_path, ReadSpec()).labels == ["bus", "car", "train"]


def test_texts(tmp_path):
    text(tmp_path / "pos/1.txt", "\ufeffgood")
    text(tmp_path / "pos/2.txt", "")
    text(tmp_path / "neg/1.txt", "bad")
    text(tmp_path / "neg/2.txt", b"one\ncaf\xe9")
    found = read(tmp_path, ReadSpec())
    assert found.modality == "text"
    assert list(found.items) == ["bad", "good"]
    assert {each.item: each.reason for each in found.skipped} == {
        "neg/2.txt": "line 2 is not UTF-8", "pos/2.txt": "the text is empty or blank",
    }  # fmt: skip


def test_bad_luck(tmp_path):
    picture(tmp_path / "cat/1.png")
    picture(tmp_path / "dog/1.png")
    (tmp_path / "dog/link.png").symlink_to("nowhere")
    (tmp_path / "dog/a.jpg").mkdir()
    (tmp_path / "dog/loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "cat/fifo.png")
    picture(tmp_path / "cat/new\nline\x1b[31m.png")
    odd = os.fsdecode(b"odd\xff.png")
    (tmp_path / "cat/1.png").rename(tmp_path / "cat" / odd)
    found = read(tmp_path, ReadSpec())
    assert all(name.isprintable() for name in found.names)
    readable = set()
    for item, name in zip(found.items, found.names, strict=True):
        try:
            load(item)
            readable.add(name)
        except Unreadable:
            pass
    assert readable == {"cat/new\\nline\\x1b[31m.png", "cat/odd\\udcff.png", "dog/1.png"}


def test_a_folder_has_no_columns(tmp_path):
    picture(tmp_path / "cat/1.png")
    with pytest.raises(InputError, match="--label"):
        read(tmp_path, ReadSpec(label="mood"))


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="folder per class"):
        read(tmp_path, ReadSpec())
    with pytest.raises(InputError, match="no file or folder"):
        read(tmp_path / "absent", ReadSpec())
    picture(tmp_path / "1.png")
    with pytest.raises(InputError, match="folder per class"):
        read(tmp_path, ReadSpec())
    with pytest.raises(InputError, match="not a folder or a table"):
        read(tmp_path / "1.png", ReadSpec())
    text(tmp_path / "labels.csv", "file,label\n1.png,a\n")
    with pytest.raises(InputError, match=r"labels\.csv"):
        read(tmp_path, ReadSpec())


def test_metadata_names_images(tmp_path):
    picture(tmp_path / "1.png")
    picture(tmp_path / "2.png")
    text(tmp_path / "metadata.csv", "file_name,label\n1.png,a\n2.png,b\n")
    assert read(tmp_path, ReadSpec()).labels == ["a", "b"]


def test_what_predict_gets(tmp_path, monkeypatch):
    picture(tmp_path / "f/1.png")
    picture(tmp_path / "2.png")
    text(tmp_path / "t.csv", "file\nf/1.png\n2.png\n")
    given = [str(tmp_path / name) for name in ("f", "2.png", "t.csv", "absent.png")]
    found = read_inputs(given, "image", ReadSpec())
    assert len(found) == 5
    assert found.items[0] == str(tmp_path / "f/1.png")
    assert found.items[4].endswith("absent.png")
    assert found.labels is None
    text(tmp_path / "t.txt", "from a file")
    found = read_inputs(["I like it", str(tmp_path / "t.txt"), " "], "text", ReadSpec())
    # Each input is to have its row, so what cannot be read keeps its place.
    assert list(found.items)[:2] == ["I like it", "from a file"]
    assert found.items[2] == Unusable("the text is empty or blank")
    assert not found.skipped
    with pytest.raises(InputError):
        read_inputs([], "text", ReadSpec())


def test_standard_input(monkeypatch):
    import io
    import sys

    def given(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return read_inputs(["-"], "text", ReadSpec())

    found = given("één\r\n\ntwo".encode())
    assert [found.items[0], found.items[2]] == ["één", "two"]
    assert isinstance(found.items[1], Unusable)
    assert found.names[1] == "line 2"
    with pytest.raises(InputError, match="line 2"):
        given(b"a\n\xff\n")


def splits_of_classes(folder):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"):
        picture(folder / name)


@pytest.mark.parametrize("stray", ["train/labels.csv", "train/stray.png", "notes.md", "docs/a.md"])
def test_a_stray_file_does_not_turn_splits_into_classes(tmp_path, stray):
    splits_of_classes(tmp_path)
    picture(tmp_path / stray) if stray.endswith("png") else text(tmp_path / stray)
    found = read(tmp_path, ReadSpec())
    assert sorted(found.labels) == ["cat", "cat", "dog", "dog"]
    assert set(found.splits) == {"train", "test"}
    assert [each.item for each in found.skipped] == [stray]


def test_a_test_split_without_classes_is_skipped(tmp_path):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/1.png"):
        picture(tmp_path / name)
    found = read(tmp_path, ReadSpec())
    assert found.labels == ["cat", "dog"]
    assert [each.item for each in found.skipped] == ["test/1.png"]


def test_splits_beside_a_class_are_refused_even_with_a_stray_item(tmp_path):
    splits_of_classes(tmp_path)
    picture(tmp_path / "train/stray.png")
    picture(tmp_path / "bus/1.png")
    with pytest.raises(InputError, match="bus"):
        read(tmp_path, ReadSpec())


def test_a_class_that_is_not_utf_8_can_be_written_down(tmp_path):
    picture(tmp_path / os.fsdecode(b"caf\xe9") / "1.png")
    picture(tmp_path / "\u0645\u06cc\u200c\u0631" / "1.png")
    found = read(tmp_path, ReadSpec())
    assert found.labels == ["caf\\udce9", "\u0645\u06cc\u200c\u0631"]
    assert "".join(found.labels).encode()


def test_labels_in_the_names_of_files_in_splits(tmp_path):
    for split in ("training_set", "Test_Images"):
        for name in ("cat_1.png", "dog_1.png"):
            picture(tmp_path / split / name)
    text(tmp_path / "training_set" / "notes.md")
    with pytest.raises(InputError, match="--label-from"):
        read(tmp_path, ReadSpec())
    found = read(tmp_path, ReadSpec(label_from=r"([a-z]+)_\d"))
    assert sorted(zip(found.labels, found.splits, strict=True)) == [
        ("cat", "test"), ("cat", "train"), ("dog", "test"), ("dog", "train"),
    ]  # fmt: skip
    assert [each.item for each in found.skipped] == ["training_set/notes.md"]
