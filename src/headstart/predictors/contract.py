"""What everything is that answers for items: a model, a session, what other packages add."""

from typing import Any, Protocol

from headstart.data.dataset import Dataset, Modality, Task
from headstart.data.reads import Reads
from headstart.predictors.answers import Predictions
from headstart.progress import Progress


class Predictor(Protocol):
    """Answers for items, a row for each in their order; many threads may ask at once."""

    @property
    def task(self) -> Task:
        """What is predicted."""
        ...

    @property
    def modality(self) -> Modality:
        """What the items are."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the columns of `Predictions.probabilities`; empty for regression."""
        ...

    @property
    def reads(self) -> Reads:
        """Which columns of a table are read."""
        ...

    def answer(self, data: Dataset, progress: Progress | None = None) -> Predictions:
        """Predictions for a data set's items.

        Raises:
            InputError: the items are not of this modality.
        """
        ...

    def predict(self, inputs: Any) -> Predictions:
        """Predictions for items in memory; see `Model.predict`.

        Raises:
            InputError: there is nothing in it that can be answered.
        """
        ...
