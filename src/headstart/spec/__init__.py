"""Every option once: its name, help, range and default.

The command line, the Python functions and the reference are all made from these dataclasses.
"""

from headstart.spec.backbone import BackboneSpec, EmbedSpec
from headstart.spec.check import CheckSpec
from headstart.spec.data import FOLDER, ItemSpec, LabelledSpec, ReadSpec
from headstart.spec.decision import DecisionSpec
from headstart.spec.fit import FitSpec, head_of, not_balanced
from headstart.spec.generation import GenerateSpec
from headstart.spec.option import (
    BACKBONE,
    DATA,
    EVALUATION,
    GROUPS,
    OUTPUT,
    TRAINING,
    check,
    chosen,
    flag,
    option,
    spec_of,
)
from headstart.spec.serving import ServeSpec

__all__ = [
    "BACKBONE",
    "DATA",
    "EVALUATION",
    "FOLDER",
    "GROUPS",
    "OUTPUT",
    "TRAINING",
    "BackboneSpec",
    "CheckSpec",
    "DecisionSpec",
    "EmbedSpec",
    "FitSpec",
    "GenerateSpec",
    "ItemSpec",
    "LabelledSpec",
    "ReadSpec",
    "ServeSpec",
    "check",
    "chosen",
    "flag",
    "head_of",
    "not_balanced",
    "option",
    "spec_of",
]
