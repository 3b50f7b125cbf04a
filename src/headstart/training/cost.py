"""What a candidate would cost: disk, and time as measured on a few items and steps."""

import time
from dataclasses import dataclass

import numpy as np

from headstart.preprocessing import TextPreprocessing
from headstart.progress import Progress
from headstart.training.candidate import Candidate, Source
from headstart.training.items import decoded
from headstart.training.learner import Learner
from headstart.training.loop import step_seconds
from headstart.training.network import groups, scores
from headstart.training.threads import every_core

MEASURED_ITEMS, MEASURED_TEXTS = 128, 512
"""Items on which a candidate is timed. Of texts more, for each batch has a length of its own."""

OVERHEAD = 1.15
"""What a step takes in a long training, checkpoints included, over what it takes alone."""


@dataclass(frozen=True)
class Cost:
    """Seconds: to extract an item in one view, of a training step, to judge an item."""

    extract: float
    step: float
    forward: float


def disk(candidate: Candidate, source: Source) -> int:
    """Bytes of stored activations that a candidate needs, at most.

    Raises:
        InputError: the backbone cannot be cut so.
    """
    if candidate.cut is None:
        return 0
    trunk = source.at(candidate.cut)
    items = sum(len(source.examples.parts[name]) for name in ("train", "validation"))
    tokens = _tokens(source) if None in trunk.cut.shape else 1
    return int(2 * trunk.size * tokens * items * candidate.recipe.views)


@every_core()
def measure(candidate: Candidate, source: Source, progress: Progress) -> Cost:
    """What a few items and steps take; the items are not lost."""
    learner = Learner(candidate, source)
    texts = source.data.modality == "text"
    part = source.examples.parts["train"].spread(MEASURED_TEXTS if texts else MEASURED_ITEMS)
    per_item = 0.0
    if candidate.cut is not None:
        some = source.data.select(part.spread(MEASURED_ITEMS // 2).positions)
        per_item = learner.trunk.seconds_of_item(some, learner.views[-1])
    items = learner.items(part.positions, progress, measured=True)
    copied = learner.copy()
    network = learner.network(copied)
    task = learner.task(items, part, None)
    learning = groups(network, copied.depths, candidate.recipe)
    step = step_seconds(network, learning, task, candidate.recipe, seed=candidate.seed)
    began = time.monotonic()
    scores(network, items, learner.where)
    return Cost(per_item, step, (time.monotonic() - began) / len(items))


def seconds(candidate: Candidate, source: Source, cost: Cost) -> float:
    """What a candidate will take, from what a few items and steps took."""
    train, validation = (len(source.examples.parts[name]) for name in ("train", "validation"))
    recipe = candidate.recipe
    extraction = cost.extract * recipe.views * (train + validation)
    judging = cost.forward * validation * (recipe.epochs + 2)
    steps = recipe.cost(train)
    if validation and candidate.learns_all:
        steps += recipe.afterwards().cost(train + validation)
    return extraction + judging + OVERHEAD * cost.step * steps


def _tokens(source: Source) -> float:
    """Tokens of a text, on average."""
    preprocessing = source.trunk.backbone.preprocessing
    assert isinstance(preprocessing, TextPreprocessing)
    some = source.examples.parts["train"].spread(MEASURED_ITEMS).positions
    lengths = decoded(source.data.select(some), preprocessing).lengths
    assert lengths is not None
    return float(np.mean(lengths))
