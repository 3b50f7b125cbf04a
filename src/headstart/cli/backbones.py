"""`headstart backbones`."""

from dataclasses import asdict
from typing import Annotated

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json, Offline


def backbones(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show this one, stage by stage.")
    ] = None,
    *,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """List the pretrained networks, or show the stages of one.

    A network that is not on this machine yet is downloaded to show its stages.
    """
    with answering() as stream:
        from headstart import api

        every = api.catalogue() if name is None else ()
        about = None if name is None else api.describe(name, offline=offline)
        here = [api.is_cached(entry) for entry in every]
        if json:
            listed = [
                {**asdict(entry), "here": found} for entry, found in zip(every, here, strict=True)
            ]
            give_json(about.to_json() if about else listed, stream)
            return
        from headstart.report import listings

        if about:
            listings.show_backbone(about, console(stream))
        else:
            listings.show_backbones(every, here, api.ways(), console(stream))
