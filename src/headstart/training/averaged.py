"""Feature extraction and a deeper rung together: the mean of their calibrated scores.

The two err on different items, so that the mean is better than either where they are about as good,
and never as wrong as the worse of them (Hansen & Salamon 1990, "Neural Network Ensembles"). The
mean of two linear heads is a linear head on the features of both networks side by side.
"""

from dataclasses import replace

import numpy as np
import openvino as ov

from headstart.heads.linear import LinearHead
from headstart.training.fitted import Fitted, judge

SHARE = 0.5
"""Of each of the two. It is not chosen on validation items, which are few."""


def averaged(first: Fitted, tuned: Fitted, seed: int) -> Fitted | None:
    """A rung averaged with the first; None where there is nothing to average or to judge it by.

    Args:
        first: feature extraction.
        tuned: a rung that changed the backbone.
        seed: of the intervals.
    """
    heads = (first.head, first.start, tuned.head, tuned.start)
    if not all(isinstance(head, LinearHead) for head in heads) or not tuned.weights:
        return None
    validation = tuned.examples.parts["validation"]
    if not len(validation):
        return None
    task = tuned.examples.task
    scores = [each.judged.scores / np.float32(each.judged.temperature) for each in (first, tuned)]
    mean = np.asarray(SHARE * scores[0] + (1 - SHARE) * scores[1], np.float32)
    return replace(
        tuned,
        head=_side_by_side(first, tuned, "head"),
        start=_side_by_side(first, tuned, "start"),
        judged=judge(task, mean, validation.targets, tuned.examples.classes, seed),
        trained_parameters=first.trained_parameters + tuned.trained_parameters,
        averaged_with=first,
        warnings=tuple(dict.fromkeys((*first.warnings, *tuned.warnings))),
    )


def graph_of_both(first: ov.Model, size: int, tuned: ov.Model) -> ov.Model:
    """One graph of two: for the same inputs, the first's features, then the other's.

    Args:
        first: its output may be wider than the features that are wanted.
        size: how many of them are, from the first.
        tuned: takes the same inputs.
    """
    from openvino import opset13

    first, tuned = first.clone(), tuned.clone()
    for mine, other in zip(first.get_parameters(), tuned.get_parameters(), strict=True):
        other.output(0).replace(mine.output(0))
    features = [each.output(0).get_node().input_value(0) for each in (first, tuned)]
    some = opset13.slice(features[0], [0], [size], [1], [1])
    both = opset13.concat([some.output(0), features[1]], 1)
    return ov.Model([both.output(0)], first.get_parameters(), "network")


def _side_by_side(first: Fitted, tuned: Fitted, which: str) -> LinearHead:
    """The head of both networks' features, whose score is the mean of the calibrated scores."""
    parts = []
    for each, share in ((first, SHARE), (tuned, 1 - SHARE)):
        arrays, factor = getattr(each, which).arrays, share / each.judged.temperature
        parts.append({name: np.float32(factor) * array for name, array in arrays.items()})
    return LinearHead(
        arrays={
            "weight": np.concatenate([part["weight"] for part in parts]),
            "bias": parts[0]["bias"] + parts[1]["bias"],
        },
        settings={"task": tuned.examples.task},
    )
