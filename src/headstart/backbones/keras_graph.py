"""A Keras model's graph of layers as a torch one, so that it is cut and trained like any other.

Each layer becomes a torch module that owns the layer's weights and calls it without state, so
torch's own rules hold: what learns is a parameter, what follows the data (BatchNorm's statistics)
a buffer, and `train()` and `eval()` are asked layer by layer.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from inspect import signature
from typing import Any

import keras
import numpy as np
import torch
from torch import fx, nn

Variables = dict[str, Any]


class LayerModule(nn.Module):
    """A Keras layer (or operation between layers), called with weights that this module owns.

    Attributes:
        follows_data: whether it is a BatchNormalization.
    """

    def __init__(self, operation: Any) -> None:
        super().__init__()
        # In a tuple torch does not see it: a Keras layer is a torch module too.
        self._held = (operation,)
        self._learning: list[str] = []
        self._following: list[str] = []
        self._seeds = 0
        self.follows_data = isinstance(operation, keras.layers.BatchNormalization)
        if not isinstance(operation, keras.layers.Layer):
            return
        for name, variable in variables(operation).items():
            value = variable.value.detach().cpu()
            if variable.trainable:
                self.register_parameter(name, nn.Parameter(value))
                self._learning.append(name)
            else:
                self.register_buffer(name, value)
                self._following.append(name)
        self._seeds = len(operation.non_trainable_variables) - len(self._following)
        self._knows_modes = "training" in signature(operation.call).parameters

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """What the layer gives for what it takes; channels last."""
        (operation,) = self._held
        first = args[0][0] if isinstance(args[0], (list, tuple)) else args[0]
        with keras.device(first.device.type):
            if not isinstance(operation, keras.layers.Layer):
                result: torch.Tensor = operation.call(*args, **kwargs)
                return result
            if self._knows_modes:
                kwargs = {**kwargs, "training": self.training}
            result, state = operation.stateless_call(
                [getattr(self, name) for name in self._learning],
                [*(getattr(self, name) for name in self._following), *self._random_seeds()],
                *args,
                **kwargs,
            )
        if self.training:
            with torch.no_grad():
                for name, value in zip(self._following, state, strict=False):
                    getattr(self, name).copy_(value)
        return result

    def _random_seeds(self) -> list[torch.Tensor]:
        """For dropout: from torch's generator, which the training loop seeds step by step."""
        if not self._seeds:
            return []
        if not self.training:
            return [torch.zeros(2, dtype=torch.int64)] * self._seeds
        return [torch.randint(2**31, (2,)) for _ in range(self._seeds)]


class NormalisationModule(nn.Module):
    """Keras's Normalization, which keeps what it divides by outside of its variables."""

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, layer: Any) -> None:
        super().__init__()
        for name, variable in variables(layer).items():
            self.register_buffer(name, variable.value.detach().cpu())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`(pixels - mean) / sqrt(variance)`, per channel, the last axis."""
        return (pixels - self.mean) / self.variance.sqrt().clamp(min=keras.config.epsilon())


def variables(layer: Any) -> Variables:
    """A layer's variables by name, in the order in which its file holds them.

    The number of items that a Normalization was adapted to is no weight.
    """
    return {each.name: each for each in layer.weights if each.name != "count"}


def put(model: Any, weights: Mapping[str, Any]) -> None:
    """Put weights in a Keras model.

    Args:
        model: whose graph `torch_graph` made.
        weights: arrays or tensors by the names in that graph, which end in `LAYER.VARIABLE`.
    """
    layers = layer_names(model)
    for name, value in weights.items():
        *_, layer, variable = name.split(".")
        variables(layers[layer])[variable].assign(np.array(value))
    for layer in layers.values():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def layer_names(model: Any) -> dict[str, Any]:
    """The layers and operations of a functional model by name, in the order of computation.

    Keras numbers unnamed layers over a whole process (`conv2d_94`); here they are numbered as in
    a new one, so that a name means the same layer every time.
    """
    unnamed: dict[str, list[tuple[int, int]]] = defaultdict(list)
    layers = [each for each in model.operations if not isinstance(each, keras.layers.InputLayer)]
    names = [each.name for each in layers]
    for position, layer in enumerate(layers):
        base = snake_case(type(layer).__name__)
        if numbered := re.fullmatch(rf"{base}(?:_(\d+))?", layer.name):
            unnamed[base].append((int(numbered[1] or 0), position))
    for base, members in unnamed.items():
        for rank, (_, position) in enumerate(sorted(members)):
            names[position] = base if rank == 0 else f"{base}_{rank}"
    return dict(zip(names, layers, strict=True))


def snake_case(name: str) -> str:
    """What Keras calls an unnamed layer of a class: `DepthwiseConv2D` is `depthwise_conv2d`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def torch_graph(model: Any, ending: Mapping[str, nn.Module]) -> fx.GraphModule:
    """A functional Keras model of one input and one output as a torch.fx graph.

    Args:
        model: whose layers are each called once.
        ending: modules, by name, that follow its output.
    """
    names = {id(each): name for name, each in layer_names(model).items()}
    graph = fx.Graph()
    modules: dict[str, nn.Module] = {}
    made: dict[int, fx.Node] = {}
    (pixels,) = model.inputs
    made[id(pixels)] = graph.placeholder("pixels")

    def given(value: Any) -> Any:
        return made[id(value)] if isinstance(value, keras.KerasTensor) else value

    for operation in model.operations:
        if id(operation) not in names:
            continue
        (node,) = operation._inbound_nodes
        args, kwargs = keras.tree.map_structure(
            given, (tuple(node.arguments.args), dict(node.arguments.kwargs))
        )
        name = names[id(operation)]
        normalises = isinstance(operation, keras.layers.Normalization)
        modules[name] = (NormalisationModule if normalises else LayerModule)(operation)
        (output,) = node.output_tensors
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        made[id(output)] = graph.call_module(name, args, kwargs)
    last = made[id(model.outputs[0])]
    for name, module in ending.items():
        modules[name] = module
        last = graph.call_module(name, (last,))
    graph.output(last)
    return fx.GraphModule(modules, graph).eval()
