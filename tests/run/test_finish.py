"""The end of every run, whatever was trained."""

import json

import pytest

from headstart.progress import Clock, Silent
from headstart.run.finish import finish
from headstart.training.checkpoint import Unfinished
from tests.report.sample import report


@pytest.fixture
def unfinished(tmp_path):
    made = Unfinished(tmp_path / ".model.unfinished", {"the data": "ours"})
    made.decide([])
    return made


def test_the_report_is_complete_and_beside_the_model(tmp_path, unfinished):
    out = tmp_path / "model"
    done = finish(report(model=None), lambda to: to.mkdir(), out, unfinished, Silent(), Clock())
    assert done.model == str(out)
    assert set(done.seconds) == {"save", "total"}
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(done.to_json()))
    assert not unfinished.folder.exists()


def test_what_cannot_be_saved_can_go_on(tmp_path, unfinished):
    def full(_):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        finish(report(), full, tmp_path / "model", unfinished, Silent(), Clock())
    assert unfinished.folder.exists()


def test_nothing_is_saved_where_that_was_not_asked_for(tmp_path):
    def save(_):
        raise AssertionError

    done = finish(report(), save, None, None, Silent(), Clock())
    assert done.model is None
    assert list(done.seconds) == ["total"]
    assert list(tmp_path.iterdir()) == []


def test_what_the_page_lacks_is_a_warning(tmp_path, unfinished):
    said = ("The page has no explanations: it was dark",)

    def save(to):
        to.mkdir()

    out = tmp_path / "model"
    given = report(model=None)
    done = finish(given, save, out, unfinished, Silent(), Clock(), gallery=lambda _: said)
    assert done.warnings == (*given.warnings, *said)
    assert (out / "report.html").is_file()
    assert json.loads((out / "report.json").read_text())["warnings"][-1] == said[0]


def test_a_page_that_fails_is_a_warning(tmp_path, unfinished):
    def broken(_):
        raise MemoryError("too many thumbnails")

    out = tmp_path / "model"
    done = finish(
        report(model=None),
        lambda to: to.mkdir(),
        out,
        unfinished,
        Silent(),
        Clock(),
        gallery=broken,
    )
    assert "report.html is not: too many thumbnails" in done.warnings[-1]
    assert json.loads((out / "report.json").read_text())["warnings"][-1] == done.warnings[-1]
    assert not unfinished.folder.exists()
