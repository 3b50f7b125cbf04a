"""Near-duplicates in a whole fit: found by content, on one side, and said."""

from dataclasses import replace

import numpy as np
import pytest
from bench.near_duplicates import image_copy, text_copy

from headstart import paths, run
from headstart.data import from_memory
from headstart.errors import InputError
from headstart.features.store import Store
from headstart.progress import Clock, Silent
from headstart.run import near_duplicates
from headstart.spec import FitSpec
from tests.data.near.test_images import photograph

WORDS = (
    "amber", "basket", "candle", "dragon", "engine", "falcon", "garden", "hammer", "island",
    "jungle", "kettle", "ladder", "magnet", "needle", "orange", "pencil", "quarry", "rocket",
    "saddle", "timber", "umbrella", "velvet", "walnut", "yellow", "zipper", "anchor", "bottle",
    "castle", "desert", "eleven", "forest", "guitar", "helmet", "insect", "jacket", "kitten",
    "lizard", "mirror", "nickel",
)  # fmt: skip


@pytest.fixture(scope="module")
def texts():
    """Forty sentences, and a copy of each of the first twenty."""
    rng = np.random.default_rng(0)
    originals = [" ".join(rng.choice(WORDS, 7, replace=False)) for _ in range(40)]
    kinds = ("swapped", "typos")
    copies = [text_copy(each, kinds[at % 2], rng) for at, each in enumerate(originals[:20])]
    return from_memory([*originals, *copies], ["a", "b"] * 30)


def pairs_kept():
    folder = paths.cache_folder() / near_duplicates.FOLDER
    return list(folder.iterdir()) if folder.exists() else []


def forget():
    for each in pairs_kept():
        each.unlink()


def fitted(data, **options):
    spec = FitSpec(offline=True, **options)
    return run.fit(data, spec, Silent(), Clock(), out=None)


def sides(data, tmp_path, **options):
    done = run.fit(data, FitSpec(offline=True, **options), Silent(), Clock(), out=tmp_path / "m")
    return dict(zip(done.results.positions.tolist(), done.results.splits, strict=True)), done.report


def test_copies_are_on_one_side_and_the_report_says_how_many(place, texts, tmp_path):
    found, report = sides(texts, tmp_path)
    assert all(found[at] == found[40 + at] for at in range(20))
    said = report.to_json()["near_duplicates"]
    assert (said["handled"], said["items"], said["groups"], said["pairs"]) == ("group", 40, 20, 20)
    assert len(said["examples"]) == 10
    assert any("40 items are near-duplicates" in note for note in report.notes)


def test_reported_only_they_divide_as_if_nobody_had_looked(place, texts, tmp_path):
    said, report = sides(texts, tmp_path / "said", near_duplicates="report")
    unseen, other = sides(texts, tmp_path / "unseen", near_duplicates="ignore")
    assert said == unseen
    assert any(said[at] != said[40 + at] for at in range(20))
    assert report.near_duplicates["items"] == 40
    assert any("near-duplicates" in warning for warning in report.warnings)
    assert other.near_duplicates is None
    assert not any("near-duplicates" in each for each in (*other.warnings, *other.notes))


def test_splits_that_part_copies_are_reported_and_kept(place, texts, tmp_path):
    given = replace(texts, splits=["train"] * 40 + ["test"] * 20)
    found, report = sides(given, tmp_path)
    assert [found[at] for at in range(40, 60)] == ["test"] * 20
    assert any("20 pairs of them are in different given splits" in each for each in report.warnings)


def test_copies_that_time_parts_are_warned_of(place, texts):
    when = np.arange(60.0)  # the copies come last
    report = fitted(replace(texts, times=when.tolist()), time="when").report
    assert any("are in different splits by time" in each for each in report.warnings)
    assert not any("one side of the split" in each for each in report.notes)
    when[40:] = np.arange(20)  # each with what it is a copy of
    report = fitted(replace(texts, times=when.tolist()), time="when").report
    assert not any("near-duplicates" in each for each in report.warnings)
    assert any("none of them are in different splits" in each for each in report.notes)


