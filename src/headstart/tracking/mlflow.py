"""MLflow: where `MLFLOW_TRACKING_URI` says, or in the local store that MLflow uses by itself.

The experiment is that of `MLFLOW_EXPERIMENT_NAME`, else `headstart`. Needs the extra `mlflow`.
"""

import math
import os
import re
import time

from headstart.errors import InputError
from headstart.tracking.contract import Tracked

_EXPERIMENT = "headstart"
_LONGEST = 6_000
"""Characters of a parameter that MLflow takes."""

_AT_ONCE = 1_000
"""Metrics that MLflow takes in one call."""

_REFUSED = re.compile(r"[^\w\-. /]")


def record(run: Tracked) -> None:
    """A run of MLflow with its parameters, metrics, metrics per epoch, and the model's folder.

    Raises:
        InputError: mlflow is not installed.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag
    except ImportError as error:
        raise InputError(
            "--track mlflow needs the package mlflow-skinny; pip install headstart[mlflow]"
        ) from error
    client = MlflowClient()
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or _EXPERIMENT
    experiment = client.get_experiment_by_name(name)
    number = client.create_experiment(name) if experiment is None else experiment.experiment_id
    made = client.create_run(number, run_name=run.name).info.run_id
    now = int(1000 * time.time())
    metrics = [Metric(_allowed(key), value, now, 0) for key, value in run.metrics.items()]
    metrics += [
        Metric(_allowed(key), value, now, step)
        for key, values in run.epochs.items()
        for step, value in enumerate(values, 1)
        if value is not None and math.isfinite(value)
    ]
    params = [Param(_allowed(key), value[:_LONGEST]) for key, value in run.params.items()]
    client.log_batch(made, params=params, tags=[RunTag("headstart", "fit")])
    for start in range(0, len(metrics), _AT_ONCE):
        client.log_batch(made, metrics=metrics[start : start + _AT_ONCE])
    if run.artefacts is not None:
        client.log_artifacts(made, str(run.artefacts), "model")
    client.set_terminated(made)


def _allowed(name: str) -> str:
    return _REFUSED.sub("_", name)[:250]
