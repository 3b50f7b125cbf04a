"""What more labels would buy."""

import numpy as np
import pytest

from headstart.evaluation.learning_curve import SHARES, learning_curve


def heads(error, most=2000, tested=2000, seed=0, parts=5):
    """Sizes, and whether each of some heads is right on each test item."""
    random = np.random.default_rng(seed)
    # Items are hard or easy for every head alike.
    hardness = random.random(tested)
    sizes = [round(share * most) for share in SHARES for _ in range(parts if share < 1 else 1)]
    right = [
        np.clip(hardness + random.normal(0, 0.02, tested), 0, 1) > error(size) for size in sizes
    ]
    return sizes, [each.astype(float) for each in right]


def test_the_gain_of_a_power_law_is_foretold():
    def error(n):
        return 0.05 + 2 * n**-0.5

    found = learning_curve("accuracy", *heads(error), seed=0)
    assert found is not None
    true = error(2000) - error(4000)
    assert found.items == 4000
    assert found.significant
    assert found.gain.low < found.gain.value < found.gain.high
    assert found.gain.value == pytest.approx(true, abs=0.006)
    assert found.expected.value == pytest.approx(1 - error(4000), abs=0.02)
    assert [each.items for each in found.points] == [200, 400, 800, 1400, 2000]
    assert [each.fits for each in found.points] == [5, 5, 5, 5, 1]
    for each in found.points:
        assert each.found.low <= each.found.value <= each.found.high
    assert "Twice the labels (4,000 training items) would change accuracy by about" in (
        found.sentence
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_flat_curve_is_told_as_such(seed):
    found = learning_curve("accuracy", *heads(lambda _: 0.2, seed=seed), seed=0)
    assert found is not None
    assert not found.significant
    assert found.gain.low <= 0
    assert found.sentence.startswith("Whether more labels would help cannot be told")


def test_an_error_falls():
    random = np.random.default_rng(0)
    sizes, _ = heads(lambda n: n)
    items = [random.exponential(0.3 + 10 * n**-0.5, 4000) for n in sizes]
    found = learning_curve("mae", sizes, items, seed=0)
    assert found is not None
    assert found.gain.value < 0
    assert found.points[0].found.value > found.points[-1].found.value
    assert found.expected.value >= 0


def test_two_sizes_tell_nothing():
    assert learning_curve("accuracy", [10, 20], [np.ones(30)] * 2, seed=0) is None


def test_perfect_heads_are_no_crash():
    found = learning_curve("accuracy", *heads(lambda _: -1.0), seed=0)
    assert found is not None
    assert not found.significant
    assert found.expected.value == 1


def test_the_same_seed_gives_the_same_curve():
    given = heads(lambda n: 0.1 + n**-0.5)
    assert learning_curve("accuracy", *given, seed=4) == learning_curve("accuracy", *given, seed=4)


def test_test_items_of_one_group_are_drawn_together():
    """Every item ten times is no more to test on."""
    sizes, items = heads(lambda n: 0.05 + 2 * n**-0.5, tested=60)
    tenfold = [np.repeat(each, 10) for each in items]
    once, grouped, alone = (
        learning_curve("accuracy", sizes, each, seed=0, together=together)
        for each, together in (
            (items, None),
            (tenfold, np.repeat(np.arange(60), 10)),
            (tenfold, None),
        )
    )
    assert once is not None
    assert grouped is not None
    assert alone is not None
    assert grouped.points[-1].found.low == pytest.approx(once.points[-1].found.low)
    widths = [each.points[-1].found.high - each.points[-1].found.low for each in (grouped, alone)]
    assert widths[0] > 2 * widths[1]
