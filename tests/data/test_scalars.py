import datetime
import decimal
import enum
import fractions

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from headstart.data.scalars import plain


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Word(str):
    pass


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a", "a"), (Word("a"), "a"), (np.str_("a"), "a"), (pa.scalar("a"), "a"),
        (Colour.RED, "red"), (Level.HIGH, 3),
        (3, 3), (np.int8(3), 3), (np.array(3), 3), (torch.tensor(3), 3), (pa.scalar(3), 3),
        (3.5, 3.5), (np.float32(3.5), 3.5), (torch.tensor(3.5, requires_grad=True), 3.5),
        (decimal.Decimal("3.5"), 3.5), (fractions.Fraction(7, 2), 3.5),
        (True, True), (np.bool_(True), True), (torch.tensor(True), True), (pa.scalar(True), True),
        ([1, "a"], [1, "a"]), ((1, 2), [1, 2]), (np.array([1, 0]), [1, 0]),
        (torch.tensor([1, 0]), [1, 0]), (pa.scalar([1, 0]), [1, 0]), ([np.int64(1)], [1]),
        (None, None), (float("nan"), None), (np.float32("nan"), None), (pd.NA, None),
        (pd.NaT, None), (np.datetime64("NaT"), None), (np.timedelta64("NaT"), None),
        (np.ma.masked, None), (pa.scalar(None), None), (torch.tensor(float("nan")), None),
        (decimal.Decimal("nan"), None), (decimal.Decimal("sNaN"), None),
        (datetime.date(2020, 1, 2), datetime.date(2020, 1, 2)),
        (np.datetime64("2020-01-02T00:00:00", "ns"), datetime.datetime(2020, 1, 2)),
        ({"a": 1}, {"a": 1}), (b"x", b"x"),
    ],
)  # fmt: skip
def test_a_cell_of_any_library_is_a_value_of_pythons_own(cell, expected):
    found = plain(cell)
    assert type(found) is type(expected)
    assert found == expected


def test_beyond_every_float():
    assert plain(fractions.Fraction(10**400, 3)) == float("inf")
    assert plain(decimal.Decimal("1e400")) == float("inf")
