"""Several classes for an item: lists, texts with a separator, rows of 0 and 1, a column each."""

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence

from headstart.data.dataset import Labels
from headstart.data.forms import MISSING, form, is_truth, ordered, unified
from headstart.data.scalars import plain
from headstart.errors import DataError
from headstart.types import Label
from headstart.wording import items, shown, some

RowName = Callable[[int], str]

_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_SIDE_BY_SIDE = re.compile(r"""['"]\s+['"]""")
_SEPARATORS = (
    (re.compile(r"[|;；]"), "'|' or ';'"),
    (re.compile(r"[,，、]"), "','"),
    (re.compile(r"\s[/&+]\s"), "'/', '&' or '+' between blanks"),
    (re.compile(r"\s+"), "blanks"),
)
_YES = {"1", "true", "yes", "y", "x", "t"}
_NO = {"0", "false", "no", "n", "f"}
_LONGEST = 100_000


def unpacked(values: Sequence[object], *, asked: bool) -> list[object]:
    """Texts that hold a list, as Python, JSON or numpy write it, as lists.

    Args:
        values: of a column.
        asked: whether several classes are asked for; else all are `[...]`, or there is a list of
            several texts among them.
    """
    bare = [_under_a_name(value) for value in values]
    opening = tuple(_BRACKETS) if asked else ("[",)
    texts = {value for value in bare if isinstance(value, str) and value}
    if texts and all(_is_list(text, opening) for text in texts):
        return [_list(value) if isinstance(value, str) and value else value for value in bare]
    lists = {text: found for text in texts if (found := _written(text)) is not None}
    if not asked and not any(_are_texts(each) and len(each) > 1 for each in lists.values()):
        return bare
    return [list(lists[v]) if isinstance(v, str) and v in lists else v for v in bare]


def alone(values: Sequence[object]) -> list[object] | None:
    """What lists of one hold; None where some hold several, or none."""
    lists = _lists(values)
    if lists is None or not all(len(each) == 1 for each in lists):
        return None
    found = iter(lists)
    return [None if value is None else next(found)[0] for value in values]


def one_hot(values: Sequence[object]) -> list[object] | None:
    """The places of the ones, where every list is zeros and a one; None where not."""
    lists = _lists(values)
    rows = None if lists is None else _hot(lists)
    if rows is None or any(row is not None and len(row) != 1 for row in rows):
        return None
    found = iter(rows)
    places = [None if value is None else next(found) for value in values]
    return [None if place is None else place[0] for place in places]


def _lists(values: Sequence[object]) -> list[list[object]] | None:
    """The lists in a column that has nothing else but missing cells; None for any other."""
    given = [value for value in values if value is not None]
    lists = [value for value in given if isinstance(value, list)]
    return lists if len(lists) == len(given) else None


def several(
    values: Sequence[object],
    row_name: RowName,
    named: Callable[[object, Callable[[], str]], str | None] | None,
    separator: str | None,
    none: frozenset[int],
) -> Labels:
    """Labels of any number of classes.

    Args:
        values: lists; texts, which are split; or one value each.
        row_name: what to call a row.
        named: from a class number to its name, where cells are such numbers.
        separator: between the classes in a text; guessed where None.
        none: rows that are empty, in a column of texts: they have none of the classes.

    Raises:
        DataError: lists of numbers that are neither classes nor 0 and 1.
    """
    parted, notes, sign = _split(values, separator)
    if none:
        notes.append(
            f"{items(len(none), 'empty label')}, such as that of {row_name(min(none))}, taken as "
            "none of the classes; write NA where a label is not known."
        )
    rows: list[list[object] | None] = [
        [] if at in none else value if value is None or isinstance(value, list) else [value]
        for at, value in enumerate(parted)
    ]
    lists = [row for row in rows if row is not None]
    if named is not None:
        return Labels("multilabel", _named(rows, row_name, named), (), tuple(notes), sign)
    hot = _hot(lists)
    if hot is None:
        _refuse_amounts(rows, row_name)
    else:
        found = iter(hot)
        rows = [None if row is None else next(found) for row in rows]
        notes.append("Lists of 0 and 1 are taken as one class for each place: 0, 1, 2, ...")
    flat = [part for row in rows if row is not None for part in row]
    names, warnings, said = unified(flat)
    taken = iter(names)
    labels: list[Label | None] = []
    for row in rows:
        here = None if row is None else {next(taken) for _ in row}
        labels.append(None if here is None else tuple(ordered(n for n in here if n is not None)))
    return Labels("multilabel", labels, warnings, (*notes, *said), sign)


