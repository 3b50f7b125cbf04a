"""What a finished rung becomes."""

import subprocess
import sys

import numpy as np
import pytest

import headstart
from headstart.progress import Silent
from headstart.training.assemble import assemble, scores_on_test
from headstart.training.tuning import Rung, Tuning
from tests.training.small import Small, pictures, ready, unjudged, weights


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("backbones")
        yield unjudged(ready(weights(folder), *pictures(48), epochs=1))


def tuned(small: Small):
    rung = Rung("fine-tuning", "blocks.1")
    start = small.first.start
    tuning = Tuning(rung, small.data, small.trunk, small.examples, start, small.spec)
    return tuning.fit(None, Silent(), None)


def test_a_saved_model_answers_as_before(small, tmp_path):
    """Bit for bit, with what was trained of the backbone in it."""
    model = assemble(tuned(small), small.data)
    model.save(tmp_path / "model")
    loaded = headstart.load(tmp_path / "model")
    items = list(small.data.items)[:10]
    assert np.array_equal(model.predict(items).probabilities, loaded.predict(items).probabilities)
    assert set(loaded.weights) == set(model.weights)
    assert all(np.array_equal(loaded.weights[name], model.weights[name]) for name in model.weights)
    assert any(name.startswith("network.blocks.") for name in loaded.weights)


def test_a_tuned_model_answers_without_torch(small, tmp_path):
    model = assemble(tuned(small), small.data)
    model.save(tmp_path / "model")
    np.save(tmp_path / "picture.npy", small.data.items[0])
    code = (
        "import sys, numpy, headstart; model = headstart.load('model');"
        "model.predict([numpy.load('picture.npy')]);"
        "print(sorted({'torch', 'timm', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


def test_test_items_are_measured_on_the_adapted_network(small):
    """Not on the stored features of the frozen one."""
    fitted = tuned(small)
    model = assemble(fitted, small.data)
    found = scores_on_test(model, fitted, small.data)
    test = small.examples.parts["test"]
    alone = model.scores(small.data.select(test.positions)).scores / model.temperature
    assert np.allclose(found, alone, atol=1e-5)
    assert not np.allclose(found, fitted.head.scores(test.features), atol=1e-3)
