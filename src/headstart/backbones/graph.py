"""Cut a convolutional network or vision transformer by the graph of its own top level.

The network's `forward` is traced with torch.fx, with the stages' modules as leaves: the graph
calls the original modules, so what depends on `train()` or `eval()` inside them still does.
A node through which every path from the input to the output goes can be a cut.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter, signature

import torch
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

from headstart.backbones.backbone import Stage
from headstart.backbones.cost import counted
from headstart.errors import BackboneError


class _Tracer(fx.Tracer):
    """Sees through the containers named in `opened`, and through no other module."""

    def __init__(self, opened: frozenset[str], function: str = "forward") -> None:
        super().__init__()
        self._opened = opened
        self.traced_func_name = function

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        return module_qualified_name not in self._opened


class _Probe(fx.Interpreter):
    """Runs a graph on one item and notes each tensor's shape, and the operations up to it."""

    def __init__(self, network: nn.Module, graph: fx.Graph, counter: FlopCounterMode) -> None:
        super().__init__(network, graph=graph)
        self.counter = counter
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}
        self.flops: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        if (
            isinstance(value, torch.Tensor)
            and value.is_floating_point()
            and value.shape[:1] == (1,)
        ):
            self.shapes[n] = tuple(value.shape[1:])
            self.flops[n] = self.counter.get_total_flops()
        return value


@dataclass(frozen=True, eq=False)
class StageGraph:
    """A traced network, its stages, and the node that each stage ends with."""

    network: nn.Module
    graph: fx.Graph
    stages: tuple[Stage, ...]
    ends: tuple[fx.Node, ...]

    def split(self, index: int) -> tuple[nn.Module, nn.Module]:
        """Trunk (float input to activation) and tail (activation to features) after a stage."""
        end = self.ends[index]
        trunk = _subgraph(self.graph, None, end)
        tail = _subgraph(self.graph, end, self.ends[-1])
        return fx.GraphModule(self.network, trunk), fx.GraphModule(self.network, tail)

    def branch(self, indices: Sequence[int]) -> nn.Module:
        """Float input to the outputs of the stages at `indices`, then the features."""
        last = self.ends[-1]
        graph = _subgraph(self.graph, None, last, [self.ends[at] for at in indices])
        return fx.GraphModule(self.network, graph)


def stage_graph(network: nn.Module, opened: frozenset[str], item: torch.Tensor) -> StageGraph:
    """Find the stages of a network.

    Args:
        network: in evaluation mode; gives pooled features.
        opened: containers whose children are stages (`blocks`), not stages themselves.
        item: one input, (1, ...); the network runs once on it.
    """
    try:
        graph = _trace(network, opened)
        with counted() as counter:
            probe = _Probe(network, graph, counter)
            probe.run(item)
    except Exception:  # Tracing runs the network's own code on stand-ins: anything may go wrong.
        return _one_stage(network, item)
    output = _result(graph)
    points = [node for node in _dominators(graph) if node in probe.shapes]
    points = [n for n in points if n is output or not _shares_weights(network, n, output)]
    named = list(_name_ends(network, graph, points))
    stages, before, flops = [], None, 0
    for name, end in named:
        weights = _weights(network, _between(before, end))
        stages.append(
            Stage(
                name=name,
                shape=probe.shapes[end],
                parameters=sum(each.numel() for each in weights),
                gflops=(probe.flops[end] - flops) / 1e9,
            )
        )
        before, flops = end, probe.flops[end]
    return StageGraph(network, graph, tuple(stages), tuple(end for _, end in named))


def housed(found: StageGraph, names: Sequence[str]) -> StageGraph:
    """The same stages under other names, each with its modules in a container of its name.

    So the name of a weight tells its stage, though the stage is named after what it ends with.

    Args:
        found: of a network whose modules are all at its top level.
        names: of the stages, in order.
    """
    before, modules = None, {}
    for name, end in zip(names, found.ends, strict=True):
        for node in _between(before, end):
            if node.op == "call_module":
                place = f"{name}.{node.target}"
                modules[place] = found.network.get_submodule(str(node.target))
                node.target = place
        before = end
    network = fx.GraphModule(modules, found.graph, "Housed").eval()
    stages = tuple(
        replace(stage, name=name) for stage, name in zip(found.stages, names, strict=True)
    )
    return StageGraph(network, found.graph, stages, found.ends)


