"""Whether whole images are better than their centres, before anything deeper is tried."""

from headstart.data.dataset import Dataset
from headstart.features.trunk import Trunk
from headstart.progress import Progress
from headstart.search.budget import CONVERSION
from headstart.spec import FitSpec
from headstart.training import feature_extraction
from headstart.training.checkpoint import Unfinished
from headstart.training.feature_extraction import Started

TIMED_ITEMS = 32

ENOUGH, MANY = 300, 20_000
"""Training items between which it is tried whether whole images are better than their centres:
fewer cannot tell, and more would take long."""

DEARER = 1.4
"""What extracting a whole image takes, over its centre, about."""

TRIAL_SHARE = 0.2
"""Share of the budget that whole images may take, where they are better."""


def look_at_whole_images(
    data: Dataset,
    trunk: Trunk,
    started: Started,
    spec: FitSpec,
    budget: float | None,
    unfinished: Unfinished | None,
    progress: Progress,
) -> tuple[Trunk, Started, float]:
    """Go on with whole images, not their centres, where these are clearly better.

    Under a budget a clock says whether there is time for it; what it said is kept, and followed by
    a run that goes on.

    Args:
        data: every item.
        trunk: the whole backbone, with the last stage's features.
        started: its first rung.
        spec: the options.
        budget: seconds of the whole climb; None: as long as it takes.
        unfinished: keeps decisions; None keeps none.
        progress: shows what is going on.

    Returns:
        The trunk, the first rung, and the seconds that extracting an item took: 0 without a budget.

    Raises:
        InputError: a kept decision is of another version.
    """
    decisions = unfinished.decisions() if unfinished else []
    if unfinished and decisions:
        with unfinished.understood():
            possible, seconds = bool(decisions[0]["whole images"]), float(decisions[0]["item"])
    else:
        possible, seconds = _possible(data, trunk, started, spec, budget)
        if unfinished and budget is not None:
            unfinished.decide([{"whole images": possible, "item": seconds}])
    if possible:
        trunk, started = feature_extraction.uncropped(data, trunk, started, spec, progress)
    return trunk, started, seconds


def _possible(
    data: Dataset, trunk: Trunk, started: Started, spec: FitSpec, budget: float | None
) -> tuple[bool, float]:
    """Whether it may be tried; and what extracting an item takes, where a budget asks."""
    train = started.examples.parts["train"]
    possible = data.modality == "image" and ENOUGH <= len(train) <= MANY
    possible = possible and spec.size is None and spec.crop is None and spec.head == "linear"
    if budget is None:
        return possible, 0.0
    seconds = trunk.seconds_of_item(data.select(train.spread(TIMED_ITEMS).positions))
    items = sum(map(len, started.examples.parts.values()))
    return possible and CONVERSION + DEARER * items * seconds < TRIAL_SHARE * budget, seconds
