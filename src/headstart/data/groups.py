"""What items belong to, such as a patient or a video: a column's cells, or a part of a path."""

import re
from collections import Counter
from collections.abc import Sequence

from headstart.data.columns import must_have
from headstart.data.dataset import Dataset
from headstart.data.forms import MISSING_FOLDED
from headstart.data.scalars import plain
from headstart.data.table import Table
from headstart.data.times import time_column
from headstart.errors import DataError
from headstart.spec import FOLDER, LabelledSpec, ReadSpec
from headstart.wording import items, shown

Groups = Sequence[str | None]


def given_groups(given: object, number: int) -> Groups:
    """The groups of so many items that a program gives; none where it gives None.

    Raises:
        DataError: they are no sequence of as many values.
    """
    if given is None:
        return ()
    method = next((m for m in ("to_pylist", "to_list", "tolist") if hasattr(given, m)), None)
    cells = given if method is None else getattr(given, method)()
    if isinstance(cells, (str, bytes)) or not isinstance(cells, Sequence):
        raise DataError("groups must be a sequence with one value for each item.")
    if len(cells) != number:
        raise DataError(f"There are {items(number, 'item')} but {items(len(cells), 'group')}.")
    return [_named(cell) for cell in cells]


def in_table(table: Table, spec: LabelledSpec, used: Sequence[str], kind: str) -> Groups:
    """The group of each row, as `--group` or `--group-by` says; none where neither does.

    Args:
        table: the table.
        spec: how to read it.
        used: the columns that are the input or the label.
        kind: what the input column holds; see `Reads`.

    Raises:
        DataError: there is no such column, it has another use, or there are no paths.
    """
    if spec.group is not None:
        must_have(table, spec.group, "--group")
        if spec.group in used:
            raise DataError(
                f"Column {spec.group!r} cannot be --group and --input or --label too; name two."
            )
        if spec.group in table.encoded_images:
            raise DataError(
                f"Column {spec.group!r} of {table.name} holds images and cannot be --group."
            )
        return [_named(cell) for cell in table.columns[spec.group]]
    if spec.group_by is None:
        return ()
    if kind != "paths":
        raise DataError(
            f"--group-by is for names of files, but {table.name} names none; name the column with "
            "--group."
        )
    if spec.group_by == FOLDER:
        raise DataError(
            f"--group-by {FOLDER} is for a folder with one subfolder per class; of the paths in "
            f"{table.name} a regular expression says the group: '([^/]+)/[^/]+$' is the last "
            "folder."
        )
    cells = table.columns[used[0]]
    return of_paths(["" if cell is None else str(cell) for cell in cells], spec.group_by)


def of_files(paths: Sequence[str], below: Sequence[Sequence[str]], spec: LabelledSpec) -> Groups:
    """The group of each file of a folder.

    Args:
        paths: from the folder, its parts joined with `/`.
        below: the folders of each that are below that of its class.
        spec: how to read it.

    Raises:
        DataError: no file has a group.
    """
    if spec.group_by is None:
        return ()
    if spec.group_by != FOLDER:
        return of_paths(paths, spec.group_by)
    if not any(below):
        raise DataError(
            f"--group-by {FOLDER} is for folders within those of the classes, but there are none; "
            "say with a regular expression which part of a name is the group, or leave it out."
        )
    return [folders[0] if folders else None for folders in below]


def of_paths(paths: Sequence[str], expression: str) -> Groups:
    """What the group of a regular expression holds in each path; None where it does not match.

    Raises:
        DataError: it matches none.
    """
    compiled = re.compile(expression)
    matches = [compiled.search(path.replace("\\", "/")) for path in paths]
    found = [None if match is None else match[1] or None for match in matches]
    if paths and not any(found):
        raise DataError(
            f"--group-by {shown(expression)!r} matches no name, such as {shown(paths[0])!r}; it is "
            r"a regular expression whose group in parentheses is what stays together: '^(.+)_\d+'."
        )
    return found


def refuse_columns(spec: ReadSpec, where: str) -> None:
    """Refuse `--group` and `--time` where there are no columns.

    Raises:
        DataError: says what to do.
    """
    if spec.group is not None:
        raise DataError(f"{where} has no columns, so --group names none; say --group-by instead.")
    if time_column(spec) is not None:
        raise DataError(
            f"{where} has no columns, so --time names none; give a table with the paths and dates."
        )


def said(data: Dataset) -> tuple[str, ...]:
    """What there is to say of the groups of a data set; nothing where there are none."""
    sizes = Counter(group for group in data.groups if group is not None)
    if not sizes:
        return ()
    least, most = min(sizes.values()), max(sizes.values())
    of = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    grouped = sum(sizes.values())
    alone = len(data) - grouped
    others = f"; {items(alone, 'other item')} in none" if alone else ""
    if most == 1:
        return (f"Each of {items(grouped, 'item')} is a group of its own: groups change nothing.",)
    return (
        f"{items(grouped, 'item')} in {items(len(sizes), 'group')} of {of}{others}; a group stays "
        "on one side of every split and in one fold.",
    )


def _named(cell: object) -> str | None:
    """A cell as the name of a group: the same number is the same group, however it is stored."""
    cell = plain(cell)
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = "" if cell is None else str(cell).strip()
    return None if text.casefold() in MISSING_FOLDED else text
