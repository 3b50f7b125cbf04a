"""Figures of slices of the test items, for the page."""

from dataclasses import dataclass

from headstart.evaluation.slices import Slice, Sliced
from headstart.report.page.content import read_interval
from headstart.report.page.drawing import Table
from headstart.report.result import METRICS, slice_cells, slices_said
from headstart.types import Unchecked
from headstart.wording import capital, shown


@dataclass(frozen=True)
class Slices:
    """What slices are of, and a row for each; and how to read them."""

    title: str
    table: Table
    about: str


def slices(report: Unchecked, *, private: bool) -> list[Slices]:
    """Each way in which the report slices the test items; none of an older report.

    Private: by their size alone, for the values of a column may name somebody.
    """
    found = [_read(each) for each in report.get("slices") or ()]
    found = [each for each in found if not (private and each.column)]
    return [Slices(f"By {shown(each.by)}", _table(each), slices_said(found)) for each in found]


def _read(found: Unchecked) -> Sliced:
    return Sliced(
        str(found["by"]),
        str(found["metric"]),
        tuple(
            Slice(
                str(each["name"]),
                int(each["items"]),
                read_interval(each["found"]),
                read_interval(each["difference"]),
            )
            for each in found["slices"]
        ),
        bool(found.get("column", True)),
    )


def _table(found: Sliced) -> Table:
    metric = METRICS[found.metric].rstrip(" *")
    header = (
        *("Slice", "Items", capital(metric), "95% interval"),
        *("Difference to the rest", "95% interval of it"),
    )
    return Table(header, tuple(slice_cells(each, found.metric) for each in found.slices))
