"""The head beside the one of every tutorial, trained by Keras itself."""

import numpy as np
import pytest
import torch

from headstart.backbones import keras as _  # noqa: F401
from headstart.heads.mlp_training import Rows, plain_network, train_plainly
from headstart.learning.objectives import Classification

import keras  # isort: skip


def made(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What the last layer of VGG16 gives for small pictures: positive, sparse; three classes."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 3, n)
    centres = np.random.default_rng(99).normal(0, 0.6, (3, 2 * 2 * 64))
    maps = np.maximum(centres[targets] + random.normal(0, 1, (n, 2 * 2 * 64)), 0)
    return maps.reshape(n, 2, 2, 64).astype(np.float32), targets


@pytest.mark.slow
def test_from_the_same_weights_it_learns_what_keras_learns() -> None:
    (maps, targets), (others, answers) = made(640, 1), made(320, 2)
    torch.manual_seed(0)
    network = plain_network(256, 32, 3)
    model = keras.Sequential(
        [
            keras.Input((2, 2, 64)),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    start = [each.detach().numpy().copy() for each in network.parameters()]
    for layer, weight, bias in zip(model.layers[1:], start[::2], start[1::2], strict=True):
        layer.kernel.assign(weight.T)
        layer.bias.assign(bias)
    model.compile("adam", "categorical_crossentropy")
    keras.utils.set_random_seed(0)
    theirs = model.fit(
        maps,
        np.eye(3)[targets],
        epochs=5,
        validation_data=(others, np.eye(3)[answers]),
        verbose=0,
    ).history
    ours = train_plainly(
        network,
        Classification(3),
        Rows(maps.reshape(len(maps), -1), targets),
        Rows(others.reshape(len(others), -1), answers),
        5,
    )
    # The items come in another order: that is all the noise there is.
    assert ours["val_loss"][-1] < 0.7 * ours["val_loss"][0]
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0.1)


def test_it_starts_as_keras_starts() -> None:
    torch.manual_seed(0)
    network = plain_network(300, 200, 10)
    layer = keras.layers.Dense(200)
    layer.build((None, 300))
    ours, theirs = network[0].weight.detach().numpy(), layer.kernel.numpy()
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.01)
    assert not network[0].bias.any()
    assert not network[2].bias.any()
