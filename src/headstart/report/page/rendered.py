"""A template and what it shows become a page."""

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


def save(page: str, out: Path) -> None:
    """Write a page, whole or not at all."""
    with whole(out) as unfinished:
        unfinished.write_text(page, "utf-8")
