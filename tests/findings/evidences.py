"""Evidence as a check would have it, made from a few arrays."""

from typing import Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import classes_of, encode
from headstart.data.together import numbered
from headstart.findings import Evidence


def evidence(labels, *, task="classification", items=None, digests=None, **other: Any) -> Evidence:
    """Texts with labels; features that say nothing, and no scores, where none are given."""
    items = items or [f"text {n}" for n in range(len(labels))]
    dataset = Dataset(
        "text",
        items,
        [f"row {n}" for n in range(len(labels))],
        task,
        labels,
        **{key: other.pop(key) for key in ("splits", "reads") if key in other},
    )
    contents = np.array(
        digests if digests is not None else [b"%016d" % n for n in range(len(labels))], "S16"
    )
    classes = classes_of(labels, task)
    noise = np.random.default_rng(0).normal(size=(len(labels), 8)).astype(np.float32)
    known: dict[str, Any] = {
        "together": numbered(bytes(each) or None for each in contents),
        "classes": classes,
        "positions": np.arange(len(labels)),
        "features": noise,
        "targets": encode(labels, classes, task),
    }
    return Evidence(dataset, contents, **(known | other))
