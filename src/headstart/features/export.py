"""Features as a file for other tools: Lance, Parquet or NumPy's npz."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.atomic import whole
from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.paths import check_written

if TYPE_CHECKING:
    import pyarrow as pa

    from headstart.features.extract import Features
    from headstart.features.store import Shape

FORMATS = (".lance", ".parquet", ".npz")


def check_target(path: Path) -> None:
    """Refuse a name that says no format, a folder that does not exist, and what is in the way.

    Raises:
        InputError: names the file and what is wrong with it.
    """
    if path.suffix.lower() not in FORMATS:
        *most, last = FORMATS
        ends = f"{', '.join(most)} or {last}"
        raise InputError(f"--out is {str(path)!r}, but it must end with {ends}.")
    check_written(path, "--out")
    if not path.parent.is_dir():
        raise InputError(
            f"--out is {str(path)!r}, but the folder {str(path.parent)!r} is not there."
        )
    if path.suffix.lower() != ".lance":
        if path.is_dir():
            raise InputError(f"--out is {str(path)!r}, but that is a folder; name another file.")
    elif path.exists() and not (
        path.is_dir() and (_is_lance(path) or next(path.iterdir(), None) is None)
    ):
        raise InputError(
            f"--out is {str(path)!r}, but what is there is not a Lance data set; name another."
        )


def _is_lance(path: Path) -> bool:
    return (path / "_versions").is_dir()


def check_shape(path: Path, shape: "Shape") -> None:
    """Refuse rows of many lengths where the format holds rows of one.

    Raises:
        InputError: names the file and what to do.
    """
    if None in shape and path.suffix.lower() == ".npz":
        raise InputError(
            f"{str(path)!r} cannot hold texts of many lengths; "
            "name a .parquet or .lance file, or leave out --cut."
        )


def write(path: Path, data: Dataset, features: "Features") -> None:
    """Write `item` (its name) and `feature` (float32; flat, in the order of the cut's shape).

    A text's features before the last stage are a list of its tokens' rows; npz holds rows of one
    length only (see `check_shape`). The file appears when it is whole; what was there is replaced.
    """
    if path.suffix.lower() == ".lance" and _is_lance(path):
        # A new version of what is there: Lance makes it appear in one step.
        _write_lance(path, data, features)
        return
    writers = {".npz": _write_npz, ".parquet": _write_parquet, ".lance": _write_lance}
    with whole(path) as unfinished:
        writers[path.suffix.lower()](unfinished, data, features)


def _write_npz(path: Path, data: Dataset, features: "Features") -> None:
    names = np.array([data.names[at] for at in features.kept.tolist()])
    values = features.activations()
    assert isinstance(values, np.ndarray)
    with path.open("wb") as file:
        np.savez(file, item=names, feature=values.astype(np.float32))


def _write_parquet(path: Path, data: Dataset, features: "Features") -> None:
    import pyarrow.parquet as pq

    batches = _batches(data, features)
    first = next(batches)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _write_lance(path: Path, data: Dataset, features: "Features") -> None:
    import pyarrow as pa

    from headstart.features.store import lance

    batches = _batches(data, features)
    first = next(batches)

    def every() -> "Iterator[pa.RecordBatch]":
        yield first
        yield from batches

    reader = pa.RecordBatchReader.from_batches(first.schema, every())
    lance().write_dataset(reader, str(path), mode="overwrite" if path.exists() else "create")


def _batches(data: Dataset, features: "Features") -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    at = 0
    for values in features.batches():
        names = [data.names[i] for i in features.kept[at : at + len(values)].tolist()]
        at += len(values)
        if isinstance(values, list):
            ends = np.cumsum([0, *(len(rows) for rows in values)])
            tokens = np.concatenate(values).astype(np.float32)
            rows = pa.FixedSizeListArray.from_arrays(pa.array(tokens.ravel()), tokens.shape[1])
            column = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), rows)
        else:
            flat = values.reshape(len(values), -1).astype(np.float32)
            column = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
        yield pa.record_batch({"item": pa.array(names, pa.string()), "feature": column})
