from collections import Counter

import pytest

from headstart.data import demo, read
from headstart.data.images import load
from headstart.data.labels import check
from headstart.errors import InputError
from headstart.spec import ReadSpec


def test_solar_cells(tmp_path):
    path = demo.solar_cells(tmp_path / "new", seed=3)
    found = read(path, ReadSpec(label="label"))
    assert found.modality == "image"
    assert len(found) == 2624
    assert not found.skipped
    assert Counter(found.labels) == {"functional": 1803, "defective": 821}
    assert Counter(found.splits) == {"train": 1968, "test": 656}
    assert load(found.items[0])
    before = path.read_bytes()
    assert demo.solar_cells(tmp_path / "new", seed=3).read_bytes() == before
    assert demo.solar_cells(tmp_path / "new", seed=4).read_bytes() != before
    assert not read(demo.solar_cells(tmp_path / "new"), ReadSpec()).splits


def test_sentences(tmp_path):
    found = read(demo.sentences(tmp_path), ReadSpec())
    assert found.modality == "text"
    assert len(set(found.items)) == len(found.items) > 400
    assert min(Counter(found.labels).values()) >= 20
    assert check(found) == ()


def test_missing_package(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    for make in (demo.solar_cells, demo.sentences):
        with pytest.raises(InputError, match=r"headstart\[demo\]"):
            make(tmp_path)


def test_unwritable(tmp_path):
    (tmp_path / "file").touch()
    for make in (demo.solar_cells, demo.sentences):
        with pytest.raises(InputError, match="choose another folder"):
            make(tmp_path / "file")