def hint(names: Sequence[str]) -> tuple[str, ...]:
    """A hint where the names of classes look like several classes each."""
    for pattern, what in _SEPARATORS:
        parts = {name: [p for p in pattern.split(name) if p.strip()] for name in names}
        joined = [name for name, each in parts.items() if len(each) > 1]
        distinct = {part.strip() for each in parts.values() for part in each}
        # Words of one name recur too: "very good", "good", "very bad".
        often = 2 if what == "blanks" else 1
        if len(joined) > 1 and often * len(distinct) <= len(names):
            return (
                f"Labels such as {some(joined, 2)} look like several classes each, separated by "
                f"{what}; --task multilabel splits them.",
            )
    return ()


def indicators(
    columns: Mapping[str, Sequence[object]], row_name: RowName, task: str = "auto"
) -> Labels:
    """Labels from one column for each class, whose cells say yes (1, true) or no (0, false).

    Where the columns say only yes, an empty cell is a no; where they say both, it is missing.
    -1 is a no in columns without 0. With `auto`, one yes in every row is one class for each.

    Raises:
        DataError: a cell that says neither, or, for classification, a row without one yes.
    """
    if task == "regression":
        raise DataError("Several --label columns are --task multilabel, not regression.")
    words = {name: [_word(cell) for cell in cells] for name, cells in columns.items()}
    used = {word for each in words.values() for word in each}
    no = {*_NO, "-1"} if "-1" in used and "0" not in used else _NO
    blank_is_no = not used & no
    labels: list[Label | None] = []
    for row, cells in enumerate(zip(*words.values(), strict=True)):
        for name, word in zip(columns, cells, strict=True):
            if word and word not in _YES | no:
                raise DataError(
                    f"{row_name(row)}: {shown(word)[:40]!r} in label column {name!r} is neither "
                    "0 nor 1; with several --label columns each must say yes or no."
                )
        present = [name for name, word in zip(columns, cells, strict=True) if word in _YES]
        labels.append(tuple(ordered(present)) if all(cells) or blank_is_no else None)
    note = ("Empty cells of the label columns count as no: none of them says no.",)
    notes = note if blank_is_no and "" in used else ()
    return _exclusive(labels, row_name, task, notes)


def _exclusive(
    labels: list[Label | None], row_name: RowName, task: str, notes: tuple[str, ...]
) -> Labels:
    other = next((r for r, x in enumerate(labels) if isinstance(x, tuple) and len(x) != 1), None)
    if task == "classification" and other is not None:
        raise DataError(
            f"{row_name(other)}: not just one of the label columns says yes, as --task "
            "classification needs; say --task multilabel."
        )
    if task == "multilabel" or other is not None:
        return Labels("multilabel", labels, notes=notes)
    why = (
        "The task is classification: the label columns say yes just once in every row (a guess; "
        "--task multilabel says otherwise).",
    )
    one = [x[0] if isinstance(x, tuple) else None for x in labels]
    return Labels("classification", list(one), notes=notes + why * (task == "auto"))


def _word(cell: object) -> str:
    value = plain(cell)
    word = "" if value is None else form(value)
    return "" if word in MISSING else word.casefold()


def _is_list(text: str, opening: tuple[str, ...]) -> bool:
    text = text.strip()
    return text.startswith(opening) and text.endswith(_BRACKETS[text[0]]) and len(text) < _LONGEST


def _under_a_name(value: object) -> object:
    """The list in an object that holds nothing else, as Label Studio writes several choices."""
    if isinstance(value, str) and _is_list(value, ("{",)):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        listed = _under_a_name(found)
        return listed if isinstance(listed, list) else value
    if isinstance(value, Mapping) and len(value) == 1:
        (inner,) = value.values()
        return list(inner) if isinstance(inner, list | tuple) else value
    return value


def _are_texts(parts: Sequence[object]) -> bool:
    return all(isinstance(part, str) for part in parts)


