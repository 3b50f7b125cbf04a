"""Items that are there more than once."""

import numpy as np

from headstart.findings import copies
from tests.findings.evidences import evidence

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16


def kinds(found):
    return {each.kind: each for each in found}


def test_copies_are_listed_beside_the_first():
    found = kinds(copies.found_in(evidence(["x", "x", "y", "x"], digests=[A, B, C, A])))
    assert list(found) == ["duplicates"]
    (copy,) = found["duplicates"].items
    assert (copy.position, copy.name, copy.beside, copy.digest) == (3, "row 3", "row 0", A.hex())


def test_copies_with_different_labels_are_an_error():
    found = kinds(copies.found_in(evidence(["x", "y", "y"], digests=[A, A, B])))
    conflict = found["conflicting-labels"]
    assert conflict.severity == "error"
    assert [(each.name, each.label) for each in conflict.items] == [("row 0", "x"), ("row 1", "y")]


def test_numbers_of_copies_differ_by_more_than_the_spread():
    near = evidence([1.0, 1.1, 9.0], task="regression", digests=[A, A, B])
    far = evidence([1.0, 9.0, 5.0], task="regression", digests=[A, A, B])
    assert "conflicting-labels" not in kinds(copies.found_in(near))
    assert "conflicting-labels" in kinds(copies.found_in(far))


def test_copies_on_both_sides_of_a_given_split_leak():
    given = evidence(
        ["x", "x", "y", "y"], digests=[A, A, B, B], splits=["train", "test", "train", "train"]
    )
    leak = kinds(copies.found_in(given))["leaks"]
    assert leak.severity == "error"
    assert [(each.name, each.beside) for each in leak.items] == [
        ("row 0", "row 1"),
        ("row 1", "row 0"),
    ]


def test_near_copies_are_told_from_exact_ones():
    found = kinds(
        copies.found_in(
            evidence(["x", "x", "y", "y"], digests=[A, A, B, C], together=np.array([0, 0, 1, 1]))
        )
    )
    assert [each.name for each in found["duplicates"].items] == ["row 1"]
    assert [each.name for each in found["near-duplicates"].items] == ["row 3"]


def test_what_cannot_be_read_is_no_copy():
    assert not list(copies.found_in(evidence(["x", "y", "x"], digests=[b"", b"", A])))
