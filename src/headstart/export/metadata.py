"""What an export says of itself, in the way that its format has for that: texts by name."""

import json

from headstart.predictors import Model
from headstart.preprocessing import TextPreprocessing
from headstart.types import Unchecked

STATED = ("licence", "metrics", "decision")
"""Of those, what a README tells too."""


def metadata(model: Model) -> dict[str, str]:
    """Texts by name; all but `task`, `backbone` and `licence` are JSON."""
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
        "backbone": str(backbone.get("name", "unknown")),
        "licence": str(backbone.get("licence") or "unknown"),
    }
    return texts | {
        name: json.dumps(value, ensure_ascii=False)
        for name, value in said.items()
        if value is not None
    }


def tokenizer_of(model: Model) -> TextPreprocessing | None:
    """The tokenizer that has to lie beside an export; None for images."""
    found = model.preprocessing
    return found if isinstance(found, TextPreprocessing) else None
