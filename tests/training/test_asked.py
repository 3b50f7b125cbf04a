"""What is asked of answers is read in the classes' own words, or refused in a sentence."""

import pytest

from headstart.data import from_memory
from headstart.errors import InputError
from headstart.spec import FitSpec
from headstart.training.asked import costs, refuse_undecidable, target

CLASSES = ("ill", "unclear", "well")


def test_costs_are_read_from_text_json_and_tables(tmp_path):
    expected = ((0, 1, 20), (1, 0, 1), (0.5, 1, 0))
    assert costs("ill>well=20, well>ill=0.5", CLASSES) == expected
    assert costs('{"ill": {"well": 20}, "well": {"ill": 0.5}}', CLASSES) == expected
    for name, text in (
        ("a.json", '{"ill": {"well": 20}, "well": {"ill": 0.5}}'),
        ("a.csv", "label,answer,cost\nill,well,20\nwell,ill,0.5\n"),
        ("a.tsv", "ill\twell\t20\nwell\till\t0.5\n"),
    ):
        (tmp_path / name).write_text(text)
        assert costs(str(tmp_path / name), CLASSES) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ill=3", "must be LABEL>ANSWER=COST"),
        ("ill>well", "must be LABEL>ANSWER=COST"),
        ("ill>fine=3", "names 'fine', but the classes are"),
        ("ill>ill=3", "'ill' as 'ill', which is no mistake"),
        ("ill>well=3,ill>well=4", "'ill' as 'well', twice"),
        ("ill>well=-1", "'-1' is no number from 0"),
        ("ill>well=nan", "'nan' is no number from 0"),
        ("missing.csv", "which cannot be read"),
        ("{", "must be an object"),
        ("[1]", "must be LABEL>ANSWER=COST"),
    ],
)
def test_costs_that_cannot_be_read_are_refused(text, said):
    with pytest.raises(InputError, match=said):
        costs(text, CLASSES)


def test_costs_of_nothing_are_refused():
    with pytest.raises(InputError, match="no mistake costs anything"):
        costs("a>b=0,b>a=0", ("a", "b"))


def test_a_target_is_of_the_class_that_it_names():
    assert target("recall:ill=0.95", CLASSES) == ("recall", 0, 0.95)
    assert target("precision:a=b=0.9", ("a=b", "c")) == ("precision", 0, 0.9)
    assert target("recall=0.95", ("No", "Yes")) == ("recall", 1, 0.95)
    assert target("specificity=0.95", ("0", "1")) == ("specificity", 1, 0.95)


@pytest.mark.parametrize(
    ("text", "classes", "said"),
    [
        ("recall=0.9", ("cat", "dog"), "which must be named, such as recall:dog=0.9"),
        ("recall=0.9", CLASSES, "which must be named"),
        ("recall:fine=0.9", CLASSES, "names 'fine', but the classes are"),
    ],
)
def test_a_class_that_is_not_known_is_refused(text, classes, said):
    with pytest.raises(InputError, match=said):
        target(text, classes)


TEXTS = [f"text {n}" for n in range(40)]


@pytest.mark.parametrize(
    ("options", "labels", "task", "said"),
    [
        ({"threshold": 0.4}, ["a", "b"] * 20, "classification", "--threshold is for multilabel"),
        ({"target": "recall:a=0.9"}, [1.5, 2.5] * 20, "regression", "--target is for classif"),
        ({"costs": "a>b=2"}, [("a",), ("b",)] * 20, "multilabel", "--costs is for classification"),
        ({"abstain": 0.9}, [("a",), ("b",)] * 20, "multilabel", "--abstain is for classification"),
        ({"abstain": 0.99}, ["a", "b"] * 20, "classification", "needs at least 99 items"),
        (
            {"target": "recall:a=0.99"},
            ["a", "b"] * 20,
            "classification",
            "at least 99 items of 'a'",
        ),
        ({"target": "recall:c=0.9"}, ["a", "b"] * 20, "classification", "names 'c'"),
        ({"costs": "a>c=2"}, ["a", "b"] * 20, "classification", "names 'c'"),
    ],
)
def test_what_the_data_does_not_allow_is_refused_before_any_work(options, labels, task, said):
    with pytest.raises(InputError, match=said):
        refuse_undecidable(from_memory(TEXTS, labels, task), FitSpec(**options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "recall"}, "--target is 'recall', but it must be one of"),
        ({"target": "accuracy=0.9"}, "must be one of recall, precision, specificity"),
        ({"target": "recall:=0.9"}, "must be one of"),
        ({"target": "recall:a=1"}, "a share above 0 and below 1"),
        ({"target": "recall:a=0.9", "abstain": 0.9}, "--target and --abstain both say how"),
        ({"target": "recall:a=0.9", "budget": "5m"}, "--target is chosen on scores"),
        ({"costs": "a>b=2", "strategy": "lora"}, "--costs is chosen on scores"),
        ({"abstain": 0.9, "strategy": "fine-tuning"}, "--abstain is chosen on scores"),
        ({"abstain": 0.9, "folds": 5}, "--abstain is measured on test items"),
        ({"abstain": 1.0}, "--abstain is 1.0, but it must be a number from 0.5 to 0.999"),
        ({"threshold": 2.0}, "--threshold is 2.0"),
        ({"costs": {"a": 3}}, "costs must be a mapping such as"),
        ({"abstain": 0.9, "task": "generation"}, "--abstain means nothing to --task generation"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        FitSpec(**options)


def test_costs_from_python_are_a_mapping_of_mappings():
    spec = FitSpec(costs={"ill": {"well": 20}})
    assert costs(spec.costs, CLASSES)[0] == (0, 1, 20)
    assert FitSpec(threshold=0.4, budget="5m").threshold == 0.4
