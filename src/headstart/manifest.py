"""What model.json may say: each key of the right kind and in its range, checked before use.

A seal tells damage, not absurdity: whoever writes a file can seal it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard, get_args

from headstart.data.dataset import Modality, Task
from headstart.preprocessing import Interpolation
from headstart.types import Unchecked

MOST_SIDE, MOST_TOKENS, MOST_CLASSES = 4096, 1 << 20, 1_000_000
MOST_ROWS = 1 << 31

Check = Callable[[object], bool]
Expected = tuple[Check, str]


def whole(low: int, high: int) -> Expected:
    """A whole number in a range; true and false are none."""
    return (
        lambda value: type(value) is int and low <= value <= high,
        f"a whole number from {low:,} to {high:,}",
    )


def _one_of(*choices: str) -> Expected:
    return lambda value: value in choices, f"one of {', '.join(choices)}"


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and math.isfinite(value)


def _three(low: float) -> Expected:
    def check(value: object) -> bool:
        return (
            isinstance(value, (list, tuple))
            and len(value) == 3
            and all(_is_number(each) and each > low for each in value)
        )

    return check, "three numbers" if low == -math.inf else f"three numbers above {low:g}"


MODEL: Mapping[str, Expected] = {
    "task": _one_of(*get_args(Task)),
    "modality": _one_of(*get_args(Modality)),
    "classes": (
        lambda value: (
            isinstance(value, list)
            and len(value) <= MOST_CLASSES
            and all(isinstance(each, str) for each in value)
            and len(set(value)) == len(value)
        ),
        "a list of different names",
    ),
    "preprocessing": (lambda value: isinstance(value, dict), "an object"),
    "head": (
        lambda value: (
            isinstance(value, dict)
            and isinstance(value.get("name"), str)
            and isinstance(value.get("settings"), dict)
        ),
        "an object with a name and settings",
    ),
    "temperature": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "precision": _one_of("bfloat16", "float32"),
}
OPTIONAL: Mapping[str, Expected] = {
    "width": (lambda value: value is None or (type(value) is int and value > 0), "null or above 0"),
    "backbone": (
        lambda value: isinstance(value, dict) and isinstance(value.get("name"), str),
        "an object with a name",
    ),
    "cut": (lambda value: value is None or isinstance(value, str), "null or a name"),
    "strategy": (lambda value: isinstance(value, str), "a name"),
    "seed": whole(0, 2**32 - 1),
    "folds": whole(2, 100),
    "metrics": (
        lambda value: (
            isinstance(value, dict)
            and all(
                isinstance(each, dict)
                and {"value", "low", "high"} <= set(each)
                and all(number is None or _is_number(number) for number in each.values())
                for each in value.values()
            )
        ),
        "an object of value, low and high",
    ),
    "versions": (lambda value: isinstance(value, dict), "an object"),
}
PREPROCESSING: Mapping[str, Mapping[str, Expected]] = {
    "image": {
        "modality": _one_of("image"),
        "height": whole(1, MOST_SIDE),
        "width": whole(1, MOST_SIDE),
        "crop_fraction": (lambda value: _is_number(value) and 0 < value <= 1, "above 0, at most 1"),
        "interpolation": _one_of(*get_args(Interpolation)),
        "mean": _three(-math.inf),
        "std": _three(0),
    },
    "text": {
        "modality": _one_of("text"),
        "max_tokens": whole(1, MOST_TOKENS),
        "pad_id": whole(0, MOST_ROWS),
    },
}


def check(about: Unchecked) -> None:
    """Check what a model that answers says of itself.

    Raises:
        ValueError: names the key, what it holds, and what it must be.
    """
    _check(about, MODEL, "")
    check_made(about)
    _check(about["preprocessing"], PREPROCESSING[about["modality"]], "preprocessing.")
    for key in ("keep_aspect_ratio", "squash"):  # the latter in older models
        if type(about["preprocessing"].get(key, False)) is not bool:
            raise ValueError(f"'preprocessing.{key}' must be true or false")
    least = {"classification": 2, "multilabel": 1, "regression": 0}[about["task"]]
    count = len(about["classes"])
    if count < least or (least == 0 and count):
        raise ValueError(f"'classes' holds {count}, which does not fit the task {about['task']}")


def check_made(about: Unchecked) -> None:
    """Check what a model of any kind says of how it was made.

    Raises:
        ValueError: names the key, what it holds, and what it must be.
    """
    _check(about, {key: OPTIONAL[key] for key in OPTIONAL if key in about}, "")


def _check(said: Unchecked, expected: Mapping[str, Expected], inside: str) -> None:
    for key, (fits, words) in expected.items():
        if key not in said:
            raise ValueError(f"{inside + key!r} is missing")
        try:
            good = fits(said[key])
        except TypeError:  # a list where a word is looked up
            good = False
        if not good:
            raise ValueError(f"{inside + key!r} is {str(said[key])[:60]!r}, but must be {words}")
