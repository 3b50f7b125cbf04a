"""`headstart push`."""

from typing import Annotated

import typer

from headstart.cli.answer import answering, console, give_json
from headstart.cli.options import Json

EXAMPLES = (
    "headstart push model me/flowers --dry-run flowers-on-the-hub",
    "headstart push model me/flowers --private",
    "headstart predict hf:me/flowers photo.jpg",
)


def push(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a saved model.")],
    name: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="The repository; it is made if need be.")
    ],
    *,
    private: Annotated[
        bool, typer.Option("--private", help="Nobody else may see the repository.")
    ] = False,
    public_examples: Annotated[
        bool,
        typer.Option(
            "--public-examples",
            help="Upload names, texts and thumbnails of items, and every answer, too.",
        ),
    ] = False,
    message: Annotated[
        str, typer.Option("--message", metavar="TEXT", help="What the commit says.")
    ] = "Upload a model made by headstart",
    dry_run: Annotated[
        str | None,
        typer.Option("--dry-run", metavar="DIR", help="Write it to a new folder; open no socket."),
    ] = None,
    json: Json = False,
) -> None:
    """Upload a saved MODEL to the hub, with its card and its report.

    What goes there is listed first. Others, and you elsewhere, then name it hf:OWNER/NAME.
    """
    with answering() as stream:
        from headstart import api
        from headstart.report.progress_bar import ProgressBar

        pushed = api.push(
            model,
            name,
            private=private,
            public_examples=public_examples,
            message=message,
            dry_run=dry_run,
            progress=ProgressBar(),
        )
        if json:
            give_json(pushed.to_json(), stream)
            return
        from headstart.wording import shown

        if pushed.url is None:
            lines = [f"Written: {shown(str(pushed.folder))}; nothing was uploaded."]
        else:
            here = f"hf:{pushed.repository}"
            lines = [f"Uploaded: {pushed.url}", f"Its name: {here}@{pushed.commit}"]
        console(stream).print("\n".join(lines), soft_wrap=True)
