"""Finished runs and the trackers that record them."""

import json
import math
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import pytest

import headstart
from headstart.errors import InputError
from headstart.evaluation import Interval
from headstart.progress import Clock, Silent
from headstart.run.finish import finish
from headstart.tracking import recording, refuse_remote
from headstart.tracking.recording import tracked
from tests.report.sample import RUNGS, report

HISTORY = {"loss": [2.0, 1.0, 0.5], "val_loss": [2.1, math.inf, 0.9]}


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """A client of MLflow with a store of its own."""
    found = pytest.importorskip("mlflow")
    before = found.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    found.set_tracking_uri((tmp_path / "runs").as_uri())
    yield found.MlflowClient()
    found.set_tracking_uri(before)


def trained(**changed):
    rungs = (replace(RUNGS[0], history=HISTORY), RUNGS[1])
    return report(rungs=rungs, options={"head": "mlp", "epochs": 3}, **changed)


def test_what_there_is_to_record():
    run = tracked(trained(test={"roc_auc": Interval(0.9, math.nan, math.nan)}), None)
    assert run.params["option_head"] == "mlp"
    assert run.params["seed"] == "7"
    assert "cut" not in run.params
    assert run.metrics["test_roc_auc"] == 0.9
    assert "test_roc_auc_low" not in run.metrics
    assert run.metrics["baseline_majority_accuracy"] == 0.687
    assert run.metrics["seconds_total"] == 10.4
    assert run.epochs["feature-extraction_loss"] == [2.0, 1.0, 0.5]


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_options_metrics_epochs_and_the_model(tmp_path, mlflow):
    out = tmp_path / "model"

    def save(folder):
        folder.mkdir()
        (folder / "model.json").write_text("{}")

    done = finish(trained(model=None), save, out, None, Silent(), Clock(), "mlflow")
    assert done.warnings == trained().warnings
    experiment = mlflow.get_experiment_by_name("headstart")
    (run,) = mlflow.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["backbone"] == "efficientnet-lite0"
    assert run.data.params["option_epochs"] == "3"
    assert run.data.metrics["test_accuracy"] == 0.912
    number = run.info.run_id
    losses = mlflow.get_metric_history(number, "feature-extraction_loss")
    assert [(each.step, each.value) for each in losses] == [(1, 2.0), (2, 1.0), (3, 0.5)]
    held_out = mlflow.get_metric_history(number, "feature-extraction_val_loss")
    assert [each.step for each in held_out] == [1, 3]
    names = {each.path for each in mlflow.list_artifacts(number, "model")}
    assert names == {"model/model.json", "model/report.json", "model/report.html"}


def failing(_):
    raise ConnectionError("nobody answers at https://me:secret@host/\nat all")


@pytest.mark.filterwarnings("ignore")
def test_mlflow_needs_no_settings_and_tells_of_a_failure(tmp_path):
    """In a process of its own: MLflow reads some settings once."""
    pytest.importorskip("mlflow")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    script = """
import os
from pathlib import Path
from headstart.tracking import Tracked
from headstart.tracking.mlflow import record
record(Tracked("one", {"a": "b"}, {"test_accuracy": 0.5}, {}, None))
assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
from mlflow import MlflowClient
client = MlflowClient(Path("mlruns").resolve().as_uri())
try:
    record(Tracked("two", {"a": None}, {}, {}, None))
except Exception:
    pass
number = client.get_experiment_by_name("headstart").experiment_id
print(sorted((r.info.run_name, r.info.status) for r in client.search_runs([number])))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[('one', 'FINISHED'), ('two', 'FAILED')]"


@pytest.mark.parametrize(
    ("where", "remote"),
    [("https://host", True), ("databricks://x", True), ("databricks", True), ("mlruns", False),
     ("file:///runs", False), ("sqlite:///runs.db", False), ("", False)],
)  # fmt: skip
def test_offline_nothing_is_sent(monkeypatch, where, remote):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
    refuse_remote("mlflow", offline=False)
    refuse_remote("none", offline=True)
    with pytest.raises(InputError, match="--offline and --track") if remote else nullcontext():
        refuse_remote("mlflow", offline=True)


def test_a_fit_that_may_send_nothing_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://host")
    texts, labels = [f"text {n}" for n in range(20)], ["a", "b"] * 10
    with pytest.raises(InputError, match="--offline and --track mlflow"):
        headstart.fit(texts, labels, out=tmp_path / "m", offline=True, track="mlflow")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("broken", [failing, None])
def test_a_tracker_that_fails_is_a_warning(tmp_path, monkeypatch, broken):
    where = f"{__name__}:failing" if broken else "there_is_no_such_package:tracker"
    monkeypatch.setattr(recording, "TRACKERS", replace(recording.TRACKERS, ours={"mine": where}))
    out = tmp_path / "model"
    done = finish(report(), lambda to: to.mkdir(), out, None, Silent(), Clock(), "mine")
    (warning,) = set(done.warnings) - set(report().warnings)
    assert warning.startswith("--track mine did not record the run (")
    assert warning.endswith("the model is saved all the same.")
    assert "\n" not in warning
    assert "secret" not in warning
    written = json.loads((out / "report.json").read_text())
    assert written["model"] == str(out)
    assert warning in written["warnings"]
