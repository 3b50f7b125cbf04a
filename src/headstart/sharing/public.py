"""What a model says of how it was made, without what names items or places of the maker's machine.

Names of classes and columns stay: nobody could use the model without them.
"""

import json
from collections.abc import Collection
from pathlib import PurePath

from headstart.backbones import public_name
from headstart.types import Unchecked

PRIVATE_DATA = "(private)"
"""What a report calls data whose name stays at home."""

_REPORTED = (
    *("task", "strategy", "cut", "seed", "counts", "test", "baselines", "seconds", "versions"),
    *("modality", "classes", "head", "gain", "folds", "outlook", "temperature", "class_counts"),
    *("per_class", "confusion", "corrections", "learning_curve", "decision", "abstain"),
    *("curve", "best_epoch", "store"),
)
"""Keys of report.json that hold figures and names of classes. Those that are not known are not
shown: what another version adds there may name items."""
_RUNG = (
    *("strategy", "cut", "seconds", "trained_parameters", "validation", "kept", "history"),
    "predicted_seconds",
)
_FINDING = ("kind", "severity", "count")
_NEAR = ("handled", "items", "groups", "largest", "pairs", "refused")
_FACTS = ("parameters", "gflops", "licence", "features", "device", "precision")
_PLACES = ("_name_or_path", "name_or_path", "base_model_name_or_path")
"""Keys of transformers' and peft's configurations that hold where a network was read from."""
_FILE = "_file"
"""How keys end that hold where a file of a tokenizer was: nobody reads it there."""


def about(said: Unchecked) -> Unchecked:
    """The same of model.json; what it stored in the cache of the machine is left out too."""
    made = {key: each for key, each in said.items() if key not in ("files", "seal", "store")}
    if isinstance(made.get("backbone"), dict):
        name = public_name(str(made["backbone"].get("name")))
        made["backbone"] = {**made["backbone"], "name": name}
    if isinstance(made.get("reads"), dict):
        made["reads"] = {**made["reads"], "root": None}
    return made


def report(said: Unchecked, *, examples: bool) -> Unchecked:
    """The same of report.json, which stays one that a page is made of.

    Args:
        said: what it holds.
        examples: keep what is said of single items, and the last part of the data's name.
    """
    facts = said.get("backbone_facts") or {}
    made: Unchecked = {
        **(said if examples else _figures(said)),
        "dataset": PurePath(str(said["dataset"])).name if examples else PRIVATE_DATA,
        "backbone": public_name(str(said["backbone"])),
        "backbone_facts": _of(facts, _FACTS),
        **{"model": None, "options": None, "next_steps": []},
    }
    return {key: made[key] for key in said if key in made}


def _figures(said: Unchecked) -> Unchecked:
    made = {key: said[key] for key in _REPORTED if key in said}
    made |= {"sample": None, "skipped": [], "warnings": [], "notes": [], "slices": []}
    made["rungs"] = [_of(each, _RUNG) | {"why": None} for each in said["rungs"]]
    made["findings"] = [
        _of(each, _FINDING) | {"message": "", "items": []} for each in said.get("findings") or ()
    ]
    near = said.get("near_duplicates")
    made["near_duplicates"] = _of(near, _NEAR) | {"examples": []} if near else None
    return made


def _of(said: Unchecked, keys: Collection[str]) -> Unchecked:
    return {key: each for key, each in said.items() if key in keys}


def configuration(text: str) -> str:
    """A configuration of transformers or peft without the folder that a network was read from.

    Raises:
        ValueError: it is no JSON object.
    """
    said = json.loads(text)
    if not isinstance(said, dict):
        raise ValueError("it is no JSON object")
    return json.dumps(_unplaced(said), indent=2, ensure_ascii=False) + "\n"


def _unplaced(said: Unchecked) -> Unchecked:
    made: Unchecked = {}
    for key, each in said.items():
        if isinstance(each, dict):
            made[key] = _unplaced(each)
        elif isinstance(each, str) and key in _PLACES:
            made[key] = public_name(each)
        elif not (isinstance(each, str) and key.endswith(_FILE)):
            made[key] = each
    return made
