"""What a finished model says of every item, and which items it was trained on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Dataset, Split
from headstart.evaluation.calibration import scaled
from headstart.evaluation.predictions import Results
from headstart.features.extract import Features
from headstart.predictors import DIGEST, Model
from headstart.training.adapted import Adapted


def results(
    model: Model, adapted: Adapted, data: Dataset, features: Features, on_test: NDArray[Any]
) -> Results:
    """What the model says of every item, the ones it was trained on too.

    Of those an item that can no longer be read is left out.

    Args:
        model: that of `adapted`.
        adapted: a finished rung.
        data: every item.
        features: of the items of `data` that could be read.
        on_test: what `scores_on_test` gave.
    """
    assert data.labels is not None
    found: list[tuple[int, Split, NDArray[Any]]] = []
    for split, part in adapted.examples.parts.items():
        if not len(part):
            continue
        kept, scores = np.arange(len(part)), on_test
        if split != "test" and adapted.weights:
            scored = model.scores(data.select(part.positions))
            kept, scores = scored.kept, scaled(scored.scores, model.temperature)
        elif split != "test":
            scores = scaled(adapted.head.scores(part.features), model.temperature)
        places = part.positions[kept].tolist()
        found += [(at, split, score) for at, score in zip(places, scores, strict=True)]
    found.sort(key=lambda each: each[0])
    places = [at for at, _, _ in found]
    return Results(
        task=model.task,
        classes=model.classes,
        names=[data.names[at] for at in places],
        digests=digests_of(features, np.array(places, np.int64)),
        splits=[split for _, split, _ in found],
        labels=[data.labels[at] for at in places],
        scores=np.array([score for _, _, score in found]),
    )


def digests_of(features: Features, positions: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Content digests of the items at some positions of the data."""
    return features.digests[np.searchsorted(features.kept, positions)]


def trained_on(adapted: Adapted, features: Features) -> NDArray[np.uint8]:
    """Content digests, sorted, uint8 (items, 16), of what a model learnt from or was chosen by."""
    parts = adapted.examples.parts
    positions = np.concatenate([parts[split].positions for split in ("train", "validation")])
    distinct = np.unique(digests_of(features, positions))
    return distinct.view(np.uint8).reshape(len(distinct), DIGEST)
