"""What is trained: the decoder right of a cut, and the head that scores the next token."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from headstart.generation.blocks import NOT_LEARNT

ROWS = 1024
"""Tokens whose scores are held at once: a vocabulary has 50,000 to 250,000."""


class NextToken(nn.Module):
    """A decoder (or what is right of a cut in it) and its head.

    Args:
        tail: gives hidden states (B, L, D).
        head: gives scores (..., V) of them.
        autocast: whether scores are computed in bfloat16.
    """

    def __init__(self, tail: nn.Module, head: nn.Module, *, autocast: bool) -> None:
        super().__init__()
        self.tail = tail
        self.head = head
        self._autocast = autocast

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Hidden states (B, L, D) of a batch of what the tail takes."""
        hidden: torch.Tensor = self.tail(*inputs)
        return hidden

    def loss(self, hidden: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """The mean cross-entropy of the tokens that follow.

        Args:
            hidden: (B, L, D), from `forward`.
            wanted: int64 (B, L or more), the token that follows each, or `NOT_LEARNT`.
        """
        return self.losses(hidden, wanted)[0].mean()

    @staticmethod
    def learnt(wanted: torch.Tensor) -> int:
        """How many tokens `loss` is the mean of."""
        return int((wanted != NOT_LEARNT).sum())

    def losses(
        self, hidden: torch.Tensor, wanted: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy (tokens,) of each token that is learnt, and the row (tokens,) it is in."""
        wanted = wanted[:, : hidden.shape[1]]
        learnt = wanted != NOT_LEARNT
        states, answers = hidden[learnt], wanted[learnt]
        parts = [hidden.new_empty(0)]  # of rows of which nothing is learnt
        for at in range(0, len(answers), ROWS):
            some: Any = (states[at : at + ROWS], answers[at : at + ROWS])
            # Scores are computed again for the gradient: all of them at once take gigabytes.
            parts.append(
                checkpoint(
                    self._cross_entropy, *some, use_reentrant=False, preserve_rng_state=False
                )
            )
        return torch.cat(parts), torch.nonzero(learnt)[:, 0]

    def _cross_entropy(self, states: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        with torch.autocast(states.device.type, torch.bfloat16, enabled=self._autocast):
            scores = self.head(states)
        return functional.cross_entropy(scores.float(), answers, reduction="none")
