"""What the user has, to items, labels and splits: read, decode, tokenise, split, check."""

from headstart.data.dataset import Dataset, Skipped
from headstart.data.given import read_any, read_as_trained, read_given, with_test
from headstart.data.memory import from_memory
from headstart.data.sources import Named, read, read_inputs

__all__ = [
    "Dataset",
    "Named",
    "Skipped",
    "from_memory",
    "read",
    "read_any",
    "read_as_trained",
    "read_given",
    "read_inputs",
    "with_test",
]
