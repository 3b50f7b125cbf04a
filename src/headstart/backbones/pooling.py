"""From the hidden states of a text's tokens to one vector."""

import torch
from torch import nn


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
