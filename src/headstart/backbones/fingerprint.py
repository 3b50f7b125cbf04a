"""One name for a set of weights, and for nothing else."""

import hashlib

import torch
from torch import nn


def fingerprint(module: nn.Module) -> str:
    """SHA-256, in hex, of a module's parameters and persistent buffers.

    Covers the names (sorted), types, shapes and bytes of the state dict, so BatchNorm's running
    statistics too: equal before and after means that nothing moved.
    """
    digest = hashlib.sha256()
    state = module.state_dict()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(memoryview(tensor.reshape(-1).view(torch.uint8).numpy()))
    return digest.hexdigest()
