"""Nearest neighbours, and what is far from all others."""

import numpy as np

from headstart.findings import neighbours
from headstart.findings.robust import deviations
from tests.findings.evidences import evidence


def test_the_nearest_are_those_of_a_plain_search():
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    found = neighbours.nearest(rows, np.arange(60), 0)
    plain = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    cosine = plain @ plain.T
    np.fill_diagonal(cosine, -2)
    for at in range(60):
        expected = np.argsort(-cosine[at])[: neighbours.NEIGHBOURS]
        assert set(found.places[at].tolist()) == set(expected.tolist())


def test_where_there_are_few_the_places_are_empty():
    found = neighbours.nearest(np.eye(3, dtype=np.float32), np.array([0, 0, 1]), 0)
    assert (found.places >= 0).sum(axis=1).tolist() == [1, 1, 2]
    assert np.isnan(neighbours.nearest(np.eye(1, dtype=np.float32), np.zeros(1, int), 0).similarity)


def test_a_few_foreign_items_are_outliers():
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(3, 40))
    usual = rng.normal(size=(300, 3)) @ basis + 0.05 * rng.normal(size=(300, 40))
    foreign = rng.normal(size=(3, 40)) * 2
    given = evidence(["a"] * 303, features=np.vstack([usual, foreign]).astype(np.float32))
    near = neighbours.nearest(given.features, given.together, 0)
    (found,) = neighbours.outliers(given, near)
    assert {300, 301, 302} <= {each.position for each in found.items}
    assert found.count <= 6


def test_items_of_one_kind_have_no_outliers():
    given = evidence(["a"] * 300)
    near = neighbours.nearest(given.features, given.together, 0)
    assert not list(neighbours.outliers(given, near))


def test_deviations_are_those_of_a_normal_distribution_whatever_a_few_are():
    values = np.random.default_rng(0).normal(5, 2, 10_001)
    values[:100] = 1e6
    assert abs(deviations(values)[5000] - (values[5000] - 5) / 2) < 0.1
    assert not deviations(np.ones(4)).any()
