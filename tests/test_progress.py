"""What a person waited is told from the start of the program."""

import subprocess
import sys
import time

import pytest

from headstart.progress import Clock, process_began


def test_a_clock_begins_now_or_when_it_is_told():
    assert set(Clock().seconds()) == {"total"}
    clock = Clock(began=time.monotonic() - 100)
    clock.lap("read")
    seconds = clock.seconds()
    assert list(seconds) == ["start", "read", "total"]
    assert seconds["start"] >= 100
    assert seconds["total"] >= seconds["start"] + seconds["read"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is taken to begin later")
def test_a_process_began_before_what_it_did_first():
    code = (
        "import time; first = time.monotonic(); time.sleep(0.2)\n"
        "from headstart.progress import process_began; print(first - process_began())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 0


def test_where_the_system_does_not_say_it_began_no_later_than_now(monkeypatch):
    monkeypatch.delattr("time.CLOCK_BOOTTIME", raising=False)
    assert process_began() <= time.monotonic()
