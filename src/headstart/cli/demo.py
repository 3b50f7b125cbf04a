"""`headstart demo`."""

from typing import Annotated

import typer

from headstart.cli.answer import answering, console, give_json, waiting_since
from headstart.cli.options import Json
from headstart.errors import InputError

DEMOS = ("images", "texts")


def demo(
    which: Annotated[
        str | None, typer.Argument(metavar="images|texts", help="One of the two; else both.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Fit on data that ships in packages.

    Photographs of solar cells, and sentences by topic.
    """
    if which is not None and which not in DEMOS:
        raise InputError(f"there is no demo {which!r}; say images, texts or nothing for both.")
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        wanted = DEMOS if which is None else (which,)
        runs = (api.demo(each, ProgressBar(), began=waiting_since()) for each in wanted)
        if json:
            give_json([run.report.to_json() for run in runs], stream)
            return
        from headstart.report.terminal import show_report

        shown = console(stream)
        for run in runs:
            show_report(run.report, shown)
