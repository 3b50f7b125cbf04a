"""`headstart fit` as a person types it: a process of its own, an empty cache, a report."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Report = Mapping[str, Any]


def fit(table: Path, out: Path, *options: str) -> tuple[Report, float]:
    """The report of a fit, and the seconds that the whole command took.

    Raises:
        RuntimeError: it failed; the message is what it printed last.
    """
    command = [sys.executable, "-m", "headstart", "fit", str(table), "--out", str(out), *options]
    cold = os.environ | {"HEADSTART_CACHE": str(out.with_name(f"{out.name}-cache"))}
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--offline", "--json"], env=cold, capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout), seconds


def times(report: Report) -> list[str]:
    """Of each rung trained under a budget: its name, and seconds over what was expected."""
    found = []
    for rung in report["rungs"]:
        expected = rung["predicted_seconds"]
        if expected and rung["seconds"]:
            took, name = rung["seconds"], rung["cut"] or rung["strategy"]
            found.append(f"{name}: {took:.0f} s / {expected:.0f} s = {took / expected:.2f}")
    return found


def kept(report: Report) -> str:
    """What became the model."""
    return str(report["strategy"]) + (f" after {report['cut']}" if report["cut"] else "")