def headless(network: nn.Module, opened: frozenset[str], pool: nn.Module) -> nn.Module:
    """A network up to its last feature map, then `pool`; shares its modules.

    Args:
        network: with `forward_features`, as timm's have.
        opened: containers that are seen through.
        pool: from the feature map to one vector.

    Raises:
        BackboneError: the network cannot be traced.
    """
    try:
        graph = _trace(network, opened, "forward_features")
    except Exception:  # Tracing runs the network's own code on stand-ins: anything may go wrong.
        raise BackboneError(
            "This network's last feature map cannot be told from its head; leave --pool out."
        ) from None
    end = _result(graph)
    (output,) = (node for node in graph.nodes if node.op == "output")
    with graph.inserting_before(output):
        output.args = (graph.call_module("whole_to_vector", (end,)),)
    network.add_module("whole_to_vector", pool)
    return fx.GraphModule(network, graph).eval()


def _trace(network: nn.Module, opened: frozenset[str], function: str = "forward") -> fx.Graph:
    """The graph from the first argument to the result, the others at their defaults."""
    _, *others = signature(getattr(network, function)).parameters.values()
    defaults = {each.name: each.default for each in others if each.default is not Parameter.empty}
    graph = _Tracer(opened, function).trace(network, concrete_args=defaults)
    return _subgraph(graph, None, _result(graph))


def _one_stage(network: nn.Module, item: torch.Tensor) -> StageGraph:
    """What cannot be traced has one stage: the whole."""
    with counted() as counter:
        features = network(item)
    matrices = [name for name, weight in network.named_parameters() if weight.dim() > 1]
    stage = Stage(
        name=matrices[-1].partition(".")[0],
        shape=tuple(features.shape[1:]),
        parameters=sum(each.numel() for each in network.parameters()),
        gflops=counter.get_total_flops() / 1e9,
    )
    return StageGraph(network, fx.Graph(), (stage,), ())


def _result(graph: fx.Graph) -> fx.Node:
    output = next(iter(reversed(graph.nodes))).args[0]
    assert isinstance(output, fx.Node)
    return output


def _between(start: fx.Node | None, end: fx.Node) -> set[fx.Node]:
    """What `end` needs, short of `start`: constants (a class token) count wherever used."""
    needed: set[fx.Node] = set()
    queue = [end]
    while queue:
        node = queue.pop()
        if node is not start and node not in needed:
            needed.add(node)
            queue.extend(node.all_input_nodes)
    return needed


def _dominators(graph: fx.Graph) -> list[fx.Node]:
    """The nodes through which every path from the input to the output goes, in order."""
    output = _result(graph)
    needed = _between(None, output)
    from_input: dict[fx.Node, int] = {}
    for node in graph.nodes:
        if node in needed and (
            node.op == "placeholder" or any(n in from_input for n in node.all_input_nodes)
        ):
            from_input[node] = len(from_input)
    found, reach = [], 0
    for node, position in from_input.items():
        if reach <= position and node.op != "placeholder":
            found.append(node)
        uses = [from_input[user] for user in node.users if user in from_input]
        reach = max([reach, *uses])
    return found


def _name_ends(
    network: nn.Module, graph: fx.Graph, points: list[fx.Node]
) -> Iterator[tuple[str, fx.Node]]:
    """For each module with a weight matrix, the last point before the next such module."""
    order = {node: position for position, node in enumerate(graph.nodes)}
    starts = [n for n in graph.nodes if n.op == "call_module" and _has_matrix(network, n)]
    for this, following in zip(starts, [*starts[1:], None], strict=True):
        limit = len(order) if following is None else order[following]
        mine = [point for point in points if order[this] <= order[point] < limit]
        if mine:
            yield str(this.target), mine[-1]


def _has_matrix(network: nn.Module, node: fx.Node) -> bool:
    return any(each.dim() > 1 for each in network.get_submodule(str(node.target)).parameters())


def _weights(network: nn.Module, nodes: Iterable[fx.Node]) -> set[nn.Parameter]:
    weights: set[nn.Parameter] = set()
    for node in nodes:
        if node.op == "call_module":
            weights.update(network.get_submodule(str(node.target)).parameters())
        elif node.op == "get_attr":
            path, _, name = str(node.target).rpartition(".")
            value = getattr(network.get_submodule(path), name)
            weights.update({value} if isinstance(value, nn.Parameter) else ())
    return weights


def _shares_weights(network: nn.Module, at: fx.Node, output: fx.Node) -> bool:
    """Whether training what comes after a node would also change what comes before it."""
    before, after = _between(None, at), _between(at, output)
    return not _weights(network, before).isdisjoint(_weights(network, after))


def _subgraph(
    graph: fx.Graph, start: fx.Node | None, end: fx.Node, also: Sequence[fx.Node] = ()
) -> fx.Graph:
    needed = _between(start, end)
    part = fx.Graph()
    copies = {} if start is None else {start: part.placeholder("activation")}
    for node in graph.nodes:
        if node in needed:
            copies[node] = part.node_copy(node, copies.__getitem__)
    part.output((*(copies[each] for each in also), copies[end]) if also else copies[end])
    return part
