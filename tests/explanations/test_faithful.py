"""What is marked counts: deleting it lowers the probability more than deleting as much at random.

Samek et al. 2017, "Evaluating the Visualization of What a Deep Neural Network Has Learned".
"""

import csv

import numpy as np
import pytest
from PIL import Image, ImageFilter

import headstart
from headstart.data import demo, from_memory, images
from headstart.explanations import words
from tests.runs import Place

SQUARES, SIDE = 16, 14
"""A side of the network's input, in squares, and of a square in pixels."""

ITEMS = 24
"""Photographs of each class that are explained; none was learnt from."""


@pytest.fixture(scope="module")
def place(tmp_path_factory, warm):
    place = Place(tmp_path_factory.mktemp("faithful"), warm)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(place.cache))
        yield place


def rows_of(table, each):
    """Some rows of each label."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    np.random.default_rng(0).shuffle(rows)
    kept = {}
    for row in rows:
        kept.setdefault(row["label"], []).append(row)
    return [row for label, some in sorted(kept.items()) for row in some[:each]]


def deleted(pixels, mask):
    """The image with squares blurred."""
    blurred = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(12)))
    large = mask.reshape(SQUARES, SQUARES).repeat(SIDE, 0).repeat(SIDE, 1)
    return np.where(large[..., None], blurred, pixels)


def hottest(heat, share):
    """A mask (squares, squares) of the hottest share."""
    mask = np.zeros(SQUARES**2, bool)
    mask[np.argsort(-heat, kind="stable")[: round(share * len(mask))]] = True
    return mask.reshape(SQUARES, SQUARES)


def elsewhere(mask, seed):
    """As much in the same shape at random: what is torn apart has more edges, which count too."""
    rng = np.random.default_rng(seed)
    turned = np.rot90(mask, rng.integers(4))
    return np.roll(turned, rng.integers(0, SQUARES, 2), (0, 1))


def seen(model, explanation):
    """The heat of what the network sees, as squares."""
    height, width = explanation.heat.shape
    box = images.part_seen((width, height), model.preprocessing)
    left, top, right, bottom = map(round, box)
    part = Image.fromarray(explanation.heat[top:bottom, left:right])
    return np.asarray(part.resize((SQUARES, SQUARES), Image.Resampling.BOX)).ravel()


@pytest.mark.slow
def test_on_photographs_of_solar_cells(place):
    table = demo.solar_cells(place.folder / "cells")
    files = {"defective": [], "functional": []}
    for row in rows_of(table, 200 + ITEMS):
        files[row["label"]].append(str(table.parent / row["image"]))
    learnt = [(file, label) for label, each in files.items() for file in each[ITEMS:]]
    run = headstart.fit(
        [file for file, _ in learnt],
        [label for _, label in learnt],
        offline=True,
        strategy="feature-extraction",
    )
    model = run.model
    new = [file for each in files.values() for file in each[:ITEMS]]
    explained = headstart.explain(model, new)
    pixels = [images.decode(images.load(file), model.preprocessing).pixels for file in new]
    columns = [model.classes.index(each.target) for each in explained]

    def answers(masks):
        several = [deleted(*each) for each in zip(pixels, masks, strict=True)]
        scores = model.scores(from_memory(several), prepared=True).scores
        return model.probabilities(scores)[np.arange(len(new)), columns]

    whole = np.array([each.answer for each in explained])
    for share in (0.1, 0.2):
        masks = [hottest(seen(model, each), share) for each in explained]
        ours = whole - answers(masks)
        random = [
            whole - answers([elsewhere(mask, 100 * at + seed) for at, mask in enumerate(masks)])
            for seed in range(3)
        ]
        assert ours.mean() > np.mean(random) + 0.05
        assert (ours > np.mean(random, axis=0)).mean() > 0.7


@pytest.mark.slow
def test_on_sentences(place):
    table = demo.sentences(place.folder / "sentences")
    rows = rows_of(table, 60)
    learnt = [row for at, row in enumerate(rows) if at % 4]
    run = headstart.fit(
        [row["text"] for row in learnt],
        [row["label"] for row in learnt],
        offline=True,
        strategy="feature-extraction",
    )
    model = run.model
    texts = [row["text"] for row in rows[::4] if len(words.spans(row["text"])) >= 4]
    assert len(texts) > 30
    explained = headstart.explain(model, texts)
    columns = [model.classes.index(each.target) for each in explained]

    def answers(several):
        return model.predict(several).probabilities[np.arange(len(texts)), columns]

    def without(chosen):
        """Texts without some of their words; from the last, so that places stay right."""
        left = []
        for each, some in zip(explained, chosen, strict=True):
            text = each.text
            for at in sorted(some, reverse=True):
                text = words.without(text, each.words[at].start, each.words[at].end)
            left.append(text)
        return left

    counts = [max(1, len(each.words) // 4) for each in explained]
    heaviest = [
        np.argsort([-word.weight for word in each.words])[:count]
        for each, count in zip(explained, counts, strict=True)
    ]
    ours = answers(texts) - answers(without(heaviest))
    random = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        chosen = [
            rng.permutation(len(each.words))[:count]
            for each, count in zip(explained, counts, strict=True)
        ]
        random.append(answers(texts) - answers(without(chosen)))
    assert ours.mean() > np.mean(random) + 0.1
    assert (ours > np.mean(random, axis=0)).mean() > 0.75
