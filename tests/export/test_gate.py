"""Exports that are wrong are refused, whatever is wrong with them; the others pass."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from onnx import TensorProto

import headstart
from headstart import api
from headstart.data.memory import from_memory
from headstart.errors import HeadstartError
from headstart.export import graph, network, replay
from headstart.export.written import Answers, Written
from headstart.progress import Silent
from tests.export import test_answer
from tests.training import small


@pytest.fixture(scope="module")
def model(fit):
    """Of images whose pattern is finer than the network's pixels; not sure of its answers."""
    made = headstart.load(fit("textures"))
    return replace(made, temperature=made.temperature * 3)


def refused(model, here, out, format="openvino"):
    """Why it is."""
    with pytest.raises(HeadstartError, match="nothing was written") as failure:
        api.export(model, out=out, format=format, data=here.folder / "textures", offline=True)
    said = str(failure.value)
    assert ".png (" in said
    assert not list(out.parent.iterdir())
    return said


def test_one_that_is_right_passes(here, model, tmp_path):
    said = api.export(model, out=tmp_path / "out", format="openvino", data=here.folder / "textures")
    assert said.facts["gate"]["network"] < 1e-4
    assert said.facts["gate"]["median"] < 5e-3


def test_one_without_antialiasing(here, model, tmp_path, monkeypatch):
    def sharp(pixels, preprocessing):
        """ONNX's own Resize as most exports have it."""
        nodes = pixels.nodes
        side = int(preprocessing.height / preprocessing.crop_fraction)
        planes = pixels.turned(0, 3, 1, 2).cast()
        shape = nodes.op("Shape", planes)
        zero, two, four = (nodes.constant([each], "int64") for each in (0, 2, 4))
        start = nodes.op("Slice", shape, zero, two)
        sizes = nodes.op("Concat", start, nodes.constant([side, side], "int64"), axis=0)
        nothing = nodes.constant([], "float32")
        small = nodes.op("Resize", planes, nothing, nothing, sizes, mode="linear")
        low = (side - preprocessing.height) // 2
        ends = [low] * 2, [low + preprocessing.height] * 2, [2, 3]
        cut = nodes.op("Slice", small, *(nodes.constant(each, "int64") for each in ends))
        return cut.cast(TensorProto.UINT8).turned(0, 2, 3, 1)

    monkeypatch.setattr(graph, "resized", sharp)
    said = refused(model, here, tmp_path / "out")
    assert "from the files, the median item differs by" in said
    assert "from the same input, probabilities" not in said


def test_one_of_blue_green_red(here, model, tmp_path, monkeypatch):
    right = graph.resized

    def backwards(pixels, preprocessing):
        small = right(pixels, preprocessing)
        order = pixels.nodes.constant([2, 1, 0], "int64")
        return pixels.nodes.op("Gather", small, order, axis=3)

    monkeypatch.setattr(graph, "resized", backwards)
    assert "from the same input, probabilities differ" in refused(model, here, tmp_path / "out")


def test_one_whose_classes_are_in_another_order(here, model, tmp_path, monkeypatch):
    right = graph.after

    def reversed_(model, width):
        arrays = {name: each[..., ::-1].copy() for name, each in model.head.arrays.items()}
        return right(replace(model, head=replace(model.head, arrays=arrays)), width)

    monkeypatch.setattr(graph, "after", reversed_)
    said = refused(model, here, tmp_path / "out")
    assert "16 of 16 top classes differ" in said
    assert "of the answers are right" in said


def test_one_without_its_temperature(here, model, tmp_path, monkeypatch):
    right = graph.after
    monkeypatch.setattr(
        graph, "after", lambda model, width: right(replace(model, temperature=1.0), width)
    )
    assert "from the same input, probabilities differ" in refused(model, here, tmp_path / "out")


@pytest.mark.slow
def test_one_in_training_mode(here, tmp_path, monkeypatch):
    """A network whose normalisation follows the batch."""
    name, out = small.weights(tmp_path), tmp_path / "model"
    headstart.fit(
        here.folder / "photos", out=out, backbone=name, offline=True, strategy="feature-extraction"
    )
    right = network.module_of

    def training(*arguments, **options):
        module = right(*arguments, **options)
        for each in module.modules():
            if isinstance(each, torch.nn.BatchNorm2d):
                each.track_running_stats = False
                each.running_mean = each.running_var = None
        return module

    with monkeypatch.context() as patch:
        patch.setattr(network, "module_of", training)
        with pytest.raises(HeadstartError, match="nothing was written") as failure:
            api.export(out, out=tmp_path / "a", format="onnx", offline=True)
        assert "from the same input, probabilities differ" in str(failure.value)
    assert not (tmp_path / "a").exists()
    api.export(out, out=tmp_path / "a", format="onnx", offline=True)


