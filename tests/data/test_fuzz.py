"""Random tables through the reading functions: an `InputError` or a data set, and never a hang.

`HEADSTART_FUZZ=10000` runs as many of each kind; a few hundred run by default.
"""

import contextlib
import faulthandler
import gzip
import json
import os
import random

import pytest
from PIL import Image

from headstart.data import read, read_inputs
from headstart.data.reads import Reads, TrainedSpec
from headstart.errors import InputError
from headstart.spec import ReadSpec
from tests.data.tables import spreadsheet, write

MANY = int(os.environ.get("HEADSTART_FUZZ", "150"))
LONGEST_S = 60
"""Seconds for one table, all ways of reading it: a hang is no slow machine."""

HEADERS = (
    "text", "label", "image", "file_name", "id", "split", "fold", "pixels", "target", "y", "", " ",
    "is_valid", "cat", "dog", "Unnamed: 0", "price", "1", "naïve", "pixel0", "pixel1", "label,x",
)  # fmt: skip
CELLS = (
    "", " ", "a text, with commas", "1", "0", "1.0", "3,5", "1,234", "12 %", "nan", "NA", "true",
    "train", "test", "cat", "dog", "a|b", "['a', 'b']", "[1, 0]", "pic.png", "pics/pic.png", "pic",
    "C:\\pics\\pic.png", "/dev/null", "/", "..", "http://x.org/a.png", "\0", "\ud800", "\u202e",
    '"', '"quoted"', "two\nlines", "x" * 400, "1 " * 64, "é", "🙂", "1e999", "-0", "2024-01-01",
    "0" * 30, "{}", "../" * 50,
)  # fmt: skip
VALUES = (None, True, False, 0, 1, -1, 10**30, 0.5, 1e308, float("nan"), [], ["a"], [1, 0], {},
          {"bytes": None, "path": "pic.png"}, [[0] * 8] * 8, {"a": [None]})  # fmt: skip
SPECS = (
    ReadSpec(),
    ReadSpec(input="text", label="label"),
    ReadSpec(task="multilabel"),
    ReadSpec(task="regression", decimal="comma"),
    ReadSpec(label="cat,dog"),
    ReadSpec(input="id", label_from=r"(\w+)"),
    ReadSpec(strict=True),
    TrainedSpec(trained=Reads("texts", ("text",), ("label",))),
    TrainedSpec(trained=Reads("paths", ("image",), label_from=r"^(.)")),
    TrainedSpec(trained=Reads("pixels", ("pixels",), ("label",), scale=255)),
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pics").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "pics" / "pic.png")
    os.mkfifo(tmp_path / "pics" / "fifo.png")
    return tmp_path


def reads(path, chance):
    """Read a file in a few ways; what can go wrong is an `InputError`."""
    faulthandler.dump_traceback_later(LONGEST_S, exit=True)
    try:
        for spec in (SPECS[0], *chance.sample(SPECS, 3)):
            for labelled in (True, False):
                try:
                    data = read(path, spec, labelled=labelled)
                    assert len(data.items) == len(data.names)
                    assert data.labels is None or len(data.labels) == len(data)
                    list(data.items)
                except InputError as error:
                    assert str(error).endswith((".", "?"))  # noqa: PT017
                    assert "\n" not in str(error)  # noqa: PT017
        for modality in ("image", "text"):
            with contextlib.suppress(InputError):
                read_inputs([str(path)], modality, SPECS[0])
    finally:
        faulthandler.cancel_dump_traceback_later()


def structured(chance):
    width = chance.randint(1, 6)
    header = [chance.choice(HEADERS) for _ in range(width)]
    alike = [chance.sample(CELLS, chance.choice([1, 2, 6])) for _ in header]
    return header, [[chance.choice(x) for x in alike] for _ in range(chance.randint(0, 12))]


def mutated(content, chance):
    content = bytearray(content)
    for _ in range(chance.choice([0, 1, 3, 20])):
        at = chance.randrange(len(content) + 1)
        what = chance.random()
        if what < 0.4 and at < len(content):
            content[at] = chance.randrange(256)
        elif what < 0.7:
            content[at:at] = chance.choice([b'"', b"\n", b"\0", b",", b"\xff", b"\r", b"{", b"]"])
        else:
            del content[at : at + chance.choice([1, 5, 100])]
    return bytes(content)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json", "csv.gz", "jsonl.xz"])
def test_random_bytes(folder, suffix):
    chance = random.Random(f"bytes {suffix}")
    for _ in range(MANY):
        alphabet = chance.choice([bytes(range(256)), b'ab,;\t|"\n\r\\ ', b'{}[]":, \n01a\\un'])
        content = bytes(chance.choices(alphabet, k=chance.choice([0, 1, 9, 200])))
        if suffix.endswith(".gz") and chance.random() < 0.7:
            content = gzip.compress(content)
        path = folder / f"t.{suffix}"
        path.write_bytes(content)
        reads(path, chance)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_random_delimited(folder, encoding):
    chance = random.Random(f"delimited {encoding}")
    for _ in range(MANY):
        header, rows = structured(chance)
        separator, end = chance.choice(",;\t|"), chance.choice(["\n", "\r\n", "\r"])
        content = end.join(separator.join(row) for row in [header, *rows])
        path = folder / chance.choice(["t.csv", "t.tsv", "train.csv"])
        path.write_bytes(mutated(content.encode(encoding, "replace"), chance))
        reads(path, chance)


def test_random_json(folder):
    chance = random.Random("json")
    for _ in range(MANY):
        header, rows = structured(chance)
        records = [dict(zip(header, row, strict=True)) for row in rows]
        for record in records:
            for key in record:
                if chance.random() < 0.3:
                    record[key] = chance.choice(VALUES)
        forms = (
            lambda r=records: "\n".join(map(json.dumps, r)),
            lambda r=records: json.dumps(r),
            lambda r=records: json.dumps({k: [x.get(k) for x in r] for k in (r or [{}])[0]}),
            lambda r=records: json.dumps({str(n): x for n, x in enumerate(r)}),
            lambda r=records: json.dumps({"data": r, "columns": chance.choice(VALUES)}),
        )
        path = folder / chance.choice(["t.json", "t.jsonl"])
        path.write_bytes(mutated(chance.choice(forms)().encode(), chance))
        reads(path, chance)


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
def test_random_binary_tables(folder, suffix):
    chance = random.Random(suffix)
    for _ in range(MANY // 2):
        header, rows = structured(chance)
        header = [f"{name}{n}" if chance.random() < 0.3 else name for n, name in enumerate(header)]
        path = folder / f"t.{suffix}"
        if suffix == "xlsx":
            clean = [[c.translate({0: None, 0xD800: None}) for c in row] for row in rows]
            clean = [[chance.choice([c, None, 1, 2.5]) for c in row] for row in clean]
            spreadsheet(path, {"a": [header, *clean]})
        else:
            clean = [[c.replace("\ud800", "") for c in row] for row in rows] or [[""] * len(header)]
            write(path, [f"{name}_{n}" for n, name in enumerate(header)], clean)
        if chance.random() < 0.5:
            path.write_bytes(mutated(path.read_bytes(), chance))
        reads(path, chance)
