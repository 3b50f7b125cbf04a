"""`headstart serve`."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer

from headstart.cli.answer import give_json
from headstart.cli.options import Json, takes
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
            help="Folders of saved models, or hf:OWNER/NAME; NAME=FOLDER gives one another name "
            "in addresses.",
        ),
    ],
    *,
    json: Json = False,
    **options: Any,
) -> None:
    """Serve saved models over HTTP, with a page to try them on.

    Address / is the page, /docs describes the rest. It stops at Ctrl-C or SIGTERM, when all that
    was asked is answered.
    """
    spec = ServeSpec(**options)
    if spec.token is None and os.environ.get("HEADSTART_TOKEN"):
        spec = replace(spec, token=os.environ["HEADSTART_TOKEN"])
    from headstart.serving import running

    def say(address: str, about: Mapping[str, str]) -> None:
        if json:
            give_json({"address": address, "models": dict(about)}, sys.stdout)
        else:
            for name, model in about.items():
                print(f"Serving {name}: {model}")
            print(f"At {address} (Ctrl-C stops)")
        sys.stdout.flush()

    running.serve(models, spec, say)
