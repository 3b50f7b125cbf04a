"""`headstart check`."""

from typing import Annotated, Any

import typer

from headstart.cli.answer import answering, console, give_json, waiting_since
from headstart.cli.options import Json, Page, Private, takes
from headstart.spec import OUTPUT, CheckSpec

EXAMPLES = (
    "headstart check photos/ --out suspects.csv --page findings.html",
    "headstart fit photos/ --out model --corrections suspects.csv",
)


@takes(CheckSpec)
def check(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="As for fit: a folder, a table, or hf:OWNER/NAME.")
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A .csv file for the suspects, with columns to fill in: the corrected label, or "
            "that an item is to be left out.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    page: Page = None,
    private: Private = False,
    json: Json = False,
    **options: Any,
) -> None:
    """Look for copies, leaks, wrong labels and shortcuts in DATA."""
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        report = api.check(
            data,
            out=out,
            page=page,
            private=private,
            progress=ProgressBar(),
            began=waiting_since(),
            **options,
        )
        if json:
            give_json(report.to_json(), stream)
        else:
            report.show_on(console(stream))
