"""`headstart export`."""

from typing import Annotated

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json, Offline


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a saved model.")],
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

        said = api.export(model, out=out, format=format, offline=offline)
        if json:
            give_json(said, stream)
            return
        from headstart.wording import shown

        lines = [f"{shown(said['path'])}: answers like the model, to {said['difference']:.1g}."]
        if said["rounding"]:
            lines.append(
                "That is in 32-bit floats. On this machine the model computes in bfloat16, which "
                f"changed its answers to the same random images by up to {said['rounding']:.1g}."
            )
        if said["crop"] < 1:
            lines.append(
                f"The model looks at the middle of an image, {said['crop']:.0%} of it across and "
                "down; cut that out before you resize it for Keras."
            )
        console(stream).print("\n".join(lines), soft_wrap=True)
