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
        typer.Option(
            "--format",
            metavar="onnx|openvino|keras",
            help="What to write: a folder with a graph (onnx, openvino), or one .keras file.",
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="PATH", help="The folder, or the file, to write.")
    ],
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            metavar="float32|float16|int8",
            help="Of the network, for onnx and openvino: float16 stores its weights in half the "
            "space, int8 computes with integers; refused where it does not answer like the model.",
        ),
    ] = "float32",
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Items to check the export on; by default the model's own validation and test "
            "items.",
        ),
    ] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Write a saved MODEL for another library, and check its answers."""
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        exported = api.export(
            model,
            out=out,
            format=format,
            precision=precision,
            data=data,
            offline=offline,
            progress=ProgressBar(),
        )
        if json:
            give_json(exported.to_json(), stream)
            return
        from headstart.wording import shown

        lines = [f"Written: {shown(exported.path)}", *exported.notes]
        console(stream).print("\n".join(lines), soft_wrap=True)
