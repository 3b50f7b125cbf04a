"""Whole commands, from start to end: the help, and one answer of a saved model."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.machine import alone, scratch
from bench.photos import write_photos
from bench.result import Figure, Result

REPEATS = 9
HEAVY = ("torch", "timm", "transformers", "sklearn", "lance", "pyarrow", "datasets", "pandas")
_IMPORTED = f"""
import sys
from headstart.cli.app import run
code = run(sys.argv[1:])
print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def run(quick: bool = False) -> Result:
    """The median of several runs, after one that is not counted."""
    repeats = 2 if quick else REPEATS
    with scratch() as folder:
        for number, name in enumerate(("a", "b")):
            photos = write_photos(folder / "photos" / name, 20, seed=number)
        model = folder / "model"
        alone(save_model, folder / "photos", model)
        predict = ["predict", str(model), str(photos[0])]
        figures = [
            Figure("headstart --help", _seconds(["--help"], repeats), "s", at_most=0.4),
            Figure("headstart predict MODEL PHOTO", _seconds(predict, repeats), "s", at_most=2),
        ]
        imported = {
            name: _imported(args) for name, args in (("help", ["--help"]), ("predict", predict))
        }
    figures += [
        Figure(f"heavy packages imported by {name}", len(found), "", at_most=0)
        for name, found in imported.items()
    ]
    return Result(
        "start",
        "whole processes",
        tuple(figures),
        {
            "repeats": repeats,
            "imported": {k: v for k, v in imported.items() if v} or "none of " + ", ".join(HEAVY),
        },
    )


def save_model(photos: Path, model: Path) -> None:
    """Fit on a folder of photos."""
    import headstart

    headstart.fit(photos, out=model, offline=True)


def _seconds(args: Sequence[str], repeats: int) -> float:
    command = [str(Path(sys.executable).with_name("headstart")), *args]
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return median(seconds[1:])


def _imported(args: Sequence[str]) -> list[str]:
    """Which heavy packages a command imports."""
    command = [sys.executable, "-c", _IMPORTED, *args]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stderr.splitlines()[-1].split()
