"""Options of a command, made from the fields of a spec, so that nothing is written twice."""

import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Annotated, get_type_hints

import typer

from headstart.spec import OUTPUT, ItemSpec, flag

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


Command = Callable[..., None]

Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON on standard output.", rich_help_panel=OUTPUT),
]

Page = Annotated[
    str | None,
    typer.Option(
        "--page",
        metavar="FILE",
        help="An .html file for the same as a page, with images or texts of the items, to look at "
        "or to send to somebody.",
        rich_help_panel=OUTPUT,
    ),
]

Private = Annotated[
    bool,
    typer.Option(
        "--private",
        help="Leave names of items, texts and images out of the page, for one that goes to "
        "others; names of classes stay.",
        rich_help_panel=OUTPUT,
    ),
]

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Folder of a saved model, or hf:OWNER/NAME[@REVISION] of the hub."
    ),
]

Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        help=next(e.metadata["help"] for e in fields(ItemSpec) if e.name == "offline"),
    ),
]


def takes(spec: type["DataclassInstance"]) -> Callable[[Command], Command]:
    """Give a command, in place of its `**options`, one option for every field of `spec`.

    The values are checked where the spec is made, so a wrong one gets the same sentence here and
    from Python.
    """

    def give(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters.values()
        kinds = get_type_hints(spec)
        parameters = [each for each in own if each.kind is not inspect.Parameter.VAR_KEYWORD]
        parameters += [_parameter(each, kinds[each.name]) for each in fields(spec)]
        # Options of every command come last in its help.
        parameters.sort(key=lambda each: each.name == "json")
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return give


def _parameter(each: Field[object], kind: object) -> inspect.Parameter:
    shown = each.default is not None and kind is not bool
    option = typer.Option(
        flag(each.name),
        help=_help(each),
        metavar=_metavar(each, kind),
        show_default=shown,
        rich_help_panel=each.metadata["group"],
    )
    return inspect.Parameter(
        each.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=each.default,
        annotation=Annotated[kind, option],
    )


def _help(each: Field[object]) -> str:
    low, high = each.metadata["low"], each.metadata["high"]
    return f"{each.metadata['help']}{'' if low is None else f' From {low:,} to {high:,}.'}"


def _metavar(each: Field[object], kind: object) -> str | None:
    if kind is bool:
        return None
    if each.metadata["choices"] is not None:
        return "|".join(each.metadata["choices"])
    return "TEXT" if kind in (str, str | None) else "NUMBER"
