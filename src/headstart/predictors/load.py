"""A folder becomes the model that was saved in it; every file is checked before it is used."""

from pathlib import Path

import numpy as np

from headstart import heads, manifest, sealed
from headstart.data import texts
from headstart.errors import InputError, first_line
from headstart.evaluation import conformal, decisions
from headstart.installed import installed
from headstart.located import located
from headstart.predictors.model import DIGEST, Model
from headstart.predictors.write import BACKBONE, HEAD, TRAINED
from headstart.preprocessing import TextPreprocessing, preprocessing_from_json
from headstart.runtime import graphs
from headstart.types import Array, Unchecked

NEEDED = ("compiled/network.xml", "compiled/network.bin", "model.safetensors")


def load(model: str | Path, *, offline: bool = False) -> Model:
    """Read a saved model, every file checked against its hash before it is used.

    Args:
        model: its folder, or its name on the hub; see `headstart.located.located`.
        offline: open no socket.

    Raises:
        InputError: it is not a model, was damaged, or is of a newer version.
    """
    from safetensors import SafetensorError

    folder = located(model, offline=offline)
    about = sealed.read_about(folder)
    if about.get("task") == "generation":
        raise InputError(
            f"The model in {str(folder)!r} writes texts; ask it with `headstart generate`, or "
            "with headstart.generate from Python."
        )
    if not installed("openvino"):
        raise InputError(
            "A saved model answers through OpenVINO, which is not installed: run "
            "`pip install openvino`."
        )
    sealed.check_files(folder, about, NEEDED, sealed.ANSWERS)
    try:
        return _assemble(folder, about)
    except (
        *(LookupError, AttributeError, TypeError, ValueError, RuntimeError, OSError),
        SafetensorError,
    ) as error:
        raise sealed.unreadable(folder, first_line(error)) from error


def _assemble(folder: Path, about: Unchecked) -> Model:
    from safetensors.numpy import load_file

    manifest.check(about)
    tokenizer = folder / "tokenizer.json"
    head = about["head"]
    arrays = load_file(folder / "model.safetensors")
    known = {
        "schema", "task", "modality", "classes", "preprocessing",
        "head", "temperature", "precision", "width", "files", "seal", "trained_items",
        "decision", "abstain",
    }  # fmt: skip
    return _checked(
        Model(
            task=about["task"],
            modality=about["modality"],
            classes=tuple(about["classes"]),
            preprocessing=preprocessing_from_json(
                about["preprocessing"],
                tokenizer.read_text("utf-8") if about["modality"] == "text" else None,
            ),
            head=heads.load(head["name"], _part(arrays, HEAD), head["settings"]),
            weights=_part(arrays, BACKBONE),
            trained=arrays.get(TRAINED),
            temperature=float(about["temperature"]),
            precision=about["precision"],
            width=about.get("width"),
            digest=graphs.digest_of(
                {name: about["files"][f"compiled/{name}"] for name in graphs.NAMES}
            ),
            reference=graphs.read_reference(folder / "compiled")
            if f"compiled/{graphs.REFERENCE}" in about["files"]
            else None,
            graph=graphs.read(folder / "compiled" / "network.xml"),
            decision=decisions.from_json(about["decision"], about["task"], len(about["classes"]))
            if "decision" in about
            else None,
            abstain=conformal.from_json(about["abstain"], about["task"], len(about["classes"]))
            if "abstain" in about
            else None,
            about={key: value for key, value in about.items() if key not in known},
        )
    )


def _checked(model: Model) -> Model:
    """The model, if its parts fit each other.

    Raises:
        ValueError: says which do not.
    """
    assert model.graph is not None
    preprocessing, inputs = model.preprocessing, model.graph.inputs
    if isinstance(preprocessing, TextPreprocessing):
        texts.tokeniser(preprocessing)
    kind, count = ("i64", 2) if model.modality == "text" else ("u8", 1)
    if [each.element_type.get_type_name() for each in inputs] != [kind] * count:
        raise ValueError(f"its network does not take {model.modality}s")
    if model.head.settings.get("task") != model.task:
        raise ValueError("its head is for another task")
    if not all(np.isfinite(each).all() for each in model.head.arrays.values()):
        raise ValueError("its head holds numbers that are not finite")
    if model.reads.modality not in (None, model.modality):
        raise ValueError("it was trained on columns of another kind")
    trained = model.trained
    if trained is not None and (trained.dtype != np.uint8 or trained.shape[1:] != (DIGEST,)):
        raise ValueError("its list of the items it was trained on is none")
    size = model._size
    if not size > 0 or (model.width or 0) > size:
        raise ValueError(f"'width' is {model.width}, but its network gives {size} features")
    scores = model.head.scores(np.zeros((1, size), np.float32)[:, : model.width])
    if scores.shape != ((1,) if model.task == "regression" else (1, len(model.classes))):
        raise ValueError("its head does not fit its classes")
    return model


def _part(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
