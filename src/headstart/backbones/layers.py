"""Cut a transformers network between its layers, by running the network's own forward.

Both halves are shallow copies of the network that share its modules. In the trunk the layers
after the cut pass their input on, and what enters the first of them is the result; in the tail
the layers before the cut pass their input on, and what enters the first layer after them is
replaced by what the trunk gave. So masks, positions and the calls of the layers are made by the
network itself, whatever its architecture.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

Half = TypeVar("Half", bound=nn.Module)


class CannotCut(Exception):
    """The reason why a network cannot be cut at a stage."""


@dataclass(frozen=True)
class Layers:
    """Where a network keeps its layers.

    Attributes:
        path: of the `ModuleList` that holds them (`encoder.layer`).
        count: how many there are.
        tuples: whether a layer gives its output in a tuple.
        embedding: path of the first module with weights before them (`embeddings`).
    """

    path: str
    count: int
    tuples: bool
    embedding: str


def entering(args: tuple[object, ...], named: Mapping[str, object]) -> torch.Tensor:
    """The hidden state that a layer is called with."""
    hidden = args[0] if args else named["hidden_states"]
    assert isinstance(hidden, torch.Tensor)
    return hidden


class _Slot:
    """Carries a hidden state past the code of a network; lives outside of `nn.Module`."""

    hidden: torch.Tensor | None = None


class _Pass(nn.Module):
    """Stands where a layer was, and gives its input."""

    def __init__(self, layer: nn.Module, tuples: bool) -> None:
        super().__init__()
        self._tuples = tuples
        # What a network asks of a layer before it calls it, such as its `attention_type`.
        self.__dict__.update({k: v for k, v in vars(layer).items() if isinstance(v, str)})

    def forward(self, *args: object, **named: object) -> torch.Tensor | tuple[torch.Tensor]:
        hidden = entering(args, named)
        return (hidden,) if self._tuples else hidden


class _Skip(nn.Module):
    """Stands where a module was whose weights do not bear on the result (an embedding)."""

    def forward(self, *args: object, **named: object) -> torch.Tensor:
        given = [v for v in (*args, *named.values()) if isinstance(v, torch.Tensor)]
        floating = [value for value in given if value.is_floating_point()]
        return floating[0] if floating else torch.zeros((), device=given[0].device)


class Trunk(nn.Module):
    """Token ids and mask, int64 (B, L), to the hidden states (B, L, D) at a cut."""

    def __init__(self, network: nn.Module, slot: _Slot) -> None:
        super().__init__()
        self.network = network
        self._slot = slot

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See the class."""
        try:
            self.network(input_ids=ids, attention_mask=mask)
            assert self._slot.hidden is not None
            return self._slot.hidden
        finally:
            self._slot.hidden = None


