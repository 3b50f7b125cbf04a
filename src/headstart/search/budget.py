"""Whether a candidate fits the time and the disk that are left, and how it is made to."""

import shutil
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Self

from headstart.errors import InputError
from headstart.paths import cache_folder
from headstart.progress import Progress
from headstart.quantity import bytes_of
from headstart.spec import FitSpec
from headstart.training.candidate import Candidate, Source
from headstart.types import Unchecked
from headstart.wording import duration, size

RESERVED = 0.1
"""Share of the budget for what comes after the ladder, at least."""

CONVERSION = 10.0
"""Seconds that a network takes to be converted and checked, about."""

LEAST_MEASURING = 4.0
"""Seconds that measuring a candidate takes, at least."""

EFFORTS = (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05)
"""Shares of the usual views and epochs that a candidate may be given, so that it fits."""

FREE_SHARE = 4
"""One part in so many of the free disk may be taken by activations."""


@dataclass(frozen=True)
class Decision:
    """What a clock and the disk decided of a candidate, before it acts.

    Attributes:
        left: seconds that it has.
        seconds: that it is expected to take.
        effort: share of the usual views and epochs.
        learns_all: whether it learns from validation items in the end.
        why_not: the reason, where it is not tried.
        usual: seconds of all its views and epochs; 0 where no time would do, None where there was
            none to find out.
    """

    left: float
    seconds: float = 0.0
    effort: float = 1
    learns_all: bool = True
    why_not: str | None = None
    usual: float | None = 0.0

    def to_json(self) -> dict[str, object]:
        """A JSON object that `from_json` turns back into an equal decision."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Unchecked) -> Self:
        """The inverse of `to_json`.

        Raises:
            TypeError: `saved` was not made by `to_json` of this version.
        """
        return cls(**saved)

    def of(self, candidate: Candidate) -> Candidate:
        """What is trained of a candidate."""
        return candidate.eased(self.effort, learns_all=self.learns_all)


def decide(
    candidate: Candidate,
    source: Source,
    left: float,
    limit: int,
    least: float,
    progress: Progress,
) -> Decision:
    """Whether a candidate fits; one that does not is eased, down to a part of one epoch.

    Args:
        candidate: with the usual recipe.
        source: what it would learn from.
        left: seconds.
        limit: bytes that its activations may take.
        least: seconds without which it is not measured.
        progress: shows what is going on.
    """
    from headstart.training import cost  # loads torch

    taken = cost.disk(candidate.eased(EFFORTS[-1], learns_all=True), source)
    if taken > limit:
        why = f"{size(taken)} of activations are more than the {size(limit)} allowed"
        return Decision(left, why_not=why)
    if left <= least:
        why = "too little time is left to find out what it would take"
        return Decision(left, why_not=why, usual=None)
    began = time.monotonic()
    try:
        measured = cost.measure(candidate, source, progress)
    except InputError as error:
        return Decision(left, why_not=str(error))
    left -= time.monotonic() - began
    usual = cost.seconds(candidate, source, measured)
    decision = Decision(left, usual=usual)
    for effort, learns_all in product(EFFORTS, (True, False)):
        decision = Decision(left, effort=effort, learns_all=learns_all, usual=usual)
        eased = decision.of(candidate)
        decision = replace(decision, seconds=cost.seconds(eased, source, measured))
        if decision.seconds <= left and cost.disk(eased, source) <= limit:
            return decision
    needed = f"would take {duration(decision.seconds)} at least"
    return replace(decision, why_not=f"{needed}, and {duration(max(0, left))} are left")


def expected(candidate: Candidate, source: Source, seconds: float) -> str:
    """A sentence that announces a candidate: its expected time, and the disk it takes."""
    from headstart.training import cost

    taken = cost.disk(candidate, source)
    disk = f", {size(taken)} of disk" if taken else ""
    return f"{candidate.words}: about {duration(seconds)}{disk}"


def disk_limit(spec: FitSpec) -> int:
    """Bytes that stored activations may take."""
    if spec.store_limit is not None:
        return bytes_of(spec.store_limit, "--store-limit")
    above = next(each for each in (cache_folder(), *cache_folder().parents) if each.exists())
    return shutil.disk_usage(above).free // FREE_SHARE
