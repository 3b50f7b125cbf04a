"""A head that was fitted before, on the same features in the same way, is read from the cache."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from headstart import heads
from headstart import kept as keeping
from headstart.installed import version_of
from headstart.types import Array, Json

EDITION = 3
"""Raised when the same features and options give another head."""

LIBRARIES = ("headstart", "numpy", "scipy", "scikit-learn")


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
    versions = [version_of(each) for each in LIBRARIES]
    about: list[Json] = [EDITION, name, dict(options), versions, os.cpu_count()]
    file = root / "heads" / keeping.name_of(about, arrays)
    found = _read(file, name)
    if found is None:
        found = fit()
        keeping.write(file, found.settings, found.arrays)
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


def _read(file: Path, name: str) -> heads.Head | None:
    found = keeping.read(file)
    if found is None:
        return None
    settings, arrays = found
    try:
        return heads.load(name, arrays, settings)
    except ValueError:
        return None
