"""A saved model as a folder with one graph of OpenVINO (`model.xml`, `model.bin`).

The network is the model's own graph: what was compiled and measured. What comes before and after it
is what the ONNX export has.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import HeadstartError, InputError, first_line
from headstart.export.metadata import metadata, undecided, write_tokenizer
from headstart.export.precision import Precision, halved, quantised
from headstart.export.written import Answers, Ask, Asked, Script, Written, check_folder
from headstart.installed import installed
from headstart.predictors import Model
from headstart.preprocessing import ImagePreprocessing
from headstart.runtime.openvino_core import core

if TYPE_CHECKING:
    import onnx
    import openvino as ov

FILE = "model.xml"

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
"""What a graph is compiled with, to compute in 32 bits where a processor has fewer."""

SCRIPT = Script(
    needs=("openvino",),
    imports=("import openvino",),
    opens=(
        f'graph = openvino.Core().read_model("{FILE}")',
        f'model = openvino.compile_model(graph, "CPU", {json.dumps(EXACT)})',
        'classes = json.loads(graph.get_rt_info("classes").value)',
    ),
    asks="model(given).values()",
)


def write(
    model: Model,
    out: Path,
    *,
    offline: bool = False,  # noqa: ARG001
    precision: Precision = "float32",
    given: Sequence[Asked] = (),
) -> Written:
    """Write the folder `out`.

    Args:
        model: a saved model.
        out: a folder that is not there yet.
        offline: no weights are downloaded either way.
        precision: of the network; float16 is how weights are stored.
        given: inputs of the network, which int8 is calibrated on.

    Raises:
        InputError: the model cannot be written so, or a package is missing.
    """
    check_folder(out, "openvino")
    if not installed("onnx"):
        raise InputError("--format openvino needs onnx: run `pip install 'headstart[onnx]'`.")
    import openvino as ov

    assert model.graph is not None
    network = model.graph.clone()
    plain = None
    if precision == "int8":
        plain = asking(_whole(model, model.graph.clone()))
        network = quantised(network, given)
    elif precision == "float16":
        network = halved(network)
    out.mkdir()
    made = _whole(model, network, precision)
    try:
        ov.save_model(made, out / FILE, compress_to_fp16=False)
    except RuntimeError as error:  # Which is all it says of a disk that is full.
        raise HeadstartError(
            f"OpenVINO could not write the graph ({first_line(error)}), so nothing was written; "
            "is the disk full?"
        ) from error
    write_tokenizer(model, out)
    return Written(notes=undecided(model), answer=asking(out / FILE), script=SCRIPT, plain=plain)


def asking(graph: "Path | ov.Model") -> Ask:
    """Asks a file, or what would be in it, through OpenVINO, on the CPU in 32-bit floats."""
    compiled = core().compile_model(graph, "CPU", EXACT)

    def answer(given: Asked) -> Answers:
        # What it gives lies in memory that the next answer takes.
        return Answers(*(each.copy() for each in compiled(list(given)).values()))

    return answer


def _whole(model: Model, network: "ov.Model", precision: Precision = "float32") -> "ov.Model":
    """A model around its network, which becomes a part of it."""
    from openvino import Model as Graph

    from headstart.export import graph

    if isinstance(model.preprocessing, ImagePreprocessing):
        first = _read(graph.before(model.preprocessing))
        inputs = first.get_parameters()
        _join(first, network)
    else:
        inputs = network.get_parameters()
        for each, name in zip(inputs, (graph.IDS, graph.MASK), strict=True):
            each.set_friendly_name(name)
            each.output(0).set_names({name})
    last = _read(graph.after(model, _width(network)))
    _join(network, last)
    made = Graph(last.get_results(), inputs, "headstart")
    for name, text in metadata(model, precision).items():
        made.set_rt_info(text, name)
    return made


def _width(network: "ov.Model") -> int:
    return int(network.output(0).partial_shape[1].get_length())


def _read(part: "onnx.ModelProto") -> "ov.Model":
    return core().read_model(part.SerializeToString(), b"")


def _join(first: "ov.Model", second: "ov.Model") -> None:
    """What the first gives goes into the second."""
    result, parameter = first.get_results()[0], second.get_parameters()[0]
    parameter.output(0).replace(result.input_value(0))
