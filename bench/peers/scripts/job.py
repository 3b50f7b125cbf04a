"""What every peer's script shares: the job it gets, its clock, and the answer it gives.

Run by the python of the peer's own environment, where there is no headstart: this module needs
numpy and the standard library only.
"""

import csv
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

SLACK = 0.93
"""Share of the time left that epochs are planned for: steps differ, and the last must end."""

ASIDE = 0.2
"""Share of the budget that snapshots for the learning curve may take besides."""


@dataclass(frozen=True)
class Job:
    """One run: what to learn from, what to predict, how long it may take.

    Attributes:
        kind: `image` or `text`; task: `classification` or `regression`.
        train, test: CSV with the columns `image` or `text`, and `label`.
        classes: in the order of the probabilities; empty for regression.
        seconds: from the start of the process to the end of training.
        lite0: folder with config.json and model.safetensors; minilm: a sentence-transformers one.
        variant: which of a script's recipes.
        scratch: a folder to write to; answer: the file to write.
    """

    kind: str
    task: str
    train: Path
    test: Path
    classes: tuple[str, ...]
    seconds: float
    seed: int
    lite0: Path
    minilm: Path
    variant: str
    scratch: Path
    answer: Path

    @property
    def regression(self) -> bool:
        """Whether labels are numbers."""
        return self.task == "regression"

    def rows(self, table: Path) -> tuple[list[str], list[str]]:
        """Texts or absolute paths of images, and labels as written."""
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        items = [row[self.kind] for row in rows]
        if self.kind == "image":
            items = [str(table.parent / each) for each in items]
        return items, [row["label"] for row in rows]

    def targets(self, labels: Sequence[str]) -> list[Any]:
        """Numbers of classes, or values."""
        if self.regression:
            return [float(each) for each in labels]
        numbers = {name: number for number, name in enumerate(self.classes)}
        return [numbers[each] for each in labels]


@dataclass
class Clock:
    """Seconds since the process was started, less those of snapshots."""

    budget: float
    began: float
    aside: float = 0.0

    def spent(self) -> float:
        """What counts of the budget so far."""
        return time.time() - self.began - self.aside

    def left(self) -> float:
        """What is left of the budget; negative where it is overrun."""
        return self.budget - self.spent()

    def epochs(self, seconds: float) -> float:
        """How many epochs of so many seconds still fit, as a fraction."""
        return max(self.left(), 0.0) * SLACK / seconds

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What happens here does not count."""
        began = time.time()
        try:
            yield
        finally:
            self.aside += time.time() - began


@dataclass
class Curve:
    """Predictions of the test items after each epoch, as long as they are cheap."""

    clock: Clock
    points: list[dict[str, Any]] = field(default_factory=list)
    dearest: float = 0.0

    def point(self, epoch: float, predict: Callable[[], Any]) -> None:
        """Predict now, off the clock, unless snapshots have taken too long already."""
        if self.clock.aside + self.dearest > ASIDE * self.clock.budget:
            return
        seconds, before = self.clock.spent(), self.clock.aside
        with self.clock.stopped():
            predictions = listed(predict())
        self.dearest = max(self.dearest, self.clock.aside - before)
        self.points.append({"epoch": epoch, "seconds": seconds, "predictions": predictions})


@dataclass(frozen=True)
class Answer:
    """What a peer says.

    Attributes:
        predictions: probabilities (n, classes) or values (n,), in the order of the test table.
        training: seconds from the start of the process to the end of training, loading included.
        predicting: seconds of the last prediction.
        notes: choices worth knowing.
    """

    predictions: Any
    training: float
    predicting: float
    epochs: float | None
    packages: tuple[str, ...]
    notes: dict[str, Any] = field(default_factory=dict)
    curve: Curve | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "predictions": listed(self.predictions),
            "seconds": {"training": self.training, "predicting": self.predicting},
            "epochs": self.epochs,
            "notes": self.notes,
            "versions": versions(self.packages),
            "curve": [] if self.curve is None else self.curve.points,
        }


class Refusal(Exception):
    """The tool cannot do this, and what it says of it is not clear by itself."""


def listed(predictions: Any) -> list[Any]:
    """As JSON holds it, without digits that mean nothing."""
    return np.round(np.asarray(predictions, dtype=np.float64), 6).tolist()


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of Python and of what is installed of `packages`."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def first_line(error: BaseException) -> str:
    """The kind of the error, but for our own, and the first line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, Refusal):
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def run(peer: Callable[[Job, Clock], Answer], *packages: str) -> None:
    """Do the job named on the command line; a tool's error is an answer too."""
    said = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    paths = {key: Path(said[key]) for key in ("train", "test", "lite0", "minilm", "scratch")}
    answer = Path(said["answer"])
    job = Job(**(said | paths | {"answer": answer, "classes": tuple(said["classes"])}))
    clock = Clock(job.seconds, float(os.environ["PEERS_BEGAN"]))
    try:
        content = peer(job, clock).to_json()
    except Exception as error:
        traceback.print_exc()
        content = {"refused": first_line(error), "versions": versions(packages)}
    content["seconds_all"] = clock.spent() + clock.aside
    temporary = answer.with_suffix(".part")
    temporary.write_text(json.dumps(content), "utf-8")
    temporary.replace(answer)


def seconds_per_step(step: Callable[[int], Any], clock: Clock, most: int = 6) -> float:
    """How long a step takes, the first one left out; stops early where steps are slow."""
    step(0)
    times: list[float] = []
    for number in range(1, most):
        began = time.perf_counter()
        step(number)
        times.append(time.perf_counter() - began)
        if sum(times) > 0.05 * clock.budget:
            break
    return sum(times) / len(times)
