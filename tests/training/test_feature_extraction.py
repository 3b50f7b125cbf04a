"""The first rung: which features the head learns from, and whole images or their centres."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.data import from_memory
from headstart.features.trunk import Trunk
from headstart.heads.linear import HELD_OUT_LOSS
from headstart.progress import Silent
from headstart.spec import FitSpec
from headstart.training import feature_extraction
from headstart.training.examples import Examples, arrange
from tests.training.small import pictures, sentences


def made(name: str, items, labels, spec: FitSpec):
    data = from_memory(items, labels, "classification")
    trunk = Trunk.load(name, data.modality, cut=None, offline=True)
    wide = feature_extraction.widened(trunk, spec, len(data))
    return data, trunk, wide, arrange(data, wide.extract(data, Silent()), spec)


def planted(examples: Examples, columns: slice) -> Examples:
    """The same with labels that these features alone tell."""
    parts = {}
    for name, part in examples.parts.items():
        noise = np.random.default_rng(len(part)).normal(size=part.features.shape)
        noise[:, columns] += 3 * part.targets[:, None]
        parts[name] = replace(part, features=noise.astype(np.float32))
    return replace(examples, parts=parts)


def test_features_that_say_nothing_are_left_out(names):
    _, trunk, wide, examples = made(names["text"], *sentences(200), FitSpec())
    assert wide.size > trunk.size
    last = feature_extraction.fit(planted(examples, slice(trunk.size)), FitSpec(), trunk, wide)
    assert last.stages == ("the last stage",)
    assert last.trunk is trunk
    assert len(last.head.arrays["weight"]) == trunk.size
    assert last.examples.parts["test"].features.shape[1] == trunk.size
    every = feature_extraction.fit(
        planted(examples, slice(trunk.size, None)), FitSpec(), trunk, wide
    )
    assert len(every.stages) == len(wide.backbone.blocks)
    assert every.trained_parameters > last.trained_parameters
    assert every.trunk is wide


def test_the_choice_looks_at_training_items_alone(names):
    """Whatever the validation items are: they judge and calibrate."""
    _, trunk, wide, examples = made(names["text"], *sentences(200), FitSpec())
    one = feature_extraction.fit(examples, FitSpec(), trunk, wide)
    validation = examples.parts["validation"]
    shuffled = replace(validation, features=validation.features[::-1].copy())
    parts = {**examples.parts, "validation": shuffled}
    other = feature_extraction.fit(replace(examples, parts=parts), FitSpec(), trunk, wide)
    assert one.stages == other.stages
    assert np.array_equal(one.start.arrays["weight"], other.start.arrays["weight"])


@pytest.mark.parametrize(
    "options", [{"head": "knn"}, {"pool": "first"}, {"strategy": "fine-tuning"}]
)
def test_who_chose_features_gets_those(names, options):
    spec = FitSpec(**options)
    trunk = Trunk.load(names["text"], "text", cut=None, offline=True, pool=spec.pool)
    assert feature_extraction.widened(trunk, spec, 100) is trunk


def test_more_numbers_than_fit_in_memory_are_not_asked_for(names):
    trunk = Trunk.load(names["text"], "text", cut=None, offline=True)
    assert feature_extraction.widened(trunk, FitSpec(), feature_extraction.MOST_NUMBERS) is trunk


def marked(items: int):
    """Images with a mark in a corner, which the usual crop cuts off; or without."""
    random = np.random.default_rng(0)
    labels = ["marked" if number % 2 else "plain" for number in range(items)]
    images = []
    for label in labels:
        image = random.integers(100, 156, (64, 64, 3), dtype=np.uint8)
        if label == "marked":
            image[:4] = 255
        images.append(image)
    return images, labels


@pytest.fixture
def extracted(monkeypatch):
    """The side of the images and the number of items of each extraction."""
    calls: list[tuple[int, int]] = []
    extract = Trunk.extract

    def noted(self, data, *rest):
        calls.append((self.backbone.preprocessing.height, len(data)))
        return extract(self, data, *rest)

    monkeypatch.setattr(Trunk, "extract", noted)
    return calls


def test_whole_images_are_taken_where_the_border_tells(names, extracted, monkeypatch):
    monkeypatch.setattr(feature_extraction, "TRIAL_ITEMS", 40)
    data, trunk, wide, examples = made(names["image"], *marked(120), FitSpec())
    assert trunk.backbone.preprocessing.crop_fraction < 1
    first = feature_extraction.start(examples, FitSpec(), trunk, wide)
    extracted.clear()
    chosen, second = feature_extraction.uncropped(data, trunk, first, FitSpec(), Silent())
    assert chosen.backbone.preprocessing.crop_fraction == 1
    assert second.trunk.backbone.preprocessing == chosen.backbone.preprocessing
    losses = [each.head.settings[HELD_OUT_LOSS] for each in (second, first)]
    assert losses[0] < losses[1]
    parts = second.examples.parts
    assert np.array_equal(parts["test"].positions, first.examples.parts["test"].positions)
    assert not np.array_equal(parts["test"].features, first.examples.parts["test"].features)
    side = chosen.backbone.preprocessing.height
    sizes = [40, *(len(parts[name]) for name in ("train", "validation", "test"))]
    assert extracted == [(side, size) for size in sizes]
    fitted = feature_extraction.finished(second, FitSpec())
    assert fitted.judged.metrics["accuracy"].value > 0.8
    assert fitted.head.scores(parts["test"].features).shape == (len(parts["test"]), 2)


def test_the_centre_stays_where_the_border_tells_nothing(names, extracted, monkeypatch):
    """And only some training items are extracted to see it."""
    monkeypatch.setattr(feature_extraction, "TRIAL_ITEMS", 30)
    data, trunk, wide, examples = made(names["image"], *pictures(80), FitSpec())
    clear = planted(examples, slice(None))
    first = feature_extraction.start(clear, FitSpec(), trunk, wide)
    extracted.clear()
    chosen, second = feature_extraction.uncropped(data, trunk, first, FitSpec(), Silent())
    assert chosen is trunk
    assert second is first
    assert [size for _, size in extracted] == [30]


@pytest.mark.parametrize(
    ("ratio", "budget", "asked"),
    [(1.02, None, True), (1.04, None, False), (1.0, "5m", False), (0.98, "5m", True)],
)
def test_few_items_must_promise_more_under_a_budget(names, monkeypatch, ratio, budget, asked):
    data, trunk, wide, examples = made(names["image"], *pictures(40), FitSpec())
    first = feature_extraction.start(examples, FitSpec(), trunk, wide)
    losses = iter([1.0, ratio])
    monkeypatch.setattr(feature_extraction, "_loss", lambda _: next(losses))
    spec = FitSpec(budget=budget)
    assert feature_extraction._promising(wide, first, spec, data, Silent()) is asked


def test_a_trial_that_promised_too_much_is_not_followed(names, monkeypatch):
    data, trunk, wide, examples = made(names["image"], *pictures(80), FitSpec())
    first = feature_extraction.start(planted(examples, slice(None)), FitSpec(), trunk, wide)
    monkeypatch.setattr(feature_extraction, "_promising", lambda *_: True)
    chosen, second = feature_extraction.uncropped(data, trunk, first, FitSpec(), Silent())
    assert chosen is trunk
    assert second is first


def test_texts_have_no_border(names):
    data, trunk, wide, examples = made(names["text"], *sentences(80), FitSpec())
    first = feature_extraction.start(examples, FitSpec(), trunk, wide)
    assert feature_extraction.uncropped(data, trunk, first, FitSpec(), Silent()) == (trunk, first)
