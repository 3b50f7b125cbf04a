"""Micro-batches: every job gets its own answer, and only so many items wait."""

import threading
import time
from concurrent.futures import CancelledError, wait

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.serving.batching import Batching, Full, Job, Late


def job(*items: object, seconds: float = 60) -> Job:
    return Job(items, [str(each) for each in items], time.monotonic() + seconds)


class Gate:
    """Computes when it is opened, and keeps what was computed together."""

    def __init__(self) -> None:
        self.opened, self.begun = threading.Event(), threading.Event()
        self.batches: list[list[tuple]] = []

    def __call__(self, jobs):
        self.begun.set()
        assert self.opened.wait(60)
        self.batches.append([tuple(each.items) for each in jobs])
        if any("bad" in each.items for each in jobs):
            raise ValueError("bad")
        return [sum(each.items) for each in jobs]


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def batching(gate):
    made = Batching(gate, batch=4, queue=6, threads=1, name="test")
    yield made
    gate.opened.set()
    made.close()


def test_what_waits_is_computed_together_and_no_more_may_wait(gate, batching):
    first = batching.submit(job(1))
    assert gate.begun.wait(60)
    rest = [batching.submit(job(each, each)) for each in (2, 3, 4)]
    assert batching.waiting == 6
    with pytest.raises(Full) as full:
        batching.submit(job(5))
    assert full.value.seconds >= 1
    gate.opened.set()
    assert [each.result(60) for each in (first, *rest)] == [1, 4, 6, 8]
    assert gate.batches == [[(1,)], [(2, 2), (3, 3)], [(4, 4)]]
    assert batching.submit(job(5)).result(60) == 5


def test_a_job_of_more_than_a_batch_is_taken_alone(gate, batching):
    gate.opened.set()
    assert batching.submit(job(*range(6))).result(60) == 15


def test_a_fault_is_that_of_one_job(gate, batching):
    batching.submit(job(0))
    assert gate.begun.wait(60)
    jobs = [batching.submit(job(each)) for each in (1, "bad", 2)]
    gate.opened.set()
    assert (jobs[0].result(60), jobs[2].result(60)) == (1, 2)
    with pytest.raises(ValueError, match="bad"):
        jobs[1].result(60)


def test_what_nobody_waits_for_is_not_computed(gate, batching):
    batching.submit(job(0))
    assert gate.begun.wait(60)
    late, gone = batching.submit(job(1, seconds=0)), batching.submit(job(2))
    assert gone.cancel()
    gate.opened.set()
    with pytest.raises(Late):
        late.result(60)
    with pytest.raises(CancelledError):
        gone.result(60)
    assert batching.submit(job(3)).result(60) == 3
    assert gate.batches == [[(0,)], [(3,)]]


def test_what_waits_is_answered_when_it_closes(gate, batching):
    asked = [batching.submit(job(each)) for each in range(6)]
    gate.opened.set()
    batching.close()
    assert [each.result(0) for each in asked] == list(range(6))
    with pytest.raises(Full):
        batching.submit(job(1))


@given(
    sizes=st.lists(st.integers(1, 9), max_size=60),
    batch=st.integers(1, 8),
    threads=st.integers(1, 3),
)
@settings(max_examples=50, deadline=None)
def test_every_job_has_the_answer_to_its_own_items(sizes, batch, threads):
    computed: list[int] = []

    def compute(jobs):
        total = sum(len(each.items) for each in jobs)
        assert len(jobs) == 1 or total <= batch
        computed.append(total)
        return [list(each.items) for each in jobs]

    batching = Batching(compute, batch=batch, queue=1000, threads=threads, name="test")
    items = [[(number, at) for at in range(size)] for number, size in enumerate(sizes)]
    answers = [batching.submit(job(*each)) for each in items]
    wait(answers, 60)
    batching.close()
    assert [each.result(0) for each in answers] == items
    assert sum(computed) == sum(sizes)
    assert batching.waiting == 0
