from typing import Any

import pytest

from headstart.errors import InputError
from headstart.spec import FitSpec


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("seed", None, "--seed is None"),
        ("seed", 1.5, "--seed is 1.5"),
        ("seed", True, "--seed is True"),
        ("seed", -1, "--seed is -1"),
        ("epochs", 2.0, "--epochs is 2.0"),
        ("epochs", 0, "--epochs is 0"),
        ("test_size", None, "--test-size is None"),
        ("test_size", float("nan"), "--test-size is nan"),
    ],
)
def test_a_number_of_another_kind_is_refused(option: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        FitSpec(**{option: value})


def test_numbers_that_are_allowed() -> None:
    assert FitSpec(seed=2**32 - 1, epochs=None, test_size=0.5).epochs is None
    assert FitSpec(epochs=3).epochs == 3
