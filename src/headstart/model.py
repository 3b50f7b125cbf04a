"""The saved model: a folder with no pickle in it, that answers without torch.

model.json          what it is: task, classes in order, preprocessing, backbone, cut, metrics,
                    versions, the SHA-256 of every other file that matters, and its own
model.safetensors   the head (`head.`), and what was trained of the backbone (`backbone.`)
compiled/           network.xml, network.bin: preprocessing and backbone, up to the features
tokenizer.json      for texts
README.md           the model card
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headstart import heads
from headstart.card import card
from headstart.data.dataset import Dataset, Modality, Skipped, Task, told
from headstart.data.names import shown, some
from headstart.errors import InputError
from headstart.evaluation.calibration import probabilities
from headstart.features import graphs, pipeline
from headstart.features.engine import CPU_BATCH, OpenVINOEngine, native_precision
from headstart.preprocessing import Preprocessing, TextPreprocessing, preprocessing_from_json
from headstart.progress import Progress, Silent

SCHEMA = 1
HEAD, BACKBONE = "head.", "backbone."
BLOCK = 64
"""Items a head scores at once, always: matrix products of other sizes have other last bits."""


@dataclass(frozen=True)
class Predictions:
    """Answers, one for each item that could be read, in the order of the inputs.

    Attributes:
        names: what the items are called.
        classes: in the order of the columns of `probabilities`; empty for regression.
        probabilities: (items, classes), or None for regression.
        values: (items,), or None but for regression.
        skipped: the items that could not be read, and why.
    """

    names: list[str]
    task: Task
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32] | None
    values: NDArray[np.float32] | None
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def labels(self) -> list[Any]:
        """The answer for each item: a class, a tuple of classes, or a number."""
        if self.values is not None:
            return [float(value) for value in self.values]
        assert self.probabilities is not None
        if self.task == "multilabel":
            return [
                tuple(name for name, p in zip(self.classes, row, strict=True) if p >= 0.5)
                for row in self.probabilities
            ]
        return [self.classes[best] for best in self.probabilities.argmax(axis=1)]


@dataclass(frozen=True)
class Scored:
    """A head's scores for the items that could be read.

    Attributes:
        kept: their positions; `scores` is (kept, classes) logits, or (kept,) values.
        digests: (kept,) content digests.
    """

    kept: NDArray[np.int64]
    digests: NDArray[np.bytes_]
    scores: NDArray[np.float32]
    skipped: tuple[Skipped, ...]
    notes: dict[int, str]


@dataclass(frozen=True)
class Model:
    """A trained model: network, head, and what they mean.

    Attributes:
        graph: the compiled part, from uint8 pictures or token ids to features.
        weights: of the backbone, those that were trained, by the names of its own module.
        about: what model.json says besides, for people: backbone, cut, strategy, metrics, seed.
    """

    task: Task
    modality: Modality
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    head: heads.Head
    temperature: float
    precision: str
    graph: ov.Model
    weights: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def _engine(self) -> OpenVINOEngine:
        precision = self.precision if self.precision == native_precision() else "float32"
        return OpenVINOEngine(self.graph, CPU_BATCH[self.modality], precision)

    def scores(self, data: Dataset, progress: Progress | None = None) -> Scored:
        """Logits, or values, of every item that can be read; each distinct one computed once."""
        row: dict[bytes, int] = {}
        notes_by_digest: dict[bytes, str] = {}
        found: list[NDArray[np.float32]] = []

        waiting: list[NDArray[np.float16]] = []

        def score(most: int) -> None:
            block, waiting[:] = waiting[:most], waiting[most:]
            padded = block + block[:1] * (most - len(block))
            found.extend(self.head.scores(np.stack(padded).astype(np.float32))[: len(block)])

        def emit(computed: pipeline.Computed) -> None:
            waiting.extend(computed.values)
            while len(waiting) >= BLOCK:
                score(BLOCK)
            for digest, note in zip(computed.digests, computed.notes, strict=True):
                row[digest] = len(row)
                if note:
                    notes_by_digest[digest] = note

        with (progress or Silent()).stage("Predicting", len(data)) as advance:
            outcome = pipeline.run(
                data,
                self.preprocessing,
                lambda: self._engine,
                known=lambda digests: np.zeros(len(digests), bool),
                emit=emit,
                advance=advance,
            )
        if waiting:
            score(BLOCK)
        kept = outcome.kept
        digests = [bytes(digest).ljust(16, b"\0") for digest in outcome.digests[kept]]
        shape = () if self.task == "regression" else (len(self.classes),)
        table = np.array(found, np.float32).reshape(-1, *shape)
        return Scored(
            kept=kept,
            digests=outcome.digests[kept],
            scores=table[[row[digest] for digest in digests]],
            skipped=tuple(outcome.skipped[at] for at in sorted(outcome.skipped)),
            notes={
                int(at): notes_by_digest[digest]
                for at, digest in zip(kept, digests, strict=True)
                if digest in notes_by_digest
            },
        )

    def answer(self, data: Dataset, progress: Progress | None = None) -> Predictions:
        """Predictions for a data set's items.

        Raises:
            InputError: the items are not of the model's modality.
        """
        if data.modality != self.modality:
            raise InputError(
                f"The model answers for {self.modality}s, but the input holds {data.modality}s."
            )
        scored = self.scores(data, progress)
        regression = self.task == "regression"
        return Predictions(
            names=[data.names[at] for at in scored.kept.tolist()],
            task=self.task,
            classes=self.classes,
            probabilities=None if regression else self.probabilities(scored.scores),
            values=scored.scores if regression else None,
            skipped=(*data.skipped, *scored.skipped),
            warnings=(*data.warnings, *told(scored.notes, self.modality)),
        )

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities (items, classes) from `scores`."""
        return probabilities(self.task, scores / self.temperature).astype(np.float32)

    def predict(self, inputs: Sequence[Any]) -> Predictions:
        """Predictions for paths, PIL images, arrays or strings in memory."""
        from headstart.data import from_memory

        return self.answer(from_memory(list(inputs), modality=self.modality))

    def save(self, folder: str | Path) -> None:
        """Write the model's folder in one step; a model that was there is replaced.

        Raises:
            InputError: something else is there.
            OSError: the disk refuses; what was there stays.
        """
        write_folder(Path(folder), self._write)

    def _write(self, folder: Path) -> None:
        from safetensors.numpy import save

        (folder / "compiled").mkdir(parents=True)
        graphs.write(self.graph, folder / "compiled" / "network.xml")
        # Not save_file: that one makes a file that nobody else may read.
        arrays = {f"{HEAD}{name}": array for name, array in self.head.arrays.items()}
        arrays |= {f"{BACKBONE}{name}": array for name, array in self.weights.items()}
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        (folder / "model.safetensors").write_bytes(save(arrays))
        if isinstance(self.preprocessing, TextPreprocessing):
            (folder / "tokenizer.json").write_text(self.preprocessing.tokenizer, "utf-8")
        about = self._about()
        (folder / "README.md").write_text(card(about), "utf-8")
        seal(folder, about, [name for name in _ALLOWED if (folder / name).is_file()])

    def _about(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "task": self.task,
            "modality": self.modality,
            "classes": list(self.classes),
            "preprocessing": self.preprocessing.to_json(),
            "head": {"name": self.head.name, "settings": self.head.settings},
            "temperature": self.temperature,
            "precision": self.precision,
            **self.about,
        }


