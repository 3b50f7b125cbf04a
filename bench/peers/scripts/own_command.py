"""headstart itself, by its own command with default options and the budget."""

import json
import os
import subprocess
import sys
import time

from job import Answer, Clock, Job, run

PACKAGES = ("headstart", "torch", "openvino", "timm", "transformers", "scikit-learn")


def headstart(job: Job, clock: Clock) -> Answer:
    """`headstart fit --budget`, tested on the test table; then `headstart predict` on it."""
    model = job.scratch / "model"
    os.environ["HEADSTART_CACHE"] = str(job.scratch / "cache")  # every run starts cold
    fitted = _command(
        "fit", job.train, "--out", model, "--input", job.kind, "--label", "label",
        "--task", job.task, "--test", job.test, "--seed", job.seed,
        "--budget", f"{max(round(clock.left()), 1)}s",
    )  # fmt: skip
    training, began = clock.spent(), time.perf_counter()
    answers = _command("predict", model, job.test, "--input", job.kind)
    seconds = time.perf_counter() - began
    if answers["skipped"]:
        raise ValueError(f"headstart skipped {len(answers['skipped'])} test items")
    if job.regression:
        said = [each["value"] for each in answers["predictions"]]
    else:
        rows = [each["probabilities"] for each in answers["predictions"]]
        said = [[row.get(name, 0.0) for name in job.classes] for row in rows]
    rungs = fitted["rungs"]
    notes = {
        "strategy": fitted["strategy"],
        "cut": fitted["cut"],
        "backbone": fitted["backbone"],
        "seconds": fitted["seconds"],
        "rungs": [
            {key: rung[key] for key in ("strategy", "cut", "seconds", "kept", "why")}
            for rung in rungs
        ],
    }
    return Answer(said, training, seconds, None, PACKAGES, notes)


def _command(*args: object) -> dict:
    command = [sys.executable, "-m", "headstart", *map(str, args), "--offline", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise RuntimeError(done.stderr.strip() or f"headstart ended with {done.returncode}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    run(headstart, *PACKAGES)
