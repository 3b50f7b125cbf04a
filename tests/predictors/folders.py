"""Models as folders: what is changed in one, and what is asked of it."""

import hashlib
import json
from pathlib import Path

import numpy as np

from headstart.sealed import seal_of


def describe(model: Path, **changes) -> None:
    """Change a model's description, and seal it again."""
    about = json.loads((model / "model.json").read_text()) | changes
    about["seal"] = seal_of(about)
    (model / "model.json").write_text(json.dumps(about))


def swap(model: Path, name: str, raw: bytes) -> None:
    """Put other bytes in a model's file, and make its description agree."""
    (model / name).write_bytes(raw)
    about = json.loads((model / "model.json").read_text())
    describe(model, files=about["files"] | {name: hashlib.sha256(raw).hexdigest()})


def items_for(here: Path, name: str) -> list[str]:
    if name == "photos":
        return sorted(map(str, (here / name).rglob("*.jpg")))
    return ["the cat is old", "a gearbox", "more more words", "more words", "the cat is old"]


def numbers(answers) -> np.ndarray:
    return answers.values if answers.probabilities is None else answers.probabilities
