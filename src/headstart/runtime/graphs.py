"""Networks as OpenVINO graphs, kept beside the features: converting takes longer than reading."""

import contextlib
import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from headstart.atomic import whole_folder
from headstart.runtime.openvino_core import core
from headstart.runtime.reference import Reference

if TYPE_CHECKING:
    import openvino as ov

NAMES = ("network.xml", "network.bin")
REFERENCE = "reference.safetensors"


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as OpenVINO has it.

    Attributes:
        model: with any number of rows.
        digest: of its files: names what it computes.
        reference: a few inputs, and what the network itself gave for them; None where not known.
    """

    model: "ov.Model"
    digest: str
    reference: Reference | None = None


Convert = Callable[[], "tuple[ov.Model, Reference | None]"]


def graph(root: Path, name: str, convert: Convert) -> Graph:
    """The graph called `name`, from the cache folder where it is whole, else converted.

    A graph that was written and read again computes other last bits than one just converted, so
    both ways give what was read.

    Args:
        root: the cache folder.
        name: names everything that the graph depends on.
        convert: makes the graph and its reference.
    """
    folder = root / "graphs" / name
    kept = _read(folder)
    if kept is not None:
        return kept
    return round_trip(convert, keep=folder)


def round_trip(convert: Convert, keep: Path | None = None) -> Graph:
    """The graph as it is once it was written and read again; also kept in a folder if asked."""
    with TemporaryDirectory() as temporary:
        made = Path(temporary)
        converted, reference = convert()
        write(_renamed(converted), made / "network.xml")
        if reference is not None:
            write_reference(reference, made)
        sums = {each.name: _sum(each.read_bytes()) for each in sorted(made.iterdir())}
        (made / "sums.json").write_text(json.dumps(sums))
        if keep is not None:
            _keep(made, keep)
        read = _read(made)
    assert read is not None
    return read


def _renamed(graph: "ov.Model") -> "ov.Model":
    """The graph with names that follow from it alone.

    OpenVINO names a node by how many there were before it in the process, whatever the network.
    """
    graph.set_friendly_name("network")
    for number, node in enumerate(graph.get_ordered_ops()):
        if node.get_type_name() != "Parameter":
            node.set_friendly_name(f"{node.get_type_name()}_{number}")
    return graph


def write(graph: "ov.Model", path: Path) -> None:
    """Write a graph as `path` (.xml) and, beside it, its weights (.bin).

    Raises:
        OSError: the disk refuses.
    """
    import openvino as ov

    try:
        ov.save_model(graph, path, compress_to_fp16=False)
    except RuntimeError as error:
        # OpenVINO tells neither the reason nor the file.
        refused = "The disk is full, or does not take the network"
        raise OSError(errno.EIO, refused, str(path)) from error


def write_reference(reference: Reference, folder: Path) -> None:
    """Write what `read_reference` reads."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(each) for name, each in reference.to_arrays().items()}
    (folder / REFERENCE).write_bytes(save(arrays))


def read_reference(folder: Path) -> Reference | None:
    """The reference in a folder; None where there is none.

    Raises:
        InputError, SafetensorError: it is damaged.
    """
    from safetensors.numpy import load

    file = folder / REFERENCE
    return Reference.from_arrays(load(file.read_bytes())) if file.is_file() else None


def digest(model: "ov.Model") -> str:
    """`Graph.digest` of a graph whose files are not at hand."""
    with TemporaryDirectory() as temporary:
        write(model, Path(temporary) / "network.xml")
        return digest_of({name: _sum((Path(temporary) / name).read_bytes()) for name in NAMES})


def digest_in(root: Path, name: str) -> str | None:
    """`Graph.digest` of the graph called `name` in the cache folder; None where there is none."""
    try:
        return digest_of(json.loads((root / "graphs" / name / "sums.json").read_text()))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def digest_of(sums: Mapping[str, str]) -> str:
    """`Graph.digest`, from the SHA-256 of each of `NAMES`."""
    return _sum(" ".join(sums[name] for name in NAMES).encode())


def packed(graph: "ov.Model") -> tuple[bytes, bytes]:
    """A graph as the content of its two files."""
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "network.xml"
        write(graph, path)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def read(path: Path) -> "ov.Model":
    """The graph that `write` wrote."""
    return core().read_model(path)


def unpacked(network: bytes, weights: bytes) -> "ov.Model":
    """The inverse of `packed`."""
    import openvino as ov

    return core().read_model(network, ov.Tensor(np.frombuffer(weights, np.uint8)))


def _read(folder: Path) -> Graph | None:
    try:
        sums = json.loads((folder / "sums.json").read_text())
        content = {name: (folder / name).read_bytes() for name in sums}
        network, weights = (content[name] for name in NAMES)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    if sums != {name: _sum(each) for name, each in content.items()}:
        return None
    return Graph(unpacked(network, weights), digest_of(sums), read_reference(folder))


def _keep(made: Path, folder: Path) -> None:
    """Copy into the cache in one step; without room for it there, the next run converts again."""
    with contextlib.suppress(OSError), whole_folder(folder) as unfinished:
        shutil.copytree(made, unfinished)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
