import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.evaluation.calibration import probabilities
from headstart.explanations.targets import Target, values

rows = st.lists(st.floats(-8, 8), min_size=2, max_size=5)


@given(rows, st.floats(0.5, 3))
def test_a_class_is_explained_by_its_log_odds(row, temperature):
    scores = np.array([row])
    for task in ("classification", "multilabel"):
        share = probabilities(task, scores / temperature)[0]
        for column in range(len(row)):
            p = share[column]
            if 1e-6 < p < 1 - 1e-6:
                odds = Target(task, column, temperature).of(scores)[0]
                assert odds == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


@given(rows, st.sampled_from(["classification", "multilabel"]), st.floats(0.5, 3))
def test_the_slope_is_that_of_the_number(row, task, temperature):
    scores = np.array(row)
    target = Target(task, 1, temperature)
    for at, slope in enumerate(target.slope(scores)):
        step = np.eye(len(row))[at] * 1e-5
        ends = target.of(np.stack([scores - step, scores + step]))
        assert slope == pytest.approx((ends[1] - ends[0]) / 2e-5, abs=1e-3)


def test_a_value_is_itself_and_a_single_class_is_finite():
    target = Target("regression", 0, 1.0)
    assert target.of(np.array([3.0, -2.0])).tolist() == [3.0, -2.0]
    assert target.slope(np.array([3.0])).tolist() == [1.0]
    alone = Target("classification", 0, 1.0)
    assert np.isfinite(alone.of(np.array([[2.0]]))).all()
    assert values([target, target], np.array([1.0])).shape == (1, 2)
