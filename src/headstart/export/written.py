"""What an exporter tells of a file that it wrote."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.types import Array, Unchecked

_OF_FILES = (".onnx", ".xml", ".bin", ".keras")
"""What the name of a folder does not end in: whoever writes one of these means a file."""

Asked = tuple[NDArray[np.generic], ...]
"""A batch as an export takes it: (pixels,) of images of one size, or (ids, mask) of texts."""


@dataclass(frozen=True)
class Answers:
    """What an export gives of a batch.

    Attributes:
        shares: probabilities (N, classes), or values (N,).
        decided: what is answered: classes by index (N,), or which an item has (N, classes); None
            where the export does not decide.
    """

    shares: Array
    decided: Array | None = None


Ask = Callable[[Asked], Answers]
"""Asks an export, opened from its files."""


@dataclass(frozen=True)
class Script:
    """How a program without headstart asks an export: the parts of the script in its README.

    Attributes:
        needs: packages to install.
        imports, opens: lines; after `opens` there is `classes`, a list.
        asks: an expression for all outputs in order, of `given`: a dictionary of the inputs.
    """

    needs: tuple[str, ...]
    imports: tuple[str, ...]
    opens: tuple[str, ...]
    asks: str


@dataclass(frozen=True)
class Written:
    """What an exporter returns.

    Attributes:
        facts: JSON, for `--json`.
        notes: sentences for a person.
        answer: asks what was written, opened from its files; the gate does.
        resizes: whether it takes images of any size; else they have the network's, and making
            them so is left to whoever asks.
        script: for its README, where a folder was written.
        plain: asks the same in 32-bit floats, where what was written has to be faster.
    """

    facts: Unchecked = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    answer: Ask | None = None
    resizes: bool = True
    script: Script | None = None
    plain: Ask | None = None


def check_folder(out: Path, format: str) -> None:
    """Refuse the name of a file where a format writes a folder.

    Raises:
        InputError: says so.
    """
    if out.suffix in _OF_FILES:
        raise InputError(f"--out is {out.name!r}, but {format} writes a folder; name one.")


@dataclass(frozen=True)
class Exported:
    """A file or a folder that was written of a model.

    Attributes:
        path: the file or folder.
        format: a key of `headstart.registry.EXPORTERS`.
        classes: of the model, in order.
        facts: what else the format says of it.
        notes: what a person should know.
    """

    path: str
    format: str
    classes: tuple[str, ...]
    facts: Unchecked
    notes: tuple[str, ...]

    def to_json(self) -> Unchecked:
        """A JSON object."""
        known = {"path": self.path, "format": self.format, "classes": list(self.classes)}
        return known | dict(self.facts)
