"""What a measurement found, as a table and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and the bar it is held to, if any.

    Attributes:
        at_least, at_most: the bar; at most one of the two.
    """

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return "" if self.at_most is None else f"at most {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one measurement.

    Attributes:
        settings: what they depend on: sizes, precision, seeds, the figures of each round.
    """

    name: str
    title: str
    figures: tuple[Figure, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        figures = [asdict(each) | {"met": each.met} for each in self.figures]
        return {
            "name": self.name,
            "title": self.title,
            "figures": figures,
            "settings": dict(self.settings),
        }

    def table(self) -> "Table":
        """The figures, one a row."""
        from rich.table import Table

        caption = "\n".join(f"{key}: {value}" for key, value in self.settings.items())
        table = Table(
            title=f"{self.name}: {self.title}",
            caption=caption,
            title_justify="left",
            caption_justify="left",
        )
        for heading in ("figure", "value", "unit", "bar", "met"):
            table.add_column(heading, justify="right" if heading == "value" else "left")
        for each in self.figures:
            met = {True: "yes", False: "NO", None: ""}[each.met]
            table.add_row(each.name, _readable(each.value), each.unit, each.bar, met)
        return table


def _readable(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
