"""Several models on the same items."""

import numpy as np
import pytest

from headstart.evaluation.comparison import Answers, compare
from headstart.evaluation.paired import holm
from headstart.evaluation.statistics import METRICS

CLASSES = ("cat", "dog", "owl")


def right(which, targets, sure=2.0):
    """Logits that are right for some items, and name the next class for the others."""
    answered = np.where(which, targets, (targets + 1) % 3)
    return sure * np.eye(3)[answered]


@pytest.fixture(scope="module")
def three():
    random = np.random.default_rng(3)
    targets = random.integers(0, 3, 300)
    good = random.random(300) < 0.9
    same = good.copy()
    # As many items won as lost.
    same[[*np.flatnonzero(good)[:5], *np.flatnonzero(~good)[:5]]] ^= True
    bad = random.random(300) < 0.6
    models = [
        Answers(name, right(which, targets))
        for name, which in (("good", good), ("same", same), ("bad", bad))
    ]
    by = np.where(np.arange(300) < 40, "few", "many")
    return targets, good, bad, compare("classification", targets, models, CLASSES, by=by.tolist())


def test_every_two_are_compared(three):
    _, good, bad, found = three
    assert [(pair.old, pair.new) for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    test = found.pairs[1].tests["accuracy"]
    assert test.difference.value == pytest.approx(bad.mean() - good.mean())
    assert test.significant
    assert not found.pairs[0].tests["accuracy"].significant


def test_the_main_metric_is_corrected_for_the_pairs_alone(three):
    found = three[3]
    for name, family in (("accuracy", ("accuracy",)), ("ece", METRICS["classification"][1:])):
        tests = [pair.tests[each] for pair in found.pairs for each in family]
        assert [each.adjusted for each in tests] == pytest.approx(
            holm([each.chance for each in tests])
        ), name


def test_who_is_right_where(three):
    _, good, bad, found = three
    assert found.pairs[1].agreement == {
        "both": (good & bad).sum(),
        "only_new": (~good & bad).sum(),
        "only_old": (good & ~bad).sum(),
        "neither": (~good & ~bad).sum(),
    }
    examples = np.array(found.pairs[1].examples)
    assert len(examples) == 10
    assert (bad & ~good)[examples[:5]].all()
    assert (good & ~bad)[examples[5:]].all()


def test_within_classes_and_slices(three):
    targets, good, bad, found = three
    assert [each.name for each in found.per_class] == list(CLASSES)
    owls = found.per_class[2]
    assert owls.items == (targets == 2).sum()
    assert owls.values[0] == pytest.approx(good[targets == 2].mean())
    few, many = found.slices
    assert (few.name, few.items, many.items) == ("few", 40, 260)
    assert few.tests[1].difference.value == pytest.approx(bad[:40].mean() - good[:40].mean())


def test_answers_without_probabilities_have_no_metric_of_them():
    targets = np.arange(60) % 3
    models = [
        Answers("a", right(np.arange(60) % 5 > 0, targets)),
        Answers("b", right(np.arange(60) % 4 > 0, targets), probable=False),
    ]
    found = compare("classification", targets, models, CLASSES)
    assert set(found.pairs[0].tests) == {"accuracy", "macro_f1"}
    assert "log_loss" in found.evaluations[0].metrics
    assert set(found.evaluations[1].metrics) == {"accuracy", "macro_f1"}


def test_errors_are_compared_by_their_size():
    random = np.random.default_rng(0)
    targets = random.normal(size=200)
    near, far = (targets + random.normal(0, spread, 200) for spread in (0.1, 1.0))
    found = compare("regression", targets, [Answers("far", far), Answers("near", near)], ())
    pair = found.pairs[0]
    assert pair.tests["mae"].significant
    assert pair.tests["mae"].difference.high < 0
    assert pair.agreement["new_nearer"] > 150
    first = pair.examples[0]
    assert abs(far - targets)[first] - abs(near - targets)[first] == pytest.approx(
        (abs(far - targets) - abs(near - targets)).max()
    )
    assert found.per_class == ()


def test_labels_of_several_are_found_each():
    targets = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]] * 20)
    good = np.where(targets > 0, 2.0, -2.0)
    bad = good.copy()
    bad[:, 2] *= -1
    found = compare("multilabel", targets, [Answers("bad", bad), Answers("good", good)], CLASSES)
    assert [each.values for each in found.per_class] == [(1, 1), (1, 1), (0, 1)]
    assert found.pairs[0].tests["macro_f1"].significant
    assert found.pairs[0].agreement["only_new"] == 80


def test_what_is_answered_counts_where_thresholds_were_chosen():
    targets = np.array([0, 1] * 30)
    scores = np.tile([0.5, 0.0], (60, 1))
    chosen = Answers("chosen", scores, predicted=targets)
    found = compare("classification", targets, [Answers("likeliest", scores), chosen], ("x", "y"))
    accuracy = found.pairs[0].tests["accuracy"]
    assert (accuracy.old, accuracy.new) == (0.5, 1.0)
    assert found.evaluations[1].metrics["accuracy"].value == 1
    assert found.pairs[0].tests["ece"].difference.value == 0
    assert [each.values for each in found.per_class] == [(1, 1), (0, 1)]


def test_items_of_one_group_are_no_evidence_each():
    """Five groups, in each of which one model is right throughout: as if there were five items."""
    group = np.repeat(np.arange(5), 40)
    targets = np.zeros(200, np.int64)
    models = [
        Answers("old", right(group > 2, targets)),
        Answers("new", right(group != 2, targets)),
    ]
    alone = compare("classification", targets, models, CLASSES).pairs[0].tests["accuracy"]
    found = compare("classification", targets, models, CLASSES, together=group)
    test = found.pairs[0].tests["accuracy"]
    assert alone.significant
    assert test.test == "permutation"
    assert test.chance == pytest.approx(0.5, abs=0.05)  # two of five differ: of four ways, two
    assert test.difference.low <= 0 < alone.difference.low
    one = compare("classification", targets, models, CLASSES, together=np.zeros(200, np.int64))
    assert one.pairs[0].tests["accuracy"].chance == 1
    assert any("one group" in note for note in one.evaluations[0].notes)


def test_slices_are_the_items_of_each_value():
    targets = np.arange(90) % 3
    by = [f"value {n % 7}" for n in range(90)]
    models = [Answers("a", right(np.arange(90) % 4 > 0, targets))] * 2
    found = compare("classification", targets, models, CLASSES, by=by)
    for each in found.slices:
        own = np.array(by) == each.name
        assert (each.items, each.values[0]) == (own.sum(), (np.arange(90)[own] % 4 > 0).mean())
