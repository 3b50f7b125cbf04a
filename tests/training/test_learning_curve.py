"""Heads on parts of the training items."""

from dataclasses import replace

import numpy as np
import pytest

from headstart import heads
from headstart.evaluation import ValidationResult, evaluate
from headstart.spec import FitSpec, head_of
from headstart.training.adapted import Adapted
from headstart.training.examples import Examples, Part
from headstart.training.learning_curve import PARTS, _parts, costs_little, measured
from headstart.training.out_of_fold import out_of_fold

SIZES = {"train": 240, "validation": 60, "test": 400}


def examples(task="classification", sizes=SIZES, seed=0):
    """Features that tell what the labels are, more or less."""
    rng = np.random.default_rng(seed)
    parts, at = {}, 0
    for split, number in sizes.items():
        features = rng.normal(size=(number, 24)).astype(np.float32)
        told = features[:, :3] + rng.normal(0, 0.7, (number, 3))
        targets = {
            "classification": told.argmax(axis=1),
            "multilabel": (told > 0.3).astype(np.uint8),
            "regression": told.sum(axis=1),
        }[task]
        parts[split] = Part(features, targets, np.arange(at, at + number))
        at += number
    classes = () if task == "regression" else ("x", "y", "z")
    return Examples(task, classes, parts, (), ())


def adapted(given, spec):
    name, options = head_of(spec.head)
    both = given.parts["train"].joined(given.parts["validation"])
    head = heads.fit(
        name,
        both.features,
        both.targets,
        task=given.task,
        classes=len(given.classes),
        seed=spec.seed,
        options=options,
    )
    nothing = {"judged": ValidationResult(), "trained_parameters": 0, "seconds": 0.0, "trunk": None}
    return Adapted("feature-extraction", None, head, head, examples=given, **nothing)


@pytest.mark.parametrize(
    ("task", "metric"),
    [("classification", "accuracy"), ("multilabel", "macro_f1"), ("regression", "mae")],
)
def test_the_last_point_is_the_model_s_own_figure(task, metric):
    """The head has the settings that were chosen, so with every item it is the same head."""
    spec = FitSpec()
    model = adapted(examples(task), spec)
    found = measured(model, spec)
    test = model.examples.parts["test"]
    own = evaluate(
        task, test.targets, model.head.scores(test.features), model.examples.classes, seed=0
    ).metrics[metric]
    assert found.metric == metric
    assert found.points[-1].found.value == pytest.approx(own.value, abs=0.004)
    assert found.points[-1].items == 300
    assert [each.fits for each in found.points] == [PARTS] * 4 + [1]
    first, last = found.points[0].found.value, found.points[-1].found.value
    assert first > last if metric == "mae" else first < last


@pytest.mark.parametrize("head", ["knn", pytest.param("mlp:16", marks=pytest.mark.slow)])
def test_other_heads(head):
    spec = FitSpec(head=head)
    found = measured(adapted(examples(), spec), spec)
    assert found.points[-1].items == (240 if head.startswith("mlp") else 300)


def test_a_rare_class_is_in_every_part_and_small_parts_are_left_out():
    given = examples(sizes={"train": 60, "validation": 12, "test": 100})
    rare = given.parts["train"].targets.copy()
    rare[rare == 2] = 0
    rare[7] = 2
    train = replace(given.parts["train"], targets=rare)
    given = replace(given, parts={**given.parts, "train": train})
    found = measured(adapted(given, FitSpec()), FitSpec())
    assert found is not None
    assert found.points[0].items >= 10


def test_too_few_items_give_none():
    few = examples(sizes={"train": 20, "validation": 4, "test": 100})
    assert measured(adapted(few, FitSpec()), FitSpec()) is None
    untested = examples(sizes={"train": 200, "validation": 40, "test": 10})
    assert measured(adapted(untested, FitSpec()), FitSpec()) is None


def test_the_same_seed_gives_the_same_curve():
    model = adapted(examples(), FitSpec())
    assert measured(model, FitSpec()) == measured(model, FitSpec())


def test_what_it_costs_is_counted():
    given = examples()
    assert costs_little(given, 1280, FitSpec(), gflops=0.8)
    assert not costs_little(given, 1280, FitSpec(), gflops=0.001)
    assert not costs_little(given, 1280, FitSpec(head="mlp"), gflops=0.8)


def test_parts_of_grouped_items_have_fewer_groups():
    given = examples("regression")
    train = replace(given.parts["train"], together=np.arange(240) // 10)
    for which in _parts(train, given, seed=0):
        groups, items = np.unique(train.together[which], return_counts=True)
        assert len(groups) == -(-len(which) // 10)
        assert (items < 10).sum() <= 1


def test_a_head_that_looks_at_nothing_has_no_curve():
    given = examples()
    parts = {
        split: replace(part, features=np.ones_like(part.features))
        for split, part in given.parts.items()
    }
    model = adapted(replace(given, parts=parts), FitSpec())
    assert not model.head.arrays["weight"].any()
    assert measured(model, FitSpec()) is None
    assert out_of_fold(model, FitSpec()) is None
