"""One fit for the command line, Python and the estimators."""

from dataclasses import replace

import numpy as np
import pytest

import headstart
from headstart import run
from headstart.data import from_memory
from headstart.data.images import digest, load
from headstart.errors import InputError
from headstart.progress import Clock, Silent
from headstart.run import fitting
from headstart.spec import FitSpec
from headstart.training.examples import without_test
from tests.runs import COLOURS, picture, pictures

COLOURS_OF = tuple(COLOURS)


@pytest.fixture(scope="module")
def data(place):
    rng = np.random.default_rng(0)
    labels = [*COLOURS] * 14
    return from_memory([picture(rng, COLOURS[each]) for each in labels], labels)


def fitted(data, **options):
    clock = Clock()
    return run.fit(data, FitSpec(offline=True), Silent(), clock, **options)


def test_nothing_is_written_where_nothing_was_asked_for(data, place):
    before = sorted(each.name for each in place.folder.iterdir())
    done = fitted(data)
    assert len(done.results.names) == done.report.counts["test"]
    assert set(done.results.splits) == {"test"}
    assert np.isfinite(done.results.scores).all()
    assert done.report.model is None
    assert sorted(each.name for each in place.folder.iterdir()) == before


def test_what_is_saved_is_what_is_given_back(data, place):
    done = fitted(data, out=place.folder / "model", name="stripes")
    assert done.report.dataset == "stripes"
    assert len(done.results.names) == sum(
        done.report.counts[s] for s in ("train", "validation", "test")
    )
    items = [data.items[at] for at in range(6)]
    loaded = headstart.load(place.folder / "model")
    assert (
        loaded.predict(items).probabilities.tobytes()
        == done.model.predict(items).probabilities.tobytes()
    )


def test_what_divides_the_items_is_for_the_caller_to_say(data):
    done = fitted(data, arrange=without_test)
    assert done.report.counts["test"] == 0
    assert done.report.test == {}
    assert len(done.results.scores) == 0
    assert done.report.counts["train"] + done.report.counts["validation"] == len(data)


def test_a_test_split_that_is_not_given_is_told(place):
    for split, seed in (("train", 0), ("val", 1)):
        pictures(place.folder / "photos" / split, 8, seed)
    report = headstart.fit(place.folder / "photos", offline=True).report
    assert any("no test split" in note for note in report.notes)
    assert report.counts["test"] > 0
    pictures(place.folder / "photos" / "test", 4, 2)
    report = headstart.fit(place.folder / "photos", offline=True).report
    assert not any("no test split" in note for note in report.notes)
    assert report.counts["test"] == 8


def test_the_data_that_cannot_be_read_is_named(tmp_path, place):
    for number in range(8):
        (tmp_path / f"{number}.jpg").write_bytes(b"no")
    paths = [str(tmp_path / f"{number}.jpg") for number in range(8)]
    with pytest.raises(InputError, match="No item of 'scans' can be read"):
        fitted(from_memory(paths, ["a", "b"] * 4), name="scans")


def test_findings_never_lose_a_fit(data, monkeypatch):
    def fails(*_):
        raise ValueError("Labels must contain at least 2 classes")

    monkeypatch.setattr(fitting, "findings_of_fit", fails)
    report = fitted(data).report
    assert report.findings == ()
    assert any("could not be checked (ValueError: Labels must" in said for said in report.warnings)


def test_corrections_of_test_items_are_told(data, tmp_path):
    given = replace(data, splits=["test" if at % 4 == 0 else "train" for at in range(len(data))])
    lines = [
        f"{given.names[at]},{digest(load(given.items[at])).hex()},{label},{leave}"
        for at, label, leave in ((0, COLOURS_OF[1], ""), (1, COLOURS_OF[0], ""), (4, "", "yes"))
    ]
    table = tmp_path / "corrections.csv"
    table.write_text("\n".join(["name,digest,corrected_label,leave_out", *lines]), "utf-8")
    spec = FitSpec(offline=True, corrections=str(table))
    report = run.fit(given, spec, Silent(), Clock()).report
    (said,) = [each for each in report.warnings if "before and after" in each]
    assert said.startswith("1 corrected item in the test split, and 1 item of it left out")


def test_what_the_backbone_does_not_allow_costs_no_extraction(data, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    spec = FitSpec(offline=True, strategy="fine-tuning", cut="blocks.99")
    with pytest.raises(InputError, match="has no stage 'blocks.99'"):
        run.fit(data, spec, Silent(), Clock())
    assert not (tmp_path / "cache" / "features").exists()
