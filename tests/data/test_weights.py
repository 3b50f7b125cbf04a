"""Weights of classes, as people write them."""

import json

import pytest

from headstart.data import from_memory
from headstart.data.weights import class_weights, weighted
from headstart.errors import InputError
from headstart.spec import FitSpec

DATA = from_memory(["a", "b", "c"], ["ham", "spam", "ham"])


@pytest.mark.parametrize("name", ["w.json", "w.csv", "w.tsv", "header.csv"])
def test_files(tmp_path, name):
    separator = "\t" if name.endswith("tsv") else ","
    lines = ["class,weight"] * name.startswith("header") + ["ham,1", '"spam, old",5.5']
    text = "\n".join(lines).replace('",', f'"{separator}').replace("m,1", f"m{separator}1")
    if name.endswith("json"):
        text = json.dumps({"ham": 1, "spam, old": 5.5})
    (tmp_path / name).write_text(text)
    assert class_weights(str(tmp_path / name)) == {"ham": 1, "spam, old": 5.5}


def test_pairs_and_mappings():
    assert class_weights("ham=1,spam=5") == {"ham": 1, "spam": 5}
    assert class_weights("a=b=2") == {"a=b": 2}
    assert class_weights(FitSpec(class_weights={0: 1, "x,y": 2.5}).class_weights) == {
        "0": 1,
        "x,y": 2.5,
    }


def test_items_get_them():
    found = weighted(DATA, FitSpec(class_weights="spam=4"))
    assert list(found.weights) == [1, 4, 1]
    assert "spam 4" in found.notes[-1]
    assert weighted(DATA, FitSpec()) is DATA


@pytest.mark.parametrize(
    "given",
    ["spam", "spam=", "=1", "spam=0", "spam=-1", "spam=nan", "spam=inf", "spam=1,spam=2", "eggs=1",
     "spam=x", "gone.json", "gone.csv", "{}", "{1}", '{"spam": true}', ""],
)  # fmt: skip
def test_what_is_wrong_is_said(given):
    with pytest.raises(InputError, match="--class-weights"):
        weighted(DATA, FitSpec(class_weights=given))


def test_what_does_not_go_together():
    with pytest.raises(InputError, match="both weigh the classes"):
        FitSpec(class_weights="a=1", balance="balanced")
    with pytest.raises(InputError, match="for classification"):
        weighted(from_memory(["a", "b"], [1.5, 2], "regression"), FitSpec(class_weights="a=1"))


def test_a_class_without_a_weight_is_told_the_form():
    with pytest.raises(InputError, match="must be CLASS=WEIGHT"):
        class_weights("ham")


@pytest.mark.parametrize("given", ['{"ham": 1, "ham": 2}', "ham=1,ham=2"])
def test_a_class_is_named_once(given):
    with pytest.raises(InputError, match="names 'ham' twice"):
        class_weights(given)
    with pytest.raises(InputError, match="names a class twice"):
        FitSpec(class_weights={1: 2, "1": 3})


@pytest.mark.parametrize("given", ["{}", '{"ham": {"a": 1}}', "{1}", '{"ham": [1]}'])
def test_json_that_is_no_object_of_numbers(given):
    with pytest.raises(InputError):
        class_weights(given)
