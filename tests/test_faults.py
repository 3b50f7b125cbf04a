"""Kills, full disks, damaged and forbidden caches: the same model, or one clear sentence."""

import contextlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from headstart.features import cache
from headstart.progress import Silent
from tests.runs import Done, Forks, Place, content, pictures, timeless
from tests.training.small import sentences, texts

ITEMS = 400
FEW = 40
KILLED = -9


def job(place: Place, data: Path, *more: str, **faults: Any) -> dict[str, Any]:
    """`headstart fit` for `Forks.run`."""
    arguments = ["fit", str(data), "--out", "model", "--offline", *more]
    return {
        "arguments": arguments,
        "cwd": str(place.folder),
        "cache": str(place.cache),
        **faults,
    }


REPLACED = "it is replaced when the new one is finished."


def rows(place: Place) -> int:
    """Features that are stored; thumbnails are beside them."""
    every = cache.show(place.cache)
    return sum(info.rows for info in every if not info.name.startswith("thumbnails"))


def report_of(model: Path) -> dict[str, Any]:
    return json.loads((model / "report.json").read_text())


def one_sentence(done: Done, code: int) -> None:
    assert done.code == code, done
    err = done.err.removeprefix(f"model holds a model; {REPLACED}\n")
    assert err.startswith("headstart: ")
    assert err.count("\n") == 1, err
    assert "fault in headstart" not in done.err
    assert done.out == ""


@pytest.fixture(scope="module")
def many(tmp_path_factory, warm, forks):
    """Pictures, what an undisturbed run makes of them, and how many seconds it takes."""
    place = Place(tmp_path_factory.mktemp("many"), warm)
    photos = pictures(place.folder / "photos", ITEMS // 2)
    forks.run(job(place, photos, "--help"))  # imports everything
    began = time.monotonic()
    (done,) = forks.run(job(place, photos))
    assert done.code == 0, done.err
    return photos, content(place.folder / "model"), time.monotonic() - began


@pytest.fixture(scope="module")
def few(tmp_path_factory, warm, forks):
    """A place with few pictures, whose features are stored, and two models of them."""
    place = Place(tmp_path_factory.mktemp("few"), warm)
    photos = pictures(place.folder / "photos", FEW // 2)
    for out, seed in (("model", "0"), ("older", "1")):
        (done,) = forks.run(job(place, photos, "--out", out, "--seed", seed))
        assert done.code == 0, done.err
    return place


@pytest.fixture
def again(few, tmp_path):
    """A copy of the cache of `few`, and its older model as the one to be replaced."""
    shutil.copytree(few.cache, tmp_path / "cache", symlinks=True)
    shutil.copytree(few.folder / "older", tmp_path / "model")
    return Place(tmp_path)


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_kill_9_at_random_moments(many, place, forks, kills):
    """A kill at any moment loses no finished work, and the next run gives the same result."""
    photos, expected, seconds = many
    moments = random.Random(kills)
    stored, killed = 0, 0
    for _ in range(kills):
        # Later and later: what is stored makes each run shorter than the one before.
        began = time.monotonic()
        (done,) = forks.run(job(place, photos, kill_after=moments.uniform(0.2, 0.9) * seconds))
        killed += done.code == KILLED
        if done.code == 0:  # the machine has become faster
            seconds = time.monotonic() - began
        assert done.code in (KILLED, 0), done.err
        assert "damaged" not in done.out
        assert rows(place) >= stored
        stored = rows(place)
    assert killed
    (done,) = forks.run(job(place, photos))
    assert done.code == 0, done.err
    assert content(place.folder / "model") == expected
    assert place.report()["store"] == {"hits": stored, "misses": ITEMS - stored}
    assert rows(place) == ITEMS
    left = {each.name for each in place.folder.iterdir()}
    assert left == {"cache", "model"}


def climb(place: Place, source: Place, *more: str, **faults: Any) -> dict[str, Any]:
    """`headstart fit` up the ladder, with a small backbone of random weights."""
    backbone = str(source.folder / "bert")
    options = ("--backbone", backbone, "--budget", "30m", "--epochs", "3", *more)
    return job(place, source.folder / "texts.csv", *options, **faults)


@pytest.fixture(scope="module")
def ladder(tmp_path_factory, forks):
    """Texts, what an undisturbed climb makes of them, and how many seconds it takes."""
    place = Place(tmp_path_factory.mktemp("ladder"))
    lines = [f"{text},{label}" for text, label in zip(*sentences(300), strict=True)]
    place.table("texts.csv", "text,label", *lines)
    texts(place.folder, "bert")
    (done,) = forks.run(climb(place, place, "--seed", "1"))  # imports everything
    assert done.code == 0, done.err
    shutil.rmtree(place.cache)
    began = time.monotonic()
    (done,) = forks.run(climb(place, place))
    assert done.code == 0, done.err
    tried = [rung["strategy"] for rung in place.report()["rungs"]]
    assert tried[:2] == ["feature-extraction", "full-fine-tuning"]
    return place, time.monotonic() - began


@pytest.mark.slow
def test_kill_9_twenty_times_through_a_climb(ladder, tmp_path, forks):
    """Killed in its measuring, its training, its checkpoints: one final model, the same bytes."""
    place = Place(tmp_path)
    undisturbed, seconds = ladder
    moments = random.Random(20)
    killed = 0
    for _ in range(20):
        after = moments.uniform(0.05, 0.7) * seconds
        (done,) = forks.run(climb(place, undisturbed, kill_after=after))
        assert done.code in (KILLED, 0), done.err
        killed += done.code == KILLED
    assert killed
    same_in_the_end(place, undisturbed, forks)


@pytest.mark.slow
def test_kill_9_at_every_write_beside_the_model(ladder, tmp_path, forks):
    """The same at each write to what is kept of an unfinished training."""
    place = Place(tmp_path)
    undisturbed, _ = ladder
    killed = 0
    for at in range(1, 400, 9):
        (done,) = forks.run(climb(place, undisturbed, kill_at=at))
        if done.code == 0:
            break
        assert done.code == KILLED, done.err
        killed += 1
    assert killed > 3
    same_in_the_end(place, undisturbed, forks)


def same_in_the_end(place: Place, undisturbed: Place, forks: Forks) -> None:
    (done,) = forks.run(climb(place, undisturbed))
    assert done.code == 0, done.err
    assert content(place.folder / "model") == content(undisturbed.folder / "model")
    assert timeless(place.report()) == timeless(undisturbed.report())
    assert {each.name for each in place.folder.iterdir()} == {"cache", "model"}


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 5))
def test_kill_9_at_every_write_of_a_store(few, place, forks, at):
    """Killed while the store is made or first filled, what is there is whole or not there."""
    photos = few.folder / "photos"
    (done,) = forks.run(job(place, photos, kill_at=at))
    assert done.code == KILLED, done.err
    assert rows(place) in (0, FEW)
    (done,) = forks.run(job(place, photos))
    assert done.code == 0, done.err
    assert content(place.folder / "model") == content(few.folder / "model")
    assert timeless(place.report()) == timeless(few.report())


