"""Labels that are probably wrong, found among synthetic items whose truth is known."""

import numpy as np
import pytest

from headstart.findings import label_errors, neighbours
from tests.findings.evidences import evidence

CLASSES = ("a", "b", "c")


def clusters(items, seed=0, wrong=0.1):
    """Items of three clusters; scores that know the cluster; labels, some of them wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=items)
    centres = rng.normal(0, 3, (3, 16))
    features = (centres[truth] + rng.normal(size=(items, 16))).astype(np.float32)
    scores = np.eye(3)[truth] * 4 + rng.normal(size=(items, 3))
    flipped = rng.random(items) < wrong
    labels = np.where(flipped, (truth + rng.integers(1, 3, items)) % 3, truth)
    return truth, labels, flipped, features, scores


def errors(given):
    near = neighbours.nearest(given.features, given.together[given.positions], 0)
    return list(label_errors.found_in(given, near))


@pytest.mark.parametrize("wrong", [0.05, 0.1, 0.2])
def test_flipped_labels_are_found_with_what_they_should_be(wrong):
    truth, labels, flipped, features, scores = clusters(300, wrong=wrong)
    given = evidence([CLASSES[at] for at in labels], features=features, scores=scores)
    (found,) = errors(given)
    first = found.items[: int(flipped.sum())]
    assert np.mean([flipped[each.position] for each in first]) >= 0.9
    right = [each for each in first if flipped[each.position]]
    assert np.mean([each.suggestion == CLASSES[truth[each.position]] for each in right]) > 0.95
    assert [each.score for each in found.items] == sorted(
        (each.score for each in found.items), reverse=True
    )


def test_right_labels_are_hardly_suspected():
    _, labels, _, features, scores = clusters(300, wrong=0)
    given = evidence([CLASSES[at] for at in labels], features=features, scores=scores)
    assert sum(each.count for each in errors(given)) <= 3


def test_the_same_data_in_another_order_has_the_same_suspects():
    _, labels, _, features, scores = clusters(200)
    order = np.random.default_rng(1).permutation(200)
    names = [CLASSES[at] for at in labels]
    (one,) = errors(evidence(names, features=features, scores=scores))
    (other,) = errors(
        evidence([names[at] for at in order], features=features[order], scores=scores[order])
    )
    assert {each.position for each in one.items} == {int(order[x.position]) for x in other.items}


def test_copies_do_not_vouch_for_each_other():
    """Ten copies of one item with the same wrong label: none has a neighbour that has it too."""
    _, labels, _, features, scores = clusters(200, wrong=0)
    wrong = np.flatnonzero(labels == 0)[:10]
    labels = labels.copy()
    labels[wrong] = 1
    features[wrong], scores[wrong] = features[wrong[0]], scores[wrong[0]]
    together = np.arange(200)
    together[wrong] = wrong[0]
    given = evidence(
        [CLASSES[at] for at in labels], features=features, scores=scores, together=together
    )
    near = neighbours.nearest(given.features, given.together, 0)
    assert not np.isin(near.places[wrong], wrong).any()
    (found,) = errors(given)
    assert set(wrong.tolist()) <= {each.position for each in found.items}


def test_items_without_scores_are_not_judged():
    _, labels, _, features, scores = clusters(300)
    scores[:50] = np.nan
    given = evidence([CLASSES[at] for at in labels], features=features, scores=scores)
    assert all(each.position >= 50 for found in errors(given) for each in found.items)
    none = evidence([CLASSES[at] for at in labels], features=features)
    assert not errors(none)


def test_numbers_far_from_what_is_predicted():
    rng = np.random.default_rng(0)
    values = rng.normal(10, 3, 200)
    scores = values + rng.normal(0, 0.5, 200)
    values[[7, 90]] += [40, -25]
    (found,) = errors(evidence(values.tolist(), task="regression", scores=scores))
    assert [each.position for each in found.items] == [7, 90]
    assert float(found.items[0].suggestion) == pytest.approx(scores[7], rel=1e-3)


def test_a_label_that_lacks_and_one_too_many_of_several():
    rng = np.random.default_rng(0)
    truth = rng.random((300, 2)) < 0.5
    scores = np.where(truth, 4.0, -4.0) + rng.normal(size=truth.shape)
    features = np.hstack([truth * 6.0, rng.normal(size=(300, 6))]).astype(np.float32)
    said = truth.copy()
    said[3, 0] ^= True
    said[8, 1] ^= True
    labels = [tuple(n for n, on in zip("xy", row, strict=True) if on) for row in said]
    given = evidence(labels, task="multilabel", features=features, scores=scores)
    (found,) = errors(given)
    assert {3, 8} <= {each.position for each in found.items[:4]}
    for each in found.items[:4]:
        if each.position in (3, 8):
            right = "|".join(n for n, on in zip("xy", truth[each.position], strict=True) if on)
            assert each.suggestion == right


@pytest.mark.parametrize("classes", [2, 3, 9])
def test_the_count_and_the_margins_are_cleanlab_s(classes):
    from cleanlab.count import num_label_issues
    from cleanlab.rank import get_label_quality_scores

    rng = np.random.default_rng(classes)
    for _ in range(20):
        truth = rng.integers(classes - (classes > 2), size=200)
        logits = 3 * np.eye(classes)[truth] + rng.normal(0, 1.5, (200, classes))
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        labels = np.where(rng.random(200) < 0.2, rng.permutation(truth), truth)
        assert label_errors.errors(labels, shares) == num_label_issues(labels, shares)
        quality = get_label_quality_scores(labels, shares, method="normalized_margin")
        assert np.array_equal(label_errors.margins(labels, shares), quality)


def test_where_one_class_alone_has_scores_nothing_is_suspected():
    scores = np.random.default_rng(0).normal(size=(31, 2))
    scores[30] = np.nan
    given = evidence(["cat"] * 30 + ["dog"], scores=scores)
    assert errors(given) == []
