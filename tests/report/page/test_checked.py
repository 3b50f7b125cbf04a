"""The page of a check, as a parser reads it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.data.dataset import Dataset, Skipped
from headstart.findings.finding import finding
from headstart.report.page import checked, items
from tests.report.page.others import check, findings, suspect
from tests.report.page.reading import Read, check_whole
from tests.report.page.stories import HOSTILE, png

KEPT = {f"{at:032x}": {"image": png()} for at in (1, 2, 60, 61, *range(10, 40))}


def page(report=None, kept=KEPT, **options) -> str:
    """Of what `--json` prints, and no more."""
    said = json.loads(json.dumps((report or check()).to_json()))
    return checked.render(said, kept, **options)


def test_it_is_whole_and_for_everyone() -> None:
    text = page()
    read = Read(text)
    check_whole(read)
    assert len(read.all("svg")) == 1
    assert "None" not in read.text
    assert "<h1>1 error, 3 warnings and 1 note in 100 images</h1>" in text
    assert "The findings are about 43 images in all (43.0%)." in text
    for said in ("80 train, 20 test", "headstart check photos --seed 3 --label kind --out", "50.0%",
                 "suspects.csv", "headstart 1.2.3", "the colours are odd", "damaged"):  # fmt: skip
        assert said in read.text, said


def test_every_finding_has_its_message_what_to_do_and_its_items() -> None:
    text = page()
    for each in findings():
        assert each.message in text
        assert checked.ADVICE[each.kind] in text
    assert text.count("<dt>Rather</dt>") == checked.MOST_SUSPECTS
    assert f"And {40 - checked.MOST_SUSPECTS} more items." in text
    assert "broken.jpg" in text


def test_a_pair_is_shown_once_side_by_side_with_both_labels() -> None:
    one = check(findings=findings()[:1])
    text = page(one)
    assert text.count(f'<img src="{png()}"') == 2
    assert 'alt="1.jpg"' in text
    assert 'alt="2.jpg"' in text
    assert "<dt>Label</dt><dd><bdi>dog</bdi></dd>" in text
    assert "<dt>Its label</dt><dd><bdi>owl</bdi></dd>" in text
    assert "more item" not in text


def test_there_is_advice_for_every_kind_of_finding_in_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "check.md").read_text("utf-8")
    kinds = re.findall(r"^\| (`.*?) \| (?:error|warning|note) \|", guide, re.MULTILINE)
    named = [each.strip("` ") for row in kinds for each in row.split(",")]
    assert sorted(named) == sorted(checked.ADVICE)


def test_nothing_found_is_said() -> None:
    read = Read(page(check(findings=(), suspects=None, warnings=(), skipped=())))
    check_whole(read)
    assert "Nothing suspicious in 100 images" in read.text
    assert "corrected_label" not in read.text


def test_a_private_page_names_nobody() -> None:
    secret = "/home/jane/ward-7"
    about = check(dataset=secret, backbone=secret, suspects=f"{secret}.csv", page=f"{secret}.html",
                  warnings=(secret,), notes=(secret,), skipped=(Skipped(secret, secret),),
                  options={"label": secret})  # fmt: skip
    assert "ward-7" in page(about)
    text = page(about, private=True)
    for hidden in ("ward-7", ".jpg", "data:image", "headstart check"):
        assert hidden not in text, hidden
    for kept in ("Label errors", "cat", "1 error, 3 warnings and 1 note in 100 images",
                 checked.ADVICE["label-errors"], "40 items", "Private"):  # fmt: skip
        assert kept in text, kept
    check_whole(Read(text))


def hostile():
    every = [
        finding(
            "duplicates",
            "note",
            each,
            (replace(suspect(at, at), name=each, beside=each, label=each),),
        )
        for at, each in enumerate(HOSTILE)
    ]
    return check(dataset=HOSTILE[2], backbone=HOSTILE[0], findings=tuple(every), classes=HOSTILE,
                 class_counts=dict.fromkeys(HOSTILE, 1), warnings=HOSTILE, notes=HOSTILE,
                 options={"label": HOSTILE[1]}, suspects=HOSTILE[0], page=HOSTILE[4],
                 versions={HOSTILE[0]: HOSTILE[1], "headstart": HOSTILE[2]},
                 skipped=tuple(Skipped(each, each) for each in HOSTILE))  # fmt: skip


def test_hostile_names_are_shown_as_text() -> None:
    kept = {f"{at:032x}": {"text": each} for at, each in enumerate(HOSTILE)}
    kept[f"{1:032x}"] = {"image": "javascript:alert(1)"}
    for private in (False, True):
        text = page(hostile(), kept, private=private)
        read = Read(text)
        check_whole(read)
        assert not read.all("img")
        assert not [a for _, a in read.elements for name in a if name.startswith("on")]
        assert "{{ 7 * 7 }}" in read.text
        assert "\u202e" not in text
        assert "javascript:" not in text


@pytest.mark.parametrize("kind", ["images", "texts"])
def test_ten_thousand_items_make_a_page_that_can_be_sent(tmp_path, kind) -> None:
    """Of the largest thumbnails that there are: noise."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (8, 200, 200, 3), dtype=np.uint8)
    things = [noise[at % 8] if kind == "images" else f"{at} " * 500 for at in range(10_000)]
    data = Dataset("image" if kind == "images" else "text", things, [f"{n}" for n in range(10_000)])
    every = tuple(
        finding("near-duplicates", "note", "m", [suspect(at, at + 1) for at in range(k, 9_990, 13)])
        for k in range(13)
    )
    report = check(findings=every, counts={"checked": 10_000, "skipped": 0}).to_json()
    places = {f"{at:032x}": at for at in range(10_000)}
    out = tmp_path / "page.html"
    checked.write(report, data, places, out, private=False)
    size = out.stat().st_size
    assert size < 3_000_000
    if kind == "images":
        assert size > items.MOST_CHARACTERS * 0.9
        assert b"data:image/webp" in out.read_bytes()


def test_what_cannot_be_read_any_more_is_shown_by_its_name(tmp_path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path)
    data = Dataset("image", [str(path), str(tmp_path / "gone.png")], ["a", "b"])
    kept = items.of_items(data, ["x", "y", "z"], {"x": 0, "y": 1})
    assert kept["x"]["image"].startswith("data:image/webp")
    assert kept["y"] == {}
    assert "z" not in kept
