"""The `headstart` program: which commands there are, and what every one of them does alike."""

import json
import os
import select
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from headstart.cli.answer import WAITING_SINCE
from headstart.cli.command import SETTINGS, command, plain
from headstart.cli.failure import STOPPED, explain

COMMANDS = {
    "fit": "headstart.cli.fit:fit",
    "check": "headstart.cli.check:check",
    "predict": "headstart.cli.predict:predict",
    "generate": "headstart.cli.generate:generate",
    "evaluate": "headstart.cli.evaluate:evaluate",
    "report": "headstart.cli.report:report",
    "compare": "headstart.cli.compare:compare",
    "embed": "headstart.cli.embed:embed",
    "export": "headstart.cli.export:export",
    "serve": "headstart.cli.serve:serve",
    "push": "headstart.cli.push:push",
    "backbones": "headstart.cli.backbones:backbones",
    "fetch": "headstart.cli.fetch:fetch",
    "cache": "headstart.cli.cache:cache",
    "demo": "headstart.cli.demo:demo",
}

READER_GONE = 141


class _Commands(TyperGroup):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return command(cmd_name, COMMANDS[cmd_name])


def run(arguments: list[str], began: float | None = None) -> int:
    """Run one command line.

    Args:
        arguments: without the program's name; none shows the help.
        began: when the person began to wait, by `time.monotonic`.

    Returns:
        The exit code.
    """
    WAITING_SINCE.set(began)
    try:
        code = _run(arguments or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes standard output once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return READER_GONE
    return code


def _run(arguments: list[str]) -> int:
    try:
        return _invoke(arguments)
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        kept = "stopped; finished work is kept, and the same command goes on from there."
        return _fail(kept, STOPPED, arguments)
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_gone():
            raise
        return _fail(*explain(error), arguments)


def _invoke(arguments: list[str]) -> int:
    program = plain(cls=_Commands, context_settings=SETTINGS)
    program.callback(invoke_without_command=True)(_program)
    group = typer.main.get_command(program)
    # Not `group.main`: it has its own idea of errors, exit codes and broken pipes.
    with group.make_context("headstart", arguments) as context:
        group.invoke(context)
    return 0


def _program(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Put a new head on a pretrained network and get the best model that a small data set allows.

    A folder of images or a table of texts in, a model and honest figures out.
    Start with: headstart demo
    """
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"headstart {version_of('headstart')}")
        raise typer.Exit


def _fail(sentence: str, code: int, arguments: list[str]) -> int:
    try:
        from headstart.wording import shown

        plain = shown(sentence)
    except (ImportError, MemoryError):  # there may be no memory for it
        plain = sentence.encode("ascii", "backslashreplace").decode()
    print(f"headstart: {plain}", file=sys.stderr)
    # The command line may be what is wrong, so `--json` is looked for, not parsed.
    if "--json" in arguments:
        print(json.dumps({"error": sentence}))
    return code


def _reader_gone() -> bool:
    """Whether nobody reads standard output; a broken pipe to a worker is another matter."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(1, 0)
    return bool(poll.poll(0))
