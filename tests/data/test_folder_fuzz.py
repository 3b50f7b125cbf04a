"""Random folder trees, with everything that a disk may hold, through the reading functions.

Only `InputError` may come out, nothing may be waited for, and nothing may be lost. More of them:
`HEADSTART_FUZZ=5000 pytest tests/data/test_folder_fuzz.py`.
"""

import os
import random
import shutil
import signal
import socket
from pathlib import Path

import pytest
from PIL import Image

from headstart.data import read, read_inputs
from headstart.data.images import load
from headstart.data.walk import walk
from headstart.errors import InputError, Unreadable
from headstart.generation import texts
from headstart.spec import FitSpec, ReadSpec

TREES = int(os.environ.get("HEADSTART_FUZZ", "60"))
FOLDERS = [
    "train", "Test", "VAL", "training_set", "seg_train", "seg_test", "test_images", "cat", "dog",
    "NA", "1", "ünï ☃", "unsup", "images", "fold1", "fold2", "train_cats", ".hidden", "__MACOSX",
    "folder.jpg", "new\nline", "x" * 250, os.fsdecode(b"caf\xe9"), "\u202eback", "-dash", "a b",
]  # fmt: skip
FILES = [
    "1.jpg", "2.png", "a.txt", "b.txt", "metadata.csv", "metadata.jsonl", "metadata.parquet",
    "train-00000.parquet", "labels.csv", "notes.md", "Thumbs.db", "noext", "UPPER.JPG", "x.heic",
    os.fsdecode(b"\xff\xfe.jpg"), "y" * 246 + ".jpg", "train.txt", "test.tsv",
]  # fmt: skip
CONTENTS = [
    b"", b"some words\n", b"file_name,label\n1.jpg,a\n2.png,b\n", b"file_name,label\n../x.jpg,a\n",
    b'{"file_name": "1.jpg", "label": "a"}\n', b'{"file_name": "x\\ud800", "label": "\\ud800"}\n',
    b"\xff\xfe\x00", b"PAR1nonsensePAR1", b"a,b\n\x001,2\n", b"\xff\xd8\xff\xe0half a picture",
    b'file_name,label\n"1.jpg,a\n', b"[" * 2000,
]  # fmt: skip


def grow(folder: Path, chance: random.Random, depth: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for name in chance.sample(FILES, chance.randint(0, 4)):
        put(folder / name, chance)
    if depth < 4:
        for name in chance.sample(FOLDERS, chance.choice((0, 1, 1, 2, 3) if depth else (1, 2, 3))):
            if not os.path.lexists(folder / name):
                grow(folder / name, chance, depth + 1)


def put(path: Path, chance: random.Random) -> None:
    kind = chance.random()
    if kind < 0.4:
        colour = tuple(chance.randrange(256) for _ in range(3))
        Image.new("RGB", (4, 4), colour).save(path, chance.choice(("PNG", "JPEG")))
    elif kind < 0.8:
        path.write_bytes(chance.choice(CONTENTS))
    elif kind < 0.85:
        os.mkfifo(path)
    elif kind < 0.88:
        with socket.socket(socket.AF_UNIX) as made:
            if len(os.fsencode(path)) < 100:
                made.bind(os.fsencode(path))
    elif kind < 0.91:
        path.symlink_to("/dev/zero")
    elif kind < 0.94:
        path.symlink_to(chance.choice(("nowhere", path.name)))
    elif kind < 0.97:
        path.symlink_to(chance.choice(("..", "../..", ".")), target_is_directory=True)
    else:
        path.write_bytes(b"unreadable")
        path.chmod(0)


@pytest.fixture(autouse=True)
def never_a_hang():
    """Ten seconds for a tree of a few dozen files."""

    def late(*_):
        raise AssertionError("a folder is waited for")

    before = signal.signal(signal.SIGALRM, late)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def all_ways(folder: Path):
    yield lambda: read(folder, ReadSpec())
    yield lambda: read(folder, ReadSpec(), labelled=False)
    yield lambda: read(folder, ReadSpec(task="multilabel"))
    yield lambda: read_inputs([str(folder)], "image", ReadSpec())
    yield lambda: read_inputs([str(folder)], "text", ReadSpec())
    yield lambda: texts.read(str(folder), FitSpec(task="generation"))


def test_random_folders_give_items_or_a_sentence(tmp_path):
    read_well, sentences = 0, []
    for seed in range(TREES):
        folder = tmp_path / f"tree{seed}"
        grow(folder, random.Random(seed))
        signal.alarm(60)
        files, _ = walk(folder)
        tables = any("metadata" in file.name or ".parquet" in file.name for file in files)
        for number, way in enumerate(all_ways(folder)):
            try:
                found = way()
            except InputError as error:
                sentences.append(str(error))
                continue
            read_well += 1
            names = [*found.names, *(each.item for each in found.skipped)]
            assert all(name.isprintable() for name in names), seed
            if found.labels is not None:
                assert len(found.labels) == len(found), seed
            if number < 5 and not tables:
                assert len(found) + len(found.skipped) == len(files), (seed, number)
            for item in found.items if found.modality == "image" else ():
                try:
                    load(item)
                except Unreadable:
                    continue
        signal.alarm(0)
        shutil.rmtree(folder)
    assert read_well > TREES / 3
    assert all("\n" not in each and each.endswith(".") for each in sentences)
