import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headstart.evaluation import probabilities, temperature
from headstart.evaluation.calibration import calibrate, log_losses

LOGITS = arrays(np.float32, (7, 4), elements=st.floats(-1e4, 1e4, width=32))


@given(LOGITS)
def test_probabilities_of_any_finite_logits(logits: np.ndarray) -> None:
    shares = probabilities("classification", logits)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares.argmax(axis=1) == logits.argmax(axis=1)).all() or np.isclose(
        shares.max(axis=1), np.take_along_axis(shares, logits.argmax(1)[:, None], 1)[:, 0]
    ).all()
    each = probabilities("multilabel", logits)
    assert ((each >= 0) & (each <= 1)).all()
    assert np.isfinite(log_losses("classification", logits, np.arange(7) % 4)).all()
    assert np.isfinite(log_losses("multilabel", logits, np.eye(7, 4))).all()


def test_regression_has_no_probabilities() -> None:
    with pytest.raises(ValueError, match="regression"):
        probabilities("regression", np.zeros(3))


def drawn(task: str, n: int, overconfidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Targets drawn from the logits' own probabilities, and the logits times a number."""
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((n, 3)) * 2
    chances = probabilities(task, logits)
    if task == "classification":
        targets = (chances.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    else:
        targets = (rng.random((n, 3)) < chances).astype(np.uint8)
    return logits * overconfidence, targets


@pytest.mark.parametrize("task", ["classification", "multilabel"])
@pytest.mark.parametrize("true", [0.25, 1.0, 4.0])
def test_finds_by_how_much_a_model_is_too_sure(task: str, true: float) -> None:
    logits, targets = drawn(task, 5000, true)
    assert temperature(task, logits, targets) == pytest.approx(true, rel=0.07)


def test_a_temperature_lowers_the_loss_and_keeps_the_ranking() -> None:
    logits, targets = drawn("classification", 400, 5.0)
    found, loss = calibrate("classification", logits, targets)
    assert loss < log_losses("classification", logits, targets).mean()
    assert loss == pytest.approx(log_losses("classification", logits / found, targets).mean())
    assert ((logits / found).argmax(axis=1) == logits.argmax(axis=1)).all()


def test_weights_count_as_copies() -> None:
    logits, targets = drawn("classification", 300, 3.0)
    weights = np.where(targets == 0, 3.0, 1.0)
    copies = np.repeat(np.arange(300), weights.astype(int))
    one, _ = calibrate("classification", logits, targets, weights)
    two, _ = calibrate("classification", logits[copies], targets[copies])
    assert one == pytest.approx(two, rel=0.02)


@pytest.mark.parametrize("n", [1, 5, 1000])
@pytest.mark.parametrize("margin", [0.0, 0.1, 3.0, 1e4])
@pytest.mark.parametrize("right", [True, False])
def test_degenerate_validation_gives_a_sane_answer(n: int, margin: float, right: bool) -> None:
    targets = np.arange(n) % 2
    logits = np.eye(2)[targets if right else 1 - targets] * margin
    found = temperature("classification", logits, targets)
    assert 0.05 <= found <= 20
    if margin == 1e4 and right:
        assert found == pytest.approx(1, abs=0.01)


def test_a_few_separated_items_do_not_make_a_model_certain() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 2.0]] * 5)
    found = temperature("classification", logits, np.array([0, 1] * 5))
    assert probabilities("classification", logits / found).max() < 0.9999


def test_nothing_to_fit_on() -> None:
    assert temperature("classification", np.zeros((0, 3)), np.zeros(0, int)) == 1
    assert temperature("classification", np.ones((2, 3)), np.array([-1, -1])) == 1
    assert temperature("regression", np.zeros(5), np.zeros(5)) == 1


def test_importing_needs_numpy_alone() -> None:
    code = (
        "import sys, headstart.evaluation\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'pyarrow', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
