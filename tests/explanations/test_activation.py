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
def test_what_positions_add_is_the_score(images, channels_last, width):
    graph = network(channels_last=channels_last)
    mapped = activation.mapped(graph, width, SHAPE)
    features = computed(graph, images)[:, :width]
    rows = computed(mapped.graph, images)
    assert np.allclose(rows[:, : mapped.width], features, atol=1e-4)
    rng = np.random.default_rng(2)
    weight, bias = rng.normal(size=(features.shape[1], 2)), rng.normal(size=2)
    for row, own in zip(rows, features, strict=True):
        found = mapped.contributions(row, weight, bias)
        total = sum(sums.sum(axis=(1, 2)) for _, sums in found)
        assert total == pytest.approx(own @ weight + bias, rel=1e-4)
        heat = activation.heat(found, SHAPE)
        assert heat.shape == (2, *SHAPE)
        assert heat.sum(axis=(1, 2)) == pytest.approx(total, rel=0.2, abs=30)


def test_positions_that_share_a_maximum_share_what_it_adds():
    grey = np.full((1, *SHAPE, 3), 7, np.uint8)
    mapped = activation.mapped(network(), 8, SHAPE)
    (row,) = computed(mapped.graph, grey)
    weight = np.concatenate([np.zeros((4, 1)), np.ones((4, 1))])
    _, (_, sums) = mapped.contributions(row, weight, np.zeros(1))
    assert sums == pytest.approx(np.full(sums.shape, sums.mean()), rel=1e-3)


def test_the_first_features_of_a_wider_network_alone(images):
    def some(pooled):
        return ops.concat([ops.slice(pooled, [0], [8], [1], [1]), pooled], 1)

    mapped = activation.mapped(network(some), None, SHAPE)
    assert [part.map for part in mapped.parts] == [0, 0, 0, 0, 1]
    (row,) = computed(mapped.graph, images[:1])
    assert mapped.contributions(row, np.ones((mapped.width, 1)), np.zeros(1)) is not None


@pytest.mark.parametrize(
    "last",
    [
        lambda pooled: ops.relu(pooled),
        lambda pooled: ops.matmul(pooled, np.ones((12, 5), np.float32), False, False),
        lambda pooled: ops.slice(pooled, [4], [12], [1], [1]),
    ],
)
def test_features_that_are_no_pooled_maps_have_none(last):
    assert activation.mapped(network(last), None, SHAPE) is None


def test_a_width_within_a_part_has_none():
    assert activation.mapped(network(), 6, SHAPE) is None


def test_features_that_are_not_those_of_their_maps_are_noticed(images):
    def reversed_(pooled):
        return ops.gather(pooled, ops.constant(np.arange(12)[::-1].copy()), ops.constant(1))

    shuffled = activation.mapped(network(reversed_), 4, SHAPE)
    if shuffled is not None:
        (row,) = computed(shuffled.graph, images[:1])
        assert shuffled.contributions(row, np.ones((4, 1)), np.zeros(1)) is None
    mapped = activation.mapped(network(), None, SHAPE)
    (row,) = computed(mapped.graph, images[:1])
    row[0] += 50
    assert mapped.contributions(row, np.ones((12, 1)), np.zeros(1)) is None
