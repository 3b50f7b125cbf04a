import ctypes
import platform
import subprocess
import sys

import pytest

from headstart.training import memory


def test_training_goes_on_where_there_is_nothing_to_ask(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("asked"))
    with memory.kept():
        pass


ALONE = """
import resource
import numpy as np
from headstart.training import memory

def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        np.ones(40 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024

with memory.kept():
    faults(2)
    kept, held = faults(5), resident()
print(kept, faults(5), held - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone keeps memory")
def test_memory_is_kept_from_step_to_step_and_given_back_at_the_end():
    """In a process of its own: what others have freed is among what is given back."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=True, timeout=120
    )
    kept, usual, given_back = map(float, done.stdout.split())
    # How many faults there are depends on the size of the system's pages.
    assert 2 * kept < usual
    assert given_back > 30


def test_an_error_leaves_no_trace():
    with pytest.raises(KeyboardInterrupt), memory.kept():
        raise KeyboardInterrupt
