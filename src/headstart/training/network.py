"""What is trained: the part of a backbone right of a cut, and a linear head on it."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.backbones import Backbone
from headstart.heads.linear import LinearHead
from headstart.runtime.halved import RowLimit
from headstart.training.items import Inputs, Items
from headstart.training.order import evaluated
from headstart.training.recipe import Recipe
from headstart.training.short_texts import ShortTexts
from headstart.types import Floats

ROWS = 32


@dataclass(frozen=True)
class Scales:
    """What features and targets are measured in while training, so that one rate fits all.

    Attributes:
        mean, inverse: (size,) features are learnt from as `(feature - mean) * inverse`.
        centre, spread: values are learnt as `(value - centre) / spread`.
    """

    mean: Floats
    inverse: Floats
    centre: float = 0.0
    spread: float = 1.0

    @classmethod
    def none(cls, size: int) -> "Scales":
        """Features and targets as they are."""
        return cls(np.zeros(size), np.ones(size))


class Network(nn.Module):
    """A tail (or whole backbone), standardisation, dropout and a linear head.

    Args:
        tail: gives features (items, size).
        outputs: of the head.
        dropout: before the head.
        scales: of features and targets.
    """

    mean: torch.Tensor
    inverse: torch.Tensor

    def __init__(self, tail: nn.Module, outputs: int, dropout: float, scales: Scales) -> None:
        super().__init__()
        self.tail = tail
        self.dropout = nn.Dropout(dropout)
        # Without the random weights that are not wanted, nor a draw for them.
        self.head = nn.Linear(len(scales.mean), outputs, device="meta").to_empty(device="cpu")
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.scales = scales
        for name in ("mean", "inverse"):
            value = torch.from_numpy(getattr(scales, name)).float()
            self.register_buffer(name, value, persistent=False)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Scores (items, outputs) of a batch of what the tail takes."""
        features = (self.tail(*inputs) - self.mean) * self.inverse
        scores: torch.Tensor = self.head(self.dropout(features))
        return scores

    def start_from(self, head: LinearHead) -> None:
        """Put a head in that was trained on features as they are, and values in its own unit."""
        scales = self.scales
        centre, spread = head.unit
        unit, offset = spread / scales.spread, (centre - scales.centre) / scales.spread
        weight = head.arrays["weight"].astype(np.float64) * unit
        bias = head.arrays["bias"] * unit + offset + scales.mean @ weight
        varies = scales.inverse > 0
        scaled = np.zeros_like(weight)
        scaled[varies] = weight[varies] / scales.inverse[varies, None]
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(scaled.T))
            self.head.bias.copy_(torch.from_numpy(bias))

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The head for features as they are, and values in the unit of `scales`."""
        scales = self.scales
        scaled = self.head.weight.detach().cpu().numpy().astype(np.float64).T
        weight = scaled * scales.inverse[:, None]
        bias = self.head.bias.detach().cpu().numpy() - scales.mean @ weight
        return {"weight": weight.astype(np.float32), "bias": bias.astype(np.float32)}


class SideBySide(nn.Module):
    """Features of two networks for the same inputs: the first `size` of one, then the other's."""

    def __init__(self, first: nn.Module, size: int, second: nn.Module) -> None:
        super().__init__()
        self.first, self.size, self.second = first, size, second

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Features (items, size and those of the second)."""
        return torch.cat([self.first(*inputs)[:, : self.size], self.second(*inputs)], 1)


def scores(network: nn.Module, items: Items, where: torch.device) -> NDArray[np.float32]:
    """Scores (items, outputs) in evaluation mode."""
    network.eval()
    order = evaluated(len(items), items.lengths, ROWS)
    limit, found = RowLimit(where), []
    with torch.inference_mode():
        for index in order:
            inputs = on(where, items.plain(index))

            def some(part: slice, inputs: Inputs = inputs) -> NDArray[np.float32]:
                given = (each[part] for each in inputs)
                answers: NDArray[np.float32] = network(*given).float().cpu().numpy()
                return answers

            found += limit.each(len(index), some)
    back = np.argsort(np.concatenate(order))
    answers: NDArray[np.float32] = np.concatenate(found)[back]
    return answers


def on(where: torch.device, inputs: Inputs) -> Inputs:
    """The same tensors on a device."""
    return tuple(each.to(where) for each in inputs)


@contextmanager
def computing(
    network: nn.Module, where: torch.device, *, bfloat16: bool, texts: int | None = None
) -> Iterator[None]:
    """A forward pass to learn from: in float32, or in `bfloat16` where that is safe and faster.

    `texts` is the seed of what `ShortTexts` drops; None where no texts are learnt from.

    On a CPU depthwise convolutions stay in float32: their backward pass with a 5 x 5 kernel takes
    3 to 13 times as long in bfloat16 (torch 2.14 with oneDNN, AMD EPYC).
    """
    exact = [
        each for each in network.modules() if bfloat16 and where.type == "cpu" and _depthwise(each)
    ]
    for each in exact:
        each.forward = _in_float32(each.forward)
    try:
        cheaper = nullcontext() if texts is None else ShortTexts(texts)
        with torch.autocast(where.type, torch.bfloat16, enabled=bfloat16), cheaper:
            yield
    finally:
        for each in exact:
            del each.forward


def _depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1


def _in_float32(
    forward: Callable[[torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor], torch.Tensor]:
    def exact(maps: torch.Tensor) -> torch.Tensor:
        with torch.autocast(maps.device.type, enabled=False):
            return forward(maps.float())

    return exact


@dataclass(frozen=True)
class Copy:
    """A copy of what is trained of a backbone, which stays as it is.

    Attributes:
        module: the copy.
        names: what the whole calls each of its parameters and buffers.
        depths: by identity of each of its parameters, how many stages come after its own.
    """

    module: nn.Module
    names: Mapping[str, Sequence[str]]
    depths: Mapping[int, int]

    @classmethod
    def of(cls, part: nn.Module, backbone: Backbone, whole: nn.Module | None = None) -> "Copy":
        """A copy of the module of a backbone, or of the tail after a cut.

        Args:
            part: what is copied.
            backbone: says how deep each parameter is.
            whole: what `part` is of, where that is more than the backbone's module.
        """
        names = names_in(part, backbone.module)
        depths = _depths(backbone.module, [stage.name for stage in backbone.stages])
        made = copy.deepcopy(part)
        return cls(
            made,
            names if whole is None else names_in(part, whole),
            {
                id(parameter): depths.get(names.get(name, ("",))[0], 0)
                for name, parameter in made.named_parameters()
            },
        )


def changed(
    trained: nn.Module, names: Mapping[str, Sequence[str]], whole: nn.Module
) -> dict[str, torch.Tensor]:
    """Parameters and buffers that are no longer those of `whole`, by its own names.

    Args:
        trained: a copy of a part of `whole`.
        names: see `names_in`.
        whole: as it was before.
    """
    before = whole.state_dict()
    return {
        own: value.detach().cpu().clone()
        for name, value in trained.state_dict().items()
        for own in names.get(name, ())
        if not torch.equal(value.cpu(), before[own].cpu())
    }


def trained_parameters(network: nn.Module) -> int:
    """How many numbers learn."""
    return sum(each.numel() for each in network.parameters() if each.requires_grad)


def names_in(part: nn.Module, whole: nn.Module) -> dict[str, Sequence[str]]:
    """What `whole` calls each parameter and buffer of `part`, which shares them."""
    known: dict[int, list[str]] = {}
    for name, value in whole.state_dict(keep_vars=True).items():
        known.setdefault(id(value), []).append(name)
    return {
        name: known[id(value)]
        for name, value in part.state_dict(keep_vars=True).items()
        if id(value) in known
    }


class Group(TypedDict):
    """Parameters that an optimiser treats alike.

    Attributes:
        params: themselves.
        scale: factor on the rate.
        weight_decay: of them.
    """

    params: list[nn.Parameter]
    scale: float
    weight_decay: float


def groups(network: nn.Module, depths: Mapping[int, int], recipe: Recipe) -> list[Group]:
    """Optimiser groups, with their factor `scale` on the rate and their `weight_decay`.

    Matrices decay; vectors (biases, normalisation) do not.

    Args:
        network: what is trained.
        depths: see `Copy`; of a parameter that is not there it is 0.
        recipe: the settings.
    """
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if not parameter.requires_grad:
            continue
        from_right = depths.get(id(parameter), 0)
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        found.setdefault((recipe.depth_decay**from_right, decay), []).append(parameter)
    return [
        {"params": members, "scale": scale, "weight_decay": decay}
        for (scale, decay), members in sorted(found.items(), key=lambda each: each[0])
    ]


def _depths(module: nn.Module, stages: Sequence[str]) -> dict[str, int]:
    """How many stages come after each parameter's own, by its name.

    A parameter outside of every named stage belongs to the one before it in the module's order
    (the normalisation after a stem), or to the first (a class token).
    """
    found, current = {}, 0
    for name, _ in module.named_parameters():
        inside = name.removeprefix("network.")
        mine = [at for at, stage in enumerate(stages) if inside.startswith(f"{stage}.")]
        current = mine[-1] if mine else current
        found[name] = len(stages) - 1 - current
    return found
