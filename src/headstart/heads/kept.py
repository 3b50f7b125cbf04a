"""A head that was fitted before, on the same features in the same way, is read from the cache."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from headstart import heads
from headstart.atomic import whole
from headstart.installed import version_of
from headstart.types import Array, Json

EDITION = 2
"""Raised when the same features and options give another head."""

LIBRARIES = ("headstart", "numpy", "scipy", "scikit-learn")
MOST = 512
"""Heads that are kept; the least recently used half of more goes."""


def kept(
    root: Path,
    name: str,
    arrays: Sequence[Array],
    options: Mapping[str, Json],
    fit: Callable[[], heads.Head],
) -> heads.Head:
    """What `fit` gave for the same arrays and options, else what it gives, which is then kept.

    Args:
        root: the cache folder.
        name: of the kind of head.
        arrays: what is learnt from: features, targets.
        options: JSON; how it is learnt.
        fit: learns.
    """
    file = root / "heads" / _name(name, arrays, options)
    found = _read(file, name)
    if found is None:
        found = fit()
        _keep(file, found)
    return found


def fitted(
    root: Path,
    name: str,
    features: Array,
    targets: Array,
    *,
    weights: Array | None = None,
    together: Array | None = None,
    validation: heads.Validation | None = None,
    **given: Any,
) -> heads.Head:
    """`heads.fit`, or what it gave for the same before: where fitting takes longer than reading.

    Args:
        root: the cache folder.
        name: of the kind of head.
        features: as `heads.fit` takes them.
        targets: likewise.
        weights: likewise.
        together: likewise.
        validation: likewise; a kind of head that is kept does not look at it.
        given: the other arguments of `heads.fit`, as JSON.
    """
    fit = partial(
        heads.fit,
        name,
        features,
        targets,
        weights=weights,
        together=together,
        validation=validation,
        **given,
    )
    if not heads.kind_of(name).kept:
        return fit()
    arrays = [each for each in (features, targets, weights, together) if each is not None]
    return kept(root, name, arrays, given, fit)


def _name(name: str, arrays: Sequence[Array], options: Mapping[str, Json]) -> str:
    versions = [version_of(each) for each in LIBRARIES]
    about = [EDITION, name, dict(options), versions, os.cpu_count()]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


def _read(file: Path, name: str) -> heads.Head | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        seal, settings, content = file.read_bytes().split(b"\n", 2)
        if seal.decode() != _seal(settings + content):
            return None
        os.utime(file)
        return heads.load(name, load(content), json.loads(settings))
    except (OSError, ValueError, SafetensorError):
        return None


def _keep(file: Path, head: heads.Head) -> None:
    """In one step; without room for it the next run fits again."""
    from safetensors.numpy import save

    settings = json.dumps(head.settings).encode()
    arrays = {name: np.ascontiguousarray(each) for name, each in head.arrays.items()}
    content = save(arrays)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as unfinished:
            seal = _seal(settings + content).encode()
            unfinished.write_bytes(b"\n".join((seal, settings, content)))
        every = list(file.parent.iterdir())
        if len(every) > MOST:
            every.sort(key=lambda each: each.stat().st_mtime)
            for each in every[: MOST // 2]:
                each.unlink(missing_ok=True)


def _seal(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