def load(folder: str | Path) -> Model:
    """Read a saved model, every file checked against its hash before it is used.

    Raises:
        InputError: it is not a model, was damaged, or is of a newer version.
    """
    from safetensors import SafetensorError

    folder = Path(folder)
    about = read_about(folder)
    if about.get("task") == "generation":
        raise InputError(
            f"The model in {str(folder)!r} writes texts; ask it with `headstart generate`, or "
            "with headstart.generate from Python."
        )
    check_files(folder, about, _NEEDED, _ALLOWED)
    try:
        return _assemble(folder, about)
    except (
        *(LookupError, AttributeError, TypeError, ValueError, RuntimeError, OSError),
        SafetensorError,
    ) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"The model in {str(folder)!r} cannot be read ({shown(said[0])[:200]}); "
            "train it again, or copy it again from where it came."
        ) from error


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a model's folder in one step; a model that was there is replaced.

    Args:
        folder: where it goes.
        write: makes the folder that it is given, and everything in it.

    Raises:
        InputError: something else is there.
        OSError: the disk refuses; what was there stays.
    """
    folder = folder.resolve()
    _restore(folder)
    check_target(folder)
    partial = beside(folder, "partial")
    if partial.exists():
        shutil.rmtree(partial)
    try:
        write(partial)
        _replace(folder, partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def seal(folder: Path, about: dict[str, Any], names: Iterable[str]) -> None:
    """Write model.json: what there is to say, and the hashes of files that are written by now."""
    about = {**about, "files": {name: _sha256(folder / name) for name in names}}
    about["seal"] = _seal(about)
    (folder / "model.json").write_text(
        json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )


def beside(folder: Path, what: str) -> Path:
    """A hidden neighbour of a model's folder: `.NAME.partial` and the like."""
    folder = folder.resolve()
    return folder.with_name(f".{folder.name}.{what}")