@pytest.mark.slow
def test_kill_9_of_processes_of_their_own(few, tmp_path):
    """As it happens to people: a cold cache, and killed in its imports, its network, its work."""
    place = Place(tmp_path)
    line = ["fit", str(few.folder / "photos"), "--out", "model", "--offline"]
    environment = {**os.environ, "HEADSTART_CACHE": str(place.cache), "OMP_NUM_THREADS": "1"}
    for seconds in (3, 8, 6):
        with subprocess.Popen(
            [sys.executable, "-m", "headstart", *line],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(seconds)
            process.kill()
    done = place.process(*line)
    assert done.code == 0, done.err
    assert content(tmp_path / "model") == content(few.folder / "model")


def killed_while_saving(few: Place, again: Place, forks: Forks, at: int) -> bool:
    """Kill at the `at`-th write and check what is left; whether there was such a write."""
    photos = few.folder / "photos"
    older, newer = content(few.folder / "older"), content(few.folder / "model")
    (done,) = forks.run(job(again, photos, kill_at=at))
    model = again.folder / "model"
    aside = again.folder / ".model.old"
    assert content(model if model.exists() else aside) in (older, newer)
    if done.code == 0:
        return False
    assert done.code == KILLED, done.err
    # One that fails for another reason keeps the older one where it was.
    (full,) = forks.run(job(again, photos, largest=1 << 20))
    one_sentence(full, 1)
    assert content(model) in (older, newer)
    (done,) = forks.run(job(again, photos))
    assert done.code == 0, done.err
    assert content(model) == newer
    assert again.report()["store"] == {"hits": FEW, "misses": 0}
    assert {each.name for each in again.folder.iterdir()} == {"cache", "model"}
    return True


def test_kill_9_between_two_renames(few, again, forks):
    """An older model is there until the newer one is, and comes back where it was between."""
    shutil.move(again.folder / "model", again.folder / ".model.old")
    (full,) = forks.run(job(again, few.folder / "photos", largest=1 << 20))
    one_sentence(full, 1)
    assert content(again.folder / "model") == content(few.folder / "older")
    assert report_of(again.folder / "model") == report_of(few.folder / "older")


@pytest.mark.slow
def test_kill_9_at_every_write_of_a_model(few, again, forks):
    """Whatever write a kill hits, there is a whole model, and the next run makes the new one."""
    at = 1
    while killed_while_saving(few, again, forks, at):
        shutil.rmtree(again.folder / "model")
        shutil.copytree(few.folder / "older", again.folder / "model")
        at += 1
    assert at > 8


@contextlib.contextmanager
def largest_file(size: int):
    """No file may grow beyond so many bytes: a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class FullWhileReading(Silent):
    """A disk that is full while features are computed and has room again for the model."""

    @contextlib.contextmanager
    def stage(self, title, total):
        reading = title.startswith("Reading")
        with largest_file(16 << 10) if reading else contextlib.nullcontext():
            yield lambda _: None


def test_a_disk_that_is_full_for_the_store(few, place, monkeypatch):
    """The run keeps its features in memory, says so once, and makes the same model."""
    import headstart

    monkeypatch.setenv("HEADSTART_CACHE", str(place.cache))
    monkeypatch.chdir(few.folder)
    out = place.folder / "model"
    progress = FullWhileReading()
    run = headstart.fit("photos", out=out, offline=True, progress=progress)
    said = [warning for warning in run.report.warnings if "cannot be stored" in warning]
    assert len(said) == 1
    assert "in memory" in said[0]
    assert content(out) == content(few.folder / "model")
    monkeypatch.chdir(place.folder)
    photos = few.folder / "photos"
    stored = place.run("fit", str(photos), "--out", "model", "--offline")
    assert stored.code == 0
    assert place.report()["store"] == {"hits": 0, "misses": FEW}
    assert not [said for said in place.report()["warnings"] if "store" in said]
    assert rows(place) == FEW


@pytest.mark.parametrize(
    "largest",
    [
        1 << 20,
        *(
            pytest.param(size, marks=pytest.mark.slow)
            for size in (1 << 10, 2 << 10, 8 << 10, 64 << 10, 4 << 20, 12 << 20)
        ),
    ],
)
def test_a_disk_that_is_full_for_the_model(few, again, forks, largest):
    """One sentence; the older model stays, and nothing is left beside it."""
    (done,) = forks.run(job(again, few.folder / "photos", largest=largest))
    one_sentence(done, 1)
    assert "disk is full" in done.err
    assert content(again.folder / "model") == content(few.folder / "older")
    assert report_of(again.folder / "model") == report_of(few.folder / "older")
    assert {each.name for each in again.folder.iterdir()} == {"cache", "model"}
    (done,) = forks.run(job(again, few.folder / "photos"))
    assert done.code == 0, done.err
    assert content(again.folder / "model") == content(few.folder / "model")


def may_mount(*commands: list[str]) -> bool:
    done = (subprocess.run(each, capture_output=True, check=False) for each in commands)
    return os.geteuid() == 0 and all(each.returncode == 0 for each in done)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not may_mount(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]):
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_real_disk_that_is_full_for_the_model(few, again, forks, small_disk):
    """The same with a disk instead of a limit: libraries in C take them differently."""
    (done,) = forks.run(job(again, few.folder / "photos", "--out", str(small_disk / "model")))
    one_sentence(done, 1)
    assert "disk is full" in done.err
    assert not list(small_disk.iterdir())


def test_a_real_disk_that_is_full_for_the_store(few, place, forks, small_disk):
    """One warning, in words that say something to whoever reads it."""
    with contextlib.suppress(OSError), (small_disk / "full").open("wb", buffering=0) as full:
        while full.write(bytes(4096)):
            pass
    (small_disk / "graphs").symlink_to(few.cache / "graphs")
    place.cache = small_disk
    (done,) = forks.run(job(place, few.folder / "photos"))
    assert done.code == 0, done.err
    said = [warning for warning in place.report()["warnings"] if "cannot be stored" in warning]
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert ".rs:" not in said[0], "a line of Lance's own source"
    assert content(place.folder / "model") == content(few.folder / "model")


@pytest.mark.slow
def test_a_cache_that_is_mounted_read_only(few, place, forks):
    """One warning, the same model; permissions alone do not stop root."""
    cache = str(place.cache)
    bound = ["mount", "--bind", cache, cache]
    if not may_mount(bound, ["mount", "-o", "remount,ro,bind", cache]):
        pytest.skip("only root can mount a folder read-only")
    try:
        (done,) = forks.run(job(place, few.folder / "photos"))
    finally:
        subprocess.run(["umount", "-l", cache], check=True)
    assert done.code == 0, done.err
    said = [warning for warning in place.report()["warnings"] if "cannot be stored" in warning]
    assert len(said) == 1
    assert content(place.folder / "model") == content(few.folder / "model")


def test_a_report_that_cannot_be_written_leaves_a_whole_model(few, again, monkeypatch):
    from headstart.run import finish

    def full(*_):
        raise OSError(28, "No space left on device", "report.json")

    monkeypatch.setattr(finish, "write_json", full)
    done = again.run("fit", str(few.folder / "photos"), "--out", "model", "--offline")
    one_sentence(done, 1)
    assert "No space left on device: report.json" in done.err
    assert content(again.folder / "model") == content(few.folder / "model")


@pytest.mark.parametrize("way", ["features", pytest.param(".", marks=pytest.mark.slow)])
def test_a_cache_that_cannot_be_written(few, place, forks, way):
    """A file in the way, of the store or of the whole cache: one warning, the same model."""
    taken = place.cache / way
    if taken == place.cache:
        shutil.rmtree(taken)
    taken.write_text("in the way")
    (done,) = forks.run(job(place, few.folder / "photos"))
    assert done.code == 0, done.err
    said = [warning for warning in place.report()["warnings"] if "cannot be stored" in warning]
    assert len(said) == 1
    assert content(place.folder / "model") == content(few.folder / "model")
    expected = few.report()["warnings"]
    assert [each for each in place.report()["warnings"] if each not in said] == expected
    assert taken.read_text() == "in the way"


@pytest.mark.slow
def test_eight_processes_on_one_cold_store(few, place, forks):
    """All finish with the same model, and what they stored is found again."""
    photos = few.folder / "photos"
    done = forks.run(*(job(place, photos, "--out", f"model {n}") for n in range(8)))
    assert [each.code for each in done] == [0] * 8, [each.err for each in done]
    expected = content(few.folder / "model")
    for number in range(8):
        assert content(place.folder / f"model {number}") == expected
        report = place.report(f"model {number}")
        assert report["warnings"] == few.report()["warnings"]
    (one,) = forks.run(job(place, photos))
    assert one.code == 0
    assert place.report()["store"] == {"hits": FEW, "misses": 0}


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 16
    file.write_bytes(raw)


def zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


@pytest.mark.parametrize("damage", [half, flip, zero, Path.unlink])
@pytest.mark.parametrize("part", ["data", "_versions"])
def test_a_damaged_store(few, again, part, damage):
    """Found, named in a warning, computed again: the same model, and whole afterwards."""
    files = sorted((again.cache / "features").glob(f"*.lance/{part}/*"))
    assert files
    for file in files:
        damage(file)
    line = ("fit", str(few.folder / "photos"), "--out", "model", "--offline")
    done = again.run(*line)
    assert done.code == 0, done.err
    assert content(again.folder / "model") == content(few.folder / "model")
    # One flipped byte of a manifest may be one that nobody reads.
    harmless = part == "_versions" and damage is flip
    assert harmless or again.report()["store"]["misses"] > 0
    done = again.run(*line)
    assert again.report()["store"] == {"hits": FEW, "misses": 0}
    assert timeless(again.report()) == timeless(few.report())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("network.xml", half), ("network.xml", Path.unlink)),
        *(("network.bin", half), ("network.bin", flip)),
        ("sums.json", Path.unlink),
    ],
)
def test_a_damaged_graph(few, again, name, damage):
    """Found and converted again: the same model, and the cache is whole afterwards."""
    report = few.report()
    (folder,) = (each for each in (again.cache / "graphs").glob(f"{report['backbone']}*"))
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    damage(folder / name)
    done = again.run("fit", str(few.folder / "photos"), "--out", "model", "--offline")
    assert done.code == 0, done.err
    assert content(again.folder / "model") == content(few.folder / "model")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_damaged_model_is_replaced_like_a_whole_one(few, again):
    """What the refusal advises, to train it again, works."""
    half(again.folder / "model" / "model.safetensors")
    photos = str(few.folder / "photos")
    one_sentence(again.run("predict", "model", photos), 2)
    done = again.run("fit", photos, "--out", "model", "--offline")
    assert done.code == 0, done.err
    assert content(again.folder / "model") == content(few.folder / "model")


def test_what_is_written_on_the_card_is_no_damage(few, again):
    """The card is for people, who may add to it."""
    with (again.folder / "model" / "README.md").open("a") as card:
        card.write("Taken in May.\n")
    done = again.run("predict", "model", str(few.folder / "photos"), "--json")
    assert done.code == 0, done.err
    assert len(done.json["predictions"]) == FEW


def test_what_a_killed_run_had_begun_is_pruned(again):
    (folder,) = (again.cache / "features").glob("*.lance")
    shutil.copytree(folder, folder.with_name(f".{folder.name}.12345"))
    (again.cache / "graphs" / ".network.12345").mkdir()
    done = again.run("cache", "prune", "--all", "--json")
    assert done.code == 0, done.err
    names = [each["name"] for each in done.json["prune"]]
    assert [name for name in names if not name.startswith("thumbnails")] == [folder.name]
    assert not list((again.cache / "features").iterdir())
    assert not (again.cache / "graphs").exists()
