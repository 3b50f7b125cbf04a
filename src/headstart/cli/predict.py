"""`headstart predict`."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json, ModelName, takes
from headstart.errors import InputError
from headstart.spec import OUTPUT, ItemSpec

if TYPE_CHECKING:
    from headstart.predictors import Predictions


@takes(ItemSpec)
def predict(
    model: ModelName,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Images, folders, tables or texts; - reads one a line from standard input.",
        ),
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A .csv, .jsonl or .parquet file to write.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="K",
            help="Only the K most probable classes of each item.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="COLUMN",
            help="Column of a table to put first in the answers, to join them by.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="DIR",
            help="Folder to write to what speaks for each answer, of the first 100 items: "
            "index.html, explanations.json, and heat maps of images.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json: Json = False,
    **options: Any,
) -> None:
    """Predict new items with a saved MODEL.

    At a terminal the answer is a table; elsewhere it is CSV. An item that cannot be read gets a
    row that says why.
    """
    if top is not None and top < 1:
        raise InputError(f"--top is {top}, but it must be 1 or more.")
    path = None
    if out is not None:
        from headstart.atomic import check_file

        path = check_file(out)
    if explain is not None:
        from headstart.explanations.folder import check_folder

        check_folder(explain)
    with answering() as stream:
        from headstart import api
        from headstart.data import Named
        from headstart.report.progress_bar import ProgressBar
        from headstart.report.rows import refuse_top

        loaded = None if top is None else api.load(model, offline=options["offline"])
        if loaded is not None:
            refuse_top(loaded.task)
        named = Named(inputs)
        answers = api.predict(
            loaded or model, named, id=id, explain=explain, progress=ProgressBar(), **options
        )
        _refuse_nothing(answers)
        if path is not None:
            from headstart.cli.write import write

            write(answers, top, path)
        _give(answers, top, path, json, stream)


def _refuse_nothing(answers: "Predictions") -> None:
    answered = len(answers) - sum(error is not None for error in answers.errors)
    if answered or not answers.skipped:
        return
    first, number = answers.skipped[0], len(answers.skipped)
    if number == 1:
        raise InputError(f"{first.item} cannot be read: {first.reason}.")
    raise InputError(
        f"none of {number:,} items can be read; the first, {first.item}: {first.reason}."
    )


def _give(
    answers: "Predictions", top: int | None, path: Path | None, json: bool, stream: TextIO
) -> None:
    if json:
        from headstart.report.rows import as_json, id_key, rows

        skipped = [dataclasses.asdict(each) for each in answers.skipped]
        said: dict[str, object] = {} if path is None else {"out": str(path)}
        said |= {"task": answers.task, "classes": list(answers.classes)}
        id = id_key(answers)
        said["predictions"] = [as_json(row, top, id) for row in rows(answers, top) if not row.error]
        give_json(said | {"skipped": skipped, "warnings": list(answers.warnings)}, stream)
    elif path is None and not stream.isatty():
        from headstart.cli.write import write_csv
        from headstart.wording import shown

        write_csv(answers, top, stream)
        for warning in answers.warnings:
            print(f"headstart: {shown(warning)}", file=sys.stderr)
    else:
        from headstart.cli.answer_table import show_answers

        show_answers(answers, top, path, console(stream))