def check_target(folder: Path) -> None:
    """Refuse a folder to save into that holds anything but a model, or cannot be written.

    What is there is replaced as a whole, so not one file of somebody else's may be in it.

    Raises:
        InputError: says what is in the way.
    """
    if folder.is_dir():
        there = {each.name for each in folder.iterdir()}
        strange = sorted(there - _OURS) or _unless_whole(there)
        if strange:
            raise InputError(
                f"{shown(str(folder))!r} holds {some(strange, 1)}, so it is not a headstart model "
                "that may be replaced; name a new folder with --out."
            )
        return
    if folder.exists():
        raise InputError(f"--out is {shown(str(folder))!r}, which is a file; name a folder.")
    above = next(each for each in folder.absolute().parents if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InputError(
            f"--out is {shown(str(folder))!r}, but no folder can be made in {shown(str(above))!r}; "
            "name another place."
        )


def _assemble(folder: Path, about: dict[str, Any]) -> Model:
    from safetensors.numpy import load_file

    tokenizer = folder / "tokenizer.json"
    head = about["head"]
    arrays = load_file(folder / "model.safetensors")
    known = {
        "schema", "task", "modality", "classes", "preprocessing",
        "head", "temperature", "precision", "files", "seal",
    }  # fmt: skip
    return _checked(
        Model(
            task=about["task"],
            modality=about["modality"],
            classes=tuple(about["classes"]),
            preprocessing=preprocessing_from_json(
                about["preprocessing"],
                tokenizer.read_text("utf-8") if about["modality"] == "text" else None,
            ),
            head=heads.load(head["name"], _part(arrays, HEAD), head["settings"]),
            weights=_part(arrays, BACKBONE),
            temperature=float(about["temperature"]),
            precision=about["precision"],
            graph=ov.Core().read_model(folder / "compiled" / "network.xml"),
            about={key: value for key, value in about.items() if key not in known},
        )
    )


def _checked(model: Model) -> Model:
    """The model, if its parts fit each other.

    Raises:
        ValueError: says which do not.
    """
    if model.task not in get_args(Task) or model.precision not in ("bfloat16", "float32"):
        raise ValueError(f"the task {model.task!r} or precision {model.precision!r} is unknown")
    if not 0 < model.temperature < math.inf:
        raise ValueError("its temperature is not a positive number")
    size = model.graph.output(0).partial_shape[1].get_length()
    scores = model.head.scores(np.zeros((1, size), np.float32))
    if scores.shape != ((1,) if model.task == "regression" else (1, len(model.classes))):
        raise ValueError("its head does not fit its classes")
    return model


def read_about(folder: Path) -> dict[str, Any]:
    """What model.json says, its seal checked.

    Raises:
        InputError: it is not a model, was damaged, or is of a newer version.
    """
    path = folder / "model.json"
    try:
        about = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{str(folder)!r} is not a headstart model: it has no model.json."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} cannot be read ({error}).") from error
    if not isinstance(about, dict) or not isinstance(about.get("files"), dict):
        raise InputError(f"{str(path)!r} is not the description of a headstart model.")
    if about.get("schema") != SCHEMA:
        raise InputError(
            f"{str(path)!r} has schema {about.get('schema')!r}, but this headstart reads "
            f"{SCHEMA}; install the headstart that made it."
        )
    if about.get("seal") != _seal(about):
        raise InputError(
            f"{str(path)!r} is damaged or was changed: it does not match its own seal; "
            "copy the model again or train it again."
        )
    return cast(dict[str, Any], about)


def check_files(
    folder: Path, about: dict[str, Any], needed: Collection[str], allowed: Collection[str]
) -> None:
    """Compare every file that model.json names with its hash.

    Raises:
        InputError: names the file that is missing, damaged, or of a name not `allowed`.
    """
    missing = sorted(set(needed) - set(about["files"]))
    if missing:
        path = str(folder / "model.json")
        raise InputError(f"{path!r} does not name {missing[0]!r}; the model is not whole.")
    for name, expected in about["files"].items():
        _check_file(folder, name, expected, allowed)


def _check_file(folder: Path, name: str, expected: object, allowed: Collection[str]) -> None:
    if name not in allowed:
        raise InputError(f"The model in {str(folder)!r} names a file it may not have: {name!r}.")
    try:
        actual = _sha256(folder / name)
    except OSError as error:
        raise InputError(
            f"The model in {str(folder)!r} lacks {name!r} ({error.strerror}); copy it again."
        ) from error
    if actual != expected:
        raise InputError(
            f"{name!r} of the model in {str(folder)!r} is damaged: its SHA-256 is not the one "
            "in model.json; copy the model again or train it again."
        )


_ALLOWED = (
    "compiled/network.bin",
    "compiled/network.xml",
    "model.safetensors",
    "tokenizer.json",
)

_NEEDED = ("compiled/network.xml", "compiled/network.bin", "model.safetensors")

WRITER = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "adapter/adapter_config.json",
    "adapter/adapter_model.safetensors",
)
"""Files of a model that writes texts; see `headstart.generation.saved`."""

_OURS = {
    *(name.partition("/")[0] for name in (*_ALLOWED, *WRITER)),
    *("model.json", "README.md", "report.json", ".report.json.partial"),
}


def _unless_whole(there: set[str]) -> list[str]:
    whole = "model.json" in there and not there.isdisjoint({"compiled", "config.json"})
    return [] if whole else sorted(there)


def _part(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _seal(about: dict[str, Any]) -> str:
    """What model.json says of itself: the SHA-256 of all else in it."""
    rest = {key: value for key, value in about.items() if key != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _restore(folder: Path) -> None:
    """Put an old model back that a run was killed while replacing."""
    old = beside(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)


def _replace(folder: Path, partial: Path) -> None:
    """Put what was written in the folder's place; the old model stays until it is there."""
    old = beside(folder, "old")
    if folder.exists():
        if old.exists():  # a killed run left it
            shutil.rmtree(old)
        folder.rename(old)
    try:
        partial.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    if old.exists():
        shutil.rmtree(old)
