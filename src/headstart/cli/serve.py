"""`headstart serve`."""

import os
from dataclasses import replace
from typing import Annotated, Any

import typer

from headstart.cli.options import takes
from headstart.spec import ServeSpec

EXAMPLES = (
    "headstart serve model",
    "headstart serve cats=runs/1 dogs=runs/2 --port 9000",
)


@takes(ServeSpec)
def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Folders of saved models; NAME=FOLDER gives one another name in addresses.",
        ),
    ],
    **options: Any,
) -> None:
    """Answer over HTTP with saved models, and show a page to try them on.

    Address / is the page, /docs describes the rest. It stops at Ctrl-C or SIGTERM, when all that
    was asked is answered.
    """
    spec = ServeSpec(**options)
    if spec.token is None and os.environ.get("HEADSTART_TOKEN"):
        spec = replace(spec, token=os.environ["HEADSTART_TOKEN"])
    from headstart.serving import running

    running.serve(models, spec)
