"""Images that are blank, tiny, blurred, or of an odd aspect ratio."""

from collections.abc import Iterator

import numpy as np

from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, finding
from headstart.findings.looks import Looks
from headstart.findings.robust import deviations
from headstart.types import Floats, Mask
from headstart.wording import items

BLANK = 6.0
"""Grey levels of 255 between which 98% of a blank image's pixels are."""

BLURRED = 4.5
"""Robust standard deviations of sharpness (its logarithm) below the median."""

SMALL, SMALLER = 64, 4
"""Pixels of the shorter side below which an image is tiny, where most have so many times more."""

ELONGATED = 2.0
"""Times the usual ratio of the longer to the shorter side."""


def found_in(evidence: Evidence) -> Iterator[Finding]:
    """Images that are blank, tiny, blurred, or of an odd aspect ratio."""
    looks = evidence.looks
    if looks is None or not len(looks.positions):
        return
    shorter = np.minimum(looks.width, looks.height)
    ratio = np.maximum(looks.width, looks.height) / shorter
    blank = looks.contrast < BLANK
    tiny = (shorter < SMALL) & (shorter * SMALLER < np.median(shorter))
    long = (ratio > ELONGATED * np.median(ratio)) & (deviations(np.log(ratio)) > BLURRED)
    blurred = _blurred(looks, blank | tiny)
    kinds: list[tuple[str, Mask, Floats, str]] = [
        ("blank", blank, looks.contrast, "are blank: nothing is to be seen on them"),
        ("tiny", tiny, shorter, "are tiny beside the others"),
        ("aspect-ratio", long, -ratio, "are of another aspect ratio than the others"),
        ("blurred", blurred, looks.sharpness, "are blurred beside the others"),
    ]
    for kind, which, order, said in kinds:
        yield from _odd(evidence, looks, kind, which, order, said)


def _blurred(looks: Looks, other: Mask) -> Mask:
    """An image that is blank, or has been enlarged, has no detail to begin with."""
    seen = np.isfinite(looks.sharpness) & ~other
    blurred = np.zeros(len(seen), bool)
    if seen.any():
        blurred[seen] = deviations(looks.sharpness[seen]) < -BLURRED
    return blurred


def _odd(
    evidence: Evidence, looks: Looks, kind: str, which: Mask, order: Floats, said: str
) -> Iterator[Finding]:
    places = sorted(np.flatnonzero(which).tolist(), key=lambda at: float(order[at]))
    if places:
        yield finding(
            kind,
            "warning" if kind == "blank" else "note",
            f"{items(len(places), 'image')} {said}.",
            (
                evidence.suspect(int(looks.positions[at]), score=abs(float(order[at])))
                for at in places
            ),
        )
