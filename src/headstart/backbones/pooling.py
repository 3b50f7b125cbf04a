"""From the hidden states of a text's tokens, or a feature map, to one vector."""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import nn

from headstart.errors import BackboneError

HALF = 6e4
"""Features are stored in half precision, and hidden states may be larger than it holds."""


class MeanPool(nn.Module):
    """Mean over the tokens of a text: hidden (B, L, D), mask (B, L) to (B, D); no L2 norm."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See the class."""
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)


class FirstPool(nn.Module):
    """The first token (`[CLS]`): hidden (B, L, D), mask (B, L) to (B, D)."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """See the class."""
        return hidden[:, 0]


class LastPool(nn.Module):
    """The last token that is not padding: hidden (B, L, D), mask (B, L) to (B, D)."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See the class."""
        positions = torch.arange(mask.shape[1], device=mask.device)
        last = (mask * positions).amax(1)
        return hidden.gather(1, last[:, None, None].expand(-1, 1, hidden.shape[2])).squeeze(1)


class EveryToken(nn.Module):
    """Nothing pooled: the hidden states of all tokens (B, L, D), as a decoder's head takes them."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """See the class."""
        return hidden


class MapPool(nn.Module):
    """A feature map or a sequence of tokens (B, ...) to one vector.

    Args:
        how: `mean` or `max` over positions, `flatten` all of it, or the `first` token.
        channels: the axis that is kept.
        prefix: tokens at the start that are no positions (a class token): left out of a mean.
    """

    def __init__(self, how: str, channels: int, prefix: int = 0) -> None:
        super().__init__()
        self.how = how
        self.channels = channels
        self.prefix = prefix

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """See the class."""
        if self.how == "flatten":
            return values.flatten(1)
        if self.how == "first":
            return values[:, 0]
        if self.prefix:
            values = values[:, self.prefix :]
        axes = [axis for axis in range(1, values.ndim) if axis != self.channels]
        return values.mean(axes) if self.how == "mean" else values.amax(axes)


class Staged(nn.Module):
    """Features (B, D) of a network, then the pooled outputs of some of its stages, in one vector.

    Args:
        network: gives the outputs of the stages, first stage first, then the features.
        pools: of each stage, those that are applied to it.
    """

    def __init__(self, network: nn.Module, pools: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.network = network
        self.pools = nn.ModuleList(nn.ModuleList(each) for each in pools)

    def forward(self, items: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """See the class; what the network takes: pixels, or token ids and their mask."""
        given = () if mask is None else (mask,)
        *outputs, features = self.network(items, *given)
        parts = [features]
        for output, pools in zip(outputs, self.pools, strict=True):
            assert isinstance(pools, nn.ModuleList)
            pooled = [pool(output, *given) for pool in pools]
            parts += [each.clamp(-HALF, HALF) for each in pooled]
        return torch.cat(parts, 1)


TEXT_POOLS: Mapping[str, type[nn.Module]] = {
    "mean": MeanPool,
    "first": FirstPool,
    "last": LastPool,
}


def check(name: str, pool: str, can: Collection[str]) -> None:
    """Refuse a pool that a backbone does not have.

    Raises:
        BackboneError: names what it can do.
    """
    if pool not in can:
        raise BackboneError(
            f"--pool is {pool!r}, which the backbone {name!r} cannot do; it can do "
            f"{', '.join([*can, 'auto'])}, which is as it was trained."
        )
