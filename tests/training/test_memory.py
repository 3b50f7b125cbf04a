import ctypes
import platform
import resource

import numpy as np
import pytest

from headstart.training import memory


def test_training_goes_on_where_there_is_nothing_to_ask(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("asked"))
    with memory.kept():
        pass


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone keeps memory")
def test_memory_is_kept_from_step_to_step_and_given_back_at_the_end():
    def faults(steps: int) -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(steps):
            np.ones(40 << 20, np.uint8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with memory.kept():
        faults(2)
        kept = faults(5)
        held = _resident()
    # How many depends on the size of the system's pages.
    assert 2 * kept < faults(5)
    assert _resident() < held - 30


def test_an_error_leaves_no_trace():
    with pytest.raises(KeyboardInterrupt), memory.kept():
        raise KeyboardInterrupt


def _resident() -> float:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:  # noqa: PTH123
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
