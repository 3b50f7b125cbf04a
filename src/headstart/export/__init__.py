"""A saved model as files for other libraries, checked to answer like the model."""

import os
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.atomic import write_json
from headstart.errors import HeadstartError, InputError
from headstart.export.precision import PRECISIONS, Precision, refuse_missing
from headstart.export.written import Answers, Asked, Exported, Written
from headstart.paths import check_written
from headstart.predictors import Model
from headstart.progress import Progress, Silent
from headstart.registry import EXPORTERS
from headstart.types import Unchecked
from headstart.wording import some

if TYPE_CHECKING:
    from headstart.export.items import Items

__all__ = ["Answers", "Asked", "Exported", "Written", "write"]

README, GATE = "README.md", "gate.json"

OURS = {README, GATE, "tokenizer.json", "model.onnx", "model.xml", "model.bin"}
"""Files of an export that is a folder."""


def write(
    model: Model,
    out: Path,
    *,
    format: str,
    precision: str = "float32",
    offline: bool = False,
    folder: Path | None = None,
    data: object = None,
    progress: Progress | None = None,
) -> Exported:
    """Write a model to a file or a folder, in one step, after checking that it answers like it.

    Args:
        model: a saved model.
        out: the file or folder; what an earlier export wrote there is replaced.
        format: a key of `headstart.registry.EXPORTERS`.
        precision: of the network; float16 is how its weights are stored, int8 how it computes.
        offline: open no socket.
        folder: of the model, whose own validation and test items are asked about.
        data: other items to ask about, as `headstart.evaluate` takes them, or without labels.
        progress: shows items done.

    Raises:
        InputError: there is no such format, the model cannot be written so, or there are no items.
        HeadstartError: what was written does not answer like the model.
    """
    if format not in EXPORTERS:
        raise InputError(f"--format is {format!r}, but it must be one of {', '.join(EXPORTERS)}.")
    writer: Callable[..., Written] = EXPORTERS.resolve(format)
    smaller = _check_precision(precision, format, writer)
    _check_out(out)
    from headstart.export import items

    found = items.wanted(model, folder, data)
    said, out = str(out), out.resolve()  # What `.` and a link stand for.
    prefix = f".headstart-{os.getpid()}-"
    with TemporaryDirectory(prefix=prefix, suffix=".partial", dir=out.parent) as temporary:
        made = Path(temporary) / out.name
        written = writer(model, made, offline=offline, **_smaller(model, smaller, found))
        if made.is_dir() != out.is_dir() and out.exists():
            kind = "folder" if made.is_dir() else "file"
            raise InputError(f"--out is {said!r}, but {format} writes a {kind}; name another.")
        gate, notes = _checked(model, written, format, smaller, found, progress or Silent())
        if made.is_dir():
            _accompany(model, made, format, written, gate, notes)
        if out.is_dir():  # Moved away first, so that no half of it is left at any moment.
            out.replace(Path(temporary) / f"{out.name}.before")
        made.replace(out)
    facts = {**written.facts, "precision": precision, "gate": gate}
    return Exported(said, format, model.classes, facts, (*written.notes, *notes))


def _check_precision(precision: str, format: str, writer: Callable[..., Written]) -> Precision:
    known = next((each for each in PRECISIONS if each == precision), None)
    if known is None:
        raise InputError(
            f"--precision is {precision!r}, but it must be one of {', '.join(PRECISIONS)}."
        )
    needed = {"float32": set[str](), "float16": {"precision"}, "int8": {"precision", "given"}}
    if not needed[known] <= set(signature(writer).parameters):
        raise InputError(
            f"--precision is {precision!r}, which --format {format} does not write; leave it out, "
            "or say --format onnx or openvino."
        )
    if known == "int8":
        refuse_missing()
    return known


def _smaller(model: Model, precision: Precision, found: "Items") -> dict[str, Any]:
    """The arguments of an exporter for a precision other than float32."""
    if precision != "int8":
        return {} if precision == "float32" else {"precision": precision}
    from headstart.export.replay import inputs

    # Test items have no part in what they measure, where there are others.
    untested = np.flatnonzero(~found.tested)
    data = found.data.select(untested) if len(untested) else found.data
    return {"precision": precision, "given": inputs(model, data)}


def _check_out(out: Path) -> None:
    check_written(out, "--out")
    if not out.parent.is_dir():
        raise InputError(f"--out is {str(out)!r}, but the folder {str(out.parent)!r} is not there.")
    if not out.is_dir():
        return
    names = {each.name for each in out.iterdir()}
    others = {each.name for each in out.iterdir() if each.name not in OURS or each.is_dir()}
    if names and GATE not in names:
        raise InputError(
            f"--out is {str(out)!r}, but that is a folder; name a file, or a folder that an "
            "export wrote or that is not there yet."
        )
    if others:
        raise InputError(
            f"--out is {str(out)!r}, where an export lies with other files ({some(sorted(others))})"
            "; move those, or name another folder."
        )


def _checked(
    model: Model,
    written: Written,
    format: str,
    precision: Precision,
    found: "Items",
    progress: Progress,
) -> tuple[Unchecked, list[str]]:
    """What the gate says, as JSON and in sentences.

    Raises:
        HeadstartError: what was written does not answer like the model.
    """
    from headstart.export.gate import gate

    if written.answer is None:
        raise InputError(
            f"The exporter of the format {format!r} gives no way to ask what it wrote, so that it "
            "cannot be checked; mend or remove its package."
        )
    done = gate(model, written, found, progress, precision)
    failures = done.failures()
    if failures and precision != "float32":
        instead = " or float16" if precision == "int8" else ""
        raise HeadstartError(
            f"The {format} export in {precision} is refused, so nothing was written: "
            f"{'; '.join(failures)}. Furthest are {done.furthest()}. Use --precision float32"
            f"{instead}."
        )
    if failures:
        raise HeadstartError(
            f"The {format} export does not answer like the model, so nothing was written: "
            f"{'; '.join(failures)}. Furthest are {done.furthest()}. Try another --format, or name "
            "more items with --data where these are few; if neither helps, please report it."
        )
    return done.to_json(), done.sentences()


def _accompany(
    model: Model, folder: Path, format: str, written: Written, gate: Unchecked, said: list[str]
) -> None:
    """What lies beside the graph: the figures of the gate, and how to use it."""
    from headstart.export.metadata import metadata
    from headstart.export.readme import readme

    # Others get this folder: names of items stay at home.
    write_json(folder / GATE, {key: each for key, each in gate.items() if key != "worst"})
    if written.script is not None:
        page = readme(model, format, metadata(model), written.script, said)
        (folder / README).write_text(page, "utf-8")
