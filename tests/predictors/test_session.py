"""A session gives the model's answers, and keeps what a call would begin with."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import headstart
from headstart.data import images
from headstart.runtime.workers import Workers
from tests.predictors.folders import items_for, numbers


def _preparing() -> set[int | None]:
    return {each.ident for each in threading.enumerate() if each.name.startswith("prepare")}


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_its_answers_are_the_models_to_the_bit(fit, here, name):
    model, inputs = fit(name).model, items_for(here, name)
    with model.session() as session:
        for asked in (inputs, inputs[:1], inputs[0], [inputs[1], None, inputs[2]]):
            expected, found = model.predict(asked), session.predict(asked)
            assert numbers(found).tobytes() == numbers(expected).tobytes()
            assert (found.names, found.labels, found.errors, found.skipped) == (
                expected.names,
                expected.labels,
                expected.errors,
                expected.skipped,
            )
        assert (session.task, session.modality, session.classes, session.reads) == (
            model.task,
            model.modality,
            model.classes,
            model.reads,
        )


def test_it_is_a_predictor_wherever_a_model_is_one(fit, here):
    folder = fit("photos").report.model
    expected = headstart.predict(folder, [str(here / "photos")]).labels
    with headstart.session(folder) as session:
        assert headstart.predict(session, [str(here / "photos")]).labels == expected
        with pytest.raises(headstart.InputError, match="Give the model itself"):
            headstart.evaluate(session, here / "photos")


def test_the_network_is_open_before_the_first_question(fit, here, monkeypatch):
    model = headstart.load(fit("photos").report.model)
    with model.session() as session:
        monkeypatch.setattr("headstart.runtime.trial.engine", lambda *_: pytest.fail("opened"))
        assert session.predict(items_for(here, "photos")[0]).labels == ["blue"]


def test_threads_are_kept_between_calls_and_end_with_it(fit, here):
    inputs = items_for(here, "photos")
    before = _preparing()
    with fit("photos").model.session() as session:
        session.predict(inputs)
        kept = _preparing() - before
        assert kept
        for _ in range(3):
            session.predict(inputs)
        assert kept <= _preparing()
    assert ended(kept)


def ended(threads: set[int | None]) -> bool:
    """They end when nothing holds them, a moment later."""
    until = time.monotonic() + 30
    while threads & _preparing() and time.monotonic() < until:
        time.sleep(0.01)
    return not threads & _preparing()


def test_what_is_being_answered_is_answered_when_it_closes(fit, here, monkeypatch):
    """And no thread is left behind."""
    inputs, before = items_for(here, "photos") * 20, _preparing()
    begun, closed, decode = threading.Event(), threading.Event(), images.decode

    def slow(*args, **options):
        begun.set()
        assert closed.wait(30)
        return decode(*args, **options)

    with fit("photos").model.session() as session, ThreadPoolExecutor(1) as pool:
        expected = session.predict(inputs).labels
        monkeypatch.setattr(images, "decode", slow)
        asked = pool.submit(session.predict, inputs)
        assert begun.wait(30)
        session.close()
        closed.set()
        assert asked.result().labels == expected
    assert ended(_preparing() - before)


@pytest.mark.parametrize("name", ["photos", "texts.csv"])
def test_one_item_waits_for_no_thread_that_prepares(fit, here, monkeypatch, name):
    model, item = fit(name).model, items_for(here, name)[0]
    monkeypatch.setattr(Workers, "pool", property(lambda _: pytest.fail("a thread was asked")))
    with model.session() as session:
        assert session.predict([item]).labels == model.predict([item]).labels


def test_a_closed_session_refuses_and_its_model_answers(fit, here):
    item = items_for(here, "photos")[0]
    with fit("photos").model.session() as session:
        pass
    with pytest.raises(headstart.InputError, match=r"closed; open another with model.session()"):
        session.predict(item)
    assert fit("photos").model.predict(item).labels == ["blue"]


@pytest.mark.parametrize("name", ["photos", "texts.csv"])
def test_many_threads_share_it(fit, here, name):
    model, inputs = headstart.load(fit(name).report.model), items_for(here, name)
    expected = [numbers(model.predict([item]))[0] for item in inputs]
    barrier = threading.Barrier(8)

    def ask(session, seed: int) -> bool:
        order = np.random.default_rng(seed).permutation(len(inputs))
        barrier.wait()
        whole = session.predict([inputs[at] for at in order])
        alone = [session.predict(inputs[at]) for at in order]
        return all(
            np.array_equal(row, expected[at]) and np.array_equal(numbers(one)[0], expected[at])
            for at, row, one in zip(order, numbers(whole), alone, strict=True)
        )

    with model.session() as session, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda seed: ask(session, seed), range(8)))


FORKED = """
import os, sys
import headstart
asked = sys.argv[2:]
with headstart.session(sys.argv[1]) as session:
    expected = session.predict(asked).labels, session.predict(asked[0]).labels
    for _ in range(2):
        child = os.fork()
        if not child:
            assert (session.predict(asked).labels, session.predict(asked[0]).labels) == expected
            session.close()
            sys.exit(0)  # as a worker of a server ends: all is torn down
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code == 0, code
    assert (session.predict(asked).labels, session.predict(asked[0]).labels) == expected
print("answered", *expected[0])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can be forked here")
@pytest.mark.parametrize("name", ["photos", "texts.csv"])
def test_it_answers_in_a_forked_child(fit, here, name):
    command = [sys.executable, "-W", "ignore", "-c", FORKED, fit(name).report.model]
    done = subprocess.run(
        [*command, *items_for(here, name)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("answered")
