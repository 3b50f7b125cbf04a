"""What is trained: the part of a backbone right of a cut, and a linear head on it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.heads.linear import LinearHead
from headstart.training.items import Inputs, Items
from headstart.training.recipe import Recipe

ROWS = 32


class Network(nn.Module):
    """A tail (or whole backbone), dropout and a linear head: scores (items, outputs)."""

    def __init__(self, tail: nn.Module, head: nn.Linear, dropout: float) -> None:
        super().__init__()
        self.tail = tail
        self.dropout = nn.Dropout(dropout)
        self.head = head

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Scores of a batch of what the tail takes."""
        scores: torch.Tensor = self.head(self.dropout(self.tail(*inputs)))
        return scores


def scores(network: nn.Module, items: Items, where: torch.device) -> NDArray[np.float32]:
    """Scores (items, outputs) in evaluation mode."""
    network.eval()
    found = []
    with torch.inference_mode():
        for at in range(0, len(items), ROWS):
            inputs = items.plain(np.arange(at, min(at + ROWS, len(items))))
            found.append(network(*on(where, inputs)).float().cpu().numpy())
    return np.concatenate(found)


def on(where: torch.device, inputs: Inputs) -> Inputs:
    """The same tensors on a device."""
    return tuple(each.to(where) for each in inputs)


def groups(
    network: Network, stages: Sequence[str], module: nn.Module, recipe: Recipe
) -> list[dict[str, Any]]:
    """Optimiser groups, with their factor `scale` on the rate and their `weight_decay`.

    Matrices decay; vectors (biases, normalisation) do not.

    Args:
        network: what is trained.
        stages: of the whole backbone, in order.
        module: the backbone's, whose parameters' names tell their stage.
        recipe: the settings.
    """
    depth = _depths(module, stages)
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if not parameter.requires_grad:
            continue
        from_right = depth.get(id(parameter), 0)
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        found.setdefault((recipe.depth_decay**from_right, decay), []).append(parameter)
    return [
        {"params": members, "scale": scale, "weight_decay": decay}
        for (scale, decay), members in sorted(found.items(), key=lambda each: each[0])
    ]


def _depths(module: nn.Module, stages: Sequence[str]) -> dict[int, int]:
    """How many stages come after each parameter's own, by identity.

    A parameter outside of every named stage belongs to the one before it in the module's order
    (the normalisation after a stem), or to the first (a class token).
    """
    found, current = {}, 0
    for name, parameter in module.named_parameters():
        inside = name.removeprefix("network.")
        mine = [at for at, stage in enumerate(stages) if inside.startswith(f"{stage}.")]
        current = mine[-1] if mine else current
        found[id(parameter)] = len(stages) - 1 - current
    return found


def fill(module: nn.Linear, head: LinearHead, centre: float, spread: float) -> None:
    """Put a trained head into a torch module; values are taken `(value - centre) / spread`."""
    weight = torch.from_numpy(head.arrays["weight"].T.astype(np.float32))
    bias = torch.from_numpy(head.arrays["bias"].astype(np.float32))
    with torch.no_grad():
        module.weight.copy_(weight / spread)
        module.bias.copy_((bias - centre) / spread)


def arrays(head: nn.Linear, centre: float, spread: float) -> dict[str, NDArray[Any]]:
    """The inverse of `fill`."""
    weight = head.weight.detach().cpu().numpy().T * np.float32(spread)
    bias = head.bias.detach().cpu().numpy() * np.float32(spread) + np.float32(centre)
    return {"weight": np.ascontiguousarray(weight), "bias": np.ascontiguousarray(bias)}


def snapshot(module: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def changed(module: nn.Module, before: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies of the parameters and buffers that are no longer what they were."""
    return {
        name: value.detach().cpu().clone()
        for name, value in module.state_dict().items()
        if not torch.equal(value.cpu(), before[name])
    }
