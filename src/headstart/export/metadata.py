"""What an export says of itself, in the way that its format has for that: texts by name."""

import json
from pathlib import Path

from headstart import backbones
from headstart.export.precision import Precision
from headstart.predictors import Model
from headstart.preprocessing import TextPreprocessing
from headstart.types import Unchecked


def metadata(model: Model, precision: Precision = "float32") -> dict[str, str]:
    """Texts by name; all but `task`, `backbone`, `licence` and `precision` are JSON.

    The metrics are of the model, whatever the precision of its export.
    """
    backbone = dict(model.about.get("backbone") or {})
    said: Unchecked = {
        "classes": list(model.classes),
        "metrics": model.about.get("metrics"),
        "decision": None if model.decision is None else model.decision.to_json(),
        "abstain": None if model.abstain is None else model.abstain.to_json(),
        "preprocessing": model.preprocessing.to_json(),
        "versions": model.about.get("versions"),
    }
    texts = {
        "made_by": "headstart",
        "task": model.task,
        "backbone": backbones.public_name(str(backbone.get("name", "unknown"))),
        "licence": str(backbone.get("licence") or "unknown"),
        "precision": precision,
    }
    return texts | {
        # Escaped, as a name may hold what is not UTF-8.
        name: json.dumps(value)
        for name, value in said.items()
        if value is not None
    }


def undecided(model: Model) -> tuple[str, ...]:
    """What a model does that its graph does not, in a sentence for a person."""
    if model.abstain is None:
        return ()
    if not model.classes:
        return (
            "The model answers with intervals, and the export with values alone: what the "
            "intervals are made of is in its metadata, as `abstain`.",
        )
    return (
        "The model may answer several classes where it is not sure, and the export always answers "
        "one: from which probabilities on is in its metadata, as `abstain`.",
    )


def write_tokenizer(model: Model, folder: Path) -> None:
    """Put the tokenizer of a model of texts beside its graph."""
    text = tokenizer_of(model)
    if text is not None:
        (folder / "tokenizer.json").write_text(text.tokenizer, "utf-8")


def tokenizer_of(model: Model) -> TextPreprocessing | None:
    """The tokenizer that has to lie beside an export; None for images."""
    found = model.preprocessing
    return found if isinstance(found, TextPreprocessing) else None
