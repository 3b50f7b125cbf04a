"""Which items belong together, out of columns and out of names of files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart import data as reading
from headstart.data.dataset import Dataset
from headstart.data.groups import of_paths, said
from headstart.errors import InputError
from headstart.spec import FitSpec


def read(data: object, labels: object = None, **options: object) -> Dataset:
    groups = options.pop("groups", None)
    return reading.read_any(data, FitSpec(**options), labels, groups=groups)  # type: ignore[arg-type]


def frame(**columns: object) -> dict[str, object]:
    texts = ["the cat sat", "a dog ran", "one bird sang", "some fish swam"]
    return {"text": texts, "label": ["a", "b", "a", "b"], **columns}


def test_a_column_gives_the_groups_and_is_no_input() -> None:
    data = read(frame(patient=["p 1", "p 2", " p 1 ", ""]), group="patient")
    assert data.groups == ["p 1", "p 2", "p 1", None]
    assert list(data.items) == frame()["text"]
    assert data.select(np.array([2, 0])).groups == ["p 1", "p 1"]


def test_the_column_of_groups_is_never_guessed_as_input_or_split() -> None:
    long = ["a long name of an author that looks like a text " + str(n) for n in range(4)]
    data = read({"author": long, **frame()}, group="author", label="label")
    assert data.reads.input == ("text",)
    data = read(frame(group=["train", "test", "train", "test"]), group="group")
    assert not data.splits
    assert data.groups == ["train", "test", "train", "test"]


def test_numbers_are_the_same_group_however_they_are_stored() -> None:
    data = read(frame(site=[1, 1.0, np.float64(2), None]), group="site")
    assert data.groups == ["1", "1", "2", None]
    assert read(frame(site=["NA", "x", "nan", "x"]), group="site").groups == [None, "x", None, "x"]


def test_nothing_is_guessed() -> None:
    assert not read(frame(patient=["1", "1", "2", "2"]), input="text", label="label").groups


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": "patients"}, "no column 'patients' .--group.; is it 'patient'"),
        ({"group": "label", "label": "label"}, "cannot be --group"),
        ({"group_by": "folder"}, "names none; name the column with --group"),
    ],
)
def test_a_column_that_cannot_be_groups_is_refused(options, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(frame(patient=["1", "1", "2", "2"]), **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": "a", "group_by": "folder"}, "give one"),
        ({"group_by": "("}, "nor a regular expression"),
        ({"group_by": "a+"}, "0 groups"),
        ({"group_by": "(a)(b)"}, "2 groups"),
        ({"group_by": "((?:a+)+)$"}, "for ever"),
    ],
)
def test_what_is_no_way_to_group_is_refused(options, words: str) -> None:
    with pytest.raises(InputError, match=words):
        FitSpec(**options)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in (
        *("cat/p1/a.png", "cat/p1/deep/b.png", "cat/p2/c.png", "dog/p1/d.png", "dog/e.png"),
        *("dog/p3/f.png",),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    return tmp_path


def test_folders_within_classes_are_groups(images: Path) -> None:
    data = read(images, group_by="folder")
    found = dict(zip((str(name) for name in data.names), data.groups, strict=True))
    assert [found[name] for name in sorted(found)] == ["p1", "p1", "p2", None, "p1", "p3"]


def test_splits_are_no_groups(images: Path) -> None:
    for split in ("train", "test"):
        target = images / "both" / split
        target.mkdir(parents=True)
        for name in ("cat", "dog"):
            (target / name / "s1").mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(target / name / "s1" / "x.png")
    data = read(images / "both", group_by="folder")
    assert data.groups == ["s1"] * 4
    assert set(data.splits) == {"train", "test"}


def test_an_expression_is_looked_for_in_the_path(images: Path) -> None:
    data = read(images, group_by=r"^\w+/(p\d)/")
    assert sorted(map(str, data.groups)) == ["None", "p1", "p1", "p1", "p2", "p3"]
    with pytest.raises(InputError, match="matches no name, such as"):
        read(images, group_by=r"(patient\d+)")


def test_files_that_name_their_class_have_folders_too(images: Path) -> None:
    for at in range(4):
        (images / "flat" / f"s{at // 2}").mkdir(parents=True, exist_ok=True)
        name = images / "flat" / f"s{at // 2}" / f"{'cat' if at % 2 else 'dog'}_{at}.png"
        Image.new("RGB", (8, 8)).save(name)
    data = read(images / "flat", label_from=r"(cat|dog)_", group_by="folder")
    assert data.groups == ["s0", "s0", "s1", "s1"]


def test_paths_in_a_table_give_groups(images: Path) -> None:
    rows = ["image,label", *(f"{name},{name[:3]}" for name in ("cat/p1/a.png", "dog/p1/d.png"))]
    (images / "t.csv").write_text("\n".join(rows), "utf-8")
    assert read(images / "t.csv", group_by=r"/(p\d)/").groups == ["p1", "p1"]
    with pytest.raises(InputError, match="regular expression"):
        read(images / "t.csv", group_by="folder")


@pytest.mark.parametrize("options", [{"group": "x"}, {"time": "x"}])
def test_a_folder_has_no_columns(images: Path, options) -> None:
    with pytest.raises(InputError, match="has no columns"):
        read(images, **options)


def test_no_folders_within_classes_are_refused(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "a.png")
    with pytest.raises(InputError, match="there are none"):
        read(tmp_path, group_by="folder")


def test_items_in_memory_come_with_their_groups() -> None:
    items = ["one text", "two texts", "three", "four"]
    data = read(items, ["a", None, "a", "b"], groups=np.array([7, 7, 8, 8]))
    assert data.groups == ["7", "8", "8"]  # the second has no label
    with pytest.raises(InputError, match="4 items but 2 groups"):
        read(items, ["a", "b", "a", "b"], groups=[1, 2])
    with pytest.raises(InputError, match="groups="):
        read(items, ["a", "b", "a", "b"], group="x")
    with pytest.raises(InputError, match="name it with group="):
        read(frame(), groups=[1, 2, 3, 4])


def test_groups_are_told() -> None:
    data = read(frame(p=["1", "1", "2", ""]), group="p")
    (note,) = said(data)
    assert "3 items in 2 groups of 1 to 2; 1 other item in none" in note
    (note,) = said(read(frame(p=["1", "2", "3", "4"]), group="p"))
    assert "change nothing" in note
    assert said(read(frame())) == ()


def test_backslashes_are_slashes() -> None:
    assert of_paths([r"a\p1\x.png", "a/p1/y.png"], r"/(p\d)/") == ["p1", "p1"]