def _written(text: str) -> list[object] | None:
    """The list, tuple or set that a text is, as Python or JSON writes one; None for any other."""
    if text.strip() == "set()":
        return []
    if not _is_list(text, tuple(_BRACKETS)):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text.strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return list(found) if isinstance(found, list | tuple | set) else None
    return None


def _list(text: str) -> list[object]:
    text = text.strip()
    inner = text[1:-1].strip()
    if not inner:
        return []
    # Python joins texts side by side; numpy prints them so.
    if not _SIDE_BY_SIDE.search(inner):
        for read in (json.loads, ast.literal_eval):
            try:
                found = plain(read(text))
            except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
                continue
            if isinstance(found, list):
                return found
            break
    parts = inner.split(",") if "," in inner else inner.split()
    return [part.strip().strip("'\"") for part in parts if part.strip()]


def _split(
    values: Sequence[object], separator: str | None
) -> tuple[list[object], list[str], str | None]:
    """Texts as lists of their parts; notes; and the sign between them, where it is one."""
    texts = [value for value in values if isinstance(value, str)]
    notes: list[str] = []
    if separator is not None:
        pattern: re.Pattern[str] | None = re.compile(re.escape(separator))
    elif any(isinstance(value, list) for value in values):
        pattern = None  # what is beside lists is one class, whatever is in its name
    else:
        known = (each for each in _SEPARATORS if any(each[0].search(text) for text in texts))
        pattern, what = next(known, (None, ""))
        if pattern is not None:
            notes.append(f"Labels are split at {what} (a guess; --separator says otherwise).")
    signs = {sign for text in texts for sign in pattern.findall(text)} if pattern else set()
    rows = [
        [part.strip() for part in (pattern.split(value) if pattern else [value]) if part.strip()]
        if isinstance(value, str)
        else value
        for value in values
    ]
    return rows, notes, signs.pop() if len(signs) == 1 else None


def _named(
    rows: Sequence[list[object] | None],
    row_name: RowName,
    named: Callable[[object, Callable[[], str]], str | None],
) -> list[Label | None]:
    labels: list[Label | None] = []
    for at, row in enumerate(rows):
        if row is None:
            labels.append(None)
            continue
        names = {named(part, lambda at=at: row_name(at)) for part in row}  # type: ignore[misc]
        labels.append(tuple(ordered(name for name in names if name is not None)))
    return labels


def _hot(lists: Sequence[list[object]]) -> list[list[object] | None] | None:
    """The places of the ones, where all are lists of 0 and 1 of one length; None for others.

    A row that lacks a value is None. -1 is taken as 0 where there is no 0.
    """
    width = len(lists[0]) if lists else 0
    if width < 2 or any(len(row) != width for row in lists):
        return None
    bits = [[_bit(value) for value in row] for row in lists]
    used = {bit for row in bits for bit in row} - {""}
    if used not in ({"0", "1"}, {"-1", "1"}):
        return None
    return [None if "" in row else [at for at, bit in enumerate(row) if bit == "1"] for row in bits]


def _bit(value: object) -> str:
    name = "" if value is None else form(value)
    return str(int(name.casefold() == "true")) if is_truth(name) else name


def _refuse_amounts(rows: Sequence[list[object] | None], row_name: RowName) -> None:
    """Lists of measurements, or of 0 and 1 with other numbers among them, name no classes."""
    lengths = {len(row) for row in rows if row is not None}
    for at, row in enumerate(rows):
        for part in row or ():
            if isinstance(part, (list, tuple, set, dict, bytes)):
                raise DataError(
                    f"{row_name(at)}: a list of labels holds a {type(part).__name__}; each must be "
                    "text or a number."
                )
        numbers = [part for part in row or () if isinstance(part, (int, float))]
        fraction = next((x for x in numbers if isinstance(x, float) and not x.is_integer()), None)
        if fraction is not None:
            raise DataError(
                f"{row_name(at)}: the label is a list with the number {fraction:.6g}; lists name "
                "classes, or hold 0 and 1. For --task regression give one number for each item."
            )
        if len(lengths) == 1 and len(numbers) > len(set(numbers)):
            raise DataError(
                f"{row_name(at)}: the label is the list {shown(str(row))[:60]}, in which a number "
                "is there twice; lists name classes, or hold 0 and 1."
            )
