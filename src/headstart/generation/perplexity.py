"""Perplexity: among how many tokens, as it were, a model hesitates at each token of a text.

It is the exponential of the mean cross-entropy per token (Jelinek et al. 1977), over all tokens of
all documents. Documents, not tokens, are resampled for its interval: the tokens of one depend on
each other.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.evaluation.intervals import Interval, of_means
from headstart.generation.blocks import Blocks
from headstart.generation.network import NextToken
from headstart.progress import Advance
from headstart.runtime.halved import RowLimit
from headstart.training.items import Inputs, Items
from headstart.training.network import on

RESAMPLES = 1_000
BATCH_TOKENS = 4_096

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Losses:
    """What a model loses on each document.

    Attributes:
        nats: (documents,) sum of the cross-entropies.
        tokens: (documents,) how many were predicted.
    """

    nats: Floats
    tokens: Floats

    @property
    def mean(self) -> float:
        """Per token."""
        return float(self.nats.sum() / self.tokens.sum())


def losses(
    network: NextToken,
    items: Items,
    blocks: Blocks,
    where: torch.device,
    *,
    autocast: bool = False,
    advance: Advance = lambda _: None,
) -> Losses:
    """Losses of a network, in evaluation mode.

    Args:
        network: what is measured.
        items: the blocks as inputs of it.
        blocks: what follows each token, and which document it is of.
        where: the device of the network.
        autocast: whether to compute in bfloat16 where that is safe.
        advance: receives the number of blocks done.
    """
    network.eval()
    targets = blocks.targets()
    rows = max(1, BATCH_TOKENS // max(1, blocks.longest))
    nats, tokens = np.zeros(len(blocks)), np.zeros(len(blocks))
    limit = RowLimit(where)
    with torch.no_grad():
        for at in range(0, len(blocks), rows):
            index = np.arange(at, min(at + rows, len(blocks)))
            inputs = on(where, items.plain(index))

            def some(
                part: slice, inputs: Inputs = inputs, index: NDArray[np.int64] = index
            ) -> tuple[Floats, NDArray[np.int64]]:
                with torch.autocast(where.type, torch.bfloat16, enabled=autocast):
                    hidden = network(*(each[part] for each in inputs))
                found, row = network.losses(hidden.float(), targets[index[part]].to(where))
                return found.double().cpu().numpy(), index[part][row.cpu().numpy()]

            for found, inside in limit.each(len(index), some):
                np.add.at(nats, inside, found)
                np.add.at(tokens, inside, 1.0)
            advance(len(index))
    numbers, document = np.unique(blocks.document, return_inverse=True)
    return Losses(
        np.bincount(document, nats, len(numbers)).astype(np.float64),
        np.bincount(document, tokens, len(numbers)).astype(np.float64),
    )


def perplexity(found: Losses, seed: int) -> Interval:
    """Perplexity per token, with its 95% bootstrap interval over documents."""
    return of_means(
        lambda means: np.exp(means[:, 0] / means[:, 1]),
        np.stack([found.nats, found.tokens], axis=1),
        RESAMPLES,
        np.random.default_rng(seed),
        low=1.0,
        high=np.inf,
    )


def gain(before: Losses, after: Losses, seed: int) -> Interval:
    """By how much the perplexity fell, with the interval of the paired difference.

    Both are of the same documents, and each resample is of the documents with both their losses.
    """
    return of_means(
        lambda means: np.exp(means[:, 0] / means[:, 2]) - np.exp(means[:, 1] / means[:, 2]),
        np.stack([before.nats, after.nats, before.tokens], axis=1),
        RESAMPLES,
        np.random.default_rng(seed),
        low=-np.inf,
        high=np.inf,
    )
