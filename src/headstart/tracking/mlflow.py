"""MLflow: where `MLFLOW_TRACKING_URI` says, or in the folder `mlruns`.

The experiment is that of `MLFLOW_EXPERIMENT_NAME`, else `headstart`. Needs the extra `mlflow`.
"""

import contextlib
import math
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headstart.errors import InputError
from headstart.tracking.contract import Tracked

_EXPERIMENT = "headstart"
_LONGEST = 6_000
"""Characters of a parameter that MLflow takes."""

_AT_ONCE = 1_000
"""Metrics that MLflow takes in one call."""

_REFUSED = re.compile(r"[^\w\-. /]")

_LOCAL = ("", "file", "sqlite")
"""Schemes of stores on this machine."""

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",  # the only store that mlflow-skinny has by itself
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""Of MLflow, where the environment does not say otherwise: by itself it waits for minutes on a
server that does not answer, and tells its makers of its use."""

if TYPE_CHECKING:
    from mlflow import MlflowClient


def refuse_remote() -> None:
    """Refuse to record on another machine, before any work is done.

    Raises:
        InputError: `MLFLOW_TRACKING_URI` names a store that needs a network.
    """
    where = os.environ.get("MLFLOW_TRACKING_URI", "")
    scheme = urlsplit(where).scheme
    if where.startswith("databricks") or not (scheme in _LOCAL or len(scheme) == 1):
        raise InputError(
            "--offline and --track mlflow do not go together where MLFLOW_TRACKING_URI names a "
            "remote store; leave one out, or name a folder."
        )


def record(run: Tracked) -> None:
    """A run of MLflow with its parameters, metrics, metrics per epoch, and the model's folder.

    Raises:
        InputError: mlflow is not installed.
    """
    for setting, usual in _SETTINGS.items():
        os.environ.setdefault(setting, usual)
    try:
        from mlflow import MlflowClient
        from mlflow.tracking import is_tracking_uri_set
    except ImportError as error:
        raise InputError(
            "--track mlflow needs the package mlflow-skinny; pip install headstart[mlflow]"
        ) from error
    client = MlflowClient(None if is_tracking_uri_set() else Path("mlruns").resolve().as_uri())
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or _EXPERIMENT
    experiment = client.get_experiment_by_name(name)
    number = client.create_experiment(name) if experiment is None else experiment.experiment_id
    made = client.create_run(number, run_name=run.name).info.run_id
    try:
        _log(client, made, run)
    except BaseException:
        with contextlib.suppress(Exception):
            client.set_terminated(made, "FAILED")
        raise
    client.set_terminated(made)


def _log(client: "MlflowClient", made: str, run: Tracked) -> None:
    from mlflow.entities import Metric, Param, RunTag

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


def _allowed(name: str) -> str:
    return _REFUSED.sub("_", name)[:250]
