"""What is compiled first in a process of its own, and what comes of its verdict."""

import json
import os
import sys
from dataclasses import replace

import pytest

from headstart.errors import HeadstartError
from headstart.features.trunk import Trunk
from headstart.progress import Silent
from headstart.runtime import compile, graphs, trial
from headstart.runtime.openvino_engine import OpenVINOEngine
from tests.features.conftest import PICTURE, pictures
from tests.training import small

LOWEST = "bfloat16"
"""Compiled on every machine, in whatever it computes that in."""


@pytest.fixture(scope="module")
def small_graph(trunk, tmp_path_factory):
    root = tmp_path_factory.mktemp("graphs")
    return graphs.graph(root, "small", lambda: compile.converted(trunk, PICTURE))


@pytest.fixture(autouse=True)
def tried(monkeypatch, tmp_path):
    """Each test asks anew."""
    monkeypatch.setattr(trial, "kept_in", lambda root: root / "compiled")


@pytest.fixture
def asked(monkeypatch):
    """The precisions for which a child was started."""
    found, command = [], trial._command

    def noted(job):
        found.append(json.loads((job / "job.json").read_text())["precision"])
        return command(job)

    monkeypatch.setattr(trial, "_command", noted)
    return found


def child(monkeypatch, code, only=("bfloat16", "float32")):
    """Children run some code before, or instead of, their work."""
    command = trial._command

    def other(job):
        precision = json.loads((job / "job.json").read_text())["precision"]
        usual = command(job)
        if precision not in only:
            return usual
        return [usual[0], "-P", "-c", f"job = {str(job)!r}\n{code}", str(job)]

    monkeypatch.setattr(trial, "_command", other)


def killed(name):
    return f"import os, signal; os.kill(os.getpid(), signal.{name})"


def answers(engine, inputs):
    return trial._answer(engine, inputs)


def test_what_was_compiled_is_kept_and_gives_the_same_numbers(small_graph, tmp_path, asked):
    first = trial.engine(small_graph, 1, LOWEST, tmp_path)
    again = trial.engine(small_graph, 1, LOWEST, tmp_path)
    assert asked == [LOWEST]
    assert first.note is None
    inputs = small_graph.reference.inputs
    plain = OpenVINOEngine(small_graph.model, 1, LOWEST)
    found = [answers(each, inputs).tobytes() for each in (first, again, plain)]
    assert found[0] == found[1] == found[2]
    assert trial.judge(small_graph, 1, LOWEST, tmp_path).blob is not None


def test_another_graph_precision_or_batch_is_tried_for_itself(small_graph, tmp_path, asked):
    trial.engine(small_graph, 1, LOWEST, tmp_path)
    trial.engine(replace(small_graph, digest="another"), 1, LOWEST, tmp_path)
    trial.engine(small_graph, 1, "float32", tmp_path)
    trial.engine(small_graph, 2, LOWEST, tmp_path)
    assert asked == [LOWEST, LOWEST, "float32", LOWEST]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("name", ["SIGFPE", "SIGSEGV", "SIGILL", "SIGABRT"])
def test_where_it_dies_the_next_precision_is_taken_with_a_note(
    name, small_graph, tmp_path, monkeypatch, asked
):
    child(monkeypatch, killed(name), only=[LOWEST])
    engine = trial.engine(small_graph, 1, LOWEST, tmp_path)
    assert engine.precision == "float32"
    assert name in engine.note
    assert "computed in float32" in engine.note
    before = len(asked)
    assert trial.engine(small_graph, 1, LOWEST, tmp_path).note == engine.note
    assert len(asked) == before


def test_where_it_answers_otherwise_the_next_precision_is_taken(small_graph, tmp_path, monkeypatch):
    code = (
        "import sys; sys.argv[1:] = [job]\n"
        "import numpy as np; from pathlib import Path; from headstart.runtime import trial\n"
        "trial._try(Path(job))\n"
        "path = Path(job) / 'bfloat16.npy'\n"
        "np.save(path, np.load(path) * 2)\n"
    )
    child(monkeypatch, code, only=[LOWEST])
    engine = trial.engine(small_graph, 1, LOWEST, tmp_path)
    assert engine.precision == "float32"
    assert "does not answer as the network itself" in engine.note


