"""Folder trees as people have them: what is a class, what a split, and what a question."""

import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headstart.data import read
from headstart.data.layout import arrange
from headstart.data.split_names import is_fold, split_name
from headstart.data.walk import File, walk
from headstart.errors import InputError
from headstart.spec import ReadSpec


def layout(*paths):
    """What the folders of some paths mean: (label, split) by path."""
    files = [File(path, tuple(path.split("/"))) for path in paths]
    found = arrange(Path("data"), files)
    placed = {each.file.path: (each.label, each.split) for each in found.placed}
    assert len(placed) + len(found.skipped) == len(files)
    return placed, found


def tree(*folders, each=2):
    return [f"{folder}/{number}.jpg" for folder in folders for number in range(each)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((name, "train") for name in (
            "train", "Training", "TRAIN", "training_set", "train1", "train_images", "trainset",
            "TrainingData", "train-2017", "Train Images", "dataset_train", "train224x224",
            "trainA", "train_val", "images.train", "x_train", "trn",
        )),
        *((name, "test") for name in (
            "test", "Test", "testing", "test_set", "test_images", "TestSet", "testdata", "eval",
            "test2", "tst", "evaluation_images", "public_test", "testimages",
        )),
        *((name, "validation") for name in (
            "val", "VALID", "validation", "dev", "Validation_Set", "val2017", "dev-data", "valset",
        )),
    ],
)  # fmt: skip
def test_names_of_splits(name, split):
    look = split_name(name)
    assert look is not None
    assert look.split == split
    assert look.sure


@pytest.mark.parametrize(
    "name",
    ["cat", "valley", "device", "trainers", "testosterone", "valve", "contest", "trains", "invalid",
     "developer", "2017", "", "___", "images", "strain"],
)  # fmt: skip
def test_names_of_no_split(name):
    assert split_name(name) is None


def test_names_with_a_split_in_them():
    for name in ("seg_train", "test_tube", "TrainStation", "validation sticker", "chest_xray_val"):
        look = split_name(name)
        assert look is not None
        assert not look.sure
    assert split_name("train_test_split").split is None
    assert is_fold("fold1")
    assert is_fold("Fold_10")
    assert not is_fold("scaffold")


SPLITS_OVER_CLASSES = [
    ("train", "test"),
    ("Train", "VALID", "test"),
    ("training_set", "test_set"),
    ("seg_train", "seg_test"),
    ("seg_train", "seg_test", "seg_pred"),
    ("train1", "train2", "test1"),
    ("TrainingData", "TestData"),
    ("train_images", "test_images"),
    ("chest_xray_train", "chest_xray_val", "chest_xray_test"),
    ("train2017", "val2017"),
    ("dev", "test", "train"),
    ("train",),
    ("training", "unlabeled"),
]


@pytest.mark.parametrize("splits", SPLITS_OVER_CLASSES, ids="+".join)
@pytest.mark.parametrize("above", ["", "data/", "archive/set/"])
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_splits_over_classes(splits, above, twice):
    labelled = [name for name in splits if name not in ("seg_pred", "unlabeled")]
    inner = {name: f"{name}/{name}" if twice else name for name in splits}
    folders = [f"{above}{inner[s]}/{c}" for s in labelled for c in ("cat", "dog")]
    flat = [f"{above}{inner[name]}" for name in splits if name not in labelled]
    placed, found = layout(*tree(*folders, *flat))
    assert {label for label, _ in placed.values()} == {"cat", "dog"}
    for path, (_, split) in placed.items():
        assert split == split_name(path.split("/")[above.count("/")]).split
    assert len(found.skipped) == 2 * len(flat)
    assert found.notes or len(splits) == 1


