import json

import pytest
from PIL import Image

import headstart
from headstart.errors import InputError
from headstart.explanations import folder as folders

HOSTILE = "<script>alert(1)</script> the cat \u202e& \"dogs\" onmouseover='x'"


def test_images_and_a_page(fit, here):
    model, out = here.folder / "model of photos {}", here.folder / "why"
    fit("photos")
    for folder in ("photos/blue", "photos/red"):  # What was written before is replaced.
        items = [f"{folder}/0-{number}.jpg" for number in range(2)]
        done = here.run("predict", str(model), *items, "--explain", str(out), "--json")
        assert done.code == 0, done.err
    listed = json.loads((out / "explanations.json").read_text())
    answers = done.json["predictions"]
    assert [each["label"] for each in listed] == [each["label"] for each in answers]
    assert [each["item"] for each in listed] == [each["item"] for each in answers]
    assert [each["label"] for each in listed] == ["red", "red"]
    assert listed[1]["image"] == "0002.png"
    with Image.open(out / "0002.png") as drawn:
        assert drawn.size == (256, 192)
    page = (out / "index.html").read_text("utf-8")
    assert page.count("<img ") == len(listed)
    assert "http" not in page


def test_hostile_texts_are_shown_as_text(fit, here, tmp_path):
    fit("texts.csv")
    model = here.folder / "model of texts.csv {}"
    answers = headstart.predict(model, [HOSTILE, " "], explain=tmp_path / "why")
    page = (tmp_path / "why" / "index.html").read_text("utf-8")
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;" in page
    assert "Not explained: the text is empty or blank." in page
    first, second = json.loads((tmp_path / "why" / "explanations.json").read_text())
    assert first["text"] == HOSTILE
    assert first["label"] == answers.labels[0]
    for word in first["words"]:
        assert HOSTILE[word["start"] : word["end"]] == word["word"]
    assert second["error"] == "the text is empty or blank"


def test_of_many_items_the_first_are_explained(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST", 2)
    model = fit("texts.csv")
    answers = headstart.predict(model, ["a cat", "a dog", "a car"], explain=tmp_path / "why")
    assert len(answers) == 3
    assert "The first 2 of 3 items are explained" in answers.warnings[-1]
    assert len(json.loads((tmp_path / "why" / "explanations.json").read_text())) == 2


@pytest.mark.parametrize("name", ["notes.txt", "1.png", "0001.png", "index.html"])
def test_a_folder_with_other_files_is_refused_before_any_work(here, tmp_path, name):
    """Images of one's own may have the names that ours have."""
    (tmp_path / name).write_text("mine")
    done = here.run("predict", "nothing here", "x.jpg", "--explain", str(tmp_path))
    assert done.code == 2
    assert "holds other files; name a new one" in done.err
    assert (tmp_path / name).read_text() == "mine"


def test_the_folder_that_one_is_in_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="the folder that you are in"):
        folders.check_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="which is a file; name a folder"):
        folders.check_folder(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_answers_are_not_lost_with_their_explanations(fit, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("no memory\nfor this")

    monkeypatch.setattr(folders, "write_first", failing)
    found = headstart.predict(fit("texts.csv"), ["a cat"], explain=tmp_path / "why")
    assert len(found.labels) == 1
    assert found.warnings[-1].endswith("there are no explanations: no memory")


def test_a_question_that_is_wrong_leaves_what_was_there(fit, tmp_path):
    (tmp_path / "why").mkdir()
    (tmp_path / "why" / "index.html").write_text("before")
    with pytest.raises(InputError):
        headstart.predict(fit("texts.csv"), [], explain=tmp_path / "why")
    assert (tmp_path / "why" / "index.html").read_text() == "before"
