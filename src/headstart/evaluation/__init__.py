"""Arrays in, numbers out: metrics with intervals, calibration, baselines."""

from headstart.evaluation.baselines import baseline, tfidf_baseline
from headstart.evaluation.calibration import probabilities, temperature
from headstart.evaluation.intervals import Interval
from headstart.evaluation.metrics import Evaluation, evaluate
from headstart.evaluation.paired import Difference, difference
from headstart.evaluation.tables import ClassRow

__all__ = [
    "ClassRow",
    "Difference",
    "Evaluation",
    "Interval",
    "baseline",
    "difference",
    "evaluate",
    "probabilities",
    "temperature",
    "tfidf_baseline",
]
