"""What the user has, to items, labels and splits: read, decode, tokenise, split, check."""

from headstart.data.dataset import Dataset, Skipped
from headstart.data.memory import from_memory
from headstart.data.sources import read, read_inputs

__all__ = ["Dataset", "Skipped", "from_memory", "read", "read_inputs"]
