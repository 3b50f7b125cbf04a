"""`headstart evaluate`."""

from typing import Annotated, Any

import typer

from headstart.cli.answer import answering, console, give_json, waiting_since
from headstart.cli.options import Json, ModelName, takes
from headstart.spec import EVALUATION, OUTPUT, LabelledSpec


@takes(LabelledSpec)
def evaluate(
    model: ModelName,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Items with their labels.")],
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A .parquet, .csv or .jsonl file for the label and the answer of every item.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Measure within each value of this column of DATA too.",
            rich_help_panel=EVALUATION,
        ),
    ] = None,
    json: Json = False,
    **options: Any,
) -> None:
    """Evaluate a saved MODEL on other DATA."""
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        report = api.evaluate(
            model, data, out=out, by=by, progress=ProgressBar(), began=waiting_since(), **options
        )
        if json:
            give_json(report.to_json(), stream)
            return
        from headstart.report.terminal import show_evaluation

        show_evaluation(report, console(stream))
