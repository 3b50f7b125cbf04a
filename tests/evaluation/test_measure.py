"""From answers to each item to every figure."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.evaluation import Results, difference, evaluate, measure

CLASSES = ("a", "b")
SPLITS = ("train",) * 6 + ("validation",) * 2 + ("test",) * 8 + (None,)


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    targets = np.array([0, 0, 0, 0, 1, 1, 0, 1, *[0, 1] * 4, 1])
    scores = rng.standard_normal((len(SPLITS), 2)) + 2 * np.eye(2)[targets]
    scores[:8] = np.nan
    return Results(
        task="classification",
        classes=CLASSES,
        positions=np.arange(len(SPLITS)),
        names=[f"{at}.jpg" for at in range(len(SPLITS))],
        digests=np.arange(len(SPLITS)).astype("S16"),
        splits=SPLITS,
        labels=[CLASSES[each] for each in targets],
        targets=targets,
        scores=scores,
    )


def test_the_test_items_alone_are_measured(results):
    found = measure(results, {}, seed=5)
    test = slice(8, 16)
    expected = evaluate(
        "classification", results.targets[test], results.scores[test], CLASSES, seed=5
    )
    assert found.test.metrics == expected.metrics
    assert found.test.per_class == expected.per_class
    assert found.gain is None
    assert list(found.baselines) == ["majority"]
    assert found.baselines["majority"]["accuracy"].value == 0.5
    # Of eight items learnt from five are "a".
    loss = -(np.log(5 / 8) + np.log(3 / 8)) / 2
    assert found.baselines["majority"]["log_loss"].value == pytest.approx(loss)
    assert found.class_counts == {"a": 9, "b": 8}


def test_others_answer_the_same_items(results):
    targets, scores = results.targets[8:16], results.scores[8:16]
    others = {"words": -scores, "first": scores * 0}
    found = measure(results, others, over="words", seed=5)
    assert list(found.baselines) == ["majority", "words", "first"]
    accuracy = found.test.metrics["accuracy"].value
    assert found.baselines["words"]["accuracy"].value == pytest.approx(1 - accuracy)
    assert found.gain == difference("classification", targets, scores, -scores)


def test_without_test_items_nothing_is_measured(results):
    learnt = replace(results, splits=["train"] * len(SPLITS))
    found = measure(learnt, {}, over="first", seed=0)
    assert (found.baselines, found.gain) == ({}, None)
    assert all(np.isnan(each.value) for each in found.test.metrics.values())
