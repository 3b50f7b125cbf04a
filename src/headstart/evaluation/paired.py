"""Two models on the same items: the difference between them, and how sure it is."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """A paired difference of a mean over items, new less old, with its 95% interval.

    Attributes:
        metric: `accuracy`, higher is better; or `mae`, lower is better. For several labels an
            item it is the mean accuracy of the labels.
    """

    metric: str
    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the attributes."""
        return asdict(self)


def difference(task: str, targets: Array, new: Array, old: Array) -> Difference | None:
    """The difference between the scores of two models; None with fewer than two items.

    Its interval is that of Student's t on the items' own differences, which are few values for
    accuracy and many for errors; it leaves out what another training would change.

    Args:
        task: "classification", "multilabel" or "regression".
        targets: as in `headstart.evaluation.evaluate`.
        new, old: logits (n, classes), or values (n,).
    """
    from scipy.stats import t

    if len(targets) < 2:
        return None
    metric = "mae" if task == "regression" else "accuracy"
    each = _by_item(task, targets, new) - _by_item(task, targets, old)
    value = float(each.mean())
    margin = float(t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)))
    return Difference(metric, value, value - margin, value + margin)


def _by_item(task: str, targets: Array, scores: Array) -> npt.NDArray[np.float64]:
    if task == "regression":
        return np.asarray(np.abs(scores.astype(np.float64) - targets), np.float64)
    if task == "multilabel":
        return np.asarray(((scores > 0) == (targets > 0)).mean(axis=1), np.float64)
    return np.asarray(scores.argmax(axis=1) == targets, np.float64)
