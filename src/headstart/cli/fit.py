"""`headstart fit`."""

from typing import Annotated, Any

import typer

from headstart.cli.answer import answering, console, give_json, waiting_since
from headstart.cli.options import Json, takes
from headstart.errors import InputError
from headstart.spec import OUTPUT, FitSpec

EXAMPLES = (
    "headstart fit photos/ --out model --budget 10m",
    "headstart fit reviews.csv --input review --label stars --out model",
)


@takes(FitSpec)
def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A folder with one subfolder per class, a CSV, TSV, JSON, Parquet or Excel table, "
            "or hf:OWNER/NAME, a data set of the hub.",
        ),
    ],
    *,
    out: Annotated[
        str,
        typer.Option("--out", metavar="DIR", help="Folder for the model.", rich_help_panel=OUTPUT),
    ],
    json: Json = False,
    **options: Any,
) -> None:
    """Train a model on DATA, measure it and save it."""
    if not out:
        raise InputError("--out is empty; name a folder for the model.")
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        report = api.fit(
            data, out=out, progress=ProgressBar(), began=waiting_since(), **options
        ).report
        if json:
            give_json(report.to_json(), stream)
        else:
            report.show_on(console(stream))
