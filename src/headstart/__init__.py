"""headstart: transfer learning as a tool.

import headstart

run = headstart.fit("photos/", out="model/")
print(run.report.test["accuracy"])
headstart.load("model/").predict(["new.jpg"]).labels
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.api import (
        catalogue,
        check,
        compare,
        embed,
        evaluate,
        explain,
        fit,
        generate,
        load,
        predict,
        push,
        session,
    )
    from headstart.errors import BackboneError, DataError, HeadstartError, InputError, ModelError
    from headstart.estimators import TransferClassifier, TransferRegressor
    from headstart.predictors import Model, Predictor, Session
    from headstart.run import Run

_WHERE = {
    "BackboneError": "errors",
    "DataError": "errors",
    "HeadstartError": "errors",
    "InputError": "errors",
    "Model": "predictors",
    "ModelError": "errors",
    "Predictor": "predictors",
    "Run": "run",
    "Session": "predictors",
    "TransferClassifier": "estimators",
    "TransferRegressor": "estimators",
    "catalogue": "api",
    "check": "api",
    "compare": "api",
    "embed": "api",
    "evaluate": "api",
    "explain": "api",
    "fit": "api",
    "generate": "api",
    "load": "api",
    "predict": "api",
    "push": "api",
    "session": "api",
}

__all__ = [
    "BackboneError",
    "DataError",
    "HeadstartError",
    "InputError",
    "Model",
    "ModelError",
    "Predictor",
    "Run",
    "Session",
    "TransferClassifier",
    "TransferRegressor",
    "catalogue",
    "check",
    "compare",
    "embed",
    "evaluate",
    "explain",
    "fit",
    "generate",
    "load",
    "predict",
    "push",
    "session",
]

# OpenVINO's converter reports its use over the network when it finds this package; nothing that
# headstart does may open a socket unasked.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# Threads of PyTorch that wait for work spin, unless this is set before it is loaded: beside another
# program that computes, each step then takes many times as long as it should.
if "torch" not in sys.modules:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import headstart` stays light."""
    if name in _WHERE:
        return getattr(import_module(f"headstart.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'headstart' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
