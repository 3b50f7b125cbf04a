"""A rung and feature extraction, averaged."""

from dataclasses import replace

import numpy as np
import pytest

import headstart
from headstart.evaluation.calibration import probabilities
from headstart.training.assemble import assemble, scores_on_test
from headstart.training.averaged import averaged
from tests.training.small import both, pictures, ready, trained, unjudged, weights


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def pair(cache, tmp_path_factory):
    """Data, feature extraction and a rung of it, and their mean."""
    small = ready(weights(tmp_path_factory.mktemp("pair")), *pictures(120), epochs=4)
    first, tuned = both(small, "fine-tuning", "blocks.1")
    mean = averaged(first, tuned, 0)
    assert mean is not None
    return small, first, tuned, mean


def logits(model, items):
    return np.log(model.predict(items).probabilities.astype(np.float64))


def centred(scores):
    return scores - scores.mean(axis=1, keepdims=True)


def test_the_mean_of_calibrated_scores(pair, tmp_path):
    """The saved model gives the mean of what the two models give."""
    small, first, tuned, mean = pair
    model = assemble(mean, small.data)
    model = replace(model, precision="float32")
    model.save(tmp_path / "model")
    loaded = headstart.load(tmp_path / "model")
    items = list(small.data.items)[:12]
    apart = [
        centred(logits(replace(assemble(each, small.data), precision="float32"), items))
        for each in (first, tuned)
    ]
    together = centred(logits(loaded, items)) * mean.judged.temperature
    assert np.allclose(together, (apart[0] + apart[1]) / 2, atol=0.02)
    assert not np.allclose(apart[0], apart[1], atol=0.02)


def test_it_is_judged_by_its_own_answers(pair):
    _, first, tuned, mean = pair
    targets = mean.examples.parts["validation"].targets
    answers = probabilities(
        "classification", mean.judged.scores / np.float32(mean.judged.temperature)
    )
    errors = ((answers - np.eye(2)[targets]) ** 2).sum(axis=1)
    assert np.allclose(errors, mean.judged.errors, atol=1e-6)
    # A mean is at most as wrong as the two are on average, before it is calibrated anew.
    scores = [each.judged.scores / np.float32(each.judged.temperature) for each in (first, tuned)]
    losses = [
        -np.log(probabilities("classification", each))[range(len(targets)), targets]
        for each in scores
    ]
    own = -np.log(probabilities("classification", (scores[0] + scores[1]) / 2))
    assert (own[range(len(targets)), targets] <= (losses[0] + losses[1]) / 2 + 1e-5).all()


@pytest.mark.slow
def test_without_test_items_there_is_nothing_to_measure_on(pair):
    """As an estimator trains, which splits nothing off."""
    small, _, _, mean = pair
    nothing = replace(mean.examples, parts=mean.examples.parts | {"test": empty(mean)})
    mean = replace(mean, examples=nothing)
    model = assemble(mean, small.data)
    assert scores_on_test(model, mean, small.data).shape == (0, 2)


def empty(adapted):
    test = adapted.examples.parts["test"]
    return replace(
        test, features=test.features[:0], targets=test.targets[:0], positions=test.positions[:0]
    )


@pytest.mark.slow
def test_numbers_are_averaged_too(tmp_path):
    items, labels = pictures(120)
    values = [100.0 * (label == "across") + n % 7 for n, label in enumerate(labels)]
    small = ready(weights(tmp_path), items, values, "regression", epochs=4)
    first, tuned = both(small, "fine-tuning", "blocks.1")
    mean = averaged(first, tuned, 0)
    assert mean is not None
    models = [assemble(each, small.data) for each in (first, tuned, mean)]
    found = [replace(each, precision="float32").predict(items[:8]).values for each in models]
    assert np.allclose(found[2], (found[0] + found[1]) / 2, atol=0.01 * np.std(values))


def test_without_validation_items_nothing_is_averaged(tmp_path):
    small = ready(weights(tmp_path), *pictures(48), epochs=1)
    tuned = trained(unjudged(small), "fine-tuning", "blocks.1")
    assert averaged(small.first, tuned, 0) is None
