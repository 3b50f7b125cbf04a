"""What a finished rung becomes."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import headstart
from headstart.backbones import described
from headstart.errors import HeadstartError
from headstart.training.assemble import assemble, scores_on_test
from tests.training.small import (
    Small,
    pictures,
    ready,
    sentences,
    texts,
    trained,
    unjudged,
    weights,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("backbones")
        yield unjudged(ready(weights(folder), *pictures(48), epochs=1))


def tuned(small: Small):
    return trained(small, "fine-tuning", "blocks.1")


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
    adapted = tuned(small)
    model = assemble(adapted, small.data)
    found = scores_on_test(model, adapted, small.data)
    test = small.examples.parts["test"]
    alone = model.scores(small.data.select(test.positions)).scores / model.temperature
    assert np.allclose(found, alone, atol=1e-5)
    assert not np.allclose(found, adapted.head.scores(test.features), atol=1e-3)


def test_a_model_that_does_not_answer_as_from_stored_features_is_refused(small):
    """Nothing is trained of the backbone: items go through the model from end to end."""
    good = small.first
    assert assemble(good, small.data).reference is not None
    parts = {
        name: replace(part, features=part.features[:, ::-1].copy())
        for name, part in good.examples.parts.items()
    }
    other = replace(good, examples=replace(good.examples, parts=parts))
    with pytest.raises(HeadstartError, match="does not answer like the trained one"):
        assemble(other, small.data)


@pytest.mark.parametrize("head", ["linear", "knn"])
def test_a_second_fit_loads_no_torch(head, tmp_path, monkeypatch):
    """Nor does evaluating the model on items whose features are stored."""
    monkeypatch.setattr(described, "UNSETTLED", -math.inf)
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    rows = zip(*sentences(40), strict=True)
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"{t},{y}\n" for t, y in rows))
    backbone = texts(tmp_path, "bert")
    options = {"input": "text", "label": "label", "backbone": backbone, "offline": True}
    headstart.fit(tmp_path / "t.csv", out=tmp_path / "first", **options)
    code = (
        "import sys, headstart;"
        f"run = headstart.fit('t.csv', out='again', seed=1, head={head!r}, **{options!r});"
        "headstart.evaluate('again', 't.csv');"
        "print(run.report.store['misses'], {'torch', 'timm', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["0", "set()"]
