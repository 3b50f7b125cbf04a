"""Labels that something beside the content predicts."""

from dataclasses import replace

import numpy as np
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from headstart.data.reads import Reads
from headstart.findings import cues
from headstart.findings.looks import Looks
from tests.findings.evidences import evidence


def mixed(items, classes=("a", "b"), seed=0):
    return np.random.default_rng(seed).choice(classes, items).tolist()


def looks(formats, sizes):
    count = len(formats)
    nothing = np.full(count, np.nan)
    side = np.full(count, 64.0)
    return Looks(np.arange(count), np.array(sizes, float), side, side, formats, nothing, nothing)


def said(found):
    return [(each.kind, each.message) for each in found]


def test_longer_texts_of_one_class_are_named():
    labels = mixed(200)
    rng = np.random.default_rng(1)
    items = ["w" * int(rng.integers(60, 90) if x == "a" else rng.integers(20, 70)) for x in labels]
    ((kind, message),) = said(cues.found_in(evidence(labels, items=items)))
    assert kind == "shortcut"
    assert message.startswith("The length of the text alone predicts the label")


def test_one_class_of_many_is_named():
    labels = mixed(400, tuple("abcdefghij"))
    items = ["w" * (90 if x == "c" else 20) + str(n % 10) for n, x in enumerate(labels)]
    ((_, message),) = said(cues.found_in(evidence(labels, items=items)))
    assert "it tells 'c' from the other classes" in message


def test_the_format_and_the_size_of_files():
    labels = mixed(120)
    formats = ["PNG" if x == "a" else "JPEG" for x in labels]
    sizes = np.random.default_rng(7).integers(900, 1100, 120)
    texts = ["the same length"] * 120
    found = said(cues.found_in(evidence(labels, items=texts, looks=looks(formats, sizes))))
    assert [message.partition(" alone")[0] for _, message in found] == ["The format of the file"]


def test_a_number_that_follows_the_length():
    lengths = np.random.default_rng(0).integers(10, 200, 150)
    given = evidence(
        (lengths * 2.0 + 1).tolist(), task="regression", items=["w" * int(n) for n in lengths]
    )
    ((kind, message),) = said(cues.found_in(given))
    assert kind == "shortcut"
    assert "of the variance" in message


def test_a_table_sorted_by_label_is_no_shortcut_and_blocks_are_noted():
    texts = ["the same length"] * 200
    assert not list(cues.found_in(evidence(["a"] * 100 + ["b"] * 100, items=texts)))
    blocks = [label for block in range(10) for label in ["a", "b"][block % 2] * 20]
    blocks[3], blocks[50] = "b", "a"
    ((kind, _),) = said(cues.found_in(evidence(blocks, items=texts)))
    assert kind == "order"


def test_folders_that_are_not_the_class():
    labels = mixed(120)
    items = [f"camera-{1 if x == 'a' else 2}/{n:03}.png" for n, x in enumerate(labels)]
    reads = Reads(kind="paths", input=("image",))
    found = said(cues.found_in(evidence(labels, items=items, reads=reads)))
    assert [m.partition(" alone")[0] for _, m in found] == ["The folder of the image"]


@settings(max_examples=40, deadline=None)
@over(st.integers(0, 10**6), st.integers(50, 150), st.integers(2, 6))
def test_chance_is_no_shortcut(seed, items, classes):
    """Lengths, sizes and formats that have nothing to do with the label."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(list("abcdef")[:classes], items).tolist()
    texts = ["w" * int(n) for n in rng.integers(1, 300, items)]
    formats = rng.choice(["PNG", "JPEG"], items).tolist()
    given = evidence(labels, items=texts, looks=looks(formats, rng.integers(1, 9999, items)))
    assert not list(cues.found_in(given))


def test_folds_keep_the_data_s_groups_together():
    given = evidence(["a", "b"] * 60)
    groups = [f"patient {at // 4}" for at in range(120)]
    fold = replace(given, data=replace(given.data, groups=groups)).folds()
    assert len(set(fold.tolist())) > 2
    assert all(len(set(fold[at : at + 4].tolist())) == 1 for at in range(0, 120, 4))
