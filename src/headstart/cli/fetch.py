"""`headstart fetch`."""

from typing import Annotated

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json, Offline


def fetch(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A backbone, as --backbone takes it.")
    ],
    *,
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="A new folder.")],
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Put a backbone in a folder.

    Carry it to a machine without a network and say --backbone DIR there.
    """
    with answering() as stream:
        from headstart import api

        fetched = api.fetch(name, to, offline=offline)
        if json:
            give_json(fetched.to_json(), stream)
            return
        from headstart.report.listings import show_fetched

        show_fetched(fetched, console(stream))
