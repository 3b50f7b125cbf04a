"""What an option is, and how a value of one is checked."""

from collections.abc import Mapping
from dataclasses import Field, field, fields
from typing import TYPE_CHECKING, TypeVar, get_args

from headstart.errors import InputError
from headstart.registry import Registry
from headstart.values import value_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")
T = TypeVar("T")

COLUMNS = ("input", "label", "prompt", "completion", "group", "time")
"""Options that name columns of a table."""

_SIMPLE = frozenset((str, int, float, bool, type(None)))
DATA, BACKBONE, TRAINING, EVALUATION, OUTPUT = GROUPS = (
    "Data",
    "Backbone",
    "Training",
    "Evaluation",
    "Output",
)
"""Of options, in the order in which help and reference list them."""


def option(
    default: T,
    help: str,
    *,
    group: str | None = DATA,
    choices: tuple[str, ...] | None = None,
    registry: Registry | None = None,
    low: float | None = None,
    high: float | None = None,
) -> T:
    """A dataclass field with what a person needs to know about it.

    `group` is where help lists it; `choices` lists the allowed words, and `registry` has those of
    other packages; `low` and `high` bound a number, both inclusive.
    """
    bounds = {"choices": choices, "registry": registry, "low": low, "high": high}
    return field(default=default, metadata={"help": help, "group": group, **bounds})


def spec_of(kind: type[S], options: Mapping[str, object]) -> S:
    """The spec that keywords from Python make.

    Raises:
        InputError: there is no option of a name, and which is nearest; or a value is wrong.
    """
    known = [each.name for each in fields(kind)]
    for name in options:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
            raise InputError(f"There is no option {name!r}; {hint}")
    return kind(**options)


def chosen(spec: "DataclassInstance") -> dict[str, object]:
    """The options that are not as they are by default, in the order of the spec."""
    values = {each.name: (getattr(spec, each.name), each.default) for each in fields(spec)}
    return {name: value for name, (value, usual) in values.items() if value != usual}


def flag(name: str) -> str:
    """The command-line spelling of an option: `test_size` is `--test-size`."""
    return "--" + name.replace("_", "-")


def check(spec: "DataclassInstance") -> None:
    """Check every field of a spec against its declared type, choices and range.

    What Python code gives in another form, a path or a scalar of numpy, becomes what it stands for.

    Raises:
        InputError: names the option, what it was and what it may be.
    """
    for each in fields(spec):
        value = getattr(spec, each.name)
        kinds = get_args(each.type) or (each.type,)
        if _SIMPLE.issuperset(kinds) and not (each.metadata.get("choices") and _no_text(value)):
            columns = each.name in COLUMNS
            value = value_of(flag(each.name), value, kinds, columns=columns)
            object.__setattr__(spec, each.name, value)
        _check_one(each, value)


def _no_text(value: object) -> bool:
    return not isinstance(value, str)


def _check_one(each: Field[object], value: object) -> None:
    choices, low, high = (each.metadata.get(key) for key in ("choices", "low", "high"))
    others = each.metadata.get("registry") or ()
    if choices is not None and (_no_text(value) or (value not in choices and value not in others)):
        raise InputError(
            f"{flag(each.name)} is {value!r}, but it must be one of {', '.join(choices)}."
        )
    if low is None or high is None or (value is None and each.default is None):
        return
    whole = int in (each.type, *get_args(each.type))
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        what = "a whole number" if whole else "a number"
        raise InputError(
            f"{flag(each.name)} is {value!r}, but it must be {what} from {low:,} to {high:,}."
        )