@pytest.mark.parametrize(
    "folders",
    [
        ("cat", "dog"),
        ("train", "bus", "car"),
        ("train_station", "airport"),
        ("test_tube", "beaker", "flask"),
        ("passenger_train", "freight_train"),
        ("valid", "invalid"),
        ("valley", "device", "trainers"),
        ("fold1", "cat"),
        ("1", "2"),
        ("bullet_train", "pregnancy_test"),
    ],
    ids="+".join,
)
def test_classes(folders):
    placed, found = layout(*tree(*folders))
    assert {label for label, _ in placed.values()} == set(folders)
    assert {split for _, split in placed.values()} == {None}
    called_like_a_split = {"train", "valid"} & set(folders)
    assert bool(found.notes) == bool(called_like_a_split)


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("train", "test"), "split to train on"),
        (("training_set", "test_set"), "split to train on"),
        (("train", "test/cat", "test/dog"), "split to train on"),
        (("train/train", "test/test"), "split to train on"),
        (("trainA", "trainB", "testA", "testB"), "split to train on"),
        (("train2017", "val2017"), "split to train on"),
        (("train", "test", "cat"), "'cat' does not"),
        (("train/cat", "train/dog", "bus"), "'bus' does not"),
        (("test", "cat", "dog"), "'test' looks like a split"),
        (("seg_train", "seg_test", "other"), "'other' does not"),
        (("test", "train station/cat"), "not clear which"),
        (("train_cats", "train_dogs"), "not clear which"),
        (("train_cats", "train_dogs", "test_cats", "test_dogs"), "not clear which"),
        (("train_test", "cat"), "'train_test' looks like a split"),
        (("fold1", "fold2", "fold3"), "cross-validation"),
        (("split_0/cat", "split_1/cat"), "cross-validation"),
        (("test/train/cat", "test/val/cat"), "inside one for test"),
        (("cat/train", "cat/test", "dog"), "'cat' holds splits"),
    ],
    ids=str,
)
def test_what_looks_like_splits_and_is_not_understood_is_a_question(folders, said):
    with pytest.raises(InputError, match=said):
        layout(*tree(*folders))


def test_loose_items_beside_classes_are_left_out_by_name():
    classes = tree("train/cat", "train/dog")
    placed, found = layout(*classes, "train/stray.jpg", "top.jpg", *tree("test"))
    assert sorted(placed) == sorted(classes)
    assert [each.item for each in found.skipped] == [
        "top.jpg", "train/stray.jpg", "test/0.jpg", "test/1.jpg",
    ]  # fmt: skip
    assert "test" in " ".join(found.warnings)
    with pytest.raises(InputError, match="5 of its items"):
        layout(*classes, *tree("train", each=5))


def test_splits_in_classes_and_splits_in_splits():
    placed, found = layout(*tree("cat/train", "cat/test", "dog/train", "dog/test"))
    assert placed["cat/test/0.jpg"] == ("cat", "test")
    assert placed["dog/train/1.jpg"] == ("dog", "train")
    assert found.notes
    placed, _ = layout(*tree("training/train/a", "training/val/a", "training/val/b", "test/a"))
    assert placed["training/val/a/0.jpg"] == ("a", "validation")
    assert placed["training/train/a/0.jpg"] == ("a", "train")
    assert placed["test/a/0.jpg"] == ("a", "test")


def test_reviews_without_labels_are_no_class():
    folders = ("train/pos", "train/neg", "train/unsup", "test/pos", "test/neg")
    placed, found = layout(*tree(*folders))
    assert {label for label, _ in placed.values()} == {"pos", "neg"}
    assert {each.item for each in found.skipped} == {"train/unsup/0.jpg", "train/unsup/1.jpg"}


def test_images_below_a_folder_of_their_own():
    folders = [f"{split}/images/{label}" for split in ("train", "test") for label in "ab"]
    placed, _ = layout(*tree(*folders))
    assert Counter(placed.values()) == {
        (label, split): 2 for label in "ab" for split in ("train", "test")
    }


SPLIT_LIKE = st.sampled_from(
    ["train", "Test", "VAL", "training_set", "seg_train", "seg_test", "test_images", "dev1",
     "validation", "trainval", "train_cats", "test-cats", "TrainSet", "eval"]
)  # fmt: skip
CLASS_LIKE = st.sampled_from(["cat", "dog", "NA", "1", "ünï ☃", "train station", "unsup", "images"])
FOLDERS = st.lists(st.lists(SPLIT_LIKE | CLASS_LIKE, max_size=4), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None)
@given(folders=FOLDERS)
@example([["seg_train", "seg_train", "cat"], ["seg_test", "seg_test", "cat"]])
@example([["Test"], ["train station", "cat"]])
@example([["train", "train"], ["train", "cat"]])
def test_no_split_becomes_a_class_and_nothing_is_lost(folders):
    paths = [f"{'/'.join([*parts, str(n)])}.jpg" for n, parts in enumerate(folders)]
    try:
        placed, _ = layout(*paths)
    except InputError:
        return
    for path, (label, split) in placed.items():
        *above, _ = path.split("/")
        assert label in above
        look = split_name(label)
        if look is not None and look.sure:
            assert label == "train"  # a vehicle among others
            depth = max(at for at, name in enumerate(above) if name == label)
            beside = {each.split("/")[depth] for each in paths if each.count("/") > depth}
            assert len(beside) > 1
        said = {look.split for part in above if (look := split_name(part)) and look.sure}
        assert (
            split is None or split in said or "seg_" in path or "_cats" in path or "-cats" in path
        )


