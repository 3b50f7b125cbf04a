"""Heads that did not learn from an item say what they make of it."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.data import from_memory
from headstart.features.trunk import Trunk
from headstart.progress import Silent
from headstart.spec import FitSpec
from headstart.training import feature_extraction
from headstart.training import out_of_fold as module
from headstart.training.examples import Part, arrange
from headstart.training.out_of_fold import FOLDS, out_of_fold
from tests.training.small import sentences


def adapted(name: str, spec: FitSpec, items=None, labels=None, task="classification"):
    data = from_memory(*(sentences(120) if items is None else (items, labels)), task)
    trunk = Trunk.load(name, data.modality, cut=None, offline=True)
    wide = feature_extraction.widened(trunk, spec, len(data))
    examples = arrange(data, wide.extract(data, Silent()), spec)
    return feature_extraction.fit(examples, spec, trunk, wide)


def test_every_item_to_learn_from_is_held_out_once(names):
    found = adapted(names["text"], FitSpec())
    held_out = out_of_fold(found, FitSpec())
    assert held_out is not None
    parts = found.examples.parts
    learnt = np.sort(np.concatenate([parts["train"].positions, parts["validation"].positions]))
    assert np.array_equal(held_out.positions, learnt)
    assert sorted(set(held_out.folds.tolist())) == list(range(FOLDS))
    assert held_out.scores.shape == (len(learnt), len(found.examples.classes))


@pytest.mark.parametrize("head", ["linear", "knn"])
def test_labels_of_a_fold_do_not_change_its_scores(names, head, monkeypatch):
    """Other labels for the items of one fold: the heads that score them did not see them."""
    monkeypatch.setattr(module, "stratified_folds", lambda targets, *_: np.arange(len(targets)) % 5)
    spec = FitSpec(head=head)
    found = adapted(names["text"], spec)
    before = out_of_fold(found, spec)
    first = set(before.positions[before.folds == 0].tolist())
    parts = {}
    for split, part in found.examples.parts.items():
        there = np.array([at in first for at in part.positions.tolist()], bool)
        parts[split] = replace(part, targets=np.where(there, 1 - part.targets, part.targets))
    after = out_of_fold(replace(found, examples=replace(found.examples, parts=parts)), spec)
    own = before.folds == 0
    assert np.array_equal(before.scores[own], after.scores[own])
    assert not np.array_equal(before.scores[~own], after.scores[~own])


def test_items_that_belong_together_are_held_out_together(names):
    found = adapted(names["text"], FitSpec())
    together = np.arange(120) // 7
    held_out = out_of_fold(found, FitSpec(), together)
    for number in range(together.max() + 1):
        assert len(set(held_out.folds[together[held_out.positions] == number].tolist())) <= 1


def test_what_learnt_the_items_otherwise_has_no_such_scores(names):
    found = adapted(names["text"], FitSpec())
    assert out_of_fold(replace(found, weights={"layer": None}), FitSpec()) is None
    assert out_of_fold(replace(found, averaged_with=found), FitSpec()) is None


def test_a_class_that_is_first_of_no_group_stays_with_what_is_learnt_from():
    """Otherwise heads that never saw it would answer its items."""
    features = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    targets = np.repeat([0, 1], [40, 10])
    together = np.where(targets == 1, 0, np.arange(50))
    part = Part(features, targets, np.arange(50), together=together)
    fold = module._folds(part, None, 0)
    assert (fold[together == 0] == -1).all()
    assert sorted(set(fold.tolist())) == [-1, *range(FOLDS)]
