"""Exports with smaller numbers: held to the model like the others, or refused."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

import headstart
from headstart import api
from headstart.errors import HeadstartError, InputError
from headstart.export import items, openvino, precision, replay
from tests.export.test_formats import asked, held

FORMATS = ("onnx", "openvino")


def bytes_of(folder):
    return sum(each.stat().st_size for each in folder.iterdir())


@pytest.fixture
def faster(monkeypatch):
    """As on a machine where integers are twice as fast."""
    monkeypatch.setattr(replay, "_faster", lambda *_: 2.0)


@pytest.mark.parametrize("format", [pytest.param("onnx", marks=pytest.mark.slow), "openvino"])
def test_16_bits_take_half_the_space_and_answer_alike(here, fit, tmp_path, format):
    model = fit("photos")
    said = {
        each: api.export(model, out=tmp_path / each, format=format, precision=each, offline=True)
        for each in ("float32", "float16")
    }
    assert bytes_of(tmp_path / "float16") < 0.55 * bytes_of(tmp_path / "float32")
    assert said["float16"].facts["precision"] == "float16"
    assert 0 < said["float16"].facts["gate"]["network"] < 0.05
    assert said["float16"].facts["gate"]["faster"] is None
    photos = sorted(map(str, (here.folder / "photos").rglob("*.jpg")))[::7]
    held(asked(tmp_path / "float16", *photos), model, photos)


def test_what_does_not_fit_16_bits_stays_as_it_is():
    """Such as a mask of the least number there is."""
    values = {
        "mask": np.full(300, np.finfo(np.float32).min, np.float32),
        "infinite": np.full(300, -np.inf, np.float32),
        "few": np.ones(3, np.float32),
        "weights": np.linspace(-1, 1, 300, dtype=np.float32),
    }
    arrays = [onnx.numpy_helper.from_array(each, name) for name, each in values.items()]
    made = precision.halved(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], arrays)))
    kinds = {each.name: each.data_type for each in made.graph.initializer}
    half, whole = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert kinds == {"mask": whole, "infinite/half": half, "few": whole, "weights/half": half}


def test_an_openvino_graph_keeps_a_mask_and_what_several_read():
    import openvino as ov
    from openvino import opset13 as ops

    given = ops.parameter([300], np.float32)
    weights = ops.constant(np.linspace(-1, 1, 300, dtype=np.float32))
    mask = ops.constant(np.full(300, np.finfo(np.float32).min, np.float32))
    result = ops.maximum(ops.add(ops.multiply(given, weights), weights), mask)
    made = precision.halved(ov.Model([result], [given], "small"))
    kinds = [
        each.get_element_type() for each in made.get_ops() if each.get_type_name() == "Constant"
    ]
    assert sorted(map(str, kinds)) == sorted(map(str, (ov.Type.f16, ov.Type.f32)))
    (answer,) = ov.compile_model(made, "CPU")([np.ones(300, np.float32)]).values()
    np.testing.assert_allclose(answer, 2 * np.linspace(-1, 1, 300), atol=2e-3)


def test_16_bits_that_answer_otherwise(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "_half", lambda values: np.round(values).astype(np.float16))
    with pytest.raises(HeadstartError, match=r"in float16 is refused.*Use --precision float32\."):
        api.export(
            fit("texts.csv"),
            out=tmp_path / "a",
            format="openvino",
            precision="float16",
            offline=True,
        )
    assert not list(tmp_path.iterdir())


def test_nncf_reports_to_nobody():
    """Not even where OpenVINO's package for that was imported before headstart."""
    program = (
        "import openvino, numpy as np\n"
        "from openvino import opset13 as ops\n"
        "from headstart.export.precision import quantised\n"
        "given = ops.parameter([1, 8], np.float32)\n"
        "weights = ops.constant(np.ones((8, 4), np.float32))\n"
        "network = openvino.Model([ops.matmul(given, weights, False, False)], [given], 'small')\n"
        "quantised(network, [(np.ones((1, 8), np.float32),)] * 4)\n"
        "from nncf.telemetry import wrapper\n"
        "print(type(wrapper.telemetry).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["MagicMock"]


@pytest.mark.parametrize("format", [pytest.param("onnx", marks=pytest.mark.slow), "openvino"])
def test_integers(here, fit, tmp_path, faster, format):
    model, out = fit("photos"), tmp_path / "out"
    said = api.export(model, out=out, format=format, precision="int8", offline=True)
    gate = said.facts["gate"]
    if format == "onnx":
        operations = {node.op_type for node in onnx.load(out / "model.onnx").graph.node}
        assert {"QuantizeLinear", "DequantizeLinear"} <= operations
    else:
        assert 'type="FakeQuantize"' in (out / "model.xml").read_text("utf-8")
    assert gate["same"] == 1
    assert gate["faster"] == 2
    assert json.loads((out / "gate.json").read_text())["limits"]["changed"] == 0.005
    assert any("2.0 times as fast" in each for each in said.notes)
    photos = sorted(map(str, (here.folder / "photos").rglob("*.jpg")))[::7]
    told = asked(out, *photos)
    assert [each["answer"] for each in told] == list(headstart.load(model).predict(photos).labels)


@pytest.mark.slow
def test_integers_of_texts(fit, tmp_path, faster):
    model = fit("texts.csv")
    said = api.export(model, out=tmp_path / "out", format="openvino", precision="int8")
    assert said.facts["gate"]["same"] >= 0.995


def refused(model, out, **options):
    with pytest.raises(HeadstartError, match="nothing was written") as failure:
        api.export(model, out=out, format="openvino", precision="int8", offline=True, **options)
    assert not list(out.parent.iterdir())
    return str(failure.value)


def test_integers_that_are_not_faster(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "_faster", lambda *_: 1.04)
    said = refused(fit("texts.csv"), tmp_path / "out")
    assert "1.04 times as fast as in 32-bit floats" in said


def test_integers_that_answer_otherwise(fit, tmp_path, faster, monkeypatch):
    def wrong(network, given):
        """The last thing that the network computes is turned about."""
        from openvino import opset13 as ops

        result = network.get_results()[0]
        value = result.input_value(0)
        turned = ops.multiply(value, np.float32(-1))
        result.input(0).replace_source_output(turned.output(0))
        return network

    monkeypatch.setattr(openvino, "quantised", wrong)
    assert "top classes differ" in refused(fit("texts.csv"), tmp_path / "out")


def test_they_are_calibrated_on_no_test_item(fit, tmp_path, faster, monkeypatch):
    seen = []
    right = replay.inputs

    def watched(model, data):
        seen.extend(data.names)
        return right(model, data)

    monkeypatch.setattr(replay, "inputs", watched)
    model = fit("photos")
    api.export(model, out=tmp_path / "out", format="openvino", precision="int8", offline=True)
    found = items.own(headstart.load(model), model)
    assert found.tested.any()
    assert set(seen) == {
        n for n, test in zip(found.data.names, found.tested, strict=True) if not test
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "int4"}, "--precision is 'int4', but it must be one of float32, float16"),
        ({"precision": "int8", "format": "keras"}, "which --format keras does not write"),
    ],
)
def test_what_there_is_not(fit, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        api.export(fit("texts.csv"), **{"out": tmp_path / "out", "format": "onnx", **options})


def test_without_nncf(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "installed", lambda _: False)
    with pytest.raises(InputError, match=r"pip install 'headstart\[int8\]'"):
        api.export(
            fit("texts.csv"), out=tmp_path / "a", format="openvino", precision="int8", offline=True
        )
