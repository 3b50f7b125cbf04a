"""The tutorials: their commands are run as they stand, and print what the pages show."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.serving.server import Server

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))
ADDRESS = "http://127.0.0.1:8000"

NUMBER = re.compile(r"[-+]?\d[\d,.:e-]*%?")
"""What differs from one kind of processor to the next; how lines are broken does too."""


def steps(page: Path) -> list[tuple[str, str]]:
    """Each command of a page, with what is shown of its output, empty where nothing is."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text("utf-8"), re.S | re.M)
    found: list[tuple[str, str]] = []
    for (language, content), (after, shown) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "sh":
            *first, last = content.splitlines()
            found += [(each, "") for each in first]
            found.append((last, shown if after == "text" else ""))
    return found


def masked(text: str) -> str:
    return " ".join(NUMBER.sub("#", text).split())


def answered(arguments: list[str]) -> str:
    """What curl would print, which is not on every machine: it sends the same bytes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-d")
    parser.add_argument("-H")
    parser.add_argument("url")
    asked = parser.parse_args(arguments)
    name, _, value = asked.H.partition(": ")
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.post(asked.url, content=asked.d.encode(), headers={name: value})
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial(page: Path, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "draw_cells.py", tmp_path)
    environment = {
        **os.environ,
        "HEADSTART_CACHE": str(tmp_path / "cache"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "COLUMNS": "80",
    }
    with ExitStack() as running:
        address = ADDRESS
        for command, shown in steps(page):
            words = shlex.split(command.replace(ADDRESS, address))
            if words[:2] == ["headstart", "serve"]:
                models = [str(tmp_path / name) for name in words[2:]]
                server = running.enter_context(Server(*models, cache=tmp_path / "cache"))
                address = server.address.rstrip("/")
                continue
            if words[0] == "curl":
                printed = answered(words[1:])
            else:
                done = subprocess.run(
                    words,
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=900,
                )
                assert done.returncode == 0, (command, done.stderr)
                printed = done.stdout + done.stderr
            for part in shown.split("\n\n"):
                assert masked(part) in masked(printed), (command, part, printed)


def test_every_tutorial_shows_what_its_commands_print() -> None:
    assert len(PAGES) >= 2
    for page in PAGES:
        assert sum(bool(shown) for _, shown in steps(page)) >= 4, page


def test_what_a_page_includes_is_there() -> None:
    """A formatter of code once took such a line apart."""
    pages = [page for page in FOLDER.parent.rglob("*.md") if "--8" in page.read_text("utf-8")]
    assert len(pages) >= 3
    for page in pages:
        for line in page.read_text("utf-8").splitlines():
            if line.startswith("--8"):
                file = re.fullmatch(r'--8<-- "([^":]+)(:\w+)?"', line)
                assert file, (page, line)
                assert (ROOT / file[1]).is_file(), (page, line)
