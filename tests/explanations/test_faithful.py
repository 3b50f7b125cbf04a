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

FILLS = {
    "blurred": lambda image: np.asarray(
        Image.fromarray(image).filter(ImageFilter.GaussianBlur(10))
    ),
    "its mean": lambda image: np.broadcast_to(image.mean((0, 1)).astype(np.uint8), image.shape),
}


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


def deleted(pixels, which, fill):
    chosen = np.zeros(SQUARES**2, bool)
    chosen[which] = True
    mask = chosen.reshape(SQUARES, SQUARES).repeat(SIDE, 0).repeat(SIDE, 1)
    return np.where(mask[..., None], fill(pixels), pixels)


def seen(model, explanation):
    """The heat of what the network sees, as squares."""
    height, width = explanation.heat.shape
    box = images.part_seen((width, height), model.preprocessing)
    left, top, right, bottom = map(round, box)
    part = Image.fromarray(explanation.heat[top:bottom, left:right])
    return np.asarray(part.resize((SQUARES, SQUARES), Image.Resampling.BOX)).ravel()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["activation map", "occlusion"])
def test_on_photographs_of_solar_cells(place, method):
    table = demo.solar_cells(place.folder / "cells")
    files = {"defective": [], "functional": []}
    for row in rows_of(table, 250):
        files[row["label"]].append(str(table.parent / row["image"]))
    learnt = [(file, label) for label, each in files.items() for file in each[:200]]
    out = place.folder / "cells-model"
    if not out.exists():
        headstart.fit(
            [file for file, _ in learnt],
            [label for _, label in learnt],
            out=out,
            offline=True,
            strategy="feature-extraction",
        )
    model = headstart.load(out)
    new = files["defective"][200:232]
    explained = headstart.explain(model, new, target="defective", method=method)
    pixels = [images.decode(images.load(file), model.preprocessing).pixels for file in new]

    def answers(several):
        scores = model.scores(from_memory(several), prepared=True).scores
        return model.probabilities(scores)[:, model.classes.index("defective")]

    whole, count = answers(pixels), SQUARES**2 // 5
    for fill in FILLS.values():
        hottest = [np.argsort(-seen(model, each))[:count] for each in explained]
        ours = whole - answers([deleted(*each, fill) for each in zip(pixels, hottest, strict=True)])
        random = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            chosen = [rng.permutation(SQUARES**2)[:count] for _ in new]
            pairs = zip(pixels, chosen, strict=True)
            random.append(whole - answers([deleted(*each, fill) for each in pairs]))
        assert ours.mean() > np.mean(random) + 0.05
        assert (ours > np.mean(random, axis=0)).mean() > 0.6


@pytest.mark.slow
def test_on_sentences(place):
    table = demo.sentences(place.folder / "sentences")
    rows = rows_of(table, 30)
    learnt = [row for at, row in enumerate(rows) if at % 4]
    run = headstart.fit(
        [row["text"] for row in learnt],
        [row["label"] for row in learnt],
        offline=True,
        strategy="feature-extraction",
    )
    model = run.model
    texts = [row["text"] for row in rows[::4] if len(words.spans(row["text"])) >= 5]
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
