from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headstart.errors import InputError
from headstart.spec import FitSpec, GenerateSpec, ReadSpec

ODD = [
    0, 1, -1, 10**30, True, None, 1.5, float("nan"), "", " ", "x", b"x", Path("x"), ["a"], (), [1],
    {"a": 1}, {"a"}, np.int64(3), np.float32(0.5), np.str_("auto"), np.bool_(True), object,
    np.zeros((2, 2)), pd.Series([1, 2]), pd.DataFrame({"a": [1]}), "\ud800", "a\0b", lambda: 1,
]  # fmt: skip


def taken_or_refused(kind: Any, name: str, value: Any) -> Any:
    """What a spec makes of a value, or the error that refuses it."""
    try:
        return getattr(kind(**{name: value}), name)
    except InputError as error:
        return error


@pytest.mark.parametrize("kind", [FitSpec, GenerateSpec])
def test_an_option_is_of_its_kind_or_refused(kind: Any) -> None:
    for each in fields(kind):
        plain = {type(value) for value in (each.default, None)} | {str, int, float, bool}
        for value in ODD:
            taken = taken_or_refused(kind, each.name, value)
            if isinstance(taken, InputError):
                assert str(taken).startswith("--"), taken
                assert len(str(taken)) < 400
                continue
            assert type(taken) in plain, (each.name, value, taken)
            if each.type is bool:
                assert type(taken) is bool
            if each.type in (str, str | None):
                assert taken is None or type(taken) is str


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strict": "false"}, "--strict is 'false', but it must be True or False."),
        ({"head": 3}, "--head is 3, but it must be text."),
        ({"head": None}, "--head is None, but it must be text."),
        ({"test": pd.DataFrame({"a": [1]})}, "--test is a DataFrame, but it must be text."),
        ({"strategy": ["lora"]}, "--strategy is ['lora'], but it must be one of"),
        ({"label": {"a"}}, "--label is {'a'}, but it must be the name of a column."),
        ({"label": ["a,b", "c"]}, "without commas in them."),
        ({"separator": 1}, "--separator is 1, but it must be text."),
        ({"class_weights": {"a": object}, "head": 1}, "--head is 1"),
    ],
)
def test_what_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        FitSpec(**options)
    assert said in str(error.value)


def test_other_forms_of_a_value_are_what_they_stand_for() -> None:
    spec = FitSpec(
        input=0,
        label=["funny", "sad"],
        root=Path("images"),
        seed=np.int64(3),
        test_size=np.float32(0.5),
        strict=np.bool_(True),
        na_values=-999,
        task=np.str_("multilabel"),
    )
    assert (spec.input, spec.label, spec.root) == ("0", "funny,sad", "images")
    assert (spec.seed, spec.test_size, spec.strict) == (3, 0.5, True)
    assert spec.na_values == "-999"
    assert ReadSpec(label=("a,b",)).label == "a,b"
