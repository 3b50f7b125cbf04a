"""A finished rung becomes the model that is saved, and is checked against the trained network."""

from dataclasses import asdict, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import HeadstartError, InputError
from headstart.evaluation.calibration import scaled
from headstart.evaluation.spread import centre_and_spread
from headstart.installed import installed
from headstart.predictors import Model, Scored
from headstart.runtime.graphs import Graph, round_trip
from headstart.runtime.reference import Reference
from headstart.training.adapted import Adapted
from headstart.training.averaged import both
from headstart.training.examples import Part
from headstart.types import Array, Unchecked

if TYPE_CHECKING:
    import openvino as ov
    from torch import nn

CHECKED = 4
"""Items on which the saved network and the one trained in torch must agree."""

PROVED = 32
"""Items that go through the model from end to end, to be answered as from stored features."""

TOLERANCE = 0.01
"""Largest difference of a score, as a share of the largest score, or of the largest distance of a
value from the mean, at least one spread: features are rounded to half precision."""


def assemble(adapted: Adapted, data: Dataset) -> Model:
    """The model that a rung gave.

    Raises:
        HeadstartError: it does not answer like the trained network.
    """
    trunk, examples = adapted.trunk, adapted.examples
    model = Model(
        task=examples.task,
        modality=trunk.backbone.modality,
        classes=examples.classes,
        preprocessing=trunk.backbone.preprocessing,
        head=adapted.head,
        temperature=adapted.judged.temperature,
        precision=trunk.precision,
        **_network(adapted),
        width=None if adapted.weights else trunk.size,
        weights={name: each.numpy() for name, each in adapted.weights.items()},
    )
    if adapted.weights:
        positions = np.concatenate([part.positions for part in examples.parts.values()])
        check_parity(model, adapted, data.select(positions[-CHECKED:]))
    else:
        prove(model, adapted, data)
    return model


def scores_on_test(model: Model, adapted: Adapted, data: Dataset) -> Array:
    """Calibrated scores or values of the test items, from stored features of the model's own."""
    test = adapted.examples.parts["test"]
    if not adapted.weights:
        scores = adapted.head.scores(test.features)
    elif len(test):
        scores = _all_scored(model, data.select(test.positions)).scores
    else:  # The head may take more features than those of the network that did not change.
        scores = np.empty((0,) if model.task == "regression" else (0, len(model.classes)))
    return scaled(scores, model.temperature)


def prove(model: Model, adapted: Adapted, data: Dataset) -> None:
    """Compare the model's scores of some items with those from stored features.

    The network itself was held beside the compiled one when that was made: see
    `headstart.runtime.trial`.

    Args:
        model: of a backbone that did not change.
        adapted: what was trained.
        data: the items.

    Raises:
        HeadstartError: they differ by more than rounding explains.
        InputError: an item can no longer be read.
    """
    parts = [part.spread(PROVED) for part in adapted.examples.parts.values() if len(part)]
    some = reduce(Part.joined, parts).spread(PROVED)
    scored = _all_scored(model, data.select(some.positions))
    _compare(model, adapted, scored.scores, adapted.head.scores(some.features))


def check_parity(model: Model, adapted: Adapted, data: Dataset) -> None:
    """Compare the model's scores with those of the trained network, in torch, on a few items.

    Both in float32: what bfloat16 rounds is no fault, and would hide one.

    Args:
        model: the compiled network.
        adapted: what was trained.
        data: the items.

    Raises:
        HeadstartError: they differ by more than rounding explains.
        InputError: an item can no longer be read.
    """
    import torch

    from headstart.training.items import decoded

    trunk = adapted.trunk
    scored = _all_scored(replace(model, precision="float32"), data)
    items = decoded(data, trunk.backbone.preprocessing)
    inputs = items.plain(np.arange(len(items)))
    module = trunk.backbone.adapted(adapted.weights)
    with torch.inference_mode():
        features = module(*inputs).float().numpy()
    first = adapted.averaged_with
    if first is not None:
        with torch.inference_mode():
            before = first.trunk.backbone.module(*inputs).float().numpy()
        features = np.concatenate([before, features], 1)
    _compare(model, adapted, scored.scores, adapted.head.scores(features))


def _compare(model: Model, adapted: Adapted, answers: Array, expected: Array) -> None:
    if model.task == "regression":
        centre, spread = centre_and_spread(adapted.examples.parts["train"].targets)
        expected, answers = (expected - centre) / spread, (answers - centre) / spread
    # What is rounded is a share of the score: of a far outlier more than the spread.
    scale = max(1.0, float(np.abs(expected).max()))
    furthest = float(np.abs(answers - expected).max())
    if not furthest <= TOLERANCE * scale:
        raise HeadstartError(
            f"The compiled network does not answer like the trained one: scores differ by up to "
            f"{furthest:.3g} on {len(expected)} items; nothing was saved. Please report this, with "
            f"the backbone ({adapted.trunk.backbone.name}) and the versions of torch and openvino."
        )


def _all_scored(model: Model, data: Dataset) -> Scored:
    scored = model.scores(data)
    if scored.skipped:
        first = scored.skipped[0]
        raise InputError(
            f"{first.item}: {first.reason}, though it could be read before; put it back and run "
            "the same command again: what was trained is kept."
        )
    return scored


def _network(adapted: Adapted) -> Unchecked:
    """What the model answers with: a compiled graph, or without OpenVINO what was trained."""
    if not installed("openvino"):
        return {"graph": None, "module": _module(adapted), "where": adapted.trunk.where}
    graph = _graph(adapted)
    return {"graph": graph.model, "digest": graph.digest, "reference": graph.reference}


def _module(adapted: Adapted) -> "nn.Module":
    trunk, first = adapted.trunk, adapted.averaged_with
    if not adapted.weights:
        return trunk.module
    tuned = trunk.backbone.adapted(adapted.weights)
    if first is None:
        return tuned
    from headstart.training.network import SideBySide

    return SideBySide(first.trunk.module, first.trunk.size, tuned)


def _graph(adapted: Adapted) -> Graph:
    trunk = adapted.trunk
    if not adapted.weights:
        return trunk.graph
    from headstart.runtime import compile

    first = adapted.averaged_with

    def converted() -> "tuple[ov.Model, Reference | None]":
        tuned = compile.converted(module, trunk.backbone.preprocessing)
        return tuned if first is None else both(first.trunk.graph, first.trunk.size, *tuned)

    # A graph just converted shares the memory of the module's weights.
    module = trunk.backbone.adapted(adapted.weights)
    return round_trip(converted)


def about(adapted: Adapted, seed: int) -> Unchecked:
    """What a model says of how it was made."""
    backbone, first = adapted.trunk.backbone, adapted.averaged_with
    blocks = backbone.blocks if first is None else first.trunk.backbone.blocks
    same = not adapted.weights and adapted.trunk.where == "cpu"
    stored = {"store": asdict(adapted.trunk.key())} if same else {}
    return {
        **stored,
        "backbone": {
            **backbone.identity(),
            "pool": backbone.pool,
            "blocks": [asdict(block) for block in blocks],
        },
        "averaged": first is not None,
        "cut": adapted.cut,
        "strategy": adapted.strategy,
        "seed": seed,
    }
