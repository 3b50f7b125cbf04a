import io

import pytest

from headstart.report import progress_bar
from headstart.report.progress_bar import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def test_a_terminal_shows_how_far_it_is(terminal):
    with ProgressBar(terminal).stage("Reading [red]\x1b[2J", 40) as advance:
        advance(30)
        advance(10)
    assert "Reading [red]\\x1b[2J" in terminal.getvalue()
    assert "40 of 40" in terminal.getvalue()


@pytest.mark.parametrize("total", [None, 0, 3])
def test_a_stage_of_any_size_can_fail(terminal, total):
    with pytest.raises(OSError, match="gone"), ProgressBar(terminal).stage("Reading", total):
        raise OSError("gone")


def test_a_short_stage_says_nothing_where_there_is_no_terminal():
    stream = io.StringIO()
    with ProgressBar(stream).stage("Reading", 10) as advance:
        advance(10)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("total", "said"),
    [(2000, "Reading: 1,000 of 2,000, 100/s, 10 s left"), (None, "Reading: 1,000, 100/s")],
)
def test_a_long_stage_prints_a_line_now_and_then(monkeypatch, total, said):
    now = [0.0]
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with ProgressBar(stream).stage("Reading", total) as advance:
        for _ in range(10):
            now[0] += 1.0
            advance(100)
    assert stream.getvalue().splitlines() == [said]
