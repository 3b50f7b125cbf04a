import os
from pathlib import Path

import pytest

from headstart import sealed
from headstart.atomic import check_file
from headstart.errors import InputError
from headstart.paths import check_written, neighbour


def test_a_neighbour_has_a_possible_name():
    assert neighbour(Path("a/model"), "partial") == Path("a/.model.partial")
    assert neighbour(Path("a/x.npz"), "partial", ".npz") == Path("a/.x.partial.npz")
    long = neighbour(Path("a") / ("é" * 125), "unfinished")
    assert len(os.fsencode(long.name)) < 60
    assert long != neighbour(Path("a") / ("é" * 124 + "e"), "unfinished")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x" * 256, "too long"),
        ("é" * 128, "too long"),
        ("a\0b", "null"),
        (os.fsdecode(b"caf\xe9"), "UTF-8"),
        ("\ud800", "UTF-8"),
        ("/".join(["y" * 200] * 30), "too long"),
        ("file/deeper", "no folder can be made in"),
    ],
    ids=["long", "long in bytes", "NUL", "latin-1", "surrogate", "deep", "in a file"],
)
def test_what_no_folder_can_be_called_is_refused_before_any_work(tmp_path, name, said):
    (tmp_path / "file").touch()
    for check in (sealed.check_target, lambda path: check_written(path, "--out")):
        with pytest.raises(InputError, match=said) as error:
            check(tmp_path / name)
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 700


def test_long_names_are_allowed_as_far_as_the_system_goes(tmp_path):
    folder = tmp_path / ("x" * 250)
    sealed.check_target(folder)
    save_model(folder)
    sealed.check_target(folder)
    save_model(folder)
    assert sorted(each.name for each in tmp_path.iterdir()) == [folder.name]


def save_model(folder):
    def contents(partial):
        (partial / "config.json").touch()

    sealed.save(folder, {}, lambda _: "a card", contents, ["config.json"])


def test_the_folder_that_one_is_in_is_not_replaced(tmp_path, monkeypatch):
    inside = tmp_path / "here" / "deeper"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    with pytest.raises(InputError, match="folder that you are in"):
        sealed.check_target(Path())
    with pytest.raises(InputError, match="folder that you are in"):
        sealed.check_target(inside)
    with pytest.raises(InputError, match="holds 'deeper'"):
        sealed.check_target(Path(".."))
    sealed.check_target(Path("model"))


def test_from_a_folder_that_is_gone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    os.chdir("gone")
    (tmp_path / "gone").rmdir()
    for check in (sealed.check_target, lambda path: check_written(path, "--out")):
        with pytest.raises(InputError, match="No such file"):
            check(Path("model"))


def test_links_that_go_round_and_links_to_nothing(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="a"):
        sealed.check_target(tmp_path / "a")
    (tmp_path / "c").symlink_to("new")
    sealed.check_target(tmp_path / "c")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_where_nobody_may_write(tmp_path):
    folder = tmp_path / "closed" / "model"
    folder.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o500)
    with pytest.raises(InputError, match="no folder can be made in"):
        sealed.check_target(folder)


def test_a_model_of_fifos_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.json")
    with pytest.raises(InputError, match="not a regular file"):
        sealed.read_about(tmp_path)
    os.mkfifo(tmp_path / "model.safetensors")
    about = {"files": {"model.safetensors": "0"}}
    with pytest.raises(InputError, match="not a regular file"):
        sealed.check_files(tmp_path, about, ["model.safetensors"], sealed.ANSWERS)


def test_what_is_no_regular_file_is_not_written_over(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for check in (check_file, sealed.check_target):
        with pytest.raises(InputError, match="a device, a FIFO or a socket"):
            check(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("there.csv")
    (tmp_path / "there.csv").touch()
    assert check_file(tmp_path / "link.csv") == tmp_path / "there.csv"
