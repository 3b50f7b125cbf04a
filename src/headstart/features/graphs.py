"""Networks as OpenVINO graphs, kept beside the features: converting takes longer than reading."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openvino as ov

NAMES = ("network.xml", "network.bin")


def graph(root: Path, name: str, convert: Callable[[], ov.Model]) -> ov.Model:
    """The graph called `name`, from the cache folder where it is whole, else converted.

    A graph that was written and read again computes other last bits than one just converted, so
    both ways give what was read.

    Args:
        root: the cache folder.
        name: names everything that the graph depends on.
        convert: makes the graph.
    """
    folder = root / "graphs" / name
    kept = _read(folder)
    if kept is not None:
        return kept
    return round_trip(convert, keep=folder)


def round_trip(convert: Callable[[], ov.Model], keep: Path | None = None) -> ov.Model:
    """The graph as it is once it was written and read again; also kept in a folder if asked."""
    with TemporaryDirectory() as temporary:
        made = Path(temporary)
        write(_renamed(convert()), made / "network.xml")
        sums = {each: _sum((made / each).read_bytes()) for each in NAMES}
        (made / "sums.json").write_text(json.dumps(sums))
        if keep is not None:
            _keep(made, keep)
        read = _read(made)
    assert read is not None
    return read


def _renamed(graph: ov.Model) -> ov.Model:
    """The graph with names that follow from it alone.

    OpenVINO names a node by how many there were before it in the process, whatever the network.
    """
    graph.set_friendly_name("network")
    for number, node in enumerate(graph.get_ordered_ops()):
        if node.get_type_name() != "Parameter":
            node.set_friendly_name(f"{node.get_type_name()}_{number}")
    return graph


def write(graph: ov.Model, path: Path) -> None:
    """Write a graph as `path` (.xml) and, beside it, its weights (.bin).

    Raises:
        OSError: the disk refuses.
    """
    try:
        ov.save_model(graph, path, compress_to_fp16=False)
    except RuntimeError as error:
        # OpenVINO tells neither the reason nor the file.
        refused = "The disk is full, or does not take the network"
        raise OSError(errno.EIO, refused, str(path)) from error


def packed(graph: ov.Model) -> tuple[bytes, bytes]:
    """A graph as the content of its two files."""
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "network.xml"
        write(graph, path)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def unpacked(network: bytes, weights: bytes) -> ov.Model:
    """The inverse of `packed`."""
    return ov.Core().read_model(network, ov.Tensor(np.frombuffer(weights, np.uint8)))


def _read(folder: Path) -> ov.Model | None:
    try:
        sums = json.loads((folder / "sums.json").read_text())
        network, weights = ((folder / name).read_bytes() for name in NAMES)
    except (OSError, ValueError):
        return None
    if sums != {"network.xml": _sum(network), "network.bin": _sum(weights)}:
        return None
    return unpacked(network, weights)


def _keep(made: Path, folder: Path) -> None:
    """Copy into the cache in one step; without room for it there, the next run converts again."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, partial)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
