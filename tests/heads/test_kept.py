"""A head that was fitted before is read, bit for bit, and only where all is the same."""

import numpy as np
import pytest

from headstart import heads
from headstart.heads import kept as keeping
from headstart.heads.kept import kept

FEATURES = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
TARGETS = np.arange(40) % 2


def fitted(root, features=FEATURES, targets=TARGETS, fit=None, **options):
    def learn():
        return heads.fit("linear", features, targets, task="classification", classes=2, seed=0)

    return kept(root, "linear", (features, targets), {"seed": 0, **options}, fit or learn)


def never():
    raise AssertionError("fitted again")


def test_it_is_the_same_bit_for_bit(tmp_path):
    first, again = fitted(tmp_path), fitted(tmp_path, fit=never)
    assert first.settings == again.settings
    assert all(
        first.arrays[name].tobytes() == again.arrays[name].tobytes() for name in first.arrays
    )


@pytest.mark.parametrize(
    "change",
    [
        {"features": FEATURES + np.float32(1e-6)},
        {"targets": 1 - TARGETS},
        {"seed": 1},
        {"balance": "balanced"},
    ],
)
def test_whatever_is_another_is_fitted(tmp_path, change):
    fitted(tmp_path)
    with pytest.raises(AssertionError, match="fitted again"):
        fitted(tmp_path, fit=never, **change)


def test_another_version_is_fitted(tmp_path, monkeypatch):
    fitted(tmp_path)
    monkeypatch.setattr(keeping, "version_of", lambda _: "999")
    with pytest.raises(AssertionError, match="fitted again"):
        fitted(tmp_path, fit=never)


def test_a_damaged_one_is_fitted_again(tmp_path):
    first = fitted(tmp_path)
    (file,) = (tmp_path / "heads").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    again = fitted(tmp_path)
    assert first.arrays["weight"].tobytes() == again.arrays["weight"].tobytes()
    assert fitted(tmp_path, fit=never).settings == first.settings


def test_a_cache_that_takes_nothing_is_no_hindrance(tmp_path):
    (tmp_path / "heads").write_text("in the way")
    assert fitted(tmp_path).name == "linear"