class Wrong:
    """An export that is right but for one thing."""

    def __init__(self, model, change):
        from headstart.export.reference import decided, reference

        self.model, self.change = model, change
        self.reference, self.decided = reference(model), decided

    def __call__(self, given):
        shares = self.reference(given)
        return Answers(*self.change(shares, self.decided(self.model, shares), len(given[0])))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda shares, answer, rows: (shares, answer), None),
        (lambda shares, answer, rows: (shares + 2e-3, answer), "probabilities differ by up to"),
        (lambda shares, answer, rows: (shares * np.nan, answer), "differ by up to inf"),
        (lambda shares, answer, rows: (shares[:, :1], answer), "differ by up to inf"),
        (lambda shares, answer, rows: (shares, 1 - answer), "are not what the model decides"),
        (lambda shares, answer, rows: (shares + 0.01 * (rows > 1), answer), "in a batch differs"),
    ],
)
def test_whatever_is_wrong_is_said(fit, change, said):
    from headstart.export import gate, items

    model = headstart.load(fit("texts.csv"))
    found = items.own(model, fit("texts.csv"))
    written = Written(answer=Wrong(model, change))
    failures = gate.gate(model, written, found, Silent()).failures()
    assert [said in each for each in failures].count(True) == 1 if said else failures == []


def test_texts_that_a_program_reads_otherwise(fit, monkeypatch):
    from headstart.export import gate, items

    model = headstart.load(fit("texts.csv"))
    right = replay.client.tokens
    monkeypatch.setattr(replay.client, "tokens", lambda texts, t: right(["the same"], t))
    found = items.own(model, fit("texts.csv"))
    failures = gate.gate(
        model, Written(answer=Wrong(model, lambda s, a, n: (s, a))), found, Silent()
    ).failures()
    assert any("of the answers differ" in each for each in failures)


@pytest.mark.parametrize(
    ("task", "wrong", "said"),
    [
        ("classification", np.nan, "from the files, there is not always a finite answer"),
        ("regression", 900.0, "from the files, 10.0% of the answers differ"),
        ("regression", 0.1, None),
    ],
)
def test_a_tenth_of_the_items_wrong_from_the_files(monkeypatch, task, wrong, said):
    """An answer that is no number is not taken for a file that cannot be read."""
    from headstart.export import gate
    from headstart.export.items import Items

    made = test_answer.model("linear", task)
    right = made.head.scores(test_answer.features())
    right = right if task == "regression" else made.probabilities(right)
    files = right.copy()
    files[::10] += wrong
    names = [str(each) for each in range(len(right))]
    done = replay.Replayed(
        names=names,
        kept=np.arange(len(right)),
        expected=right,
        same=right,
        network=right,
        files=files,
        read=np.ones(len(right), bool),
        undecided=0,
        batches=(right, right),
        unusual={},
        faster=None,
    )
    monkeypatch.setattr(gate, "replay", lambda *_: done)
    data = from_memory(["a text"] * len(right), modality="text")
    checked = gate.gate(made, None, Items(data, "", None, np.zeros(len(data), bool)), Silent())
    assert said in checked.failures() if said else not checked.failures()
    assert checked.unread == 0


def test_one_that_answers_nothing(fit, tmp_path, monkeypatch):
    from headstart.export import openvino

    def broken(file):
        def answer(given):
            raise RuntimeError("no such operation\nand more")

        return answer

    monkeypatch.setattr(openvino, "asking", broken)
    with pytest.raises(
        HeadstartError, match=r"no answer to an input of 1 x \d+ \(no such operation"
    ):
        api.export(fit("texts.csv"), out=tmp_path / "out", format="openvino", offline=True)
    assert not list(tmp_path.iterdir())


def test_one_that_resizes_a_batch_wrongly():
    """The second of two images is taken for the first."""

    def answer(given):
        return Answers(np.repeat(given[0][:1].mean(axis=(1, 2)), len(given[0]), axis=0))

    model = test_answer.model("linear", "classification")
    image = np.arange(30 * 40 * 3, dtype=np.uint8).reshape(1, 30, 40, 3)
    image[:, :10] = 0
    few = [(image,)]
    found, alone = replay._batches(model, answer, few, answer(few[0]).shares, (image,))
    np.testing.assert_array_equal(found, alone)

    def first(given):
        return Answers(np.repeat(given[0][:1, 0, 0, :], len(given[0]), axis=0))

    found, alone = replay._batches(model, first, few, first(few[0]).shares, (image,))
    assert (found[-1] != alone[-1]).any()
