"""`headstart embed`."""

from typing import Annotated, Any

import typer

from headstart.cli.answer import answering, console, give_json, waiting_since
from headstart.cli.options import Json, takes
from headstart.spec import BACKBONE, OUTPUT, POOLS, ItemSpec


@takes(ItemSpec)
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
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            metavar="TEXT",
            help="Pretrained network; see `backbones`.",
            rich_help_panel=BACKBONE,
        ),
    ] = None,
    cut: Annotated[
        str | None,
        typer.Option(
            "--cut",
            metavar="STAGE",
            help="Stop after this stage, not after the last.",
            rich_help_panel=BACKBONE,
        ),
    ] = None,
    pool: Annotated[
        str,
        typer.Option(
            "--pool",
            metavar="|".join(POOLS),
            help="How the last stage becomes one vector.",
            rich_help_panel=BACKBONE,
        ),
    ] = "auto",
    json: Json = False,
    **options: Any,
) -> None:
    """Write the features of DATA to a file, one row per item."""
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        report = api.embed(
            data,
            backbone=backbone,
            cut=cut,
            pool=pool,
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
