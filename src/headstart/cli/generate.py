"""`headstart generate`."""

import sys
from typing import Annotated, Any

import typer

from headstart.cli.answer import answering, give_json
from headstart.cli.failure import STOPPED
from headstart.cli.options import Json, Offline, takes
from headstart.errors import InputError
from headstart.spec import GenerateSpec


@takes(GenerateSpec)
def generate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Folder of a model that writes texts, or hf:OWNER/NAME."
        ),
    ],
    prompt: Annotated[
        str,
        typer.Argument(
            metavar="PROMPT", help="The beginning of the text; - reads it from standard input."
        ),
    ],
    *,
    offline: Offline = False,
    json: Json = False,
    **options: Any,
) -> None:
    """Generate text with a saved MODEL, and show it as it comes.

    Such a model is made by `headstart fit --task generation`. The same seed gives the same text.
    """
    with answering() as stream:
        from headstart import api
        from headstart.generation.sample import Written
        from headstart.wording import harmless

        given = _standard_input() if prompt == "-" else prompt
        written = Written()
        pieces = api.generate(model, given, written=written, offline=offline, **options)
        if json:
            text = "".join(pieces)
            ended = "end of text" if written.ended else "length"
            said = {"model": model, "prompt": given, "text": text, "tokens": written.tokens}
            rest = {"ended": ended, "left_out": written.left_out, **options}
            give_json(said | rest, stream)
            return
        try:
            for piece in pieces:
                stream.write(harmless(piece) if stream.isatty() else piece)
                stream.flush()
        except KeyboardInterrupt:
            raise typer.Exit(STOPPED) from None
        finally:
            stream.write("\n")
        if written.left_out:
            print(
                f"headstart: the prompt is longer than the model reads; {written.left_out:,} "
                "tokens at its start were left out.",
                file=sys.stderr,
            )


def _standard_input() -> str:
    from headstart.data.files import standard_input

    try:
        text = standard_input().removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("Standard input is not UTF-8.") from error
    # The line end that a shell adds is not part of the prompt.
    return text.removesuffix("\n").removesuffix("\r")
