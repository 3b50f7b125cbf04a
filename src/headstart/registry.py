"""Every kind of part that other packages may add to, and where each part is.

A part is named here as `"module:attribute"`, and imported when it is asked for. Another package
adds one by an entry point of the kind's group; a name of ours stays ours.
"""

import difflib
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name
from typing import Any

from headstart.errors import InputError, first_line


@dataclass(frozen=True, eq=False)
class Registry(Mapping[str, str]):
    """Names of one kind of part, and where each is; ours first, then those of other packages.

    Attributes:
        kind: what a message calls a part.
        group: of the entry points of other packages.
        ours: name -> `"module:attribute"`.
    """

    kind: str
    group: str
    ours: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.ours[name] if name in self.ours else _others(self.group)[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self.ours, *(each for each in _others(self.group) if each not in self.ours)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def resolve(self, name: str) -> Any:
        """The part itself.

        Raises:
            InputError: there is none of this name, or another package's cannot be imported.
        """
        where = self.get(name)
        if where is None:
            near = difflib.get_close_matches(name, list(self), n=1, cutoff=0.6)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"there are {', '.join(self)}; another may need its package installed."
            )
            raise InputError(f"There is no {self.kind} {name!r}; {hint}")
        try:
            with _uncollected():
                return resolve_name(where)
        except Exception as error:
            if name in self.ours:
                raise
            raise InputError(
                f"The {self.kind} {name!r} of another package cannot be imported from {where} "
                f"({first_line(error)}); mend or remove that package."
            ) from error


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage while large libraries are imported: it takes a fifth of that time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@cache
def _others(group: str) -> Mapping[str, str]:
    from importlib.metadata import entry_points  # a tenth of a second, for what few have

    return {each.name: each.value for each in sorted(entry_points(group=group))}


FAMILIES = Registry(
    "family of backbones",
    "headstart.families",
    {
        "timm": "headstart.backbones.timm:load",
        "keras": "headstart.backbones.keras:load",
        "transformers": "headstart.backbones.transformers:load",
    },
)
"""A function from what follows `FAMILY:` in a name, `offline` and `pool` to a backbone."""

HEADS = Registry(
    "head",
    "headstart.heads",
    {
        "linear": "headstart.heads.linear:LinearHead",
        "mlp": "headstart.heads.mlp:PerceptronHead",
        "knn": "headstart.heads.knn:NeighboursHead",
    },
)
"""A `headstart.heads.contract.HeadType`."""

READERS = Registry(
    "format of tables",
    "headstart.readers",
    {
        ".csv": "headstart.data.delimited:read_csv",
        ".tsv": "headstart.data.delimited:read_tsv",
        ".tab": "headstart.data.delimited:read_tsv",
        ".jsonl": "headstart.data.records:read_json",
        ".ndjson": "headstart.data.records:read_json",
        ".json": "headstart.data.records:read_json",
        ".parquet": "headstart.data.parquet:read_file",
        ".xlsx": "headstart.data.excel:read_excel",
        ".xlsm": "headstart.data.excel:read_excel",
        ".xls": "headstart.data.excel:read_excel",
        ".ods": "headstart.data.excel:read_excel",
    },
)
"""A function from a file, named by its ending, to a `headstart.data.table.Table`."""

EXPORTERS = Registry(
    "export format",
    "headstart.exporters",
    {
        "onnx": "headstart.export.onnx:write",
        "openvino": "headstart.export.openvino:write",
        "keras": "headstart.export.keras:write",
    },
)
"""A function of a saved model, a file or folder and `offline`, which tells what it wrote."""

STRATEGIES = Registry(
    "strategy",
    "headstart.strategies",
    {
        "feature-extraction": "headstart.training.strategies.feature_extraction:strategy",
        "fine-tuning": "headstart.training.strategies.fine_tuning:tail",
        "full-fine-tuning": "headstart.training.strategies.fine_tuning:whole",
        "lora": "headstart.training.strategies.lora:strategy",
        "from-scratch": "headstart.training.strategies.from_scratch:strategy",
    },
)
"""A `headstart.training.strategies.contract.Strategy`."""

OBJECTIVES = Registry(
    "objective",
    "headstart.objectives",
    {
        "classification": "headstart.learning.objectives:Classification",
        "multilabel": "headstart.learning.objectives:MultiLabel",
        "regression": "headstart.learning.objectives:Regression",
        "huber": "headstart.learning.objectives:Huber",
    },
)
"""A class of `headstart.learning.objectives.Objective`s; the usual one of a task has its name."""

TRACKERS = Registry("tracker", "headstart.trackers", {"mlflow": "headstart.tracking.mlflow:record"})
"""A `headstart.tracking.contract.Tracker`."""
