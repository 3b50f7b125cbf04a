"""A template and what it shows become a page."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from headstart.atomic import whole


def rendered(template: str, **parts: Any) -> str:
    """The HTML of a page; every text in `parts` is shown as text."""
    environment = Environment(
        loader=PackageLoader("headstart.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**parts)


def contents(parts: Collection[tuple[str, str, object]]) -> list[tuple[str, str]]:
    """Key and title of each part of a page that has something to show."""
    return [(key, title) for key, title, part in parts if part]


def save(page: str, out: Path) -> None:
    """Write a page, whole or not at all."""
    with whole(out) as unfinished:
        unfinished.write_text(page, "utf-8")
