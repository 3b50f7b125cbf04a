import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from headstart.explanations import activation

SHAPE = (6, 8)


def network(last=lambda pooled: pooled, channels_last=False):
    """Images to the means and maxima of a map of four channels, and the means of a smaller one."""
    rng = np.random.default_rng(0)
    pixels = ops.parameter([-1, *SHAPE, 3], ov.Type.u8)
    channels = ops.constant(rng.normal(size=(3, 4)).astype(np.float32))
    large = ops.matmul(ops.convert(pixels, "f32"), channels, False, False)
    small = ops.avg_pool(
        ops.transpose(large, [0, 3, 1, 2]),
        [2, 2], [0, 0], [0, 0], [2, 2], False, "floor", "explicit",
    )  # fmt: skip
    axes = [1, 2]
    if not channels_last:
        large, axes = ops.transpose(large, [0, 3, 1, 2]), [2, 3]
    parts = [
        ops.reduce_mean(large, axes, False),
        ops.clamp(ops.reduce_max(large, axes, False), -6e4, 6e4),
        ops.squeeze(ops.reduce_mean(small, [-1, -2], True), [2, 3]),
    ]
    return ov.Model([last(ops.concat([parts[0], parts[1], parts[2]], 1)).output(0)], [pixels], "n")


def computed(graph, images):
    return ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(images)[0]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (3, *SHAPE, 3), np.uint8)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("width", [None, 12, 8])
def test_what_places_add_is_the_score(images, channels_last, width):
    mapped = activation.mapped(network(channels_last=channels_last), width, SHAPE)
    features = computed(network(channels_last=channels_last), images)[:, :width]
    rows = computed(mapped.graph, images)
    assert np.allclose(rows[:, : mapped.width], features, atol=1e-4)
    rng = np.random.default_rng(2)
    weight, bias = rng.normal(size=(features.shape[1], 2)), rng.normal(size=2)
    for row, own in zip(rows, features, strict=True):
        heat = mapped.heat(row, weight, bias, SHAPE)
        assert heat.shape == (2, *SHAPE)
        scores = own @ weight + bias
        assert heat.sum(axis=(1, 2)) == pytest.approx(scores, rel=1e-3)


def test_the_last_map_says_where(images):
    """In its own size the heat is what each position adds, and the rest all over."""
    mapped = activation.mapped(network(), None, SHAPE)
    assert [(each.start, each.shape) for each in mapped.located] == [(8, (4, 3, 4))]
    (row,) = computed(mapped.graph, images[:1])
    weight = np.random.default_rng(3).normal(size=(12, 1))
    heat = mapped.heat(row, weight, np.ones(1), (3, 4))[0]
    values = row[12:].reshape(4, 3, 4)
    rest = row[:8] @ weight[:8, 0] + 1
    expected = np.tensordot(weight[8:, 0], values, 1) / 12 + rest / 12
    assert heat == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert heat.sum() == pytest.approx(row[:12] @ weight[:, 0] + 1, rel=1e-4)


def test_two_networks_side_by_side(images):
    def both(pooled):
        return ops.concat([ops.slice(pooled, [0], [8], [1], [1]), pooled], 1)

    mapped = activation.mapped(network(both), None, SHAPE)
    assert [each.start for each in mapped.located] == [16]
    (row,) = computed(mapped.graph, images[:1])
    assert mapped.heat(row, np.ones((20, 1)), np.zeros(1), SHAPE) is not None


@pytest.mark.parametrize(
    "last",
    [
        lambda pooled: ops.relu(pooled),
        lambda pooled: ops.matmul(pooled, np.ones((12, 5), np.float32), False, False),
        lambda pooled: ops.slice(pooled, [4], [12], [1], [1]),
    ],
)
def test_features_that_are_no_means_of_maps_have_none(last):
    assert activation.mapped(network(last), None, SHAPE) is None


def test_features_that_are_not_those_of_their_maps_are_noticed(images):
    mapped = activation.mapped(network(), None, SHAPE)
    (row,) = computed(mapped.graph, images[:1])
    row[8] += 50
    assert mapped.heat(row, np.ones((12, 1)), np.zeros(1), SHAPE) is None
