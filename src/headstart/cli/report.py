"""`headstart report`."""

from typing import Annotated

import typer

from headstart.cli.answer import answering, give_json
from headstart.cli.options import Json, ModelName, Offline, Private

EXAMPLES = (
    "headstart report model --open",
    "headstart report model --private --out for-others.html",
)


def report(
    model: ModelName,
    *,
    open: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="An .html file; by default report.html in MODEL, or report-private.html.",
        ),
    ] = None,
    private: Private = False,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Make the page of a saved MODEL again, also without its data."""
    with answering() as stream:
        from headstart import api

        page = api.report(model, out=out, private=private, offline=offline)
        shown = _opened(page.as_uri()) if open else False
        if json:
            give_json({"page": str(page), "opened": shown}, stream)
            return
        from headstart.wording import shown as safe

        stream.write(f"{safe(str(page))}\n")
        if open and not shown:
            stream.write("There is no browser to show it in; open that file in one.\n")


def _opened(address: str) -> bool:
    """Whether a browser took the page."""
    import webbrowser

    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
