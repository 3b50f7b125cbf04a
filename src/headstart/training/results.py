"""What a finished model says of every item, and which items it was trained on."""

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Dataset
from headstart.data.divide import together_in
from headstart.evaluation import Results
from headstart.evaluation.calibration import scaled
from headstart.features.extract import Features
from headstart.predictors import DIGEST, Model
from headstart.training.adapted import Adapted
from headstart.types import Indices, Scores


def results(
    model: Model,
    adapted: Adapted,
    data: Dataset,
    features: Features,
    on_test: Scores,
    *,
    every_item: bool,
) -> Results:
    """Every item of the splits, with what the model says of it.

    Where the model is asked about every item, one that it was trained on and that can no longer
    be read is left out; where not, the scores of those that it was trained on are NaN.

    Args:
        model: that of `adapted`.
        adapted: a finished rung.
        data: every item.
        features: of the items of `data` that could be read.
        on_test: what `scores_on_test` gave.
        every_item: whether the model is asked about items of every split.
    """
    assert data.labels is not None
    positions, targets, scores, splits = [], [], [], []
    for split, part in adapted.examples.parts.items():
        if not len(part):
            continue
        kept = np.arange(len(part))
        if split == "test":
            said = on_test
        elif not every_item:
            said = np.full((len(part), *on_test.shape[1:]), np.nan, np.float32)
        elif adapted.weights:
            scored = model.scores(data.select(part.positions))
            kept, said = scored.kept, scaled(scored.scores, model.temperature)
        else:
            said = scaled(adapted.head.scores(part.features), model.temperature)
        positions.append(part.positions[kept])
        targets.append(part.targets[kept])
        scores.append(said)
        splits += [split] * len(kept)
    places = np.concatenate(positions)
    order = np.argsort(places)
    places = places[order]
    return Results(
        task=model.task,
        classes=model.classes,
        positions=places,
        names=[data.names[at] for at in places.tolist()],
        digests=digests_of(features, places),
        splits=[splits[at] for at in order.tolist()],
        labels=[data.labels[at] for at in places.tolist()],
        targets=np.concatenate(targets)[order],
        scores=np.concatenate(scores)[order],
        groups=[data.groups[at] for at in places.tolist()] if data.groups else None,
        joined=joined_at(data, features, places),
        decision=model.decision,
        abstain=model.abstain,
    )


def joined_at(data: Dataset, features: Features, positions: Indices) -> Indices | None:
    """What divided the data, of the items at some positions of it; see `Results.joined`."""
    together = together_in(data, *features.readable)
    return None if together is None else together[positions]


def digests_of(features: Features, positions: Indices) -> NDArray[np.bytes_]:
    """Content digests of the items at some positions of the data."""
    return features.digests[np.searchsorted(features.kept, positions)]


def trained_on(adapted: Adapted, features: Features) -> NDArray[np.uint8]:
    """Content digests, sorted, uint8 (items, 16), of what a model learnt from or was chosen by."""
    parts = adapted.examples.parts
    positions = np.concatenate([parts[split].positions for split in ("train", "validation")])
    distinct = np.unique(digests_of(features, positions))
    return distinct.view(np.uint8).reshape(len(distinct), DIGEST)
