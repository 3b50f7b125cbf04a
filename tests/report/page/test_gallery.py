"""What a card says of why the model answers so."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.report.page import gallery
from headstart.report.page import rows as reading
from tests.report.page.stories import digests, folder, heated, story
from tests.report.page.test_write import Read, written

WORDS = [["a ", 0.0], ["good", 1.0], [" and ", 0.0], ["bad", -0.5], [" day", 0.0]]


def rows_of(at, task):
    made, found = story(task)
    return reading.read(folder(at / task, made, found) / "predictions.parquet")


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_what_is_asked_of_an_item_is_what_the_card_is_about(tmp_path, task) -> None:
    rows = rows_of(tmp_path, task)
    asked = gallery.asked(rows)
    first = next(iter(gallery.picked(rows).values())).tolist()
    assert list(asked)[: len(first)] == [rows.digests[at] for at in first]
    for at in first:
        said = asked[rows.digests[at]]
        if task == "regression":
            assert said is None
            continue
        if task == "classification":
            assert said == rows.answers[at] != rows.labels[at]
            continue
        place = rows.classes.index(said)
        wrong = rows.predicted[at] != rows.targets[at]
        assert wrong[place]
        assert abs(rows.scores[at, place] - 0.5) == abs(rows.scores[at] - 0.5)[wrong].max()


def test_of_several_labels_that_are_right_the_least_sure_is_asked(tmp_path) -> None:
    rows = rows_of(tmp_path, "multilabel")
    right = replace(rows, targets=rows.predicted)
    for at, digest in enumerate(right.digests):
        if digest in gallery.asked(right):
            place = np.abs(right.scores[at] - 0.5).argmin()
            assert gallery.asked(right)[digest] == right.classes[place]


def test_words_are_marked_and_listed(tmp_path) -> None:
    made, found = story("classification")
    kept = {each: {"text": "a good and bad day", "words": WORDS, "explains": "owl"}
            for each in digests(found)}  # fmt: skip
    text = written(folder(tmp_path / "m", made, found, kept))
    assert '<mark class="for" style="--share:1.00">good</mark>' in text
    assert '<mark class="against" style="--share:0.50">bad</mark>' in text
    assert "<dt>For</dt><dd><bdi>owl</bdi>: <bdi>good</bdi></dd>" in text
    assert "<dt>Against</dt><dd><bdi>owl</bdi>: <bdi>bad</bdi></dd>" in text
    assert "a good and bad day" in Read(text).text
    assert "underlined" in text
    private = written(tmp_path / "m", private=True)
    assert "<mark" not in private
    assert "good" not in private


def test_heat_lies_beside_its_image_and_is_described(tmp_path) -> None:
    made, found = story("classification")
    at = folder(tmp_path / "m", made, found, heated(found))
    read = Read(written(at))
    heat = [a for a in read.all("img") if a["alt"].startswith("What counts for cat in")]
    assert len(heat) == len(read.all("img")) / 2 > 5
    assert all(a["src"].startswith("data:image/png") for a in heat)
    assert "<img" not in written(at, private=True)


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "https://x.org/a.png"])
def test_heat_is_an_image_of_the_page_itself(tmp_path, bad) -> None:
    made, found = story("classification")
    kept = {each: {"heat": bad, "explains": "cat"} for each in digests(found)}
    text = written(folder(tmp_path / "m", made, found, kept))
    assert bad not in text
    assert "speaks for its answer" not in text


def test_a_number_has_no_class(tmp_path) -> None:
    made, found = story("regression")
    kept = {each: {"text": "a good and bad day", "words": WORDS, "explains": None}
            for each in digests(found)}  # fmt: skip
    text = written(folder(tmp_path / "m", made, found, kept))
    assert "<bdi>a larger number</bdi>: <bdi>good</bdi>" in text
    assert "None" not in Read(text).text
