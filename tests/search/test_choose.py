"""Which of two candidates is kept."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headstart.data.dataset import Split
from headstart.evaluation import ValidationResult
from headstart.search.choose import asked_for
from headstart.training.adapted import Adapted
from headstart.training.examples import Examples, Part


def candidate(errors: Any, together: Any) -> Adapted:
    items = len(errors)
    part = Part(np.zeros((items, 1), np.float32), np.zeros(items), np.arange(items))
    sides: dict[Split, Part] = {"validation": replace(part, together=together)}
    nothing: Any = SimpleNamespace()
    return Adapted(
        strategy="lora",
        cut=None,
        head=nothing,
        start=nothing,
        judged=ValidationResult(1.0, {}, errors),
        trained_parameters=0,
        seconds=0,
        trunk=nothing,
        examples=Examples("regression", (), sides, (), ()),
    )


@pytest.mark.parametrize(("grouped", "said"), [(False, "better than"), (True, "no clear gain")])
def test_a_gain_in_one_of_few_groups_is_not_clear(grouped: bool, said: str) -> None:
    group = np.repeat(np.arange(4), 50)
    old, new = np.ones(200), np.where(group == 0, 0.5, 1.0)
    together = group if grouped else None
    first, best = candidate(old, together), candidate(new, together)
    assert said in asked_for(first, best)