@pytest.fixture
def deep(tmp_path, monkeypatch):
    """A data set with folders in folders; pytest cannot remove so many."""
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.txt").write_text(f"hello {label}")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    subprocess.run(["rm", "-rf", str(tmp_path / "a")], check=True)


@pytest.mark.parametrize(("name", "times", "allowed"), [("d", 1100, True), ("d" * 250, 17, False)])
def test_a_folder_as_deep_as_the_system_allows(deep, name, times, allowed):
    os.chdir("a")
    for _ in range(times):
        Path(name).mkdir()
        os.chdir(name)
    Path("deep.txt").write_text("at the bottom")
    if allowed:
        assert len(read(deep, ReadSpec())) == 3
        return
    with pytest.raises(InputError, match="too long"):
        read(deep, ReadSpec())


def test_links_between_folders_never_go_on_for_ever(tmp_path):
    for number in range(20):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}" / "x.txt").write_text(f"text {number}")
        for name in ("one", "two"):
            (tmp_path / f"d{number}" / name).symlink_to(tmp_path / f"d{(number + 1) % 20}")
    with pytest.raises(InputError, match="through links"):
        read(tmp_path, ReadSpec())


def test_a_link_to_itself_is_one_file_that_cannot_be_read(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.txt").write_text(f"hello {label}")
    (tmp_path / "a" / "self.txt").symlink_to("self.txt")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "b" / "other").symlink_to("other")
    found = read(tmp_path, ReadSpec())
    assert sorted(found.labels) == ["a", "b"]
    assert {each.item for each in found.skipped} == {"a/self.txt", "b/other"}
    assert [file.name for file in walk(tmp_path)[0]] == [
        "a/self.txt", "a/x.txt", "b/other", "b/x.txt",
    ]  # fmt: skip


def test_a_copy_of_the_classes_among_them_is_a_question():
    copied = ["Cats", "Dogs", "cell_images/Cats", "cell_images/Dogs"]
    for above in ("", "cell_images/", "train/"):
        with pytest.raises(InputError, match="'cell_images' holds the folders 'Cats', 'Dogs'"):
            layout(*tree(*(f"{above}{folder}" for folder in copied)))


def test_classes_that_all_hold_the_same_folders_are_mentioned():
    _, found = layout(*tree("entrenamiento/cat", "entrenamiento/dog", "prueba/cat", "prueba/dog"))
    assert "each holds the folders 'cat', 'dog'" in found.warnings[0]
    for folders in (
        ("cat/a", "cat/b", "dog/a"),
        ("cat/a", "dog/a"),
        ("cat/train", "cat/test", "dog/train", "dog/test"),
    ):
        assert not layout(*tree(*folders))[1].warnings


@pytest.mark.parametrize(
    "name",
    ["$RECYCLE.BIN", "System Volume Information", "lost+found", "__MACOSX", "@eaDir", ".git"],
)
def test_what_systems_leave_is_passed_by(tmp_path, name):
    for folder in ("cat", "dog", name):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.jpg").touch()
    for junk in ("Icon\r", "ehthumbs.db", "Thumbs.db", "._1.jpg", "desktop.ini"):
        (tmp_path / "cat" / junk).touch()
    found = read(tmp_path, ReadSpec())
    assert list(found.labels) == ["cat", "dog"]
    assert not found.skipped


def test_names_of_folders_have_the_form_of_labels_in_tables(tmp_path):
    """A Mac writes é as two characters, and nobody sees a blank."""
    for folder in ("train/cafe\u0301", "test/caf\xe9", "train/dog ", "test/dog"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.jpg").touch()
    found = read(tmp_path, ReadSpec())
    assert Counter(found.labels) == {"caf\xe9": 2, "dog": 2}
    assert len(found.warnings) == 2
    assert "'dog', 'dog '" in " ".join(found.warnings)


@pytest.mark.parametrize(
    "folders",
    [
        ("images", "masks"),
        ("JPEGImages", "SegmentationClass", "SegmentationObject"),
        ("train/Images", "train/Labels", "test/Images", "test/Labels"),
        ("image", "ground_truth"),
    ],
)
def test_images_beside_their_masks_are_no_classes(folders):
    with pytest.raises(InputError, match="images and their annotations, not like classes"):
        layout(*tree(*folders))


@pytest.mark.parametrize(
    "folders", [("with_mask", "without_mask"), ("photo", "painting"), ("image", "text", "logo")]
)
def test_classes_that_are_called_nearly_so_stay_classes(folders):
    placed, _ = layout(*tree(*folders))
    assert {label for label, _ in placed.values()} == set(folders)
