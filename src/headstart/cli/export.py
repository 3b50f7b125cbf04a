"""`headstart export`."""

from typing import Annotated

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json, ModelName, Offline


def export(
    model: ModelName,
    *,
    format: Annotated[
        str,
        typer.Option("--format", metavar="keras", help="What to write: keras, one .keras file."),
    ],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The file to write.")],
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Write a saved MODEL as a file for another library."""
    with answering() as stream:
        from headstart import api

        exported = api.export(model, out=out, format=format, offline=offline)
        if json:
            give_json(exported.to_json(), stream)
            return
        from headstart.wording import shown

        lines = [f"Written: {shown(exported.path)}", *exported.notes]
        console(stream).print("\n".join(lines), soft_wrap=True)
