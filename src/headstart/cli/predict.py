"""`headstart predict`."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json, takes
from headstart.errors import InputError
from headstart.spec import ItemSpec

if TYPE_CHECKING:
    from headstart.model import Predictions


@takes(ItemSpec)
def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a saved model.")],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Pictures, folders, tables, texts; - reads one a line from standard input.",
        ),
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="A .csv, .jsonl or .parquet file to write."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option("--top", metavar="K", help="Only the K most probable classes of each item."),
    ] = None,
    json: Json = False,
    **options: Any,
) -> None:
    """Ask a saved MODEL about new items.

    At a terminal the answer is a table; elsewhere it is CSV. An item that cannot be read gets a
    row that says why.
    """
    if top is not None and top < 1:
        raise InputError(f"--top is {top}, but it must be 1 or more.")
    path = None
    if out is not None:
        from headstart.cli.write import check_out

        path = check_out(out)
    with answering() as stream:
        from headstart import api
        from headstart.data import Named
        from headstart.report.progress_bar import ProgressBar

        answers = api.predict(model, Named(inputs), progress=ProgressBar(), **options)
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
        from headstart.cli.rows import as_json, rows

        skipped = [dataclasses.asdict(each) for each in answers.skipped]
        said: dict[str, Any] = {} if path is None else {"out": str(path)}
        said |= {"task": answers.task, "classes": list(answers.classes)}
        said["predictions"] = [as_json(row, top) for row in rows(answers, top) if not row.error]
        give_json(said | {"skipped": skipped, "warnings": list(answers.warnings)}, stream)
    elif path is None and not stream.isatty():
        from headstart.cli.write import write_csv
        from headstart.data.names import shown

        write_csv(answers, top, stream)
        for warning in answers.warnings:
            print(f"headstart: {shown(warning)}", file=sys.stderr)
    else:
        from headstart.cli.answer_table import show_answers

        show_answers(answers, top, path, console(stream))
