"""What is kept in the cache is read back bit for bit, or not at all."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headstart import kept

SETTINGS = {"a": [1, None, "two\nlines"]}
ARRAYS = {"x": np.arange(6, dtype=np.int64).reshape(2, 3), "y": np.empty((0, 2), np.float32)}


def same(found, settings, kept_arrays):
    assert found is not None
    assert found[0] == settings
    assert set(found[1]) == set(kept_arrays)
    for name, each in kept_arrays.items():
        assert found[1][name].dtype == each.dtype
        assert found[1][name].shape == each.shape
        assert found[1][name].tobytes() == each.tobytes()


@given(
    text=st.text(),
    array=arrays.arrays(
        st.sampled_from([np.float32, np.int64, np.uint8]),
        arrays.array_shapes(min_dims=1, max_dims=3, min_side=0),
    ),
)
def test_what_was_written_is_read(tmp_path_factory, text, array):
    file = tmp_path_factory.mktemp("kept") / "folder" / "file"
    kept.write(file, {"text": text}, {"array": array, "turned": array.T})
    same(kept.read(file), {"text": text}, {"array": array, "turned": array.T})


@pytest.mark.parametrize("at", [0, 64, 70, -1])
def test_a_damaged_file_is_not_read(tmp_path, at):
    kept.write(tmp_path / "file", SETTINGS, ARRAYS)
    content = bytearray((tmp_path / "file").read_bytes())
    content[at] ^= 1
    (tmp_path / "file").write_bytes(content)
    assert kept.read(tmp_path / "file") is None


def test_a_file_that_is_cut_short_or_absent_is_not_read(tmp_path):
    kept.write(tmp_path / "file", SETTINGS, ARRAYS)
    content = (tmp_path / "file").read_bytes()
    for length in (0, 10, 65, len(content) - 1):
        (tmp_path / "file").write_bytes(content[:length])
        assert kept.read(tmp_path / "file") is None
    assert kept.read(tmp_path / "other") is None


def test_a_name_says_all_that_it_was_made_of():
    array = np.arange(6)
    about = ["a", {"b": 1}]
    names = {
        kept.name_of(about, [array]),
        kept.name_of(["a", {"b": 2}], [array]),
        kept.name_of(about, [array + 1]),
        kept.name_of(about, [array.reshape(2, 3)]),
        kept.name_of(about, [array.astype(np.int32)]),
        kept.name_of(about, []),
    }
    assert len(names) == 6
    assert kept.name_of(about, [array.copy()]) in names


def test_no_more_than_so_many_are_kept_and_those_used_last(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 4)
    for number in range(6):
        file = tmp_path / str(number)
        kept.write(file, SETTINGS, ARRAYS)
        if file.exists():
            os.utime(file, (number, number))
    assert len(list(tmp_path.iterdir())) <= 4
    same(kept.read(tmp_path / "5"), SETTINGS, ARRAYS)


def test_no_room_for_it_is_no_hindrance(tmp_path):
    (tmp_path / "folder").write_text("in the way")
    kept.write(tmp_path / "folder" / "file", SETTINGS, ARRAYS)
    assert kept.read(tmp_path / "folder" / "file") is None
