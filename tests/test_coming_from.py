"""The page for people who come from another tool: its commands take data in that tool's layout."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.runs import Place, picture, pictures

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "coming-from.md"
COMMANDS = [
    line.removeprefix("headstart ")
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.S | re.M)
    for line in block.splitlines()
    if "--backbone" not in line
]


@pytest.fixture(scope="module")
def place(tmp_path_factory, warm):
    """The data that the page speaks of, as the other tools take it."""
    place = Place(tmp_path_factory.mktemp("another tool"), warm)
    for seed, name in enumerate(("cats_and_dogs", "pets/train", "pets/valid")):
        pictures(place.folder / name, 12, seed=seed)
    rng = np.random.default_rng(0)
    scored = place.folder / "scored_images"
    scored.mkdir()
    rows = []
    for number in range(40):
        picture(rng, (6 * number, 60, 60)).save(scored / f"{number}.png")
        rows.append(json.dumps({"file_name": f"{number}.png", "target": number / 10}))
    (scored / "metadata.jsonl").write_text("\n".join(rows), "utf-8")
    said = [(f"the cat purrs {n}", "animal") for n in range(16)]
    said += [(f"the engine stalls {n}", "car") for n in range(16)]
    for name, items in (("reviews", said), ("train", said[::2]), ("valid", said[1::2])):
        place.table(f"{name}.csv", "text,target", *(",".join(each) for each in items))
    place.table("scored.csv", "text,target", *(f"{'more ' * n}words,{n}.5" for n in range(30)))
    place.table("few.csv", "sentence,label", *(",".join(each) for each in said[::2]))
    return place


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page(place, command):
    done = place.run(*shlex.split(command), "--offline", "--json")
    assert done.code == 0, done.err
    report = done.json
    assert report["task"] == ("regression" if "scored" in command else "classification")
    assert report["counts"]["test"] > 0
    assert not report["skipped"]
    if "--test" in command:
        assert report["counts"]["test"] == 16


def test_every_tool_has_commands():
    _, *parts = PAGE.read_text("utf-8").split("\n## ")
    without = [part.splitlines()[0] for part in parts if "\nheadstart " not in part]
    assert len(parts) >= 5
    assert without == ["The Keras tutorial"]
