import os
from pathlib import Path

import pytest
from PIL import Image

from headstart.data import paths, read
from headstart.data.paths import Finder
from headstart.errors import InputError, Unreadable
from headstart.spec import ReadSpec
from tests.data.tables import delimited

IDS = [f"{n:08x}" for n in (10**9, 7, 123456789, 4, 99, 1000, 31, 2**31)]


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)
    return path


def csv(path, names, column="id"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(delimited([column, "breed"], [(n, "ab"[i % 2]) for i, n in enumerate(names)]))
    return path


def named(found):
    return [Path(item).name for item in found.items]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".JPG"])
def test_ids_are_found_in_the_folder_and_that_is_said(tmp_path, suffix):
    for name in IDS:
        picture(tmp_path / "train" / f"{name}{suffix}")
    picture(tmp_path / "other" / "logo.png")
    found = read(csv(tmp_path / "labels.csv", [*IDS, "deadbeef"]), ReadSpec())
    assert found.modality == "image"
    assert named(found) == [f"{name}{suffix}" for name in IDS]
    assert [each.item for each in found.skipped] == ["labels.csv:10"]
    assert any("train" in note and "--root" in note for note in found.notes)


def test_ids_that_name_nothing_are_a_question(tmp_path):
    path = csv(tmp_path / "labels.csv", IDS)
    with pytest.raises(InputError, match="ids such as '3b9aca00'.*--root"):
        read(path, ReadSpec())
    for name in IDS:
        picture(tmp_path / "elsewhere" / "pictures" / f"{name}.png")
    assert read(path, ReadSpec(input="id", root=str(tmp_path / "elsewhere"))).modality == "image"
    (tmp_path / "alone").mkdir()
    path = path.rename(tmp_path / "alone" / "labels.csv")
    assert read(path, ReadSpec(root=str(tmp_path / "elsewhere"))).modality == "image"
    assert read(path, ReadSpec(input="id")).modality == "text"
    with pytest.raises(InputError, match="no such folder"):
        read(path, ReadSpec(root="absent"))


def test_numbers_find_files_with_leading_zeros(tmp_path):
    for n in range(1, 13):
        picture(tmp_path / "images" / f"{n:04d}.png")
    found = read(csv(tmp_path / "t.csv", range(1, 13)), ReadSpec())
    assert named(found) == [f"{n:04d}.png" for n in range(1, 13)]


def test_numbers_with_leading_zeros_find_files_without(tmp_path):
    for n in range(8):
        picture(tmp_path / "images" / f"{n}.png")
    found = read(csv(tmp_path / "t.csv", [f"{n:03d}" for n in range(8)]), ReadSpec())
    assert named(found) == [f"{n}.png" for n in range(8)]


def test_ids_in_two_folders(tmp_path):
    for name in IDS:
        picture(tmp_path / "train" / f"{name}.png")
        picture(tmp_path / "test" / f"{name}.png")
    picture(tmp_path / "masks" / f"{IDS[0]}.png")
    found = read(csv(tmp_path / "train.csv", IDS), ReadSpec())
    assert {Path(item).parent.name for item in found.items} == {"train"}
    path = csv(tmp_path / "labels.csv", IDS)
    with pytest.raises(InputError, match="test.*train.*--root"):
        read(path, ReadSpec())
    found = read(path, ReadSpec(root=str(tmp_path / "test")))
    assert {Path(item).parent.name for item in found.items} == {"test"}


def test_paths_of_another_machine(tmp_path):
    for n in range(4):
        picture(tmp_path / "cat" / f"{n}.png")
        picture(tmp_path / "dog" / f"{n}.png")
    names = [f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(4)]
    for prefix in ("/home/alice/data/", "C:\\Users\\me\\", "data/train/", "./", "/"):
        written = [prefix + (n.replace("/", "\\") if "\\" in prefix else n) for n in names]
        found = read(csv(tmp_path / "t.csv", [*written, prefix + "cow/1.png"], "image"), ReadSpec())
        assert [os.path.relpath(item, tmp_path) for item in found.items] == names
        assert len(found.skipped) == 1


def test_no_two_cells_name_one_file_by_a_guess(tmp_path):
    for n in range(4):
        picture(tmp_path / "all" / f"{n}.png")
    names = [f"/gone/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(4)]
    with pytest.raises(InputError, match="no such file"):
        read(csv(tmp_path / "t.csv", names, "image"), ReadSpec())


def test_a_missing_file_is_not_found_elsewhere(tmp_path):
    for n in range(6):
        picture(tmp_path / "dog" / f"{n}.png")
        if n:
            picture(tmp_path / "cat" / f"{n}.png")
    names = [f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(6)]
    found = read(csv(tmp_path / "t.csv", names, "image"), ReadSpec())
    assert [each.item for each in found.skipped] == ["t.csv:2"]


def test_blanks_backslashes_and_case(tmp_path):
    picture(tmp_path / "Cat Pics" / "a b.png")
    finder = Finder(tmp_path, None)
    for written in ("Cat Pics/a b.png", " Cat Pics/a b.png ", "Cat Pics\\a b.png"):
        assert Path(finder.path(written)).samefile(tmp_path / "Cat Pics" / "a b.png")
    for written in ("cat/a.png", "", "Cat Pics", "\0", "x" * 5000, "http://x.org/a.png"):
        with pytest.raises(Unreadable):
            finder.path(written)


def test_a_folder_of_too_many_files_is_searched_only_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MOST_ENTRIES", 5)
    for name in IDS:
        picture(tmp_path / "train" / f"{name}.png")
    path = csv(tmp_path / "labels.csv", IDS)
    with pytest.raises(InputError, match="--root"):
        read(path, ReadSpec())
    assert len(read(path, ReadSpec(root=str(tmp_path)))) == len(IDS)


def test_links_in_circles(tmp_path):
    for name in IDS:
        picture(tmp_path / "train" / f"{name}.png")
    (tmp_path / "train" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "train" / "fifo.png")
    assert len(read(csv(tmp_path / "labels.csv", IDS), ReadSpec())) == len(IDS)


def test_text_columns_are_not_taken_for_files(tmp_path):
    for name in ("good", "bad", "cat", "dog"):
        picture(tmp_path / f"{name}.png")
    path = tmp_path / "t.csv"
    rows = [(f"word {n} is {word}", word) for n, word in enumerate(["good", "bad"] * 5)]
    path.write_text(delimited(["words", "mood"], rows))
    assert read(path, ReadSpec()).modality == "text"
