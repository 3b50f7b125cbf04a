"""A saved model that answers many clients, and is replaced while it does."""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from headstart import predictors, sealed
from headstart.data.dataset import Dataset, count_notes
from headstart.data.lazy import Lazy
from headstart.errors import InputError
from headstart.explanations.folder import classes_of
from headstart.predictors import Model, Predictions, Session
from headstart.runtime.engine import cores
from headstart.serving.batching import Batching, Full, Job, Late
from headstart.serving.items import Items, allowed
from headstart.serving.meters import Meters
from headstart.serving.refusal import Refused
from headstart.spec import ServeSpec
from headstart.wording import shown

if TYPE_CHECKING:
    from headstart.explanations import Explanation, Unexplained

LOOK_EVERY = 1.0
"""Seconds between looks at a model's folder."""
AGAIN_AFTER = 10
"""Looks until a model that could not be read is tried again, where its folder stays as it is."""
RUNS = 4
"""Batches that are computed at once, at most: while one is decoded another is computed."""
EXPLAINED = 4
"""Items of a request that are explained, at most: each takes many passes of the network."""

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Ready:
    """A model that is loaded and warm.

    Attributes:
        stamp: of its model.json: when it changes, there is another model.
        version: the first signs of its seal.
    """

    model: Model
    session: Session
    stamp: Stamp | None
    version: str


@dataclass(frozen=True)
class Answered:
    """What a model says of the items of one request.

    Attributes:
        by: the model.
        predictions: a row an item.
        warnings: what a person should know.
        explanations: where they were asked for: for each item in order, those of its answer.
    """

    by: Ready
    predictions: Predictions
    warnings: tuple[str, ...]
    explanations: "tuple[Explanation | Unexplained, ...]" = ()


class Served:
    """A model under a name, with its queues; many requests may wait for it at once.

    Args:
        name: in addresses.
        folder: where the model is.
        spec: what is taken on.
        meters: what is counted.

    Raises:
        InputError: there is no model that can be read.
    """

    def __init__(self, name: str, folder: Path, spec: ServeSpec, meters: Meters) -> None:
        self.name, self._folder, self._spec, self._meters = name, folder, spec, meters
        self._ready = _opened(folder, _stamp(folder))
        self._answering: Batching[Answered] = Batching(
            self._answers,
            batch=spec.batch,
            queue=spec.queue,
            threads=min(cores(), RUNS),
            name=f"answer {name}",
        )
        self._explaining: Batching[Answered] = Batching(
            self._explained, batch=1, queue=4 * EXPLAINED, threads=1, name=f"explain {name}"
        )
        meters.queue(name, lambda: self._answering.waiting + self._explaining.waiting)
        self._stopped = Event()
        self._watcher = Thread(target=self._watch, name=f"watch {name}", daemon=True)
        self._watcher.start()

    @property
    def ready(self) -> Ready:
        """The model that answers now."""
        return self._ready

    async def answer(self, items: Items, *, explain: bool = False) -> Answered:
        """Answer for the items of a request.

        Raises:
            Refused: too many wait already (429), it took too long (504), or explanations are asked
                of more than `EXPLAINED` items.
        """
        if explain and len(items.values) > EXPLAINED:
            raise Refused(
                413, f"explain is for at most {EXPLAINED} items of a request; send fewer."
            )
        queue = self._explaining if explain else self._answering
        seconds = self._spec.timeout
        job: Job[Answered] = Job(items.values, items.names, time.monotonic() + seconds)
        try:
            waiting = queue.submit(job)
        except Full as full:
            raise Refused(
                429, "Too many requests wait already.", {"Retry-After": str(full.seconds)}
            ) from full
        try:
            return await asyncio.wait_for(asyncio.wrap_future(waiting), seconds)
        except (TimeoutError, Late) as error:
            raise Refused(504, f"There was no answer within {seconds:g} seconds.") from error

    def close(self) -> None:
        """Answer what waits, and stop."""
        self._stopped.set()
        self._answering.close()
        self._explaining.close()
        self._watcher.join()

    def _answers(self, jobs: Sequence[Job[Answered]]) -> list[Answered]:
        ready = self._ready
        items = [item for job in jobs for item in job.items]
        data = self._data(items, [name for job in jobs for name in job.names])
        self._meters.batch(self.name, len(data))
        whole = ready.session.answer(data)
        answers, at = [], 0
        for job in jobs:
            part = whole.part(range(at, at + len(job.items)))
            answers.append(self._answered(ready, part))
            at += len(job.items)
        return answers

    def _explained(self, jobs: Sequence[Job[Answered]]) -> list[Answered]:
        ready, (job,) = self._ready, jobs
        data = self._data(job.items, job.names)
        predictions = ready.session.answer(data)
        wanted = [classes_of(label, predictions.classes) for label in predictions.labels]
        try:
            made = tuple(ready.session.explanations(data, wanted, method="activation map"))
        except InputError:  # The model has none; covering parts takes longer.
            made = tuple(ready.session.explanations(data, wanted))
        return [replace(self._answered(ready, predictions), explanations=made)]

    def _answered(self, ready: Ready, predictions: Predictions) -> Answered:
        self._meters.items(self.name, predictions.errors, len(predictions))
        warnings = count_notes(dict(predictions.notes), ready.session.modality)
        return Answered(ready, predictions, warnings)

    def _data(self, items: Sequence[object], names: Sequence[str]) -> Dataset:
        checked = Lazy(len(items), partial(_allowed, items, self._spec))
        return Dataset(self._ready.session.modality, checked, names)

    def _watch(self) -> None:
        """Take over a model that was put in the folder's place; one that is damaged is not."""
        refused: Stamp | None = None
        looks = 0
        while not self._stopped.wait(LOOK_EVERY):
            stamp = _stamp(self._folder)
            looks += 1
            if stamp is None or stamp == self._ready.stamp:
                continue
            if stamp == refused and looks % AGAIN_AFTER:
                continue
            refused = None if self._taken_over(stamp) else stamp

    def _taken_over(self, stamp: Stamp) -> bool:
        before = self._ready.model
        try:
            ready = _opened(self._folder, stamp)
            if (ready.model.task, ready.model.modality) != (before.task, before.modality):
                raise InputError("it is for another task; start the server again to serve it")
        except Exception as error:  # Whatever is wrong with it, the thread goes on watching.
            self._meters.loaded(self.name, False)
            print(
                f"headstart: the new model of {shown(self.name)} is not served: "
                f"{shown(str(error))}",
                file=sys.stderr,
            )
            return False
        # The old session goes when the last batch that has it is done.
        self._ready = ready
        self._meters.loaded(self.name, True)
        print(f"headstart: {shown(self.name)} is now version {ready.version}.", file=sys.stderr)
        return True


def _allowed(items: Sequence[object], spec: ServeSpec, at: int) -> object:
    return allowed(items[at], spec)


def _opened(folder: Path, stamp: Stamp | None) -> Ready:
    version = str(sealed.read_about(folder)["seal"])[:12]
    model = predictors.load(folder)
    return Ready(model, model.session().__enter__(), stamp, version)


def _stamp(folder: Path) -> Stamp | None:
    """What changes when another model is put there; None in the moment when none is."""
    try:
        found = (folder / "model.json").stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
