import json
import os
from pathlib import Path

import numpy as np
import pytest

from headstart.data import read, read_inputs
from headstart.data.dataset import Unusable
from headstart.errors import InputError
from headstart.spec import ReadSpec

GOOD = "text,label\na good film,pos\na bad film,neg\nfine,pos\n"


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_tsv_jsonl_say_the_same(tmp_path):
    rows = [("a good film", "pos"), ("a bad, bad film", "neg"), ("two\nlines", "pos")]
    csv = 'text,label\na good film,pos\n"a bad, bad film",neg\n"two\nlines",pos\n'
    jsonl = "".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows)
    tsv = 'text\tlabel\na good film\tpos\na bad, bad film\tneg\n"two\nlines"\tpos\n'
    for name, content in (("a.csv", csv), ("a.tsv", tsv), ("a.jsonl", jsonl)):
        found = read(write(tmp_path, name, content), ReadSpec())
        assert found.modality == "text"
        assert found.task == "classification"
        assert list(zip(found.items, found.labels, strict=True)) == rows
        assert any("'label'" in note for note in found.notes)
        assert found.names[0].startswith(f"{name}:")
    for name, content in (("b.csv", csv), ("b.tsv", tsv)):
        content = b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode()
        assert read(write(tmp_path, name, content), ReadSpec()).labels == ["pos", "neg", "pos"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text,label\nx,a\ny,b,c\n", "line 3.*3 values"),
        ('text,label\n"x\ny",a\nz\n', "line 4.*1 value"),
        ("text,label,label\nx,a,b\n", "line 1.*twice"),
        ("text,\nx,a\n", "line 1.*no name"),
        ("a good film,1\na bad film,0\n", "line 1.*no column name"),
        ("a good film,pos\na bad film,neg\nfine,pos\nawful,neg\n", "line 1.*looks like data"),
        ("text,label\n", "line 1.*no rows"),
        ("", "line 1.*no rows"),
    ],
)
def test_broken_tables_name_the_line(tmp_path, content, said):
    with pytest.raises(InputError, match=f"(?s)t.csv, {said}"):
        read(write(tmp_path, "t.csv", content), ReadSpec())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "a", "label": "x"}\n{"text": \n', "line 2.*JSON"),
        ('{"text": "a", "label": "x"}\n[1]\n', "line 2.*object"),
        ('{"text": "a", "text": "b"}\n', "line 1.*twice"),
        ("[" * 100_000, "line 1"),
        ("\n\n", "line 1.*no rows"),
    ],
)
def test_broken_jsonl(tmp_path, content, said):
    with pytest.raises(InputError, match=f"(?s)t.jsonl, {said}"):
        read(write(tmp_path, "t.jsonl", content), ReadSpec())


def test_columns(tmp_path):
    path = write(tmp_path, "t.csv", GOOD)
    with pytest.raises(InputError, match="'text', 'label'"):
        read(path, ReadSpec(label="mood"))
    with pytest.raises(InputError, match="'text', 'label'"):
        read(path, ReadSpec(input="mood"))
    with pytest.raises(InputError, match="both"):
        read(path, ReadSpec(input="text", label="text"))
    odd = "id,phrase,mood,ok\n1,one two three,x,0\n2,three four,y,1\n3,five six,x,1\n4,x y,y,1\n"
    path = write(tmp_path, "odd.csv", odd)
    with pytest.raises(InputError, match="--label"):
        read(path, ReadSpec())
    found = read(path, ReadSpec(label="mood"))
    assert found.items[0] == "one two three"
    assert any("'phrase'" in note for note in found.notes)


def test_skips_and_strict(tmp_path):
    path = write(tmp_path, "t.csv", "text,label\nx,a\n,b\ny, \nz,b\n\nw,a\n")
    found = read(path, ReadSpec())
    assert found.items == ["x", "z", "w"]
    assert found.names == ["t.csv:2", "t.csv:5", "t.csv:7"]
    assert [(each.item, each.reason) for each in found.skipped] == [
        ("t.csv:3", "the text is empty or blank"),
        ("t.csv:4", "it has no label"),
        ("t.csv:6", "it has no label"),
    ]
    with pytest.raises(InputError, match="t.csv:3"):
        read(path, ReadSpec(strict=True))
    with pytest.raises(InputError, match="No row"):
        read(write(tmp_path, "u.csv", "text,label\n,a\nb,\n"), ReadSpec())


