"""Where a training stands, on disk: complete, written in one step, never a pickle.

Every random choice of the loop follows from the seed and the step, so that weights, optimiser,
best weights and counters are all there is to keep.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.atomic import whole
from headstart.errors import InputError
from headstart.runtime.device import out_of_memory

if TYPE_CHECKING:
    import torch

Tensors = dict[str, "torch.Tensor"]
_NAMES = ("tensors-a.safetensors", "tensors-b.safetensors")


@dataclass(frozen=True)
class Saved:
    """A checkpoint's content: tensors by name, and counters."""

    tensors: Tensors
    counters: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """One training's state, in a folder of its own."""

    folder: Path

    def beside(self, name: str) -> "Checkpoint":
        """Of another training of the same network."""
        return Checkpoint(self.folder.with_name(f"{self.folder.name}-{name}"))

    def load(self) -> Saved | None:
        """What was saved last, or None where nothing was.

        Raises:
            InputError: it is damaged.
        """
        if not (self.folder / "state.json").is_file():
            return None
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            state = json.loads((self.folder / "state.json").read_text("utf-8"))
            content = (self.folder / str(state["tensors"])).read_bytes()
            counters = dict(state["counters"])
            if state["sha256"] != hashlib.sha256(content).hexdigest():
                raise ValueError("not what was saved")
            return Saved(load(content), counters)
        except (FileNotFoundError, LookupError, TypeError, ValueError, SafetensorError) as error:
            raise InputError(
                f"The checkpoint in {str(self.folder)!r} is damaged; remove the folder to start "
                "again."
            ) from error

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Around what reads what was saved: that of another version may have other names
        or shapes.

        Raises:
            InputError: it has.
        """
        with _of_this_version("checkpoint", self.folder):
            yield

    def save(self, tensors: Tensors, counters: Mapping[str, object]) -> None:
        """Replace what was saved, in one step: the old one counts until the new one is whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        there = {each.name for each in self.folder.glob("tensors-*.safetensors")}
        name = next(each for each in _NAMES if each != self._current())
        from safetensors.torch import save

        content = save({key: value.cpu().contiguous() for key, value in tensors.items()})
        (self.folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        state = {"counters": counters, "tensors": name, "sha256": digest}
        _write(self.folder / "state.json", state)
        for old in there - {name}:
            (self.folder / old).unlink()

    def decisions(self) -> dict[str, Any]:
        """What a clock decided of the training so far, by name.

        Raises:
            InputError: it is damaged.
        """
        path = self.folder / "decisions.json"
        if not path.is_file():
            return {}
        try:
            return dict(json.loads(path.read_text("utf-8")))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The checkpoint in {str(self.folder)!r} is damaged; remove the folder to start "
                "again."
            ) from error

    def decide(self, name: str, decision: object) -> None:
        """Keep a decision, before it acts: a training that goes on decides the same."""
        decisions = self.decisions()
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / "decisions.json", {**decisions, name: decision})

    def _current(self) -> str | None:
        """The file that counts."""
        try:
            found = json.loads((self.folder / "state.json").read_text("utf-8"))["tensors"]
        except (FileNotFoundError, LookupError, TypeError, ValueError):
            return None
        return str(found)


@dataclass(frozen=True)
class Unfinished:
    """The folder beside a model in which its training goes on after a kill.

    Attributes:
        folder: it is made when something is saved in it.
        run_identity: data, settings and versions that it belongs to, by what to call them.
    """

    folder: Path
    run_identity: Mapping[str, object]

    def check(self) -> None:
        """Refuse what was made for something else.

        Raises:
            InputError: names the first field that differs.
        """
        run_identity = self._read()["run_identity"]
        for name, now in self.run_identity.items():
            if run_identity.get(name) != now:
                raise InputError(
                    f"The unfinished training in {str(self.folder)!r} was begun with {name} "
                    f"{run_identity.get(name)!r}, but now it is {now!r}; run the same command as "
                    "then to go on, or remove the folder to start again."
                )

    def checkpoint(self, name: str) -> Checkpoint:
        """Of one of its rungs; whose it is is kept before anything is saved in it."""
        if not self.folder.exists():
            self.decide([])
        return Checkpoint(self.folder / name.replace(" ", "-"))

    def decisions(self) -> list[dict[str, Any]]:
        """What was decided of the rungs so far, in order."""
        found: list[dict[str, Any]] = self._read()["decisions"]
        return found

    def decide(self, decisions: list[dict[str, Any]]) -> None:
        """Keep what was decided: a run that goes on decides the same."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"run_identity": dict(self.run_identity), "decisions": decisions}
        _write(self.folder / "ladder.json", content)

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Around what reads a decision: one of another version may have other keys.

        Raises:
            InputError: it has.
        """
        with _of_this_version("unfinished training", self.folder):
            yield

    def remove(self) -> None:
        """Forget it: the training is done, and its result is saved."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        path = self.folder / "ladder.json"
        if not path.is_file():
            return {"run_identity": self.run_identity, "decisions": []}
        try:
            found = json.loads(path.read_text("utf-8"))
            whole = isinstance(found["run_identity"], dict) and isinstance(found["decisions"], list)
        except (LookupError, TypeError, ValueError):
            whole = False
        if not whole:
            raise InputError(
                f"The unfinished training in {str(self.folder)!r} is damaged; remove the folder "
                "to start again."
            )
        return dict(found)


@contextmanager
def _of_this_version(what: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except (LookupError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, RuntimeError) and out_of_memory(error):
            raise
        raise InputError(
            f"The {what} in {str(folder)!r} is of another version of headstart; go on with that "
            "version, or remove the folder to start again."
        ) from error


def _write(path: Path, content: object) -> None:
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(content), "utf-8")
