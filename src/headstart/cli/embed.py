"""`headstart embed`."""

from typing import Annotated, Any

import typer

from headstart.cli.answer import answering, console, give_json, waiting_since
from headstart.cli.options import Json, takes
from headstart.spec import OUTPUT, EmbedSpec


@takes(EmbedSpec)
def embed(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A folder, a table, or hf:OWNER/NAME of the hub.")
    ],
    *,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A .lance, .parquet or .npz file.",
            rich_help_panel=OUTPUT,
        ),
    ],
    json: Json = False,
    **options: Any,
) -> None:
    """Write the features of DATA to a file, one row per item."""
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        report = api.embed(
            data,
            out=out,
            progress=ProgressBar(),
            began=waiting_since(),
            **options,
        )
        if json:
            give_json(report.to_json(), stream)
            return
        from headstart.report.terminal import show_embedding

        show_embedding(report, console(stream))
