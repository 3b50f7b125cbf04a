"""One rule for what an item has, from logits and from probabilities of any precision."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.evaluation import difference, evaluate, probabilities
from headstart.evaluation.answers import best_class, has_class, labels_of
from headstart.evaluation.predictions import table_of
from headstart.predictors import Predictions
from tests.evaluation.test_predictions import SEVERAL


def test_a_class_is_had_from_one_half_on() -> None:
    shares = np.array([[0.5, 0.49], [np.nan, 1.0]])
    assert has_class(shares).tolist() == [[True, False], [False, True]]
    assert labels_of("multilabel", ("a", "b"), shares) == [("a",), ("b",)]
    assert labels_of("classification", ("a", "b"), shares[:1]) == ["a"]


def test_what_32_bits_cannot_tell_apart_is_the_first() -> None:
    shares = np.array([[0.5 - 1e-12, 0.5 + 1e-12], [0.4, 0.6]])
    assert best_class(shares).tolist() == best_class(shares.astype(np.float32)).tolist() == [0, 1]


@pytest.mark.parametrize(("logit", "given"), [(-1e-9, True), (-1e-3, False)])
def test_a_logit_just_below_nought_is_the_same_everywhere(logit: float, given: bool) -> None:
    scores = np.array([[logit, 5.0], [5.0, -5.0]])
    targets = np.array([[1, 1], [1, 0]])
    shares = probabilities("multilabel", scores)
    results = replace(SEVERAL, scores=scores, labels=(("cat", "dog"), ("cat",)), targets=targets)
    table = table_of(results).to_pydict()
    answered = Predictions(["a", "b"], "multilabel", ("cat", "dog"), shares, None)
    assert ("cat" in table["prediction"][0]) == given
    assert [list(label) for label in answered.labels] == table["prediction"]
    figures = evaluate("multilabel", targets, scores, ("cat", "dog"), seed=0, resamples=2)
    assert (figures.metrics["micro_f1"].value == 1) == given
    gain = difference("multilabel", targets, scores, np.full((2, 2), -5.0))
    assert gain is not None
    assert gain.value == (0.75 if given else 0.5)
