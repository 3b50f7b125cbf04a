import pytest

from headstart.runtime import compile, graphs
from tests.features.conftest import PICTURE


@pytest.fixture
def convert(trunk):
    return lambda: compile.converted(trunk, PICTURE)


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_network_is_the_same_bytes_however_often_it_is_converted(tmp_path, convert):
    """OpenVINO counts the networks of a process and puts its count in their names."""
    for cache in ("first", "second"):
        graphs.graph(tmp_path / cache, "small", convert)
    assert files(tmp_path / "first") == files(tmp_path / "second")


def test_what_was_kept_is_used(tmp_path, convert):
    def never():
        raise AssertionError("converted again")

    made = graphs.graph(tmp_path, "small", convert)
    kept = graphs.graph(tmp_path, "small", never)
    for graph in (made, kept):
        graphs.write(graph.model, tmp_path / f"{graph is made}.xml")
    assert (tmp_path / "True.xml").read_bytes() == (tmp_path / "False.xml").read_bytes()


@pytest.mark.parametrize("name", [*graphs.NAMES, graphs.REFERENCE, "sums.json"])
def test_what_is_damaged_is_converted_again(tmp_path, convert, name):
    graphs.graph(tmp_path, "small", convert)
    whole = files(tmp_path)
    path = tmp_path / "graphs" / "small" / name
    path.write_bytes(path.read_bytes()[:-3])
    graphs.graph(tmp_path, "small", convert)
    assert files(tmp_path) == whole


def test_a_cache_that_takes_nothing_is_no_hindrance(tmp_path, convert):
    (tmp_path / "graphs").write_text("in the way")
    assert graphs.graph(tmp_path, "small", convert).model.inputs


def test_a_place_that_takes_nothing_is_an_error_of_the_machine(tmp_path, convert):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="does not take the network"):
        graphs.write(convert()[0], tmp_path / "file" / "network.xml")
