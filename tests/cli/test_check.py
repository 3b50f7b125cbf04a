"""`headstart check`, and what `fit` makes of its table, as people run them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.spec import CheckSpec
from tests.runs import COLOURS, picture, pictures


def finds(done):
    assert done.code == 0, done.err
    return {each["kind"]: each for each in done.json["findings"]}


def fill(path, how):
    """Fill in the table: `how` says of each row what its two cells are."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["corrected_label"], row["leave_out"] = how(row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.fixture
def photos(place):
    """One colour a class; a copy, a copy in the other class, a wrong one, a blank one."""
    folder = pictures(place.folder / "photos", 24)
    rng = np.random.default_rng(5)
    picture(rng, COLOURS["red"]).save(folder / "blue" / "wrong.jpg")
    picture(rng, (0, 0, 0)).point(lambda _: 0).save(folder / "red" / "blank.jpg")
    (folder / "red" / "copy.jpg").write_bytes((folder / "red" / "0-1.jpg").read_bytes())
    (folder / "red" / "other.jpg").write_bytes((folder / "blue" / "0-2.jpg").read_bytes())
    return folder


def test_photos_are_checked_corrected_and_learnt_from(place, photos):
    found = finds(place.run("check", "photos", "--offline", "--json", "--out", "s.csv"))
    conflict = {each["name"] for each in found["conflicting-labels"]["items"]}
    assert conflict == {"blue/0-2.jpg", "red/other.jpg"}
    assert [each["name"] for each in found["duplicates"]["items"]]
    assert [each["name"] for each in found["blank"]["items"]] == ["red/blank.jpg"]
    wrong = found["label-errors"]["items"]
    assert "blue/wrong.jpg" in [each["name"] for each in wrong]
    assert next(e["suggestion"] for e in wrong if e["name"] == "blue/wrong.jpg") == "red"
    rows = fill(
        place.folder / "s.csv",
        lambda row: {
            "blue/wrong.jpg": ("red", ""),
            "red/other.jpg": ("blue", ""),
            "red/blank.jpg": ("", "yes"),
        }.get(row["name"], ("", "")),
    )
    assert len({row["name"] for row in rows}) == len(rows)
    done = place.run(
        "fit", "photos", "--offline", "--json", "--out", "model", "--corrections", "s.csv"
    )
    assert done.code == 0, done.err
    assert done.json["corrections"] == {"labels": 2, "left_out": 1}
    assert sum(done.json["class_counts"].values()) == 51
    kinds = {each["kind"] for each in done.json["findings"]}
    assert "conflicting-labels" not in kinds
    assert "duplicates" in kinds


@pytest.mark.slow
def test_findings_become_a_page(place, photos):
    """As people run it; the same data and seed give the same findings."""
    arguments = ("check", "photos", "--offline", "--page", "found.html")
    done = place.process(*arguments, "--json")
    assert done.code == 0, done.err
    assert Path(done.json["page"]) == place.folder / "found.html"
    assert done.json["class_counts"] == {"blue": 25, "red": 27}
    assert done.json["splits"] == {}
    assert done.json["options"] == {"offline": True}
    text = (place.folder / "found.html").read_text("utf-8")
    assert len(text) < 3_000_000
    assert text.count("data:image/webp") > 4
    assert f"headstart check photos --offline --page {done.json['page']}" in text
    assert "photos" in text
    assert 'alt="blue/0-2.jpg"' in text
    assert 'alt="red/other.jpg"' in text
    private = place.run("check", "photos", "--offline", "--page", "other.html", "--private")
    assert private.code == 0, private.err
    assert "other.html" in private.out
    text = (place.folder / "other.html").read_text("utf-8")
    for hidden in ("photos", ".jpg", "data:image", "--offline"):
        assert hidden not in text, hidden
    assert "Conflicting labels" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--page", "found.txt"), "--page is 'found.txt', but it must end in .html or .htm"),
        (("--page", "nowhere/found.html"), "nowhere"),
        (("--private",), "name one with --page"),
    ],
)
def test_a_page_that_cannot_be_is_refused_first(place, arguments, said):
    for command in (("check", "missing"), ("compare", "missing", "gone")):
        done = place.run(*command, *arguments)
        assert done.code == 2
        assert said in done.err


def test_a_shortcut_is_named(place):
    """Class A saved as PNG, class B as JPEG."""
    rng = np.random.default_rng(0)
    for name, suffix in (("a", "png"), ("b", "jpg")):
        (place.folder / "photos" / name).mkdir(parents=True)
        for number in range(24):
            grey = picture(rng, (120, 120, 120))
            grey.save(place.folder / "photos" / name / f"{number}.{suffix}")
    done = place.run("check", "photos", "--offline", "--json")
    said = [each["message"] for each in done.json["findings"] if each["kind"] == "shortcut"]
    assert any(message.startswith("The format of the file alone") for message in said)
    fitted = place.run("fit", "photos", "--offline", "--json", "--out", "model")
    said = [each["message"] for each in fitted.json["findings"] if each["kind"] == "shortcut"]
    assert any(message.startswith("The format of the file alone") for message in said)
    assert fitted.json["corrections"] is None


def test_texts_with_a_leak_and_a_shortcut_are_shown(place):
    rng = np.random.default_rng(0)
    words = [f"word{n}" for n in range(60)]
    lines = []
    for number in range(60):
        label = "ab"[number % 2]
        length = int(rng.integers(2, 6) + (8 if label == "a" else 0))
        split = "test" if number % 4 > 1 else "train"
        lines.append(f"{' '.join(rng.choice(words, length))},{label},{split}")
    place.table("texts.csv", "text,label,split", *lines, lines[2].replace("test", "train"))
    done = place.run("check", "texts.csv", "--offline", "--input", "text", "--label", "label")
    assert done.code == 0, done.err
    assert "Leaks (error)" in done.out
    assert "texts.csv:4" in done.out
    assert lines[2].partition(",")[0][:18] in done.out
    assert "The length of the text alone predicts the label" in " ".join(done.out.split())
    assert "--out suspects.csv" in done.out


def test_out_must_be_a_csv_file_and_a_writer_has_nothing_to_check(place):
    place.texts("texts.csv", 10)
    assert "must end in .csv" in place.run("check", "texts.csv", "--out", "s.parquet").err
    with pytest.raises(InputError, match="no labels to check"):
        CheckSpec(task="generation")
