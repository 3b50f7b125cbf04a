"""Write the reference of commands and options from the program: `python docs/make_reference.py`.

Also `headstart/keywords.py`, the options as an editor and a type checker know them. A test fails
when any of these is not what this writes.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from headstart.cli.app import COMMANDS
from headstart.cli.command import OTHERS, arguments_of, group_of, usage_of
from headstart.cli.command import command as made_command
from headstart.spec import (
    GROUPS,
    BackboneSpec,
    CheckSpec,
    DecisionSpec,
    EmbedSpec,
    FitSpec,
    GenerateSpec,
    ItemSpec,
    LabelledSpec,
    ReadSpec,
    flag,
)

FOLDER = Path(__file__).parent / "reference"
HEADER = "<!-- Written by docs/make_reference.py; edit the program, not this page. -->"


def commands_page() -> str:
    """Every command with its arguments and options."""
    parts = [
        HEADER,
        "# Commands",
        "`headstart --version` prints the version, `headstart COMMAND --help` what is below. "
        "Exit codes are in [Errors and exit codes](../errors.md).",
        *(_command(name, command(name)) for name in COMMANDS),
    ]
    return "\n\n".join(parts) + "\n"


def options_page() -> str:
    """Every field of the specs, as Python spells it."""
    parts = [
        HEADER,
        "# Options from Python",
        "Every option of the command line is a keyword of the Python function of the same name: "
        "`--test-size 0.3` is `test_size=0.3`.",
        "## Of `headstart.fit`",
        _fields(FitSpec),
        "## Of `headstart.predict` and `headstart.evaluate`",
        _fields(ReadSpec),
        "## Of `headstart.check`",
        _fields(CheckSpec),
        "## Of `headstart.embed`",
        _fields(EmbedSpec),
        "## Of `headstart.generate`",
        _fields(GenerateSpec),
    ]
    return "\n\n".join(parts) + "\n"


SPECS = (
    ItemSpec,
    LabelledSpec,
    ReadSpec,
    BackboneSpec,
    CheckSpec,
    EmbedSpec,
    DecisionSpec,
    FitSpec,
    GenerateSpec,
)
COLUMNS = ("input", "label", "prompt", "completion")
WIDER = {
    **dict.fromkeys(COLUMNS, "str | int | Sequence[str | int] | None"),
    **dict.fromkeys(("group", "time"), "str | int | None"),
    **dict.fromkeys(("root", "allow_root", "test", "corrections"), "str | PathLike[str] | None"),
    "na_values": "str | Iterable[str] | None",
    "costs": "str | Mapping[Any, Mapping[Any, float]] | None",
    "class_weights": "str | Mapping[Any, float] | None",
    "backbone": "str | PathLike[str] | None",
}
"""What Python may give where the command line has a text."""


def keywords_module() -> str:
    """A typed dictionary for every spec; `task` of a fit is a parameter of its own."""
    parts = [
        '"""The options of `headstart.spec` as keywords; written by docs/make_reference.py."""',
        "from collections.abc import Iterable, Mapping, Sequence\nfrom os import PathLike\n"
        "from typing import Any, Literal, TypedDict",
    ]
    parts += [f"\n{_keywords(spec)}" for spec in SPECS]
    return "\n\n".join(parts) + "\n"


def _keywords(spec: type[Any]) -> str:
    bases = [_called(base) for base in spec.__bases__ if base is not object]
    if spec is FitSpec:
        bases = [_called(BackboneSpec), _called(LabelledSpec), _called(DecisionSpec)]
    doc = f'    """See `headstart.spec.{spec.__name__}`."""'
    inherited = {
        each.name for base in spec.__bases__ if base is not object for each in fields(base)
    }
    lines = [
        _line(f"    {each.name}: {_kind(each, spec)}")
        for each in fields(spec)
        if each.name not in inherited
    ]
    head = f"class {_called(spec)}({', '.join(bases or ['TypedDict'])}, total=False):"
    return "\n".join([head, doc, *([""] if lines else []), *lines])


def _line(text: str) -> str:
    """As the formatter breaks it."""
    if len(text) <= 100:
        return text
    start, _, rest = text.partition("[")
    return f"{start}[\n        {rest.removesuffix(']')}\n    ]"


def _called(spec: type[Any]) -> str:
    return spec.__name__.replace("Spec", "Options")


def _kind(each: Any, spec: type[Any]) -> str:
    if each.metadata["choices"]:
        return f"Literal[{', '.join(map(repr, each.metadata['choices']))}]".replace("'", '"')
    kind = get_type_hints(spec)[each.name]
    names = " | ".join(k.__name__ for k in get_args(kind) or (kind,)).replace("NoneType", "None")
    return WIDER.get(each.name, names)


def command(name: str) -> Any:
    """The parsed form of a command: its `params` say what it takes."""
    return made_command(name, COMMANDS[name])


def _command(name: str, made: Any) -> str:
    arguments = arguments_of(made)
    options = [each for each in made.params if each.param_type_name == "option"]
    needed = [f"{each.opts[0]} {each.metavar}" for each in options if each.required]
    usage = " ".join([f"headstart {name}", *map(usage_of, arguments), *needed])
    parts = [f"## {name}", made.help.strip(), f"```text\n{usage} [OPTIONS]\n```"]
    if arguments:
        rows = [(_words(each.metavar), each.help or "") for each in arguments]
        parts.append(_table(("argument", "what it is"), rows))
    groups = [title for title in (OTHERS, *GROUPS) if any(group_of(o) == title for o in options)]
    for title in groups:
        rows = [(_spelled(each), _said(each)) for each in options if group_of(each) == title]
        head = title.lower() if len(groups) > 1 and title != OTHERS else "option"
        parts.append(_table((head, "what it does"), rows))
    if made.examples:
        parts.append("```sh\n" + "\n".join(made.examples) + "\n```")
    return "\n\n".join(parts)


def _spelled(option: Any) -> str:
    value = option.metavar or ""
    if "|" in value:
        return f"`{option.opts[0]}` {_words(value)}"
    return f"`{' '.join([option.opts[0], value]).strip()}`"


def _words(value: str) -> str:
    """What may be given, each word of a choice in code of its own."""
    return ", ".join(f"`{word}`" for word in value.split("|"))


def _said(option: Any) -> str:
    said = option.help or ""
    if option.required:
        return f"{said} Required."
    shown = option.default is not None and not isinstance(option.default, bool)
    return f"{said} Default: {option.default}." if shown else said


def _fields(spec: type[Any]) -> str:
    kinds = get_type_hints(spec)
    rows = []
    for each in fields(spec):
        kind = kinds[each.name]
        kind = " or ".join(f"`{k.__name__}`" for k in get_args(kind) or (kind,))
        rows.append(
            (
                f"`{each.name}`",
                f"`{flag(each.name)}`",
                kind.replace("NoneType", "None"),
                f"`{each.default!r}`",
                _help(each),
            )
        )
    return _table(("keyword", "command line", "type", "default", "what it does"), rows)


def _help(each: Any) -> str:
    help, choices, low, high = (each.metadata[key] for key in ("help", "choices", "low", "high"))
    allowed = f" One of {', '.join(choices)}." if choices else ""
    bounds = "" if low is None else f" From {low:,} to {high:,}."
    return help + allowed + bounds


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return f"| {' | '.join(map(_cell, cells))} |"

    return "\n".join([line(header), f"|{'---|' * len(header)}", *map(line, rows)])


def _cell(text: str) -> str:
    """The text without a bare `|`, which would end the cell; in code no escape stays unseen."""
    coded = re.sub(r"`([^`]*[|][^`]*)`", lambda found: f"<code>{found[1]}</code>", text)
    return coded.replace("|", "&#124;")


SOURCE = Path(__file__).parents[1] / "src" / "headstart"


def house_page() -> str:
    """Every file of the package with the first line of what it says of itself."""
    intro = (
        "Every package and module, with the first line of its docstring. A package imports only "
        "what is below it; the order is in `pyproject.toml`, and `make test` checks it."
    )
    tree = "\n".join(_tree(SOURCE, ""))
    return "\n\n".join([HEADER, "# The house", intro, f"```text\n{tree}\n```"]) + "\n"


def _tree(folder: Path, indent: str) -> Iterator[str]:
    for each in sorted(folder.iterdir(), key=lambda each: (each.is_dir(), each.name)):
        about = each / "__init__.py" if each.is_dir() else each
        shown_already = each.name == "__init__.py" and folder != SOURCE
        if about.suffix != ".py" or not about.is_file() or shown_already:
            continue
        text = ast.get_docstring(ast.parse(about.read_text("utf-8"))) or ""
        name = f"{each.name}/" if each.is_dir() else each.name
        yield f"{indent}{name:<{28 - len(indent)}}{text.partition(chr(10))[0].rstrip('.')}"
        if each.is_dir():
            yield from _tree(each, indent + "  ")


PAGES = {
    "commands.md": commands_page,
    "house.md": house_page,
    "options.md": options_page,
    "../../src/headstart/keywords.py": keywords_module,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (FOLDER / page).write_text(write(), "utf-8")
