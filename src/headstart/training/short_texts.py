"""Dropout and attention for learning from short texts on a CPU, cheaper than torch's.

PyTorch draws 64 random bits for every activation: a byte is enough. It does so for attention's
probabilities too, for which it leaves its fused kernel; a network that is trained for a few epochs
does as well without. The fused kernel in turn is slow backwards where texts are short: 32 texts of
32 tokens take 14 ms there and back in bfloat16, and 5 ms step by step (12 heads of 32, two cores).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

LEVELS = 256

SHORT = 128
"""Tokens up to which attention is faster step by step than in the fused kernel of a CPU."""


class ShortTexts(TorchFunctionMode):
    """While it is entered, dropout draws bytes, and attention drops nothing.

    It changes no module: whatever calls `torch.nn.functional.dropout` is seen (`nn.Dropout`, the
    adapters of peft, OPT's own calls), and so is every call of torch's attention.

    Args:
        seed: what is dropped follows from it.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = np.random.SFC64(seed)

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Called in place of every function of torch."""
        named = dict(kwargs or {})
        if func is functional.dropout:
            return self._dropout(*args, **named)
        if func is functional.scaled_dot_product_attention:
            return attention(*args, **named)
        return func(*args, **named)

    def _dropout(
        self,
        values: torch.Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,  # noqa: ARG002
    ) -> torch.Tensor:
        """`p` is rounded to a part of 256, and what is kept is scaled by just that."""
        dropped = round(p * LEVELS)
        if not training or not dropped:
            return values
        if dropped >= LEVELS:
            return values * 0.0
        size = values.numel()
        drawn = np.asarray(self._random.random_raw(-(-size // 8))).view(np.uint8)[:size]
        kept = torch.from_numpy(drawn).view(values.shape).to(values.device) >= dropped
        return values * kept.to(values.dtype).mul_(LEVELS / (LEVELS - dropped))


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Torch's `scaled_dot_product_attention` without dropout, step by step where that is faster."""
    if enable_gqa or query.device.type != "cpu" or key.shape[-2] > SHORT:
        return functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=attn_mask,
            is_causal=is_causal,
            scale=scale,
            enable_gqa=enable_gqa,
        )
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = ((query * scale) @ key.transpose(-1, -2)).float()
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, torch.finfo(torch.float32).min)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return scores.softmax(-1).to(value.dtype) @ value
