"""The page, as a parser reads it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from headstart.errors import InputError, ModelError
from headstart.report import page
from headstart.report.page import content, plots
from headstart.report.page import rows as reading
from tests.report.page.reading import Read, check_whole
from tests.report.page.stories import answers, digests, folder, hostile, png, story
from tests.report.sample import RUNGS

TASKS = ("classification", "multilabel", "regression")


def written(at, **options) -> str:
    out = at / "page.html"
    page.write(at, out, **options)
    return out.read_text("utf-8")


@pytest.mark.parametrize("task", TASKS)
def test_a_page_of_every_task_is_whole_and_for_everyone(tmp_path, task) -> None:
    made, found = story(task)
    text = written(folder(tmp_path / task, made, found))
    read = Read(text)
    check_whole(read)
    assert len(read.all("svg")) >= 4
    assert "None" not in read.text
    assert "nan" not in text.replace("nanumber", "")


def test_the_sentence_that_matters_comes_first(tmp_path) -> None:
    made, found = story("classification")
    text = written(folder(tmp_path / "m", made, found))
    value = made.test["accuracy"].value
    assert f"<h1>Accuracy {value:.1%} (95% CI " in text
    assert "Always predicting" in text


def test_hostile_names_and_texts_are_shown_as_text(tmp_path) -> None:
    text = written(hostile(tmp_path / "m"))
    read = Read(text)
    assert not read.all("script")
    assert not [a for _, a in read.elements for name in a if name.startswith("on")]
    assert all(a["src"].startswith("data:image/") for a in read.all("img"))
    assert read.text.count("<script>alert(1)</script>") > 5
    assert "{{ 7 * 7 }}" in read.text
    assert "\u202e" not in text
    assert "\\u202egnp.exe" in text
    assert "49" not in [each.strip() for each in read.text.split()[:200]]


def test_a_private_page_has_figures_and_no_items(tmp_path) -> None:
    made, found = story("classification", names=[f"patient-{n}" for n in range(90)])
    made_of = {each: {"text": "a secret", "image": png()} for each in digests(found)}
    at = folder(tmp_path / "m", made, found, made_of)
    whole, private = written(at), written(at, private=True)
    assert "patient-" in whole
    assert "a secret" in whole
    for secret in (
        "patient-",
        "a secret",
        "data:image",
        "photos/",
        "kind",
        "same picture",
        "runs/",
    ):
        assert secret not in private, secret
    assert "Confusion matrix" in private
    assert "reliability" in private


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "https://x.org/a.png", "data:text/html,x"])
def test_only_images_of_the_page_itself_are_shown(tmp_path, bad) -> None:
    made, found = story("classification")
    kept = {each: {"image": bad} for each in digests(found)}
    text = written(folder(tmp_path / "m", made, found, kept))
    assert bad not in text
    assert not Read(text).all("img")


def test_the_same_files_give_the_same_bytes(tmp_path) -> None:
    first = written(hostile(tmp_path / "a"))
    assert first == written(hostile(tmp_path / "b"))


def test_a_model_without_predictions_has_a_page(tmp_path) -> None:
    text = written(folder(tmp_path / "m", report_of("classification"), None))
    assert "no predictions.parquet" in text
    assert "Items worth a look" not in text


def report_of(task):
    return story(task)[0]


def test_what_cannot_be_understood_is_said(tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"has no report\.json"):
        page.write(empty, empty / "page.html")
    at = folder(tmp_path / "m", *story("classification"))
    deep = "[" * 100_000
    for broken, sentence in (
        *(("{", "is no JSON"), ("[]", "is not the report"), ("{}", "cannot be")),
        (deep, "is no JSON"),
    ):
        (at / "report.json").write_text(broken)
        with pytest.raises(ModelError, match=sentence):
            page.write(at, at / "page.html")
    assert not (at / "page.html").exists()


def test_many_classes_are_drawn_in_squares(tmp_path) -> None:
    classes = tuple(f"class {n:02}" for n in range(25))
    text = written(folder(tmp_path / "m", *story("classification", classes)))
    assert 'id="confusion-title"' in text
    assert '<table class="confusion">' not in text


def test_of_many_classes_the_worst_have_curves(tmp_path, monkeypatch) -> None:
    classes = tuple(f"class {n:02}" for n in range(25))
    made, found = story("classification", classes)
    read = reading.read(folder(tmp_path / "m", made, found) / "predictions.parquet")
    drawn = []
    monkeypatch.setattr(plots.curves, "roc", lambda *of: drawn.append(of))
    plots.of_answers(read)
    known = np.unique(read.targets)
    f1 = f1_score(read.targets, read.predicted, labels=known, average=None, zero_division=0)
    worst = known[np.argsort(f1, kind="stable")[: plots.KINDS]]
    assert [np.flatnonzero(true).tolist() for true, _ in drawn] == [
        np.flatnonzero(read.targets == at).tolist() for at in worst
    ]


def test_a_private_page_names_no_folder(tmp_path) -> None:
    rungs = (RUNGS[0], replace(RUNGS[1], why="as ward-7 said"))
    made, found = story("classification", backbone="/home/jane/ward-7", rungs=rungs)
    at = folder(tmp_path / "m", made, found)
    assert "/home/jane" in written(at)
    private = written(at, private=True)
    assert "/home/jane" not in private
    assert "ward-7" not in private
    assert "the names of classes are not" in private
    known, found = story("classification", backbone="efficientnet-lite0")
    assert "efficientnet-lite0" in written(folder(tmp_path / "n", known, found), private=True)


def test_the_command_of_a_page_can_be_run(tmp_path) -> None:
    about = {"options": {"head": "mlp"}, "model": None}
    made = story("classification", dataset="-d", **about)[0].to_json()
    assert content.command(made) == "headstart fit ./-d --head mlp"
    made = story("classification", dataset="(in memory)", **about)[0].to_json()
    assert content.command(made) is None
    assert ("Options", "--head mlp") in content.made(made, private=False)


def test_findings_are_shown_with_their_items(tmp_path) -> None:
    made, found = story("classification")
    digest = digests(found)[1]
    suspect = {"name": "1.jpg", "digest": digest, "label": "cat", "suggestion": "dog", "beside": ""}
    at = folder(tmp_path / "m", made, found, {digest: {"image": png()}})
    content = json.loads((at / "report.json").read_text())
    content["findings"] = [
        {"kind": "label-errors", "severity": "warning", "message": "9 labels look wrong.",
         "items": [suspect], "count": 9},
    ]  # fmt: skip
    (at / "report.json").write_text(json.dumps(content))
    text = written(at)
    assert "Label errors" in text
    assert "And 8 more items." in text
    assert text.count(png()) >= 1
    assert "9 labels look wrong" not in written(at, private=True)


def test_the_page_of_ten_thousand_items_is_small(tmp_path) -> None:
    classes = ("a", "b", "c")
    made, _ = story("classification", classes)
    found = answers("classification", classes, items=9_999)
    text = written(folder(tmp_path / "m", made, found))
    assert len(text.encode()) < 300_000


def test_rows_are_the_answers_to_test_items(tmp_path) -> None:
    made, found = story("multilabel")
    at = folder(tmp_path / "m", made, found)
    read = reading.read(at / "predictions.parquet")
    test = found.within("test")
    np.testing.assert_array_equal(read.targets, found.targets[test])
    assert list(read.labels[0]) == list(found.labels[int(np.flatnonzero(test)[0])])
    assert len(read) == test.sum()
