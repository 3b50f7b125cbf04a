"""One run: a peer's script in a process of its own, watched, stopped when it takes too long.

The result is a JSON file, whatever happens: `done` with predictions, `refused` with what the tool
said, `killed` after one and a half times the minutes, `failed` where the process died.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import OtherWork
from bench.peers import environments
from bench.peers.datasets import Dataset, Split
from bench.peers.plan import Run
from bench.peers.scoring import answers, columns, point

LATEST = 1.5
"""The process is killed after so many times its minutes."""

_OF_THE_MOMENT = ("system", "load")
_PAUSE = 0.5
_NOWHERE = "http://127.0.0.1:9"
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    # What looks for the net all the same is told at once that there is none.
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _NOWHERE),
    "no_proxy": "localhost,127.0.0.1",
    "CUDA_VISIBLE_DEVICES": "",
    "TOKENIZERS_PARALLELISM": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


@dataclass(frozen=True, slots=True)
class Weights:
    """Folders with what every peer starts from."""

    lite0: Path
    minilm: Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code, negative for a signal; None: it was killed for being late.
        peak: the most memory that it and what it started held at once, in MiB.
    """

    code: int | None
    seconds: float
    peak: float


def measure(
    run: Run,
    dataset: Dataset,
    split: Split,
    weights: Weights,
    python: Path,
    machine: Mapping[str, Any],
    results: Path,
    extra: float = 0.0,
) -> dict[str, Any]:
    """Do a run and write its result, which is returned as it is read from the file.

    `extra` seconds are allowed before it is killed.
    """
    with tempfile.TemporaryDirectory(prefix="headstart-peers-") as name:
        scratch = Path(name)
        job, log = scratch / "job.json", scratch / "log.txt"
        answer = scratch / "answer.json"
        asked = {
            "kind": dataset.kind,
            "task": dataset.task,
            "train": str(split.train),
            "test": str(split.test),
            "classes": split.classes,
            "seconds": run.minutes * 60,
            "seed": run.seed,
            "variant": run.peer.variant,
            "scratch": str(scratch),
            "answer": str(answer),
        } | {key: str(path) for key, path in asdict(weights).items()}
        job.write_text(json.dumps(asked), "utf-8")
        others = OtherWork()
        command = [str(python), str(run.peer.script), str(job)]
        ended = _watch(command, scratch, log, LATEST * 60 * run.minutes + extra)
        share = others.share()
        # Results are kept with the source: they say nothing of where things were.
        said = json.loads(_placeless(answer.read_text("utf-8"), name)) if answer.is_file() else {}
        logged = _placeless(log.read_text("utf-8", "replace"), name)
    truth = _truth(dataset.task, split)
    result = {
        "peer": run.peer.name,
        "dataset": run.dataset,
        "kind": dataset.kind,
        "task": dataset.task,
        "minutes": run.minutes,
        "seed": run.seed,
        **_state(said, ended, logged),
        "answer": {
            key: value for key, value in said.items() if key not in ("predictions", "curve")
        },
        "wall_seconds": round(ended.seconds, 2),
        "peak_megabytes": round(ended.peak),
        "other_work": round(share, 3),
        "classes": split.classes,
        "ids": split.ids,
        "truth": truth,
        "tables": split.digest,
        "machine": {key: value for key, value in machine.items() if key not in _OF_THE_MOMENT},
        "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    target = run.file(results)
    results.mkdir(parents=True, exist_ok=True)
    if result["state"] == "done":
        try:
            _score(result, said)
        except ValueError as error:
            result |= {"state": "failed", "message": str(error)}
    log = target.with_suffix(".log")
    log.unlink(missing_ok=True)
    if result["state"] != "done":
        log.write_text(logged, "utf-8")
    temporary = target.with_suffix(".part")
    temporary.write_text(json.dumps(result) + "\n", "utf-8")
    temporary.replace(target)
    read: dict[str, Any] = json.loads(target.read_text("utf-8"))
    return read


def _placeless(text: str, scratch: str) -> str:
    places = {scratch: "SCRATCH", str(environments.folder()): "ENVIRONMENTS", str(Path.home()): "~"}
    for place, word in places.items():
        text = text.replace(place, word)
    return text


def _truth(task: str, split: Split) -> list[float]:
    """Numbers of classes, or values."""
    if task == "regression":
        return [float(each) for each in split.truth]
    return [split.classes.index(each) for each in split.truth]


def _score(result: dict[str, Any], said: Mapping[str, Any]) -> None:
    """Put what was answered into a result, and what was reached after each epoch."""

    def answered(predictions: Sequence[Any]) -> list[Any]:
        return answers(predictions, result["task"], len(result["truth"]))

    result["answers"] = answered(said["predictions"])
    result["answer"]["curve"] = [
        {
            "epoch": each["epoch"],
            "seconds": round(each["seconds"], 2),
            "reached": point(columns(result, answered(each["predictions"]))),
        }
        for each in said["curve"]
    ]


def _state(said: Mapping[str, Any], ended: Ended, logged: str) -> dict[str, Any]:
    if "refused" in said:
        return {"state": "refused", "message": said["refused"]}
    if ended.code is None:
        return {"state": "killed", "message": f"stopped after {ended.seconds:.0f} s"}
    if ended.code or "predictions" not in said:
        lines = [line for line in logged.splitlines() if line.strip()]
        last = lines[-1].strip() if lines else "no message"
        return {"state": "failed", "message": f"exit code {ended.code}: {last}"}
    return {"state": "done", "message": ""}


def _watch(command: list[str], folder: Path, log: Path, latest: float) -> Ended:
    """Run in a session of its own, so that what it started can be counted, and ended with it."""
    began, late = time.time(), False
    environment = os.environ | _OFFLINE | {"PEERS_BEGAN": repr(began)}
    peak = 0.0
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                peak = max(peak, _held_by_session(process.pid))
                late = time.time() - began > latest
                if late:
                    break
                time.sleep(_PAUSE if time.time() - began > 5 else _PAUSE / 10)
        finally:
            # Also what it left running: workers of loaders outlive a killed parent.
            end(process)
    return Ended(None if late else process.returncode, time.time() - began, peak)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that leads a session, and what it started there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _held_by_session(session: int) -> float:
    """MiB of every process of a session, what they share counted once; of one, its own peak."""
    proportional, highest = 0.0, 0.0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            after = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(after[3]) != session:
                continue
            proportional += _field(folder / "smaps_rollup", "Pss:")
            highest = max(highest, _field(folder / "status", "VmHWM:"))
        except (OSError, StopIteration, IndexError):
            continue  # it has just ended
    return max(proportional, highest) / 1024


def _field(file: Path, name: str) -> float:
    lines = file.read_text("ascii", "replace").splitlines()
    return float(next(line for line in lines if line.startswith(name)).split()[1])
