"""From features to answers, as a graph: head, temperature, probabilities, and the decision."""

from collections.abc import Callable, Mapping

import numpy as np
from onnx import TensorProto

from headstart.errors import InputError
from headstart.evaluation.decisions import HALF, ClassThreshold, Costs, Decision, LabelThresholds
from headstart.export.nodes import Nodes, Value
from headstart.heads import Head
from headstart.heads.contract import centre_of
from headstart.heads.knn import SHARPNESS
from headstart.predictors import Model

FEATURES = "features"
PROBABILITIES, ANSWER, VALUES = "probabilities", "answer", "values"
"""Names of what goes into this part of a graph, and of what comes out."""


def answered(model: Model, width: int) -> Nodes:
    """A graph from features (N, width) to answers.

    It gives `values` (N,) float64 for regression; else `probabilities` (N, classes) float32, and
    `answer`: the index of a class (N,) int64, or which classes an item has, (N, classes) bool.

    Raises:
        InputError: the head cannot be written as a graph.
    """
    nodes = Nodes("answer_")
    features = nodes.takes(FEATURES, TensorProto.FLOAT, ["N", width])
    if model.width is not None and model.width < width:
        bounds = (nodes.constant([each], "int64") for each in (0, model.width, 1))
        features = nodes.op("Slice", features, *bounds)
    if model.head.name not in HEADS:
        raise InputError(
            f"A {model.head.name} head cannot be exported; fit again with --head "
            f"{', '.join(HEADS)}."
        )
    scores = HEADS[model.head.name](features, model.head)
    if model.task == "regression":
        centre, spread = centre_of(model.head.name, model.head.settings)
        # In float64: numbers such as years and times need its digits.
        first = nodes.op("Squeeze", scores, nodes.constant([1], "int64")).cast(TensorProto.DOUBLE)
        scaled = nodes.op("Mul", first, nodes.constant(spread, "float64"))
        values = nodes.op("Add", scaled, nodes.constant(centre, "float64"))
        nodes.gives(values, VALUES, TensorProto.DOUBLE, ["N"])
        return nodes
    scores = scores / model.temperature
    several = model.task == "multilabel"
    shares = nodes.op("Sigmoid", scores) if several else nodes.op("Softmax", scores, axis=1)
    count = len(model.classes)
    nodes.gives(shares, PROBABILITIES, TensorProto.FLOAT, ["N", count])
    answer = _decided(shares, model)
    if several:
        nodes.gives(answer, ANSWER, TensorProto.BOOL, ["N", count])
    else:
        nodes.gives(answer, ANSWER, TensorProto.INT64, ["N"])
    return nodes


def _decided(shares: Value, model: Model) -> Value:
    """What is answered; see `headstart.evaluation.decisions`."""
    decision: Decision | None = model.decision
    if model.task == "multilabel":
        least = decision.values if isinstance(decision, LabelThresholds) else (HALF,)
        return shares >= np.array(least, np.float32)
    if isinstance(decision, ClassThreshold):
        own = np.arange(len(model.classes)) == decision.positive
        positive = shares.nodes.constant(decision.positive, "int64")
        column = shares.nodes.op("Gather", shares, positive, axis=1)
        best = _most(shares - own.astype(np.float32) * 2)
        return (column >= decision.threshold).where(positive, best)
    if isinstance(decision, Costs) and decision.threshold is not None:
        second = shares.nodes.op("Gather", shares, shares.nodes.constant(1, "int64"), axis=1)
        return (second >= decision.threshold).cast(TensorProto.INT64)
    if isinstance(decision, Costs):
        return _most((shares @ np.array(decision.table, np.float32)) * -1.0)
    return _most(shares)


def _most(values: Value) -> Value:
    return values.nodes.op("ArgMax", values, axis=1, keepdims=0)


def _linear(features: Value, head: Head) -> Value:
    return features @ head.arrays["weight"] + head.arrays["bias"]


def _perceptron(features: Value, head: Head) -> Value:
    hidden = features @ head.arrays["weight1"] + head.arrays["bias1"]
    return hidden.at_least(0.0) @ head.arrays["weight2"] + head.arrays["bias2"]


def _neighbours(features: Value, head: Head) -> Value:
    """The votes of `headstart.heads.knn.NeighboursHead`, of all items at once."""
    arrays, nodes, task = head.arrays, features.nodes, head.settings["task"]
    rows = (features - arrays["mean"]) * arrays["scale"]
    lengths = nodes.op("ReduceL2", rows, nodes.constant([1], "int64"), keepdims=1)
    # Nought stays nought.
    similarity = rows / lengths.at_least(1e-30) @ arrays["items"].astype(np.float32).T
    most = min(int(str(head.settings["neighbours"])), len(arrays["items"]))
    nearest, index = nodes.ops("TopK", 2, similarity, nodes.constant([most], "int64"), axis=1)
    first = nodes.op("ReduceMax", nearest, nodes.constant([1], "int64"), keepdims=1)
    weights = nodes.op("Exp", (nearest - first) / SHARPNESS)
    weights = weights * nodes.op("Gather", nodes.constant(arrays["weights"]), index, axis=0)
    prior, targets = arrays["prior"].astype(np.float32), arrays["targets"]
    votes = np.eye(len(prior))[targets] if task == "classification" else targets
    said = nodes.op("Gather", nodes.constant(votes), index, axis=0)
    axes = nodes.constant([1], "int64")
    row = nodes.op("Unsqueeze", weights, axes)
    total = nodes.op("Squeeze", row @ said, axes)
    weight = nodes.op("ReduceSum", weights, axes, keepdims=1)
    if task == "regression":
        return total / weight
    share = (total + prior) / (weight + 1.0)
    logits = nodes.op("Log", share)
    return logits - nodes.op("Log", 1.0 - share) if task == "multilabel" else logits


HEADS: Mapping[str, Callable[[Value, Head], Value]] = {
    "linear": _linear,
    "mlp": _perceptron,
    "knn": _neighbours,
}
"""What each kind of head scores."""