def test_texts_of_all_kinds(tmp_path):
    lines = [
        {"text": t, "label": n}
        for t, n in (
            ("x" * 1_000_000, "a"),
            ("a\0b", "b"),
            ("\ud800c", "a"),
            ("שלום 👩‍👩‍👧", "b"),
            ([7], "a"),
        )
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    found = read(write(tmp_path, "t.jsonl", content), ReadSpec())
    assert [len(item) for item in found.items] == [1_000_000, 3, 2, 10]
    assert found.skipped[0].item == "t.jsonl:5"
    big = "text,label\n" + "x" * 1_000_000 + ",a\ny,b\n"
    assert len(read(write(tmp_path, "t.csv", big), ReadSpec()).items[0]) == 1_000_000


def test_splits_column(tmp_path):
    content = "text,label,split\na,x,train\nb,y,TEST\nc,x,val\nd,y,\n"
    found = read(write(tmp_path, "t.csv", content), ReadSpec())
    assert list(found.splits) == ["train", "test", "validation", None]
    assert any("splits" in note for note in found.notes)
    found = read(write(tmp_path, "t.csv", content.replace("TEST", "fold2")), ReadSpec())
    assert not found.splits
    assert any("fold2" in note for note in found.notes)


@pytest.fixture
def pictures(tmp_path):
    from PIL import Image

    folder = tmp_path / "data"
    (folder / "img").mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / "img" / f"{number}.png")
    outside = tmp_path / "outside.png"
    Image.new("RGB", (8, 8)).save(outside)
    return folder


def table_of(folder, *paths):
    rows = "".join(f"{path},{'ab'[n % 2]}\n" for n, path in enumerate(paths))
    return write(folder, "t.csv", "file,label\n" + rows)


def test_image_table(pictures):
    found = read(table_of(pictures, "img/0.png", "img/1.png", "img/9.png"), ReadSpec())
    assert found.modality == "image"
    assert found.items == [str(pictures / "img/0.png"), str(pictures / "img/1.png")]
    assert found.skipped[0].item == "t.csv:4"
    assert "img/9.png" in found.skipped[0].reason
    os.mkfifo(pictures / "img" / "f.png")
    found = read(table_of(pictures, "img/0.png", "img/../img/1.png", "img/f.png"), ReadSpec())
    assert len(found) == 2


def test_paths_lead_anywhere_and_urls_nowhere(pictures):
    (pictures / "img" / "link.png").symlink_to(pictures.parent / "outside.png")
    (pictures / "loop.png").symlink_to("loop.png")
    outside = pictures.parent / "outside.png"
    for path in ("../outside.png", str(outside), "img/link.png", "img/../../outside.png"):
        table = table_of(pictures, "img/0.png", "img/1.png", path)
        assert len(read(table, ReadSpec())) == 3
    for path in ("http://x.org/a.png", "file:///etc/a.png", "loop.png"):
        found = read(table_of(pictures, "img/0.png", "img/1.png", path), ReadSpec())
        assert [each.item for each in found.skipped] == ["t.csv:4"]
        assert path in found.skipped[0].reason
    with pytest.raises(InputError, match="URLs"):
        read(table_of(pictures, "http://x.org/a.png", "https://x.org/b.png"), ReadSpec())


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl.gz", "t.json", "t.parquet", "t.xlsx"])
def test_what_is_no_file_is_never_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for make in (lambda: None, lambda: (tmp_path / name).symlink_to("/dev/zero")):
        make()
        with pytest.raises(InputError, match="regular file"):
            read(tmp_path / name, ReadSpec())
        with pytest.raises(InputError, match="regular file"):
            read_inputs([str(tmp_path / name)], "text", ReadSpec())
        (tmp_path / name).unlink()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "train.parquet")
    with pytest.raises(InputError, match=r"train\.parquet"):
        read(tmp_path / "folder", ReadSpec())


def test_modality_is_guessed_by_what_exists(pictures):
    texts = write(pictures, "t.csv", "body,label\nsee photo.jpg,a\nlook at me.png,b\nno,a\n")
    assert read(texts, ReadSpec()).modality == "text"
    (pictures / "img" / "0.png").rename(pictures / "plain")
    paths = write(pictures, "t.csv", "body,label\nplain,a\nimg/1.png,b\nimg/2.png,a\n")
    assert read(paths, ReadSpec()).modality == "image"
    write(pictures, "a.txt", "hello")
    paths = write(pictures, "t.csv", "body,label\na.txt,a\na.txt,b\n")
    with pytest.raises(InputError, match="text files"):
        read(paths, ReadSpec())


