"""From features to answers: every head, task and decision, beside what the model says."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from headstart import heads
from headstart.errors import InputError
from headstart.evaluation.decisions import ClassThreshold, Costs, LabelThresholds
from headstart.export import graph
from headstart.export.reference import decided
from headstart.predictors import Model
from tests.export.test_resize import USUAL

WIDTH, ITEMS, CLASSES = 9, 40, ("a", "b", "c")


def features(items=ITEMS, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (items, WIDTH)).astype(np.float32)


def targets(task, rows):
    if task == "regression":
        return 2000 + 3.0 * rows[:, 0]
    if task == "multilabel":
        return (rows[:, :3] > 0).astype(np.uint8)
    return rows[:, :3].argmax(axis=1)


def model(name, task, **changes):
    rows = features()
    count = 0 if task == "regression" else len(CLASSES)
    head = heads.fit(name, rows, targets(task, rows), task=task, classes=count, seed=0)
    return Model(
        task=task,
        modality="image",
        classes=CLASSES[:count],
        preprocessing=USUAL[0],
        head=head,
        precision="float32",
        graph=None,
        **{"temperature": 1.7, **changes},
    )


def asked(made, rows):
    content = graph.after(made, rows.shape[1]).SerializeToString()
    return onnxruntime.InferenceSession(content).run(None, {"features": rows})


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
@pytest.mark.parametrize("name", ["linear", "mlp", "knn"])
def test_every_head_of_every_task(name, task):
    made, new = model(name, task), features(30, seed=1)
    scores = made.head.scores(new)
    if task == "regression":
        (found,) = asked(made, new)
        np.testing.assert_allclose(found, scores, rtol=1e-7, atol=1e-3)
        return
    shares, answer = asked(made, new)
    np.testing.assert_allclose(shares, made.probabilities(scores), atol=2e-5)
    np.testing.assert_array_equal(answer, decided(made, shares))
    assert len(np.unique(answer)) > 1


@pytest.mark.parametrize(
    ("task", "decision"),
    [
        ("multilabel", LabelThresholds((0.2, 0.7, 0.95))),
        ("classification", ClassThreshold(1, 0.1, "recall", 0.95)),
        ("classification", ClassThreshold(0, 0.9, "precision", 0.95)),
        ("classification", Costs(((0.0, 1.0, 9.0), (4.0, 0.0, 1.0), (1.0, 1.0, 0.0)))),
    ],
)
def test_every_decision(task, decision):
    made, new = model("linear", task, decision=decision), features(300, seed=2)
    shares, answer = asked(made, new)
    np.testing.assert_array_equal(answer, decided(made, shares))
    assert (answer != decided(replace(made, decision=None), shares)).any()


def test_costs_of_two_classes_with_a_threshold():
    rows = features()
    head = heads.fit(
        "linear", rows, (rows[:, 0] > 0).astype(int), task="classification", classes=2, seed=0
    )
    costs = Costs(((0.0, 1.0), (5.0, 0.0)), threshold=0.2)
    made = replace(model("linear", "classification"), head=head, classes=("a", "b"), decision=costs)
    shares, answer = asked(made, features(200, seed=2))
    np.testing.assert_array_equal(answer, decided(made, shares))
    assert (answer != shares.argmax(axis=1)).any()


def test_features_that_the_head_does_not_take():
    made = replace(model("linear", "classification"), width=WIDTH)
    wide = np.concatenate([features(5), np.full((5, 4), 1e6, np.float32)], axis=1)
    narrow = asked(made, features(5))
    for found, wanted in zip(asked(made, wide), narrow, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_head_of_another_package_is_refused():
    class Other:
        name = "other"
        arrays: dict = {}
        settings: dict = {}

    with pytest.raises(InputError, match="A other head cannot be exported; fit again with --head"):
        graph.after(replace(model("linear", "classification"), head=Other()), WIDTH)
