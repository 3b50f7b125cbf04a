"""`headstart backbones`."""

from dataclasses import asdict
from typing import Annotated

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json


def backbones(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show this one, stage by stage.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the pretrained networks, or show the stages of one."""
    with answering() as stream:
        from headstart import api

        if json:
            every = [asdict(entry) for entry in api.catalogue()]
            give_json(every if name is None else api.describe(name), stream)
            return
        from headstart.report import listings

        if name is None:
            listings.show_backbones(api.catalogue(), console(stream))
        else:
            listings.show_backbone(api.describe(name), console(stream))
