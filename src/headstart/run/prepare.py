"""A data set becomes what is learnt from: features of every item, divided into splits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from headstart.data import groups, labels
from headstart.data.corrections import Corrected, corrected
from headstart.data.dataset import Dataset, Skipped
from headstart.data.idle import refuse_idle
from headstart.data.rows import refuse_skipped
from headstart.data.weights import weighted
from headstart.errors import InputError
from headstart.features.extract import Features
from headstart.features.trunk import Trunk
from headstart.progress import Clock, Progress
from headstart.run import near_duplicates
from headstart.run.near_duplicates import Found
from headstart.search.rungs import refuse_unadaptable
from headstart.spec import FitSpec
from headstart.training.asked import refuse_undecidable
from headstart.training.examples import Examples
from headstart.training.feature_extraction import widened
from headstart.wording import items

Arrange = Callable[[Dataset, Features, FitSpec], Examples]
"""What divides the items that have features into training, validation and test."""


@dataclass(frozen=True)
class Extracted:
    """A data set and the features of its items; see `Prepared`.

    `skipped` are the items that could not be read, or of which the network makes no features.
    """

    dataset: Dataset
    trunk: Trunk
    wide: Trunk
    features: Features
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Prepared:
    """What a run learns from.

    Attributes:
        dataset: every item, with what became known of it.
        trunk: the whole backbone, with the last stage's features.
        wide: the same with the features of several stages, where there is a choice; or `trunk`.
        features: what `wide` gives for each item that could be read.
        examples: those items, split.
        near: which of them are near-duplicates; None where nobody asks.
        corrections: what `--corrections` changed; None without it.
    """

    dataset: Dataset
    trunk: Trunk
    wide: Trunk
    features: Features
    examples: Examples
    near: Found | None = None
    corrections: Corrected | None = None


def prepare(
    dataset: Dataset, spec: FitSpec, name: str, arrange: Arrange, progress: Progress, clock: Clock
) -> Prepared:
    """Check, extract and divide a data set.

    Args:
        dataset: what was read.
        spec: the options.
        name: what a message calls the data.
        arrange: divides the items.
        progress: shows what is going on.
        clock: takes the laps `load`, `extract` and `near-duplicates`.

    Raises:
        InputError: the data or an option is wrong, or too little of the data can be read.
    """
    corrections = None if spec.corrections is None else corrected(dataset, spec.corrections)
    dataset = dataset if corrections is None else corrections.dataset
    labels.check(dataset)
    refuse_idle(dataset, spec)
    refuse_undecidable(dataset, spec)
    dataset = weighted(dataset, spec)
    if any(dataset.splits) and "test" not in dataset.splits:
        note = "The data has no test split: a part of its training items is taken for one."
        dataset = replace(dataset, notes=(*dataset.notes, note))
    dataset = replace(dataset, notes=(*dataset.notes, *groups.said(dataset)))
    extracted = extract(dataset, spec, name, progress, clock)
    dataset, features = extracted.dataset, extracted.features
    near = None
    if spec.near_duplicates != "ignore":
        near = near_duplicates.find(dataset, *features.readable, progress)
        dataset = near_duplicates.marked(dataset, features, near, spec)
        clock.lap("near-duplicates")
    examples = arrange(dataset, features, spec)
    if corrections is not None:
        said = _tested(corrections, examples, spec)
        dataset = replace(dataset, warnings=(*dataset.warnings, *said))
    return Prepared(dataset, extracted.trunk, extracted.wide, features, examples, near, corrections)


def extract(
    dataset: Dataset, spec: FitSpec, name: str, progress: Progress, clock: Clock
) -> Extracted:
    """The features of every item that can be read, of which the labels are checked once more.

    Args:
        dataset: what was read.
        spec: the options.
        name: what a message calls the data.
        progress: shows what is going on.
        clock: takes the laps `read`, `load` and `extract`.

    Raises:
        InputError: an option is wrong, or too little of the data can be read.
    """
    clock.lap("read")
    trunk = Trunk.whole(spec, dataset.modality)
    refuse_unadaptable(trunk.backbone, spec)
    clock.lap("load")
    wide = widened(trunk, spec, len(dataset))
    features = wide.extract(dataset, progress)
    features.refuse_none(name)
    skipped = (*dataset.skipped, *features.skipped)
    refuse_skipped(skipped, spec)
    clock.lap("extract")
    # What could be read may be of one class.
    with _telling_skipped(skipped):
        warnings = labels.check(dataset.select(features.kept))
    dataset = replace(dataset, warnings=(*dataset.warnings, *warnings))
    return Extracted(dataset, trunk, wide, features, skipped)


def _tested(corrections: Corrected, examples: Examples, spec: FitSpec) -> tuple[str, ...]:
    """That what a model is tested on was corrected too."""
    changed = corrections.positions
    tested = int(np.isin(changed, examples.parts["test"].positions).sum())
    tested = len(changed) if spec.folds is not None else tested
    gone = corrections.left_out_of_test
    if not tested and not gone:
        return ()
    left = f", and {items(gone, 'item')} of it left out" if gone else ""
    return (
        f"{items(tested, 'corrected item')} in the test split{left}: figures before and after "
        "are not of the same labels.",
    )


@contextmanager
def _telling_skipped(skipped: Sequence[Skipped]) -> Iterator[None]:
    """What is missing may be among what was skipped."""
    try:
        yield
    except InputError as error:
        if not skipped:
            raise
        first = skipped[0]
        raise InputError(
            f"{error} Skipped were {len(skipped):,}, the first {first.item}: {first.reason}."
        ) from error
