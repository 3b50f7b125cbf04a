"""What a network's forward costs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@contextmanager
def counted() -> Iterator[FlopCounterMode]:
    """Count floating-point operations: two for a multiply and an add.

    Attention runs as plain products, since the fused kernel of a CPU is not counted. Gradients
    are on because the counter asks every parameter that a module is given for its node.
    """
    counter = FlopCounterMode(display=False)
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        yield counter