def test_multilabel(tmp_path):
    lists = "".join(
        json.dumps({"text": t, "tags": n}) + "\n"
        for t, n in (("x", ["b", "a", "b"]), ("y", []), ("z", ["a"]), ("w", None))
    )
    path = write(tmp_path, "t.jsonl", lists)
    found = read(path, ReadSpec())
    assert found.task == "multilabel"
    assert found.labels == [("a", "b"), (), ("a",)]
    assert len(found.skipped) == 1
    with pytest.raises(InputError, match="multilabel"):
        read(path, ReadSpec(task="classification"))
    joined = write(tmp_path, "t.csv", "text,tags\nx,a|b\ny,b; c\nz,a\n")
    assert read(joined, ReadSpec(task="multilabel")).labels == [("a", "b"), ("b", "c"), ("a",)]
    assert read(joined, ReadSpec()).labels == ["a|b", "b; c", "a"]
    columns = write(tmp_path, "c.csv", "text,cat,dog\nx,1,0\ny,0,0\nz,1,1\nw,,1\n")
    found = read(columns, ReadSpec(label="cat,dog"))
    assert found.labels == [("cat",), (), ("cat", "dog")]
    assert len(found.skipped) == 1
    with pytest.raises(InputError, match="in label column 'text'"):
        read(columns, ReadSpec(input="cat", label="text,dog"))


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.random.default_rng(0).normal(size=50), "regression"),
        (range(100, 1000, 7), "regression"),
        ([0, 1] * 30, "classification"),
        ([0.0, 0.333, 0.667, 1.0] * 30, "classification"),
        ([1, 2, 3, 4, 5] * 10, "classification"),
    ],
)
def test_task_is_guessed_from_numbers(tmp_path, values, task):
    rows = "".join(f"item {n},{value}\n" for n, value in enumerate(values))
    found = read(write(tmp_path, "t.csv", "text,target\n" + rows), ReadSpec())
    assert found.task == task
    assert any(note.startswith(f"The task is {task}: ") for note in found.notes)


def test_numbers_that_may_be_amounts_or_classes_are_a_question_unless_the_column_tells(tmp_path):
    rows = "".join(f"item {n},{n % 59}\n" for n in range(300))
    for name, task in (("rating", "regression"), ("class_id", "classification")):
        found = read(write(tmp_path, "t.csv", f"text,{name}\n{rows}"), ReadSpec(label=name))
        assert found.task == task
        assert any(repr(name) in note for note in found.notes)
    path = write(tmp_path, "t.csv", "text,target\n" + rows)
    with pytest.raises(
        InputError, match="'target' holds 59 .* --task classification .* --task reg"
    ):
        read(path, ReadSpec())
    assert read(path, ReadSpec(task="regression")).labels[58:60] == [58.0, 0.0]
    assert read(path, ReadSpec(task="classification")).labels[58:60] == ["58", "0"]


def test_regression(tmp_path):
    path = write(tmp_path, "t.csv", "text,y\na,1.5\nb,nan\nc, 2e3\nd,\n")
    found = read(path, ReadSpec(task="regression"))
    assert found.labels == [1.5, 2000.0]
    assert len(found.skipped) == 2
    for bad in ("many", "inf", "1_0"):
        path = write(tmp_path, "t.csv", f"text,y\na,1.5\nb,{bad}\n")
        with pytest.raises(InputError, match="t.csv:3"):
            read(path, ReadSpec(task="regression"))


def test_without_labels(tmp_path):
    path = write(tmp_path, "t.csv", "text,other\nx,1\ny,2\n")
    found = read(path, ReadSpec(), labelled=False)
    assert found.items == ["x", "y"]
    assert found.labels is None
    assert found.task is None


def test_the_name_of_what_is_no_file_is_no_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("broken").symlink_to("nowhere")
    found = read_inputs(["pipe", "broken", "/dev/null", "a text", "a\0b"], "text", ReadSpec())
    assert [isinstance(item, Unusable) for item in found.items] == [True] * 3 + [False] * 2
