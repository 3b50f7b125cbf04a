"""Tables for notebooks: plain HTML, every cell escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of texts."""
    body = "".join(_row("td", row) for row in rows)
    return f"<table><thead>{_row('th', header)}</thead><tbody>{body}</tbody></table>"


def _row(kind: str, cells: Sequence[str]) -> str:
    inside = "".join(f"<{kind} style='text-align: left'>{escape(cell)}</{kind}>" for cell in cells)
    return f"<tr>{inside}</tr>"
