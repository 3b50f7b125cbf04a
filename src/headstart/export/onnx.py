"""A saved model as a folder with one graph of ONNX, for onnxruntime and whatever else reads it."""

from collections.abc import Sequence
from pathlib import Path

from headstart.errors import InputError
from headstart.export.metadata import undecided, write_tokenizer
from headstart.export.precision import Precision, halved, quantised
from headstart.export.written import Answers, Ask, Asked, Script, Written, check_folder
from headstart.installed import installed
from headstart.predictors import Model

FILE = "model.onnx"

SCRIPT = Script(
    needs=("onnxruntime",),
    imports=("import onnxruntime",),
    opens=(
        f'session = onnxruntime.InferenceSession("{FILE}")',
        'classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])',
    ),
    asks="session.run(None, given)",
)


def write(
    model: Model,
    out: Path,
    *,
    offline: bool = False,
    precision: Precision = "float32",
    given: Sequence[Asked] = (),
) -> Written:
    """Write the folder `out`.

    Args:
        model: a saved model.
        out: a folder that is not there yet.
        offline: download no weights.
        precision: of the network; float16 is how its weights are stored.
        given: inputs of the network, which int8 is calibrated on.

    Raises:
        InputError: the model cannot be written so, its backbone's weights are not found, or a
            package is missing.
    """
    check_folder(out, "onnx")
    missing = [each for each in ("onnx", "onnxruntime", "onnxscript") if not installed(each)]
    if missing:
        raise InputError(
            f"--format onnx needs {', '.join(missing)}: run `pip install 'headstart[onnx]'`."
        )
    from headstart.export import graph, network

    found = graph.exported(model, network.module_of(model, "onnx", offline=offline))
    plain = None
    if precision == "int8":
        plain = asking(graph.whole(model, found).SerializeToString())
        found = quantised(found, given, [each.name for each in found.graph.input])
    elif precision == "float16":
        found = halved(found)
    made = graph.whole(model, found, precision)
    out.mkdir()
    (out / FILE).write_bytes(made.SerializeToString())
    write_tokenizer(model, out)
    return Written(notes=undecided(model), answer=asking(out / FILE), script=SCRIPT, plain=plain)


def asking(file: Path | bytes) -> Ask:
    """Asks a file, or what would be in it, through onnxruntime, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def answer(given: Asked) -> Answers:
        return Answers(*session.run(None, dict(zip(names, given, strict=True))))

    return answer
