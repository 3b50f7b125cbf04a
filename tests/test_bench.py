import json
import multiprocessing
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from bench import MEASUREMENTS, machine
from bench.machine import OtherWork, alone, peak_megabytes, processor_seconds
from bench.photos import write_distinct, write_photos
from bench.result import Figure, Result
from PIL import Image

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("rate", 8.0, "x", at_least=8), True),
        (Figure("rate", 7.99, "x", at_least=8), False),
        (Figure("peak", 1.2, "x", at_most=1.2), True),
        (Figure("peak", 1.21, "x", at_most=1.2), False),
        (Figure("rate", float("nan"), "x", at_least=8), False),
        (Figure("rate", 3.0), None),
    ],
)
def test_a_figure_is_held_to_its_bar(figure, met):
    assert figure.met is met


def test_a_result_is_json_with_the_bars_in_it():
    result = Result("name", "title", (Figure("a", 1.0, "s", at_most=2),), {"photos": 3})
    saved = json.loads(json.dumps(result.to_json()))
    assert saved["figures"] == [
        {"name": "a", "value": 1.0, "unit": "s", "at_least": None, "at_most": 2, "met": True}
    ]
    assert saved["settings"] == {"photos": 3}


def test_photos_are_different_jpegs_of_one_size_and_the_same_every_time(tmp_path):
    paths = write_photos(tmp_path / "a", 24)
    contents = [path.read_bytes() for path in paths]
    assert len(set(contents)) == 24
    assert contents == [path.read_bytes() for path in write_photos(tmp_path / "b", 24)]
    for path in paths:
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (500, 375))


def test_marked_photos_differ_in_bytes_and_can_be_read(tmp_path):
    write_distinct(tmp_path / "few", 120, mark="few")
    paths = sorted((tmp_path / "few").iterdir())
    assert len({path.read_bytes() for path in paths}) == len(paths) == 120
    with Image.open(paths[-1]) as image:
        image.load()
        assert image.info["comment"] == b"few 119"


def test_the_peak_is_that_of_the_process_itself():
    held = b"x" * 200_000_000
    assert peak_megabytes() > 200
    assert alone(peak_megabytes) < peak_megabytes() - 100
    del held


def test_own_work_is_not_that_of_others(monkeypatch):
    now = {"time": 100.0, "busy": 50.0, "own": 3.0}
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(machine.time, "monotonic", lambda: now["time"])
    monkeypatch.setattr(machine, "_busy_seconds", lambda _: now["busy"])
    monkeypatch.setattr(machine, "processor_seconds", lambda: now["own"])
    others = OtherWork()
    now.update(time=110.0, busy=62.0, own=5.0)  # 20 s of two cores: 2 s own, 10 s of others
    assert others.share() == pytest.approx(0.5)
    now.update(busy=52.0)
    assert others.share() == 0


def test_time_that_this_process_takes_is_counted():
    own, until = processor_seconds(), time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert processor_seconds() - own == pytest.approx(0.1, abs=0.05)


def test_an_unknown_measurement_is_refused():
    done = _bench("nonsense")
    assert done.returncode == 2
    assert "there is no 'nonsense'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in MEASUREMENTS if each != "solar"])
def test_every_measurement_runs_at_a_tiny_size(name):
    result = alone(import_module(f"bench.{name}").run, True)
    assert result.name == name
    assert all(each.value == each.value for each in result.figures)
    assert len({each.name for each in result.figures}) == len(result.figures)
    imported = [each for each in result.figures if each.name.startswith("heavy packages")]
    assert all(each.value == 0 for each in imported)
    alike = [each.value for each in result.figures if "cosine" in each.name]
    assert all(value > 0.99 for value in alike)