def test_the_figures_count_copies_as_one(place, texts, tmp_path):
    results = run.fit(
        texts, FitSpec(offline=True), Silent(), Clock(), out=tmp_path / "model"
    ).results
    number = dict(zip(results.positions.tolist(), results.together.tolist(), strict=True))
    assert all(number[at] == number[40 + at] for at in range(20))
    assert len(set(number.values())) == 40
    ignored = run.fit(
        texts,
        FitSpec(offline=True, near_duplicates="ignore"),
        Silent(),
        Clock(),
        out=tmp_path / "i",
    )
    assert ignored.results.together is None


def test_the_store_of_thumbnails_is_opened_once_each(place, monkeypatch):
    opened = []

    class Counted(Store):
        def __init__(self, *args):
            opened.append(args)
            super().__init__(*args)

    monkeypatch.setattr("headstart.features.thumbnails.Store", Counted)
    monkeypatch.setattr("headstart.data.near.images._ROWS", 2)
    rng = np.random.default_rng(0)
    forget()
    originals = [photograph(100 + seed) for seed in range(12)]
    data = from_memory(
        [*originals, *(image_copy(each, "cropped", rng) for each in originals[:6])], ["a", "b"] * 9
    )
    report = fitted(data).report
    assert report.near_duplicates["pairs"] == 6
    assert len(opened) == 2


def test_images_are_found_from_their_thumbnails_which_are_kept(place, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    originals = [photograph(seed) for seed in range(24)]
    copies = [image_copy(each, "cropped", rng) for each in originals[:6]]
    data = from_memory([*originals, *copies], ["a", "b"] * 15)
    found, report = sides(data, tmp_path)
    assert all(found[at] == found[24 + at] for at in range(6))
    assert report.near_duplicates["groups"] == 6
    forget()
    monkeypatch.setattr("headstart.data.near.thumbnails.thumbnail", lambda *_: pytest.fail("made"))
    again = fitted(data)
    assert again.report.near_duplicates == report.near_duplicates


def test_pairs_are_found_once_and_again_where_they_are_damaged_or_the_items_are_others(
    place, texts, monkeypatch
):
    forget()
    first = fitted(texts).report.near_duplicates
    (file,) = pairs_kept()
    found = near_duplicates.near.text_pairs
    looked = []

    def counted(*args):
        looked.append(args)
        return found(*args)

    monkeypatch.setattr(near_duplicates.near, "text_pairs", counted)
    assert fitted(texts).report.near_duplicates == first
    assert looked == []
    file.write_bytes(file.read_bytes()[:-1])
    assert fitted(texts).report.near_duplicates == first
    assert len(looked) == 1
    fewer = from_memory(texts.items[:50], ["a", "b"] * 25)
    assert fitted(fewer).report.near_duplicates["pairs"] == 10
    assert len(looked) == 2
    assert len(pairs_kept()) == 2


def test_without_near_duplicates_nothing_is_said(place):
    rng = np.random.default_rng(5)
    texts = [" ".join(rng.choice(WORDS, 7, replace=False)) for _ in range(40)]
    report = fitted(from_memory(texts, ["a", "b"] * 20)).report
    assert report.near_duplicates["pairs"] == 0
    assert not any("near-duplicates" in each for each in (*report.warnings, *report.notes))


def test_what_is_no_way_to_handle_them_is_refused():
    with pytest.raises(InputError, match="--near-duplicates"):
        FitSpec(near_duplicates="drop")
    with pytest.raises(InputError, match="--near-duplicates"):
        FitSpec(task="generation", near_duplicates="report")


def test_pairs_are_not_kept_while_an_image_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    first = photograph(3)
    files = [tmp_path / f"{n}.jpg" for n in range(2)]
    files[0].write_bytes(first)
    files[1].write_bytes(image_copy(first, "halved", np.random.default_rng(0)))
    away = files[1].rename(tmp_path / "away")
    data = from_memory([str(each) for each in files], ["a", "b"])
    digests = [b"1" * 16, b"2" * 16]
    assert not len(near_duplicates.find(data, np.arange(2), digests, Silent()).pairs)
    away.rename(files[1])
    assert len(near_duplicates.find(data, np.arange(2), digests, Silent()).pairs) == 1
