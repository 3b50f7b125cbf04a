"""Every kind of finding in turn, the most serious first."""

from headstart.findings import classes, copies, cues, label_errors, neighbours, odd_images, readable
from headstart.findings.evidence import Evidence
from headstart.findings.finding import SEVERITIES, Finding


def found_in(
    evidence: Evidence, references: int = neighbours.MOST_REFERENCES
) -> tuple[Finding, ...]:
    """What there is to say of a data set, the most serious first.

    Args:
        evidence: what is known of it.
        references: items among which neighbours are sought.
    """
    near = neighbours.nearest(
        evidence.features, evidence.together[evidence.positions], evidence.seed, references
    )
    found = [
        *copies.found_in(evidence),
        *label_errors.found_in(evidence, near),
        *cues.found_in(evidence),
        *odd_images.found_in(evidence),
        *readable.found_in(evidence),
        *neighbours.outliers(evidence, near),
        *classes.found_in(evidence),
    ]
    return tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity)))
