"""The page of a comparison, as a parser reads it."""

import json
import re

import pytest

from headstart.report.comparison import Example
from headstart.report.page import compared, differences
from tests.report.page.others import comparison
from tests.report.page.reading import Read, check_whole
from tests.report.page.stories import HOSTILE, png

KEPT = {f"{at:032x}": {"image": png()} for at in range(200)}


def page(report, kept=KEPT, **options) -> str:
    """Of what `--json` prints, and no more."""
    return compared.render(json.loads(json.dumps(report.to_json())), kept, **options)


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
@pytest.mark.parametrize("models", [("a", "b"), ("a", "b", "c")])
def test_it_is_whole_and_for_everyone(task, models) -> None:
    report = comparison(task, models)
    text = page(report)
    read = Read(text)
    check_whole(read)
    pairs = len(report.compared.pairs)
    classes = 0 if task == "regression" else pairs
    assert len(read.all("svg")) == 1 + (pairs if pairs > 1 else 0) + classes + pairs
    assert "None" not in read.text
    assert "nan" not in read.text
    for said in ("B less A", "Where they agree", "By site", "north", "headstart compare a b",
                 "--by site --label kind --page page.html", "only a few items", "120 items",
                 "7 that one did are left out", "headstart 1.2.3"):  # fmt: skip
        assert said in read.text, said


def test_the_sentence_that_matters_comes_first() -> None:
    report = comparison()
    test = report.compared.pairs[0].tests["accuracy"]
    assert test.significant
    text = page(report)
    first = re.search(r"<h1>(.*?)</h1>", text)
    assert first
    value, low, high = (
        f"{100 * each:+.1f}"
        for each in (test.difference.value, test.difference.low, test.difference.high)
    )
    assert first[1] == (
        f"B is better than A: accuracy {value} points (95% CI {low} to {high}), p &lt; 0.001"
    )
    three = page(comparison(models=("a", "b", "c")))
    assert "<h1>C is better than each of the others</h1>" in three
    assert "p is corrected for 3 pairs of models" in three
    alike = page(comparison(models=("a", "b", "c"), items=6))
    assert "<h1>No model is better than each of the others</h1>" in alike


def test_the_figures_are_those_of_the_report() -> None:
    report = comparison()
    text = Read(page(report)).text
    pair = report.compared.pairs[0]
    for name, test in pair.tests.items():
        assert f"{test.difference.value:+.3f}" in text, name
        assert f"{test.difference.low:+.3f} to {test.difference.high:+.3f}" in text
    squares = re.findall(r'<td class="(?:right|none)?" style[^>]*>(\d+)', page(report))
    assert list(map(int, squares)) == [
        pair.agreement[name] for name in ("both", "only_new", "only_old", "neither")
    ]
    for each in (*report.compared.per_class, *report.compared.slices):
        assert f"{each.tests[0].difference.value:+.3f}" in text


def test_a_test_comes_back_as_it_was() -> None:
    for test in comparison("multilabel").compared.pairs[0].tests.values():
        again = differences.read_tested(json.loads(json.dumps(test.to_json())))
        assert again == test
    undefined = {**test.to_json(), "difference": None, "low": None, "high": None, "p": None}
    assert not differences.read_tested(undefined | {"p_adjusted": None}).significant


def test_items_on_which_they_differ_are_shown() -> None:
    report = comparison()
    text = page(report)
    assert report.examples[0]
    assert text.count(f'<img src="{png()}"') == len(report.examples[0])
    assert "<dt>B</dt><dd><bdi>cat (93.1%)</bdi></dd><dt>A</dt><dd><bdi>dog (51.0%)" in text
    assert "<img" not in page(report, {})


def test_of_many_classes_the_most_certain_differences_are_drawn() -> None:
    classes = tuple(f"class {n:02}" for n in range(40))
    report = comparison(classes=classes, items=2_000)
    read = Read(page(report))
    assert "20 of 40 are drawn" in read.text
    assert all(name in read.text for name in classes)


def test_many_models_have_a_part_for_the_first_pairs() -> None:
    text = page(comparison(models=tuple("abcdef"), by=()))
    assert "And 5 more pairs" in text
    check_whole(Read(text))


def test_a_private_page_names_nobody() -> None:
    secret = "ward-7"
    report = comparison(
        models=(secret, "b"), by=(secret, "south"), dataset=secret, warnings=(secret,),
        notes=(secret,), page=secret, options={"label": secret},
    )  # fmt: skip
    assert secret in page(report)
    text = page(report, private=True)
    for hidden in (secret, "site", "south", ".jpg", "data:image", "headstart compare"):
        assert hidden not in text, hidden
    for kept in ("B is better than A", "Where they agree", "owl", "Private"):
        assert kept in text, kept
    check_whole(Read(text))


def hostile():
    examples = tuple(
        Example(item=each, label=each, new=each, old=each, digest=f"{at:032x}")
        for at, each in enumerate(HOSTILE)
    )
    return comparison(
        models=(HOSTILE[0], HOSTILE[2]), classes=HOSTILE, by=HOSTILE, dataset=HOSTILE[2],
        examples=(examples,), warnings=HOSTILE, notes=HOSTILE, page=HOSTILE[0],
        options={"label": HOSTILE[1]}, versions={HOSTILE[0]: HOSTILE[1], "headstart": HOSTILE[2]},
    )  # fmt: skip


def test_hostile_names_are_shown_as_text() -> None:
    kept = {f"{at:032x}": {"text": each} for at, each in enumerate(HOSTILE)}
    kept[f"{1:032x}"] = {"image": "https://x.org/a.png"}
    text = page(hostile(), kept)
    read = Read(text)
    check_whole(read)
    assert not read.all("img")
    assert not [a for _, a in read.elements for name in a if name.startswith("on")]
    assert read.text.count("<script>alert(1)</script>") > 5
    assert "{{ 7 * 7 }}" in read.text
    assert "\u202e" not in text
    assert "x.org" not in text
