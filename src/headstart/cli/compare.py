"""`headstart compare`."""

from typing import Annotated, Any

import typer

from headstart.cli.answer import answering, console, give_json, waiting_since
from headstart.cli.options import Json, Page, Private, takes
from headstart.spec import EVALUATION, LabelledSpec

EXAMPLES = (
    "headstart compare model-a model-b new-photos/ --page compared.html",
    "headstart compare model-a model-b answers-of-another-tool.csv",
)


@takes(LabelledSpec)
def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL MODEL... [DATA]",
            help="Folders of saved models, hf:OWNER/NAME, or tables of answers "
            "(predictions.parquet); and last, items with their labels, which every model answers "
            "for. Without DATA the answers saved with the models count.",
        ),
    ],
    *,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Compare within each value of this column of DATA, or of a table of answers.",
            rich_help_panel=EVALUATION,
        ),
    ] = None,
    page: Page = None,
    private: Private = False,
    json: Json = False,
    **options: Any,
) -> None:
    """Compare models on the same items, as pairs of answers."""
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        report = api.compare(
            *models,
            by=by,
            page=page,
            private=private,
            progress=ProgressBar(),
            began=waiting_since(),
            **options,
        )
        if json:
            give_json(report.to_json(), stream)
        else:
            report.show_on(console(stream))
