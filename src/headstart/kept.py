"""What took long to compute is kept in the cache: arrays and JSON in one file, sealed."""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.atomic import whole

if TYPE_CHECKING:
    from headstart.types import Array, Json, JsonObject

MOST = 512
"""Files of a folder that are kept; the least recently used half of more goes."""


def name_of(about: "Sequence[Json]", arrays: "Sequence[Array]") -> str:
    """The name of what follows from JSON and arrays, and from nothing else."""
    import numpy as np

    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


def read(file: Path) -> "tuple[JsonObject, dict[str, Array]] | None":
    """The JSON and the arrays of a file; None where it is not there, or is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        seal, settings, content = file.read_bytes().split(b"\n", 2)
        if seal.decode() != _seal(settings + content):
            return None
        os.utime(file)
        return json.loads(settings), load(content)
    except (OSError, ValueError, SafetensorError):
        return None


def write(file: Path, settings: "JsonObject", arrays: "Mapping[str, Array]") -> None:
    """Keep JSON and arrays, in one step; without room for it the next run computes them again."""
    import numpy as np
    from safetensors.numpy import save

    about = json.dumps(settings).encode()
    content = save({name: np.ascontiguousarray(each) for name, each in arrays.items()})
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as unfinished:
            seal = _seal(about + content).encode()
            unfinished.write_bytes(b"\n".join((seal, about, content)))
        every = list(file.parent.iterdir())
        if len(every) > MOST:
            every.sort(key=lambda each: each.stat().st_mtime)
            for each in every[: MOST // 2]:
                each.unlink(missing_ok=True)


def _seal(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
