"""One command of the program: options in groups, examples below them, `-h` as well as `--help`."""

import importlib
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from headstart.spec import GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHERS = "Options"
"""Heading of the options that are in no group."""

SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A command whose help lists its options by group; `examples` are shown below, unwrapped."""

    examples: "Sequence[str]" = ()

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """`DATA`, `[NAME]`, and that there are options."""
        return [usage_of(each) for each in arguments_of(self)] + ["[OPTIONS]"]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options group by group."""
        arguments: list[tuple[str, str]] = []
        groups: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is None:
                continue
            if each.param_type_name == "argument":
                arguments.append((str(each.metavar), record[1]))
            else:
                groups.setdefault(group_of(each), []).append(record)
        helping = groups.pop("", [])
        ordered = sorted(groups, key=lambda name: (OTHERS, *GROUPS).index(name))
        groups.setdefault(ordered[-1] if ordered else OTHERS, []).extend(helping)
        for title, records in [("Arguments", arguments), *((g, groups[g]) for g in ordered)]:
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the examples, ready to be copied."""
        if self.examples:
            with formatter.section("Examples"):
                for each in self.examples:
                    formatter.write(f"{' ' * formatter.current_indent}{each}\n")


def arguments_of(command: Any) -> list[Any]:
    """What a command is given without an option's name."""
    return [each for each in command.params if each.param_type_name == "argument"]


def usage_of(argument: Any) -> str:
    """How the usage line spells an argument: in brackets where it may be left out."""
    return str(argument.metavar) if argument.required else f"[{argument.metavar}]"


def group_of(option: Any) -> str:
    """The group that an option is listed in; empty for `--help`."""
    return "" if option.name == "help" else option.rich_help_panel or OTHERS


def command(name: str, where: str) -> Any:
    """The command `name`, ready to be parsed and run.

    Args:
        name: what a person types.
        where: its function, as `module:attribute`; `EXAMPLES` of the module are shown in its help.
    """
    module_name, _, attribute = where.partition(":")
    module = importlib.import_module(module_name)
    alone = plain()
    alone.command(name, cls=Command, context_settings=SETTINGS)(getattr(module, attribute))
    made: Any = typer.main.get_command(alone)
    made.examples = getattr(module, "EXAMPLES", ())
    return made


def plain(**settings: Any) -> typer.Typer:
    """A Typer program without colours: its coloured help takes 0.2 s to import."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, **settings)
