"""Notebooks: nothing needs to be installed, and nothing of the data is taken for HTML."""

import sys
import types

from headstart.progress import Silent
from headstart.report import notebook
from headstart.report.notebook import NotebookProgress, in_notebook, usual_progress
from tests.report.sample import report


class Display:
    """What IPython's `display` does, as far as it is asked to."""

    def __init__(self):
        self.shown = []

    def __call__(self, value, display_id=False):
        self.shown.append(value._repr_html_())
        return self

    def update(self, value):
        self.shown.append(value._repr_html_())


def test_the_report_is_what_the_terminal_shows(capsys):
    made = report()
    made.show()
    printed = capsys.readouterr().out
    html = made._repr_html_()
    for words in ("Result", "fin[red]ger", "the file is truncated"):
        assert words in printed
        assert words in html
    assert html.startswith("<pre")


def test_names_are_no_html():
    html = report(dataset="<script>alert(1)</script>")._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_representation_is_short():
    assert len(repr(report())) < 200
    assert "accuracy 0.912" in repr(report())


def test_progress(monkeypatch):
    monkeypatch.setattr(notebook, "PATIENCE", 0)
    monkeypatch.setattr(notebook, "EVERY", 0)
    display = Display()
    progress = NotebookProgress(display)
    with progress.stage("Reading <pictures>", 10) as advance:
        advance(4)
        advance(3)
    assert 'value="4" max="10"' in display.shown[0]
    assert "7 of 10" in display.shown[1]
    assert display.shown[-1] == ""
    assert not any("<pictures>" in html for html in display.shown)
    progress.say("about <1 s")
    assert display.shown[-1] == "<div>about &lt;1 s</div>"


def test_short_stages_show_nothing():
    display = Display()
    with NotebookProgress(display).stage("Reading", None) as advance:
        advance(1)
    assert display.shown == []


def test_a_notebook_shows_progress_unasked(monkeypatch):
    assert isinstance(usual_progress(), Silent)
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=Display()))
    assert in_notebook()
    assert isinstance(usual_progress(), NotebookProgress)
    del shell.kernel  # IPython at a terminal
    assert not in_notebook()