def test_a_wrong_conversion_is_sound_in_no_precision(small_graph, tmp_path):
    reference = replace(small_graph.reference, features=1.05 * small_graph.reference.features)
    wrong = replace(small_graph, reference=reference)
    with pytest.raises(HeadstartError, match=r"apart in float32\).*report this"):
        trial.engine(wrong, 1, LOWEST, tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_where_every_precision_dies_this_process_lives_and_says_so(
    small_graph, tmp_path, monkeypatch
):
    child(monkeypatch, killed("SIGFPE"))
    with pytest.raises(HeadstartError, match="SIGFPE.*in float32 its compilation ends"):
        trial.engine(small_graph, 1, LOWEST, tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("code", [killed("SIGKILL"), "raise SystemExit(1)"])
def test_a_child_that_something_else_stops_says_nothing_of_the_graph(
    code, small_graph, tmp_path, monkeypatch, asked
):
    child(monkeypatch, code)
    for _ in range(2):
        engine = trial.engine(small_graph, 1, LOWEST, tmp_path)
        assert (engine.precision, engine.note) == (LOWEST, None)
    assert len(asked) == 2


def test_where_no_child_can_be_started_there_is_no_trial(small_graph, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    assert trial.engine(small_graph, 1, LOWEST, tmp_path).precision == LOWEST


def test_a_damaged_verdict_is_asked_for_again(small_graph, tmp_path, asked):
    trial.engine(small_graph, 1, LOWEST, tmp_path)
    (blob,) = tmp_path.rglob("network.blob")
    blob.write_bytes(blob.read_bytes()[:-1])
    trial.engine(small_graph, 1, LOWEST, tmp_path)
    (verdict,) = tmp_path.rglob("verdict.json")
    verdict.write_text("[]")
    trial.engine(small_graph, 1, LOWEST, tmp_path)
    assert len(asked) == 3


def test_a_cache_that_takes_nothing_is_no_hindrance(small_graph, tmp_path, asked):
    (tmp_path / "compiled").write_text("in the way")
    for root in (tmp_path, None):
        assert trial.engine(small_graph, 1, LOWEST, root).precision == LOWEST
    assert len(asked) == 2


def test_the_least_recently_used_go_first(small_graph, tmp_path, monkeypatch):
    made = []
    for digest in ("a", "b", "c"):
        trial.engine(replace(small_graph, digest=digest), 1, LOWEST, tmp_path)
        (new,) = set((tmp_path / "compiled").iterdir()) - set(made)
        made.append(new)
        os.utime(new, (len(made), len(made)))
    size = (made[0] / "network.blob").stat().st_size
    os.utime(made[0], (9, 9))
    monkeypatch.setattr(trial, "KEPT", 3 * size + 8)
    trial._make_room(tmp_path / "compiled")
    assert [each.exists() for each in made] == [True, True, True]
    monkeypatch.setattr(trial, "KEPT", 2 * size + 8)
    trial._make_room(tmp_path / "compiled")
    assert [each.exists() for each in made] == [True, False, True]


def test_a_graph_without_a_reference_is_tried_too(small_graph, tmp_path, asked):
    """A model that was saved before references were."""
    assert trial.engine(replace(small_graph, reference=None), 1, LOWEST, tmp_path).note is None
    assert asked == [LOWEST]


def test_the_child_imports_no_torch(small_graph, tmp_path, monkeypatch):
    code = (
        "from pathlib import Path; import sys; from headstart.runtime import trial\n"
        "trial._try(Path(job))\n"
        f"Path({str(tmp_path / 'seen')!r}).write_text(str('torch' in sys.modules))"
    )
    child(monkeypatch, code)
    trial.engine(small_graph, 1, "float32", tmp_path)
    assert (tmp_path / "seen").read_text() == "False"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_features_are_stored_under_the_precision_that_they_were_computed_in(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    data = pictures(tmp_path / "data", 3)
    trunk = Trunk.load(small.weights(tmp_path), "image", cut=None, offline=True)
    hoped, exact = (replace(trunk, precision=each) for each in (LOWEST, "float32"))
    with monkeypatch.context() as patch:
        child(patch, killed("SIGFPE"), only=[LOWEST])
        found = hoped.extract(data, Silent())
    assert found.misses == 3
    assert any("computed in float32" in each for each in found.warnings)
    again = hoped.extract(data, Silent())
    assert (again.hits, again.misses) == (3, 0)
    assert exact.extract(data, Silent()).hits == 3
    assert again.vectors().tobytes() == found.vectors().tobytes()
