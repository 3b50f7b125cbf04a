"""`headstart fit`."""

from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json, takes
from headstart.errors import InputError
from headstart.spec import FitSpec

if TYPE_CHECKING:
    from headstart.generation.report import GenerationReport


@takes(FitSpec)
def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A folder with one subfolder per class, a CSV, TSV, JSONL or Parquet table, "
            "or the name of a hub data set.",
        ),
    ],
    *,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the model.")],
    json: Json = False,
    **options: Any,
) -> None:
    """Train a model on DATA, measure it and save it."""
    if not out:
        raise InputError("--out is empty; name a folder for the model.")
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        if options["task"] == "generation":
            written = api.fit(data, out=out, progress=ProgressBar(), **options).report
            _give_texts(written, json, stream)
            return
        report = api.fit(data, out=out, progress=ProgressBar(), **options).report
        if json:
            give_json(report.to_json(), stream)
            return
        from headstart.report.terminal import show_report

        show_report(report, console(stream))


def _give_texts(report: "GenerationReport", json: bool, stream: TextIO) -> None:
    if json:
        give_json(report.to_json(), stream)
        return
    from headstart.generation.report import show_generation

    show_generation(report, console(stream))
