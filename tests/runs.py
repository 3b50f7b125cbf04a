"""Whole command lines: in this process, in one of their own, and in one that is killed."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.cli.app import run

COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40)}
SENTENCES = {
    "animal": ("the cat sat on the mat", "dogs like bones", "my bird sings", "horses run far"),
    "car": ("the engine needs oil", "check the brakes", "a new tyre", "the gearbox is broken"),
}


@dataclass(frozen=True)
class Done:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Place:
    """A folder to work in, with its own cache.

    Args:
        folder: where.
        warm: a cache, whose graphs are copied and whose verdicts on compiled ones are shared.
    """

    def __init__(self, folder: Path, warm: Path | None = None) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        if warm is not None:
            shutil.copytree(warm / "graphs", self.cache / "graphs")
            (self.cache / "compiled").symlink_to((warm / "compiled").resolve())

    def run(self, *arguments: str) -> Done:
        """Run the command line in this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            _environment(HEADSTART_CACHE=str(self.cache)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(list(arguments))
        return Done(code, out.getvalue(), err.getvalue())

    def process(self, *arguments: str, stdin: str | None = None) -> Done:
        """Run the command line as people do."""
        done = subprocess.run(
            [sys.executable, "-m", "headstart", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            input=stdin,
            env={**os.environ, "HEADSTART_CACHE": str(self.cache), "OMP_NUM_THREADS": "1"},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def table(self, name: str, *lines: str) -> None:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def texts(self, name: str, each: int, *more: str) -> None:
        """A CSV of so many texts per class, and `more` lines."""
        said = [
            f"{texts[n % len(texts)]} number {n},{label}"
            for n in range(each)
            for label, texts in SENTENCES.items()
        ]
        self.table(name, "text,label", *said, *more)

    def tags(self, name: str) -> None:
        """A CSV of 36 texts with up to two labels each, which stand in them."""
        rows = []
        for n in range(36):
            words = [*(["red"] if n % 2 else []), *(["round"] if n % 3 else [])]
            rows.append(f"{' '.join([*words, 'ball'])} {n},{'|'.join(words) or 'plain'}")
        self.table(name, "text,label", *rows)

    def numbers(self, name: str, items: int = 30) -> None:
        """A CSV of texts with a number each, which is how long they are."""
        self.table(name, "text,label", *(f"{'more ' * n}words,{n}.5" for n in range(items)))

    def report(self, model: str = "model") -> dict[str, Any]:
        return json.loads((self.folder / model / "report.json").read_text())


@contextlib.contextmanager
def _environment(**values: str):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def picture(rng: np.random.Generator, colour, size=(48, 64)) -> Image.Image:
    noise = rng.normal(0, 25, (*size, 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def pictures(folder: Path, each: int, seed: int = 0, classes=None) -> Path:
    """A folder of classes whose pictures are of one colour each."""
    rng = np.random.default_rng(seed)
    for name, colour in (classes or COLOURS).items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            picture(rng, colour).save(folder / name / f"{seed}-{number}.jpg", quality=90)
    return folder


def content(model: Path) -> dict[str, str]:
    """The SHA-256 of every file of a model, but for those written once it is there.

    The report tells the time besides.
    """
    files = (file for file in sorted(model.rglob("*")) if file.is_file())
    return {
        str(file.relative_to(model)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name not in ("report.json", "report.html", "gallery.json", "predictions.parquet")
    }


def timeless(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what tells the time, the place or the state of the cache."""
    rungs = [{**rung, "seconds": 0, "predicted_seconds": 0} for rung in report["rungs"]]
    apart = ("seconds", "store", "model", "next_steps", "outlook")
    return {key: value for key, value in report.items() if key not in apart} | {"rungs": rungs}


class Forks:
    """A process that has imported everything and forks one child a command line.

    Args:
        folder: for what the command lines print.
        path: other folders of packages.
    """

    def __init__(self, folder: Path, *path: Path) -> None:
        self._folder = folder
        self._path = path
        self._number = 0

    def __enter__(self) -> "Forks":
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__.replace("runs.py", "forks.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": self._pythonpath()},
        )
        return self

    def _pythonpath(self) -> str:
        usual = os.environ.get("PYTHONPATH")
        return os.pathsep.join((*map(str, self._path), *([usual] if usual else [])))

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def run(self, *jobs: dict[str, Any]) -> list[Done]:
        """Run command lines at the same time; a negative code is the signal that ended one.

        Args:
            jobs: `arguments`, `cwd` and `cache`, and what is to go wrong: `kill_after` seconds,
                `kill_at` the n-th write under `cwd`, `largest` bytes of a file.
        """
        for job in jobs:
            self._number += 1
            job["log"] = str(self._folder / f"{self._number}")
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        codes = json.loads(self._process.stdout.readline())
        return [
            Done(code, Path(job["log"] + ".out").read_text(), Path(job["log"] + ".err").read_text())
            for code, job in zip(codes, jobs, strict=True)
        ]
