"""Feature extraction and a deeper rung together: the mean of their calibrated scores.

The two err on different items, so that the mean is better than either where they are about as good,
and never as wrong as the worse of them (Hansen & Salamon 1990, "Neural Network Ensembles"). The
mean of two linear heads is a linear head on the features of both networks side by side.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from headstart.evaluation import judge
from headstart.evaluation.calibration import scaled
from headstart.heads.linear import LinearHead
from headstart.runtime.graphs import Graph
from headstart.runtime.reference import Reference
from headstart.training.adapted import Adapted
from headstart.types import JsonObject

if TYPE_CHECKING:
    import openvino as ov

SHARE = 0.5
"""Of each of the two. It is not chosen on validation items, which are few."""


def averaged(first: Adapted, tuned: Adapted, seed: int) -> Adapted | None:
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
    scores = [scaled(each.judged.scores, each.judged.temperature) for each in (first, tuned)]
    mean = SHARE * scores[0] + (1 - SHARE) * scores[1]
    return replace(
        tuned,
        head=_side_by_side(first, tuned, "head"),
        start=_side_by_side(first, tuned, "start"),
        judged=judge(task, mean, validation.targets, tuned.examples.classes, seed),
        trained_parameters=first.trained_parameters + tuned.trained_parameters,
        averaged_with=first,
        warnings=tuple(dict.fromkeys((*first.warnings, *tuned.warnings))),
    )


def both(
    first: Graph, size: int, tuned: "ov.Model", reference: Reference
) -> "tuple[ov.Model, Reference | None]":
    """One graph of two: for the same inputs, the first's features, then the other's.

    Args:
        first: its output may be wider than the features that are wanted.
        size: how many of them are, from the first.
        tuned: takes the same inputs.
        reference: of `tuned`.
    """
    import openvino as ov
    from openvino import opset13

    left, right = first.model.clone(), tuned.clone()
    for mine, other in zip(left.get_parameters(), right.get_parameters(), strict=True):
        other.output(0).replace(mine.output(0))
    features = [each.output(0).get_node().input_value(0) for each in (left, right)]
    some = opset13.slice(features[0], [0], [size], [1], [1])
    outputs = opset13.concat([some.output(0), features[1]], 1)
    model = ov.Model([outputs.output(0)], left.get_parameters(), "network")
    if first.reference is None:
        return model, None
    known = np.concatenate([first.reference.features[:, :size], reference.features], 1)
    return model, replace(reference, features=known)


def _side_by_side(first: Adapted, tuned: Adapted, which: str) -> LinearHead:
    """The head of both networks' features, whose score is the mean of the calibrated scores."""
    shares, heads = (SHARE, 1 - SHARE), (getattr(first, which), getattr(tuned, which))
    factors = [s / each.judged.temperature for s, each in zip(shares, (first, tuned), strict=True)]
    settings: JsonObject = {"task": tuned.examples.task}
    if tuned.examples.task == "regression":
        centres, spreads = zip(*(head.unit for head in heads), strict=True)
        factors = [
            share * spread / spreads[0] for share, spread in zip(shares, spreads, strict=True)
        ]
        settings |= {"centre": float(np.dot(shares, centres)), "spread": spreads[0]}
    parts = [
        {name: np.float32(factor) * array for name, array in head.arrays.items()}
        for factor, head in zip(factors, heads, strict=True)
    ]
    arrays = {
        "weight": np.concatenate([part["weight"] for part in parts]),
        "bias": parts[0]["bias"] + parts[1]["bias"],
    }
    return LinearHead(arrays=arrays, settings=settings)
