"""Classes that look alike: their items are often taken for each other."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, finding
from headstart.wording import percent, some

SHARE = 0.2
"""Of the items of two classes that are taken for each other, from which they look alike."""

LEAST = 5
"""So many items at least, and in each direction one."""

MOST_PAIRS = 5


def found_in(evidence: Evidence) -> Iterator[Finding]:
    """Pairs of classes that are confused, the worst first; of two classes that says nothing."""
    if evidence.task != "classification" or len(evidence.classes) < 3 or not evidence.scored.any():
        return
    scored = np.flatnonzero(evidence.scored)
    truth = evidence.targets[scored].astype(np.int64)
    assert evidence.scores is not None
    said = evidence.scores[scored].argmax(axis=1)
    counts = np.bincount(truth, minlength=len(evidence.classes))
    wrong = np.flatnonzero(truth != said)
    # Of the pairs that are there alone: of all there may be a million.
    confused = Counter(zip(truth[wrong].tolist(), said[wrong].tolist(), strict=True))
    share: dict[tuple[int, int], float] = {}
    for one, other in sorted(pair for pair in confused if pair[0] < pair[1]):
        both = confused[one, other] + confused[other, one]
        part = both / float(counts[one] + counts[other])
        if part >= SHARE and both >= LEAST and confused[other, one]:
            share[one, other] = part
    pairs = sorted(share, key=lambda pair: -share[pair])
    for one, other in pairs[:MOST_PAIRS]:
        mixed = ((truth == one) & (said == other)) | ((truth == other) & (said == one))
        names = some((evidence.classes[one], evidence.classes[other]))
        yield finding(
            "similar-classes",
            "note",
            f"Classes {names} look alike: {percent(share[one, other])} of their items are taken "
            "for the other. They may need a clearer rule, more items, or to be one class.",
            (
                evidence.suspect(
                    int(evidence.positions[scored[at]]), suggestion=evidence.classes[said[at]]
                )
                for at in np.flatnonzero(mixed).tolist()
            ),
        )
