"""Answers to items in, numbers out: metrics with intervals, calibration, baselines."""

from headstart.evaluation.baselines import constant_scores, tfidf_scores
from headstart.evaluation.calibration import probabilities, temperature
from headstart.evaluation.intervals import Interval
from headstart.evaluation.measure import Measured, measure
from headstart.evaluation.metrics import Evaluation, evaluate
from headstart.evaluation.paired import Difference, difference
from headstart.evaluation.results import Results
from headstart.evaluation.tables import ClassRow
from headstart.evaluation.validation import ValidationResult, judge

__all__ = [
    "ClassRow",
    "Difference",
    "Evaluation",
    "Interval",
    "Measured",
    "Results",
    "ValidationResult",
    "constant_scores",
    "difference",
    "evaluate",
    "judge",
    "measure",
    "probabilities",
    "temperature",
    "tfidf_scores",
]
