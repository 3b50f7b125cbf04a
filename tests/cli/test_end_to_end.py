"""The commands as people run them: processes of their own, real pictures, the real api."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow
COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with `photos/blue`, `photos/red`, a damaged picture and a new one of each."""
    folder = tmp_path_factory.mktemp("end to end")
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(24):
            _picture(rng, colour).save(folder / "photos" / name / f"{number}.png")
        _picture(rng, colour).save(folder / f"new {name}.png")
    (folder / "photos" / "red" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def _picture(rng, colour) -> Image.Image:
    noise = rng.normal(0, 25, (48, 64, 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def headstart(place, *arguments, stdin=None):
    return subprocess.run(
        [sys.executable, "-m", "headstart", *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        input=stdin,
        env={**os.environ, "HEADSTART_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def fitted(place):
    done = headstart(place, "fit", "photos", "--out", "model", "--offline", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fit_prints_its_report_and_saves_the_same(place, fitted):
    assert fitted["classes"] == ["blue", "red"]
    assert fitted["counts"]["skipped"] == 1
    assert fitted["skipped"][0]["item"].endswith("damaged.png")
    assert fitted["test"]["accuracy"]["value"] == 1.0
    assert fitted["store"] == {"hits": 0, "misses": 48}
    assert json.loads((place / "model" / "report.json").read_text()) == fitted


def test_the_second_fit_finds_its_features(place, fitted):
    done = headstart(place, "fit", "photos", "--out", "second", "--seed", "1", "--offline")
    assert done.returncode == 0, done.stderr
    assert "48 of 48 found there" in done.stdout
    assert "Accuracy 100.0%" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_predict(place, fitted):
    done = headstart(place, "predict", "model", "new blue.png", "new red.png", "gone.png")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["label"] for row in rows] == ["blue", "red", ""]
    assert "gone.png" in rows[2]["item"]
    assert rows[2]["error"]


def test_predict_reads_names_from_standard_input(place, fitted):
    done = headstart(place, "predict", "model", "-", "--json", stdin="new red.png\n")
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)["predictions"]
    assert answer["label"] == "red"
    assert answer["probability"] == answer["probabilities"]["red"]


def test_strict_predict_refuses_what_it_cannot_read(place, fitted):
    done = headstart(place, "predict", "model", "new red.png", "gone.png", "--strict")
    assert (done.returncode, done.stdout) == (2, "")
    assert "gone.png" in done.stderr


def test_evaluate(place, fitted):
    done = headstart(place, "evaluate", "model", "photos", "--json", "--out", "answers.csv")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["counts"]["measured"] == 48
    assert 30 < said["counts"]["trained_on"] < 48
    assert said["metrics"]["accuracy"]["value"] == 1.0
    with (place / said["predictions"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48
    assert all(row["label"] == row["prediction"] == row["name"].split("/")[0] for row in rows)


def test_answers_are_joined_to_the_rows_of_a_table(place, fitted):
    lines = ["key,photo", "007,new red.png", "008,gone.png", "009,new blue.png"]
    (place / "asked.csv").write_text("\n".join(lines))
    asked = ("asked.csv", "--input", "photo", "--id", "key")
    done = headstart(place, "predict", "model", *asked)
    assert done.returncode == 0, done.stderr
    answers = {row["key"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert {key: row["label"] for key, row in answers.items()} == {
        "007": "red",
        "008": "",
        "009": "blue",
    }
    assert answers["008"]["error"]
    wrong = headstart(place, "predict", "model", "new red.png", "--id", "key")
    assert wrong.returncode == 2
    assert "--id names a column, but none of the inputs is a table" in wrong.stderr


def test_embed(place, fitted):
    done = headstart(place, "embed", "photos", "--out", "features.npz", "--json", "--offline")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["rows"], said["store"]) == (48, {"hits": 48, "misses": 0})
    assert (place / said["path"]).stat().st_size > 0


def test_embed_pools_the_last_stage_alone(place, fitted):
    early = ("--cut", "blocks.5", "--pool", "max")
    done = headstart(place, "embed", "photos", "--out", "pooled.npz", "--offline", *early)
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        "--pool is of the last stage, and --cut blocks.5 stops before it; leave one of them out."
    )
    assert not (place / "pooled.npz").exists()


def test_the_cache_is_shown_and_pruned(place, fitted):
    shown = json.loads(headstart(place, "cache", "--json").stdout)["show"]
    small = [store["name"].startswith("thumbnails") for store in shown]
    assert sorted(small) == [False, True]
    assert [store["rows"] for store in shown] == [48, 48]
    assert "removed 2 stores" in headstart(place, "cache", "prune", "--all").stdout
    assert json.loads(headstart(place, "cache", "--json").stdout)["show"] == []


def test_embed_looks_where_fit_looks(place, fitted):
    """What `fit` was given as `--size` and `--crop`, `embed` is given too."""
    look = ("--size", "64", "--crop", "1", "--offline", "--json")
    done = headstart(place, "embed", "photos", "--out", "looked.npz", *look)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["store"]["misses"] == 48
    done = headstart(place, "fit", "photos", "--out", "looked", *look)
    assert done.returncode == 0, done.stderr
    shape = json.loads(done.stdout)["backbone_facts"]["preprocessing"]
    assert (shape["height"], shape["width"], shape["crop_fraction"]) == (64, 64, 1)
    (place / "notes.csv").write_text("text\nthe cat is old\na red gear\n")
    done = headstart(place, "embed", "notes.csv", "--out", "no.npz", *look[:2], "--offline")
    assert done.returncode == 2
    assert "--size is for images" in done.stderr


def test_one_backbone_stage_by_stage(place):
    done = headstart(place, "backbones", "efficientnet-lite0")
    assert done.returncode == 0, done.stderr
    assert "Stages, in order" in done.stdout
    about = json.loads(headstart(place, "backbones", "efficientnet-lite0", "--json").stdout)
    assert [stage["name"] for stage in about["stages"]]
