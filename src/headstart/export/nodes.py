"""ONNX written as arithmetic: `(high - low) / 2` adds the nodes that compute it to a graph."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import TensorProto, helper, numpy_helper

from headstart.types import Array

OPSET = 20
"""Of ONNX; onnxruntime reads it since 1.17, OpenVINO since 2024."""

Side = int | str
"""A length, or the name of one that is known when the graph runs."""


@dataclass
class Nodes:
    """A graph that is being written.

    Attributes:
        prefix: of every name in it, so that it can be joined to another.
    """

    prefix: str
    made: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)

    def takes(self, name: str, kind: int, shape: list[Side]) -> "Value":
        """An input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return Value(self, name)

    def gives(self, value: "Value", name: str, kind: int, shape: list[Side]) -> None:
        """An output of the graph."""
        self.made.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def constant(self, value: ArrayLike, kind: DTypeLike = np.float32) -> "Value":
        """A number, or an array."""
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, kind), name))
        return Value(self, name)

    def op(self, kind: str, *inputs: "Value", **attributes: Any) -> "Value":
        """The first result of an operation of ONNX."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, results: int, *inputs: "Value", **attributes: Any) -> list["Value"]:
        """Every result of one."""
        names = [f"{self.prefix}{kind}_{len(self.made)}_{each}" for each in range(results)]
        given = [each.name for each in inputs]
        self.made.append(helper.make_node(kind, given, names, **attributes))
        return [Value(self, name) for name in names]

    def model(self, name: str) -> onnx.ModelProto:
        """The graph as a model of its own."""
        graph = helper.make_graph(self.made, name, self.inputs, self.outputs, self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        made.ir_version = 10
        return made


@dataclass(frozen=True)
class Value:
    """What a node computes; arithmetic adds nodes.

    A whole number beside it is int64, another number float32.
    """

    nodes: Nodes
    name: str

    def _with(self, kind: str, other: "Operand", *, swapped: bool = False) -> "Value":
        if not isinstance(other, Value):
            whole = isinstance(other, int)
            other = self.nodes.constant(other, np.int64 if whole else np.float32)
        return self.nodes.op(kind, *((other, self) if swapped else (self, other)))

    def __add__(self, other: "Operand") -> "Value":
        return self._with("Add", other)

    def __sub__(self, other: "Operand") -> "Value":
        return self._with("Sub", other)

    def __rsub__(self, other: float) -> "Value":
        return self._with("Sub", other, swapped=True)

    def __mul__(self, other: "Operand") -> "Value":
        return self._with("Mul", other)

    def __truediv__(self, other: "Operand") -> "Value":
        return self._with("Div", other)

    def __floordiv__(self, other: "Operand") -> "Value":
        """Of int64, towards nought."""
        return self._with("Div", other)

    def __mod__(self, other: "Operand") -> "Value":
        return self._with("Mod", other)

    def __matmul__(self, other: "Operand") -> "Value":
        return self._with("MatMul", other)

    def __lt__(self, other: "Operand") -> "Value":
        return self._with("Less", other)

    def __ge__(self, other: "Operand") -> "Value":
        return self._with("GreaterOrEqual", other)

    def __and__(self, other: "Value") -> "Value":
        return self._with("And", other)

    def at_least(self, other: "Operand") -> "Value":
        """The larger of two."""
        return self._with("Max", other)

    def at_most(self, other: "Operand") -> "Value":
        """The smaller of two."""
        return self._with("Min", other)

    def where(self, other: "Value", otherwise: "Value") -> "Value":
        """Of truth values: what is taken where they hold, and elsewhere."""
        return self.nodes.op("Where", self, other, otherwise)

    def cast(self, kind: int = TensorProto.FLOAT) -> "Value":
        """The same numbers in another type, of `onnx.TensorProto`."""
        return self.nodes.op("Cast", self, to=kind)

    def turned(self, *axes: int) -> "Value":
        """With its axes in another order."""
        return self.nodes.op("Transpose", self, perm=list(axes))


Operand = Value | float | Array