class Tail(nn.Module):
    """Hidden states (B, L, D) at a cut and the mask, int64 (B, L), to features (B, D)."""

    def __init__(self, network: nn.Module, slot: _Slot, pool: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.pool = pool
        self._slot = slot

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See the class."""
        self._slot.hidden = hidden
        try:
            output = self.network(inputs_embeds=hidden, attention_mask=mask)
            features: torch.Tensor = self.pool(output.last_hidden_state, mask)
            return features
        finally:
            self._slot.hidden = None


class Branches(nn.Module):
    """Token ids and mask, int64 (B, L), to hidden states (B, L, D) at some stages, and features.

    Args:
        network: in evaluation mode.
        layers: from `find`.
        indices: of stages, ascending: 0 is the embeddings, and n the n-th layer; not the last.
        pool: `pool(hidden, mask)` gives the features.
    """

    def __init__(
        self, network: nn.Module, layers: Layers, indices: Sequence[int], pool: nn.Module
    ) -> None:
        super().__init__()
        own = list(network.get_submodule(layers.path).children())
        self._slots = [_Slot() for _ in indices]
        for at, slot in zip(indices, self._slots, strict=True):
            own[at] = _door(own[at], _Capture(slot))
        self.network = _with_layers(network, layers.path, own)
        self.pool = pool

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the class."""
        output = self.network(input_ids=ids, attention_mask=mask)
        hidden = [slot.hidden for slot in self._slots]
        for slot in self._slots:
            slot.hidden = None
        return (*hidden, self.pool(output.last_hidden_state, mask))


class _Capture:
    """At the entry of a layer: keeps the hidden state."""

    def __init__(self, slot: _Slot) -> None:
        self._slot = slot

    def __call__(self, _: nn.Module, args: tuple[object, ...], named: dict[str, object]) -> None:
        self._slot.hidden = entering(args, named)


class _Replace:
    """At the entry of a layer: puts the kept hidden state in the place of the one given."""

    def __init__(self, slot: _Slot) -> None:
        self._slot = slot

    def __call__(
        self, _: nn.Module, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        if args:
            return (self._slot.hidden, *args[1:]), named
        return args, {**named, "hidden_states": self._slot.hidden}


def find(network: nn.Module, ids: torch.Tensor) -> Layers | None:
    """Find the layers of a network, or None where it keeps them in no list that runs in order."""
    count = int(getattr(network.config, "num_hidden_layers", 0))
    for path, module in network.named_modules():
        if isinstance(module, nn.ModuleList) and 0 < len(module) == count:
            outputs = _run_in_order(network, list(module), ids)
            embedding = _first_weights(network, path)
            if outputs is None or embedding is None:
                return None
            return Layers(path, count, isinstance(outputs[0], tuple), embedding)
    return None


def split(
    network: nn.Module, layers: Layers, first: int, pool: nn.Module, ids: torch.Tensor
) -> tuple[Trunk, Tail]:
    """Trunk and tail of a network, cut at the entry of its layer `first`.

    Args:
        network: in evaluation mode.
        layers: from `find`.
        first: index of the tail's first layer.
        pool: `pool(hidden, mask)` gives the features.
        ids: a few valid token ids (B, L), on which the cut is tried.

    Raises:
        CannotCut: the halves would share weights, or would not give what the whole gives.
    """
    own = list(network.get_submodule(layers.path).children())
    passing: list[nn.Module] = [_Pass(layer, layers.tuples) for layer in own]
    out, back = _Slot(), _Slot()
    door = _door(own[first], _Replace(back))
    passing[first].register_forward_pre_hook(_Capture(out), with_kwargs=True)
    trunk = Trunk(_with_layers(network, layers.path, own[:first] + passing[first:]), out)
    tail = Tail(
        _with_layers(network, layers.path, [*passing[:first], door, *own[first + 1 :]]), back, pool
    )
    mask = torch.ones_like(ids)
    mask[-1, -1] = 0
    try:
        hidden = trunk(ids, mask).detach()
        _drop_unused(trunk, lambda twin: twin(ids, mask))
        back.hidden = hidden
        _drop_unused(tail, lambda twin: twin.network(input_ids=ids, attention_mask=mask)[0])
        back.hidden = None
        _check(network, trunk, tail, ids, mask)
    except CannotCut:
        raise
    except Exception as error:
        raise CannotCut(f"its halves do not run alone ({type(error).__name__})") from error
    return trunk, tail


def _door(layer: nn.Module, hook: Callable[..., object]) -> nn.Module:
    """The same layer with a hook at its entry, which the original does not get."""
    door = copy.copy(layer)
    door._forward_pre_hooks = OrderedDict(door._forward_pre_hooks)
    door._forward_pre_hooks_with_kwargs = OrderedDict(door._forward_pre_hooks_with_kwargs)
    door.register_forward_pre_hook(hook, with_kwargs=True)
    return door


def _check(
    network: nn.Module, trunk: Trunk, tail: Tail, ids: torch.Tensor, mask: torch.Tensor
) -> None:
    if not set(trunk.parameters()).isdisjoint(tail.parameters()):
        raise CannotCut("weights before the cut are used after it too")
    with torch.no_grad():
        whole = tail.pool(network(input_ids=ids, attention_mask=mask).last_hidden_state, mask)
        again = tail(trunk(ids, mask), mask)
    if not torch.allclose(whole, again, rtol=1e-5, atol=1e-5):
        raise CannotCut("its halves together do not give what the whole gives")


def _run_in_order(
    network: nn.Module, modules: list[nn.Module], ids: torch.Tensor
) -> list[object] | None:
    """The outputs of modules during one forward, or None if they do not run once each, in order."""
    order: list[nn.Module] = []
    outputs: list[object] = []

    def note(module: nn.Module, _: object, output: object) -> None:
        order.append(module)
        outputs.append(output)

    hooks = [module.register_forward_hook(note) for module in modules]
    try:
        with torch.no_grad():
            network(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        for hook in hooks:
            hook.remove()
    same = len(order) == len(modules) and all(a is b for a, b in zip(order, modules, strict=True))
    return outputs if same else None


def _first_weights(network: nn.Module, path: str) -> str | None:
    """The outermost module with weights that stands before the layers."""
    for name, module in network.named_modules():
        above = name == "" or path == name or path.startswith(f"{name}.")
        if not above and any(True for _ in module.parameters()):
            return None if name.startswith(f"{path}.") else name
    return None


def _with_layers(network: nn.Module, path: str, layers: list[nn.Module]) -> nn.Module:
    """The same network with other layers: copies of the modules above them, the rest shared."""
    root = parent = _shallow(network)
    *above, last = path.split(".")
    for name in above:
        child = _shallow(parent.get_submodule(name))
        parent._modules[name] = child
        parent = child
    parent._modules[last] = nn.ModuleList(layers)
    return root


def _shallow(module: nn.Module) -> nn.Module:
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin


def _drop_unused(half: Half, run: Callable[[Half], torch.Tensor]) -> None:
    """Take out of a half the modules whose weights have no bearing on its result.

    That is seen on a twin with the same weights, for the modules are those of the network itself,
    which another thread may be copying.
    """
    weights = list(half.parameters())
    twins = [nn.Parameter(weight.detach()) for weight in weights]
    twin = copy.deepcopy(half, {id(w): t for w, t in zip(weights, twins, strict=True)})
    with torch.enable_grad():
        result = run(twin).sum()
    gradients = torch.autograd.grad(result, twins, allow_unused=True) if weights else ()
    used = {w for w, g in zip(weights, gradients, strict=True) if g is not None}
    _skip(half, used)


def _skip(parent: nn.Module, used: set[nn.Parameter]) -> None:
    for name, child in list(parent.named_children()):
        mine = set(child.parameters())
        if mine and mine.isdisjoint(used):
            parent._modules[name] = _Skip()
        elif not mine <= used:
            twin = _shallow(child)
            parent._modules[name] = twin
            _skip(twin, used)