def test_the_bench_of_a_gpu_runs_on_a_cpu_and_says_so(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = alone(import_module("bench.gpu").run, True)
    assert result.title.startswith("no GPU was found")
    assert result.settings["card"] == "no GPU was found"
    values = {each.name: each.value for each in result.figures}
    assert len(values) == len(result.figures)
    assert all(value > 0 for value in values.values())
    agreeing = [each for each in result.figures if "least" in each.name]
    assert agreeing
    assert all(each.met for each in agreeing)
    assert {"decoding alone, 1 threads", "copy of 2 photos"} <= set(values)


@pytest.mark.slow
def test_times_of_rungs_are_held_to_what_was_expected():
    result = alone(import_module("bench.rung_times").run, True)
    assert len(result.settings) == 2
    assert all("rungs; the command took" in said for said in result.settings.values())
    worst, within, *rungs = result.figures
    assert within.value <= len(rungs)
    assert worst.value == max((abs(each.value - 1) for each in rungs), default=0)


def test_busy_processes_end_with_the_block():
    from bench.rung_times import busy

    others = OtherWork()
    with busy(1):
        time.sleep(1.5)
    assert others.share() > 0
    assert multiprocessing.active_children() == []


def a_draw(**changed):
    from bench.choices import Draw

    said = {"name": "a", "items": 90, "seed": 0, "learnt": True, "kept": True, "averaged": True}
    said |= {"chance": 0.1, "validation_items": 14, "before": 0.5, "after": 0.4, "seconds": 1.0}
    return Draw(**said | changed)


def test_draws_are_counted_by_what_test_items_say():
    from bench.choices import _result

    draws = [
        a_draw(),
        a_draw(seed=1, after=0.502),
        a_draw(seed=2, after=0.6, chance=0.3),
        a_draw(seed=3, kept=False, chance=0.4),
        a_draw(seed=4, learnt=False, kept=False, after=0.5),
    ]
    values = {each.name: each.value for each in _result(draws).figures}
    assert values["draws"] == 5
    assert values["learnt nothing"] == 1
    assert values["kept"] == 3
    assert values["kept, test error fell"] == 1
    assert values["kept, test error rose"] == 1
    assert values["kept, mean change of the test error"] == pytest.approx(0.004 / 3)
    assert _result(draws).settings["averaged, p < 0.15"].startswith("2 kept, 1 fell, 0 rose")


def test_draws_that_are_done_are_not_done_again(tmp_path, monkeypatch):
    from bench import choices

    asked = []

    def drawn(_, name, items, number, seed, quick):
        asked.append((name, seed))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return a_draw(name=name, items=items, seed=seed)

    monkeypatch.setattr(choices, "alone", drawn)
    sets, file = (("a", 90), ("b", 90)), tmp_path / "results" / "done.jsonl"
    with pytest.raises(KeyboardInterrupt):
        choices._every(sets, 2, file, True)
    found = choices._every(sets, 2, file, True)
    assert asked == [("a", 0), ("b", 0), ("a", 1), ("a", 1), ("b", 1)]
    assert [(each.name, each.seed) for each in found] == [
        ("a", 0), ("b", 0), ("a", 1), ("b", 1)
    ]  # fmt: skip


@pytest.mark.slow
def test_a_draw_is_trained_and_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_PEERS_ENVS", str(tmp_path))
    result = alone(import_module("bench.choices").run, True)
    values = {each.name: each.value for each in result.figures}
    assert values["draws"] == 1
    assert values["kept"] + values["learnt nothing"] <= 1


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_json():
    done = _bench("--quick", "decode")
    assert done.returncode == 0, done.stderr
    assert "12 MP, sharp: plain / headstart" in done.stdout
    written = Path(done.stdout.rpartition("written: ")[2].strip())
    saved = json.loads(written.read_text("utf-8"))
    written.unlink()
    assert saved["quick"] is True
    assert len(saved["machine"]["cores"]) <= 2
    assert saved["machine"]["versions"]["headstart"]
    assert [each["name"] for each in saved["results"]] == ["decode"]


def _bench(*args):
    command = [sys.executable, "-m", "bench", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
