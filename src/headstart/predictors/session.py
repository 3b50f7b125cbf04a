"""A model that is ready: what a first answer waits for is done before it, and kept."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.dataset import Dataset, Modality, Task
from headstart.data.given import items_for
from headstart.data.reads import Reads, TrainedSpec
from headstart.errors import InputError
from headstart.predictors.answers import Predictions
from headstart.progress import Progress
from headstart.runtime.engine import cores
from headstart.runtime.reference import inputs_for
from headstart.runtime.workers import Workers

if TYPE_CHECKING:
    from headstart.explanations import Explanation, Unexplained
    from headstart.explanations.explaining import Wanted
    from headstart.explanations.explanation import Method
    from headstart.predictors.model import Model


class Session:
    """A `Predictor` for a server or a loop: the answers are those of `Model.predict`, sooner.

    When it is entered, the network is compiled and every thread that computes has answered once.
    Threads and queues are kept between calls. Many threads may share a session. In a forked process
    the first call opens it again, for threads stay behind in the parent.

        with model.session() as session:
            session.predict("new.jpg").labels
    """

    def __init__(self, model: "Model") -> None:
        self._model = model
        self._spec = TrainedSpec(trained=model.reads)
        self._workers = Workers()
        self._open = True

    @property
    def task(self) -> Task:
        """See `Predictor.task`."""
        return self._model.task

    @property
    def modality(self) -> Modality:
        """See `Predictor.modality`."""
        return self._model.modality

    @property
    def classes(self) -> tuple[str, ...]:
        """See `Predictor.classes`."""
        return self._model.classes

    @property
    def reads(self) -> Reads:
        """See `Predictor.reads`."""
        return self._model.reads

    def answer(self, data: Dataset, progress: Progress | None = None) -> Predictions:
        """See `Predictor.answer`.

        Raises:
            InputError: the session is closed, or the items are not of the model's modality.
        """
        self._refuse_closed()
        return self._model.answer(data, progress, self._workers)

    def predict(self, inputs: Any) -> Predictions:
        """See `Predictor.predict`.

        Raises:
            InputError: the session is closed, or there is nothing that the model answers for.
        """
        return self.answer(items_for(inputs, self.modality, self._spec))

    def explanations(
        self,
        data: Dataset,
        wanted: "Sequence[Wanted] | None" = None,
        *,
        method: "Method" = "occlusion",
        progress: Progress | None = None,
    ) -> "Iterator[Explanation | Unexplained]":
        """See `Model.explanations`.

        Raises:
            InputError: the session is closed, or see there.
        """
        self._refuse_closed()
        return self._model.explanations(
            data, wanted, method=method, progress=progress, workers=self._workers
        )

    def _refuse_closed(self) -> None:
        if not self._open:
            raise InputError("The session is closed; open another with model.session().")

    def close(self) -> None:
        """Refuse further questions; those that are being answered are, and then the threads end."""
        self._open = False
        self._workers.close()

    def __enter__(self) -> "Session":
        engine = self._model.engine
        inputs = inputs_for(self._model.preprocessing)
        rows = np.arange(engine.batch) % len(inputs[0])
        batch = tuple(each[rows] for each in inputs)
        for _ in range(cores()):
            engine.start(batch, lambda _: None)
        engine.wait()
        engine.compute(batch)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
