import pytest
from PIL import Image

from headstart.data import read
from headstart.data.name_labels import guessed
from headstart.data.reads import TrainedSpec
from headstart.errors import InputError
from headstart.spec import ReadSpec
from tests.data.tables import delimited


def files(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text(f"this is {name}")
        else:
            Image.new("RGB", (8, 8)).save(path)
    return folder


@pytest.mark.parametrize(
    "form",
    ["{0}_{1}.png", "{0}.{1}.png", "{0}-{1:03}.png", "{0} ({1}).png", "{0}{1}.png", "{0}_{1}.txt"],
)
def test_labels_in_the_names_of_files(tmp_path, form):
    kinds = ["beagle", "great_pyrenees", "chat noir"]
    names = [form.format(kind, n) for kind in kinds for n in range(9)]
    found = read(files(tmp_path, names), ReadSpec())
    assert set(found.labels) == set(kinds)
    assert len(found) == 27
    assert any("--label-from" in note and "chat noir" in note for note in found.notes)
    again = read(tmp_path, TrainedSpec(trained=found.reads))
    assert again.labels == found.labels
    assert not any("--label-from" in note for note in again.notes)


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{n}.jpg" for n in range(9)] + [f"DSC_{n}.jpg" for n in range(9)],
        [f"cat_{n}.jpg" for n in range(9)],
        [f"{word}.jpg" for word in ("sunset", "beach", "harbour", "street")],
        [f"holiday{chr(97 + n)}_{n}.jpg" for n in range(9)],
        [f"{n}.jpg" for n in range(9)],
    ],
)
def test_names_that_say_no_class(names):
    assert guessed(names, "photos") is None


def test_a_regular_expression(tmp_path):
    names = [f"{n}-{kind}@2x.png" for kind in ("cat", "dog") for n in range(3)]
    files(tmp_path, [*names, "logo.png"])
    for expression in (r"^\d+-([a-z]+)", r"(?P<x>-)(?P<label>[a-z]+)@", "cat|dog"):
        found = read(tmp_path, ReadSpec(label_from=expression))
        assert found.labels == ["cat", "dog"] * 3
        assert [each.item for each in found.skipped] == ["logo.png"]
        assert found.reads.label_from == expression
    for expression, said in (("(", "regular expression"), ("x(y)z", "matches no name")):
        with pytest.raises(InputError, match=said):
            read(tmp_path, ReadSpec(label_from=expression))
    with pytest.raises(InputError, match="--label"):
        read(tmp_path, ReadSpec(label_from="x", label="y"))


def test_over_folders_and_splits(tmp_path):
    names = [f"{split}/{n}_{kind}.png" for split in ("train", "test") for n in range(2)
             for kind in ("cat", "dog")]  # fmt: skip
    found = read(files(tmp_path, names), ReadSpec(label_from=r"_(\w+)\.png$"))
    assert sorted(found.labels) == ["cat"] * 4 + ["dog"] * 4
    assert sorted(map(str, found.splits)) == ["test"] * 4 + ["train"] * 4
    found = read(tmp_path, ReadSpec(label_from=r"^(\w+)/"))
    assert set(found.labels) == {"train", "test"}


def test_in_a_table(tmp_path):
    names = [f"{kind}_{n}.png" for kind in ("cat", "dog") for n in range(3)]
    files(tmp_path / "img", names)
    rows = [(f"img\\{name}", n) for n, name in enumerate(names)]
    (tmp_path / "t.csv").write_text(delimited(["image", "n"], rows))
    found = read(tmp_path / "t.csv", ReadSpec(label_from=r"img/(\w+)_"))
    assert found.labels == ["cat"] * 3 + ["dog"] * 3
    (tmp_path / "t.csv").write_text(delimited(["text", "n"], [("a text", 1)]))
    with pytest.raises(InputError, match="--label-from"):
        read(tmp_path / "t.csv", ReadSpec(label_from=r"(\w+)"))
