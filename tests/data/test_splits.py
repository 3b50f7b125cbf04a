import pytest

from headstart.data import read
from headstart.spec import ReadSpec
from tests.data.tables import delimited

WORDS = {
    "train": "train", "TRAIN": "train", " Training ": "train", "trn": "train", "train_set": "train",
    "test": "test", "Testing": "test", "PrivateTest": "test", "hold-out": "test",
    "val": "validation", "Valid": "validation", "validation": "validation", "dev": "validation",
    "PublicTest": "validation", "": None,
}  # fmt: skip


def splits(folder, header, cells):
    rows = [(f"some text {n}", "ab"[n % 2], cell) for n, cell in enumerate(cells)]
    (folder / "t.csv").write_text(delimited(["text", "label", header], rows))
    found = read(folder / "t.csv", ReadSpec())
    return list(found.splits), " ".join(found.notes)


@pytest.mark.parametrize(
    "name", ["split", "Set", "fold", "partition", "subset", "Usage", "Data Split", "phase"]
)
def test_columns_that_give_the_splits(tmp_path, name):
    found, notes = splits(tmp_path, name, WORDS)
    assert found == list(WORDS.values())
    assert f"{name!r} of t.csv gives the splits" in notes


def test_a_column_of_any_name_that_holds_two_splits(tmp_path):
    found, notes = splits(tmp_path, "purpose", ["train", "test", "train", None])
    assert found == ["train", "test", "train", None]
    assert "(a guess)" in notes
    assert splits(tmp_path, "purpose", ["train", "train", "train"])[0] == []


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("is_valid", "validation", "train"),
        ("is_test", "test", "train"),
        ("is_training_image", "train", "test"),
    ],
)
def test_columns_of_yes_and_no(tmp_path, name, yes, no):
    assert splits(tmp_path, name, ["1", "0", "0"])[0] == [yes, no, no]
    assert splits(tmp_path, name, ["True", "False", ""])[0] == [yes, no, None]


@pytest.mark.parametrize("cells", [["1", "2", "3"], ["train", "bus", "train"], ["tr", "te", "tr"]])
@pytest.mark.parametrize("name", ["fold", "language", "split"])
def test_other_words_are_no_splits(tmp_path, name, cells):
    found, notes = splits(tmp_path, name, cells)
    assert found == []
    assert ("is not used as splits" in notes) == (name == "split")
