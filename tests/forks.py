"""Forks a child for every command line it reads; a program, run by `tests.runs.Forks`.

A child starts with everything imported and nothing begun, so a whole `fit` takes a second or two
and can be killed for real, at any moment, again and again.
"""

import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from typing import Any

MODULES = (
    "headstart.api", "headstart.cli.fit", "headstart.cli.app", "headstart.features.trunk",
    "headstart.training.examples", "headstart.run.climbing", "headstart.run.fitting",
    "headstart.report.terminal", "headstart.report.progress_bar", "headstart.backbones.timm",
    "sklearn.linear_model", "sklearn.metrics", "scipy.optimize", "lance", "openvino",
)  # fmt: skip
WRITES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.utime", "os.truncate")


def kill_at(number: int, under: str) -> None:
    """Kill this process at its `number`-th write to what is in the folder `under`."""
    seen = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "open":
            writes = (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        else:
            writes = event in WRITES
        if writes and isinstance(arguments[0], str | bytes | os.PathLike):
            seen += os.fsdecode(arguments[0]).startswith(under)
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def child(job: dict[str, Any]) -> int:
    """One command line."""
    from headstart.cli.app import run

    os.chdir(job["cwd"])
    os.environ["HEADSTART_CACHE"] = job["cache"]
    for number, name in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(job["log"] + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if "largest" in job:
        # Python and Lance get an error where the default would be a signal.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest"],) * 2)
    if "kill_at" in job:
        kill_at(job["kill_at"], job["cwd"])
    return run(job["arguments"])


def fork(job: dict[str, Any]) -> int:
    """Start a child."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = child(job)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def kill(pid: int, seconds: float) -> None:
    """Kill a child when the time has come, unless it has ended by then."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Answer every line of jobs with a line of exit codes."""
    for name in MODULES:
        importlib.import_module(name)
    for line in sys.stdin:
        jobs = json.loads(line)
        children = [fork(job) for job in jobs]
        for pid, job in zip(children, jobs, strict=True):
            if "kill_after" in job:
                kill(pid, job["kill_after"])
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    main()
