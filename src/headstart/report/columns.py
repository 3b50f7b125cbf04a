"""The one look of every table."""

from collections.abc import Collection, Sequence
from typing import Literal

from rich.table import Table
from rich.text import Text

from headstart.wording import shown


def columns(names: Sequence[str], right: Collection[str] = ()) -> Table:
    """A table without lines; the columns in `right` are numbers, set flush right.

    In a terminal that is too narrow a cell folds, so that no digit is lost.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        side: Literal["right", "left"] = "right" if name in right else "left"
        table.add_column(Text(shown(name)), justify=side, overflow="fold")
    return table
