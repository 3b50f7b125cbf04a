"""What is wrong with data, or may be: copies, leaks, label errors, outliers, shortcuts."""

from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, Suspect
from headstart.findings.findings import found_in

__all__ = ["Evidence", "Finding", "Suspect", "found_in"]
