"""What findings about data are made from: a first rung, and the features it learnt from."""

from typing import cast

import numpy as np

from headstart import heads
from headstart.data.dataset import SPLITS, Dataset
from headstart.data.together import joined, numbered
from headstart.features.extract import Features
from headstart.findings import Evidence, Finding, found_in
from headstart.findings.looks import looks_of
from headstart.progress import Progress, Silent
from headstart.spec import FitSpec, head_of
from headstart.training.adapted import Adapted
from headstart.training.examples import Part
from headstart.training.out_of_fold import out_of_fold
from headstart.types import Indices, Scores

MOST_EXAMPLES = 20
"""Items of each finding that the report of a fit lists."""

MOST_WORK = 100_000_000
"""Items times features times classes up to which a fit checks its data unasked."""

REFERENCES = 2_000
"""Items among which a fit seeks neighbours."""

MOST_COMPARED = 30_000_000_000
"""Items times references times features, likewise: about two seconds of one core."""


def evidence_of(
    data: Dataset,
    features: Features,
    adapted: Adapted,
    spec: FitSpec,
    progress: Progress,
    *,
    near: Indices | None,
    thumbnails: bool,
    scored: bool = True,
) -> Evidence:
    """All that is known of a data set.

    Args:
        data: every item.
        features: of those that could be read.
        adapted: the first rung; items of a test split, which it has not learnt from, are scored by
            its own head.
        spec: the options that it was trained with.
        progress: shows what is going on.
        near: the cluster of near-duplicates that each item is in, -1 for none; None: not known.
        thumbnails: whether images are decoded once more, at a small size.
        scored: whether heads are fitted that score what they did not learn from.
    """
    together = numbered(bytes(each) or None for each in features.contents)
    together = together if near is None else joined(together, near)
    part = _every(adapted)
    width = part.features.shape[1]
    part = adapted.looked_at(part)
    looks = None
    if data.modality == "image":
        there, _ = features.readable
        with progress.stage("Looking at images", len(there)) as advance:
            looks = looks_of(data, there, advance, thumbnails=thumbnails)
    return Evidence(
        data=data,
        contents=features.contents,
        together=together,
        classes=adapted.examples.classes,
        positions=part.positions,
        features=part.features if part.features.shape[1] else np.zeros((len(part), width), "f4"),
        targets=part.targets,
        scores=_scores(adapted, spec, together, part.positions) if scored else None,
        looks=looks,
        notes=features.notes,
        skipped=(*data.skipped, *features.skipped),
        seed=spec.seed,
    )


def findings_of_fit(
    data: Dataset, features: Features, first: Adapted, spec: FitSpec, near: Indices | None
) -> tuple[Finding, ...]:
    """What a fit can say of its data at little cost; none where that would take long."""
    size = sum(each.features.size for each in first.examples.parts.values())
    items = sum(len(each) for each in first.examples.parts.values())
    if size * max(1, len(first.examples.classes)) > MOST_WORK:
        return ()
    if size * min(items, REFERENCES) > MOST_COMPARED:
        return ()
    quick = not heads.kind_of(head_of(spec.head)[0]).in_epochs
    evidence = evidence_of(
        data, features, first, spec, Silent(), near=near, thumbnails=False, scored=quick
    )
    return tuple(each.shortened(MOST_EXAMPLES) for each in found_in(evidence, REFERENCES))


def _every(adapted: Adapted) -> Part:
    """The items of all splits, in the order of the data."""
    parts = [adapted.examples.parts[name] for name in SPLITS]
    whole = parts[0].joined(parts[1]).joined(parts[2])
    order = np.argsort(whole.positions)
    return Part(whole.features[order], whole.targets[order], whole.positions[order])


def _scores(
    adapted: Adapted, spec: FitSpec, together: Indices, positions: Indices
) -> Scores | None:
    """Scores of each item by a head that did not learn from it; NaN where there is none."""
    found = out_of_fold(adapted, spec, together)
    if found is None:
        return None
    scores = np.full((len(positions), *found.scores.shape[1:]), np.nan)
    scores[np.searchsorted(positions, found.positions)] = found.scores
    test = adapted.examples.parts["test"]
    if len(test):
        scores[np.searchsorted(positions, test.positions)] = adapted.head.scores(test.features)
    return cast(Scores, scores)
