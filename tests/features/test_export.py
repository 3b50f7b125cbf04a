from collections.abc import Iterator

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.features import export

NAMES = ["a", "b", "c"]


class Made:
    """Two batches of features, as `extract` gives them; the disk may fill up in between."""

    kept = np.arange(3)

    def __init__(self, full: bool = False) -> None:
        self.full = full

    def batches(self) -> Iterator[np.ndarray]:
        yield np.ones((2, 4), np.float16)
        if self.full:
            raise OSError(28, "No space left on device")
        yield np.zeros((1, 4), np.float16)

    def activations(self) -> np.ndarray:
        return np.concatenate(list(self.batches()))


def data() -> Dataset:
    return Dataset("text", NAMES, NAMES)


@pytest.mark.parametrize("suffix", export.FORMATS)
def test_what_is_in_the_way_is_refused(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    export.check_target(path)
    if suffix == ".lance":
        path.mkdir()
        export.check_target(path)
        (path / "thesis.doc").touch()
        with pytest.raises(InputError, match=r"x\.lance"):
            export.check_target(path)
        (tmp_path / "file.lance").touch()
        with pytest.raises(InputError, match=r"file\.lance"):
            export.check_target(tmp_path / "file.lance")
    else:
        path.mkdir()
        with pytest.raises(InputError, match="is a folder"):
            export.check_target(path)


@pytest.mark.parametrize("suffix", export.FORMATS)
@pytest.mark.parametrize("before", ["nothing", "empty", "whole"])
def test_it_appears_when_it_is_whole(tmp_path, suffix, before):
    path = tmp_path / f"x{suffix}"
    if before == "whole":
        export.write(path, data(), Made())
    elif before == "empty" and suffix == ".lance":
        path.mkdir()
    there = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="No space left"):
        export.write(path, data(), Made(full=True))
    assert sorted(tmp_path.iterdir()) == there
    if before == "whole":
        assert rows(path) == 3
    export.write(path, data(), Made())
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert rows(path) == 3
    export.check_target(path)


def rows(path):
    import lance
    import pyarrow.parquet as pq

    if path.suffix == ".npz":
        with np.load(path) as saved:
            return len(saved["item"])
    if path.suffix == ".parquet":
        return pq.read_table(path).num_rows
    return lance.dataset(str(path)).count_rows()
