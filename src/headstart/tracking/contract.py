"""What a tracker is: a function that is called once, with a finished run.

Another package adds one by an entry point of the group `headstart.trackers`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Tracked:
    """A finished run, as trackers take it.

    Attributes:
        name: what to call the run.
        params: options, and what was chosen, as short texts.
        metrics: of the model on the test items with the ends of their 95% intervals
            (`test_accuracy`, `test_accuracy_low`, `test_accuracy_high`), of the baselines, and
            seconds per part.
        epochs: a value for each epoch, such as `fine-tuning_val_loss`.
        artefacts: the folder of the saved model, with the page and `report.json`; None: it was
            not saved.
    """

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    epochs: Mapping[str, Sequence[float]]
    artefacts: Path | None


class Tracker(Protocol):
    """Records a finished run; whatever it raises becomes a warning of that run."""

    def __call__(self, run: Tracked) -> None:
        """Record it."""
