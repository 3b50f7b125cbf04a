"""What a data set is divided into: no network has a say in it."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.data import from_memory
from headstart.data.dataset import Skipped
from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.progress import Silent
from headstart.spec import FitSpec
from headstart.training.examples import Part, arrange, without_test
from tests.training.small import pictures, sentences, texts, weights

ARRANGED = [arrange, without_test]


def extracted(data, backbone, **options):
    trunk = Trunk.load(backbone, data.modality, cut=None, offline=True, **options)
    features = trunk.extract(data, Silent())
    assert len(features.kept) == len(data)
    return features


def sides(examples):
    """Where the items of each split are, their targets and the classes."""
    parts = {
        name: (part.positions.tolist(), part.targets.tolist())
        for name, part in examples.parts.items()
    }
    return parts, examples.classes, examples.warnings


@pytest.fixture(scope="module")
def photos():
    items, labels = pictures(40)
    copies = [items[at].copy() for at in range(6)]
    return from_memory([*items, *copies], [*labels, *labels[:6]])


@pytest.fixture(scope="module")
def words():
    items, labels = sentences(40)
    return from_memory([*items, *items[:6]], [*labels, *labels[:6]])


@pytest.mark.parametrize("divided", ARRANGED)
def test_photos_are_split_alike_whatever_the_network_its_size_or_its_crop(
    divided, photos, names, tmp_path
):
    other = weights(tmp_path, "test_resnet")
    usual = extracted(photos, names["image"])
    asked = sides(divided(photos, usual, FitSpec(seed=4)))
    assert len(asked[0]["train"][0]) > 20
    for features in (
        extracted(photos, names["image"], size=64),
        extracted(photos, names["image"], crop=0.5),
        extracted(photos, other),
    ):
        assert sides(divided(photos, features, FitSpec(seed=4))) == asked
    assert sides(divided(photos, usual, FitSpec(seed=5))) != asked


@pytest.mark.parametrize("divided", ARRANGED)
def test_texts_are_split_alike_whatever_the_network(divided, words, names, tmp_path):
    other = extracted(words, texts(tmp_path, "distilbert"))
    usual = extracted(words, names["text"])
    assert sides(divided(words, usual, FitSpec())) == sides(divided(words, other, FitSpec()))


@pytest.mark.parametrize("divided", ARRANGED)
def test_an_item_of_which_a_network_makes_nothing_moves_no_other(divided, photos, names):
    whole = extracted(photos, names["image"])
    lost = np.array([3, 17, 29])
    there = ~np.isin(whole.kept, lost)
    fewer = replace(whole, kept=whole.kept[there], digests=whole.digests[there])
    before, after = (divided(photos, each, FitSpec()).parts for each in (whole, fewer))
    for name, part in before.items():
        kept = ~np.isin(part.positions, lost)
        assert after[name].positions.tolist() == part.positions[kept].tolist()
        assert after[name].targets.tolist() == part.targets[kept].tolist()
        np.testing.assert_array_equal(after[name].features, part.features[kept])


def without(features, lost, reason="its features are not finite numbers"):
    there = ~np.isin(features.kept, lost)
    skipped = tuple(Skipped(str(at), reason) for at in lost.tolist())
    return replace(
        features, kept=features.kept[there], digests=features.digests[there], skipped=skipped
    )


def test_a_test_split_of_which_a_network_makes_nothing_is_refused(photos, names):
    features = extracted(photos, names["image"])
    lost = arrange(photos, features, FitSpec()).parts["test"].positions
    with pytest.raises(InputError, match=r"No item of the test split .*not finite.*--backbone"):
        arrange(photos, without(features, lost), FitSpec())


@pytest.mark.parametrize("divided", ARRANGED)
def test_a_class_of_which_a_network_makes_nothing_to_train_on_is_refused(divided, photos, names):
    features = extracted(photos, names["image"])
    train = divided(photos, features, FitSpec()).parts["train"]
    lost = train.positions[train.targets == 0]
    with pytest.raises(InputError, match="No item of the class 'across' is left"):
        divided(photos, without(features, lost), FitSpec())


def test_an_item_is_skipped_once(photos, names):
    """Whatever else would leave it out."""
    given = replace(photos, splits=["test"] * 20 + ["train"] * 26)
    features = extracted(given, names["image"])
    copies = arrange(given, features, FitSpec()).skipped
    assert len(copies) == 6
    lost = np.arange(40, 46)
    named = replace(without(features, lost), skipped=copies)
    assert arrange(given, named, FitSpec()).skipped == ()


@pytest.mark.parametrize("most", [10, 100, 500])
def test_a_sample_has_about_as_many_of_each_class(most):
    targets = np.repeat([0, 1, 2], [240, 48, 12])
    order = np.random.default_rng(1).permutation(300)
    features = np.arange(300, dtype=np.float32)[:, None]
    part = Part(features, targets[order], np.arange(300), weights=np.arange(300) / 300)
    some = part.sample(most, 0)
    assert len(some) == min(most, 300)
    assert np.array_equal(some.positions, np.unique(some.positions))
    assert np.array_equal(some.features[:, 0].astype(int), some.positions)
    assert np.array_equal(some.targets, part.targets[some.positions])
    assert np.array_equal(some.weights, part.weights[some.positions])
    shares = np.bincount(some.targets, minlength=3) / len(some)
    assert np.abs(shares - [0.8, 0.16, 0.04]).max() <= 1 / len(some)
    again, other = part.sample(most, 0), part.sample(most, 1)
    assert np.array_equal(again.positions, some.positions)
    assert most >= 300 or not np.array_equal(other.positions, some.positions)
