"""The saved model answers like the one that was trained."""

import copy
import io
import json
import os
import pickle
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import headstart
from headstart import data as reading
from headstart.features.store import StoreKey
from headstart.spec import ReadSpec
from tests.predictors.folders import describe, items_for, numbers, swap
from tests.runs import content, pictures


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_the_saved_model_answers_like_the_one_that_was_trained(fit, here, name):
    run, inputs = fit(name), items_for(here, name)
    loaded = headstart.load(here / f"model of {name}")
    before, after = run.model.predict(inputs), loaded.predict(inputs)
    np.testing.assert_array_equal(numbers(before), numbers(after))
    assert before.labels == after.labels
    assert len(set(before.labels)) > 1
    assert before.names == after.names == inputs
    assert (loaded.task, loaded.modality, loaded.classes) == (
        run.model.task,
        run.model.modality,
        run.model.classes,
    )
    assert loaded.about == json.loads(json.dumps(run.model.about))


def test_it_answers_rightly(run, here):
    paths = items_for(here, "photos")
    assert run.model.predict(paths).labels == [Path(path).parent.name for path in paths]


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_saving_twice_writes_the_same_bytes(fit, here, tmp_path, name):
    fit(name).model.save(tmp_path / "once")
    fit(name).model.save(tmp_path / "twice")
    headstart.load(tmp_path / "once").save(tmp_path / "again")
    once = content(tmp_path / "once")
    assert {"model.json", "model.safetensors", "README.md"} < set(once)
    assert once == content(tmp_path / "twice") == content(tmp_path / "again")
    assert once == content(here / f"model of {name}")


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_every_item_has_its_label_and_the_models_answer(fit, here, name):
    run, folder = fit(name), here / f"model of {name}"
    rows = pyarrow.parquet.read_table(folder / "predictions.parquet").to_pylist()
    counts = Counter(row["split"] for row in rows)
    assert counts == {split: run.report.counts[split] for split in ("train", "validation", "test")}
    assert run.results.names == [row["name"] for row in rows]
    if name == "numbers.csv":
        assert [row["label"] for row in rows] == [n + 0.5 for n in range(30)]
        answers = headstart.evaluate(folder, here / name, offline=True)
        mean = np.mean([abs(row["label"] - row["value"]) for row in rows])
        assert answers.metrics["mae"].value == pytest.approx(mean, rel=1e-4)
        return
    answers = headstart.api.predict(folder, [str(here / name)])
    assert answers.names == [row["name"] for row in rows]
    assert answers.labels == [row["prediction"] for row in rows]
    shares = [[row[f"p({c})"] for c in run.model.classes] for row in rows]
    np.testing.assert_allclose(answers.probabilities, shares, atol=1e-3)
    tested = [row["prediction"] == row["label"] for row in rows if row["split"] == "test"]
    assert np.mean(tested) == run.report.test["accuracy"].value


def test_evaluate_says_how_many_items_the_model_was_trained_on(fit, here, tmp_path):
    run, folder = fit("photos"), here / "model of photos"
    learnt = run.report.counts["train"] + run.report.counts["validation"]
    said = headstart.evaluate(folder, here / "photos", out=tmp_path / "x.parquet", offline=True)
    assert said.counts == {"measured": 24, "trained_on": learnt, "skipped": 0}
    assert said.warnings[0] == (
        f"{learnt} of the 24 items are among those that the model was trained on, so these "
        "figures are better than those of new items."
    )
    rows = pyarrow.parquet.read_table(tmp_path / "x.parquet")
    assert rows["split"].null_count == len(rows) == 24
    kept = pyarrow.parquet.read_table(folder / "predictions.parquet")
    assert rows["digest"].to_pylist() == kept["digest"].to_pylist()
    in_training = pc.is_in(kept["split"], pa.array(["train", "validation"]))
    learnt_from = kept.filter(in_training)["digest"].to_pylist()
    digests = np.array([bytes.fromhex(each) for each in learnt_from], "S16")
    assert run.model.seen(digests).all()
    fresh = pictures(tmp_path / "fresh", 3, seed=9)
    again = headstart.evaluate(folder, fresh, offline=True)
    assert again.counts["trained_on"] == 0
    assert not any("trained on" in each for each in again.warnings)


def test_one_renamed_item_of_the_training_is_known(fit, here, tmp_path):
    run, fresh = fit("texts.csv"), tmp_path / "few.csv"
    known = next(
        n for n, s in zip(run.results.names, run.results.splits, strict=True) if s == "train"
    )
    lines = (here / "texts.csv").read_text().splitlines()
    line = lines[int(known.partition(":")[2]) - 1]
    fresh.write_text("\n".join([lines[0], "a new text,car", "another,animal", line]))
    said = headstart.evaluate(here / "model of texts.csv", fresh, offline=True)
    assert said.warnings[0].startswith("1 of the 3 items is one that the model was trained on")
    fresh.write_text("\n".join([lines[0], line]))
    said = headstart.evaluate(here / "model of texts.csv", fresh, offline=True)
    assert said.warnings[0].startswith("Every item is one that the model was trained on")


def test_items_of_another_kind_are_refused(fit):
    with pytest.raises(headstart.InputError, match="answers for texts"):
        fit("texts.csv").model.predict([np.zeros((64, 64, 3), np.uint8)])


def test_an_item_that_cannot_be_read_is_named(run, here):
    (here / "bad.jpg").write_bytes(b"not a picture")
    answers = run.model.predict([str(here / "bad.jpg"), *items_for(here, "photos")[:2]])
    assert len(answers) == 3
    assert answers.labels[0] is None
    assert answers.errors[0]
    assert [each.item for each in answers.skipped] == [str(here / "bad.jpg")]


@pytest.mark.parametrize("name", ["photos", "texts.csv"])
def test_predict_imports_nothing_heavy(fit, here, name):
    fit(name)
    code = (
        "import sys; from headstart.cli.app import run\n"
        f"code = run(['predict', 'model of {name}', {name!r}])\n"
        "print(code, *filter(sys.modules.get, list(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here, capture_output=True, text=True, check=True
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0"
    assert len(done.stdout.splitlines()) == 25
    packages = {module.partition(".")[0] for module in modules}
    assert "openvino" in packages
    assert not {"torch", "sklearn", "lance", "pyarrow", "pandas", "transformers"} & packages


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_evaluating_reads_what_is_stored_and_agrees_with_predicting(fit, here, monkeypatch, name):
    run = fit(name)
    answers = headstart.predict(here / f"model of {name}", [str(here / name)], offline=True)
    data = reading.read(here / name, ReadSpec(task=run.report.task))
    expected = run.model.scores(data)
    monkeypatch.setattr(
        "headstart.runtime.trial.engine", lambda *_: pytest.fail("the network was compiled")
    )
    measured = headstart.evaluate(here / f"model of {name}", here / name, offline=True)
    assert measured.counts["measured"] == len(answers)
    if name == "photos":
        right = [Path(item).parent.name for item in answers.names]
        share = np.mean([a == b for a, b in zip(answers.labels, right, strict=True)])
        assert measured.metrics["accuracy"].value == share
    loaded = headstart.load(here / f"model of {name}")
    found = loaded.stored_scores(data)
    assert found.scores.tobytes() == expected.scores.tobytes()
    assert found.digests.tolist() == expected.digests.tolist()


def test_what_was_not_stored_is_for_the_next_time(fit, here, tmp_path, monkeypatch):
    """Also where the trunk that the model was trained on has no graph in the cache."""
    fit("photos")
    model = headstart.load(here / "model of photos")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "elsewhere"))
    data = reading.read(here / "photos", ReadSpec())
    first = model.stored_scores(data)
    monkeypatch.setattr(
        "headstart.features.pipeline.images.decode", lambda *_: pytest.fail("decoded again")
    )
    again = model.stored_scores(data)
    assert first.scores.tobytes() == again.scores.tobytes()


def test_a_model_is_not_believed_whose_features_are_in_a_store(fit, here, model):
    """One with another network that claims to be trained on a trunk would spoil its store."""
    run = fit("photos")
    own = headstart.load(model)
    assert own.key(own.precision).name == StoreKey(**own.about["store"]).name
    network = bytearray((model / "compiled/network.bin").read_bytes())
    network[len(network) // 2] ^= 1
    swap(model, "compiled/network.bin", bytes(network))
    other = headstart.load(model)
    assert other.about["store"] == run.model.about["store"]
    assert other.key(other.precision).name != own.key(own.precision).name
    describe(model, store={"backbone": ["x"]})
    assert headstart.load(model).key("float32").fingerprint == other.digest


def test_a_saved_model_carries_its_reference(fit, here, model):
    run, loaded = fit("photos"), headstart.load(model)
    assert loaded.digest == run.model.digest
    assert loaded.reference.features.tobytes() == run.model.reference.features.tobytes()
    assert loaded.reference.inputs[0].tobytes() == run.model.reference.inputs[0].tobytes()


def test_a_model_from_before_references_answers_too(fit, here, model):
    expected = fit("photos").model.predict(items_for(here, "photos")).probabilities
    about = json.loads((model / "model.json").read_text())
    (model / "compiled/reference.safetensors").unlink()
    files = {k: v for k, v in about["files"].items() if "reference" not in k}
    describe(model, files=files)
    loaded = headstart.load(model)
    assert loaded.reference is None
    assert np.array_equal(loaded.predict(items_for(here, "photos")).probabilities, expected)


class Plain(pickle.Unpickler):
    """Reads what is made of numpy's arrays and of headstart's own classes alone."""

    def find_class(self, module, name):
        assert module.partition(".")[0] in ("headstart", "numpy"), (module, name)
        return super().find_class(module, name)


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_a_copy_answers_to_the_bit(fit, here, name):
    """What is pickled is arrays, and the network as bytes."""
    model, inputs = fit(name).model, items_for(here, name)
    expected = numbers(model.predict(inputs))
    raw = pickle.dumps(model)
    for other in (Plain(io.BytesIO(raw)).load(), copy.deepcopy(model), copy.copy(model)):
        np.testing.assert_array_equal(numbers(other.predict(inputs)), expected)
        assert other.classes == model.classes


@pytest.mark.parametrize("name", ["photos", "texts.csv"])
def test_many_threads_share_a_model(fit, here, name):
    model, inputs = headstart.load(fit(name).report.model), items_for(here, name)
    expected = [model.predict([item]).labels[0] for item in inputs]
    fresh = headstart.load(fit(name).report.model)  # what is first used is compiled by one of them
    barrier = threading.Barrier(8)

    def ask(seed: int):
        order = np.random.default_rng(seed).permutation(len(inputs))
        barrier.wait()
        found = [fresh.predict([inputs[at] for at in order]) for _ in range(3)]
        right = [expected[at] for at in order]
        return all(each.labels == right and not each.skipped for each in found)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))


FORKED = """
import os, sys
import headstart
model = headstart.load(sys.argv[1])
asked = sys.argv[2:]
expected = model.predict(asked).labels
for _ in range(2):
    child = os.fork()
    if not child:
        assert model.predict(asked).labels == expected
        grandchild = os.fork()
        if not grandchild:
            assert model.predict(asked).labels == expected
            sys.exit(0)  # as a worker of a server ends: all is torn down
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, code
assert model.predict(asked).labels == expected
print("answered", *expected)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can be forked here")
@pytest.mark.parametrize("name", ["photos", "texts.csv"])
def test_a_forked_child_answers(fit, here, name):
    model = fit(name).report.model
    command = [sys.executable, "-W", "ignore", "-c", FORKED, model, *items_for(here, name)[:5]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("answered")
    assert "forked" not in done.stderr


GOOD = np.full((64, 64, 3), 200, np.uint8)
BROKEN = (None, 7, b"no image", "gone.jpg", Path("gone.png"), np.zeros((2, 2, 2, 2)), float("nan"))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_row_of_an_answer_is_the_row_of_its_item(run, here, data):
    """Property: mixed, broken and repeated items; each is answered as it is alone."""
    paths = items_for(here, "photos")
    whole = [paths[0], Path(paths[-1]), Image.open(paths[1]), np.asarray(Image.open(paths[-2]))]
    whole.append(Path(paths[2]).read_bytes())
    alone = [run.model.predict(item).probabilities[0] for item in whole]
    choice = st.integers(0, len(whole) + len(BROKEN) - 1)
    chosen = data.draw(st.lists(choice, min_size=1, max_size=12))
    items = [*whole, *BROKEN]
    answers = run.model.predict([GOOD, *(items[at] for at in chosen)])
    assert len(answers) == len(answers.labels) == len(answers.probabilities) == 1 + len(chosen)
    errors = answers.errors or (None,) * len(answers)
    for at, label, row, error in zip(
        chosen, answers.labels[1:], answers.probabilities[1:], errors[1:], strict=True
    ):
        if at < len(whole):
            np.testing.assert_array_equal(row, alone[at])
            assert error is None
        else:
            assert label is None
            assert np.isnan(row).all()
            assert error
    assert len(answers.skipped) == sum(at >= len(whole) for at in chosen)


def test_one_item_is_one_item_everywhere(fit, here):
    photos, texts = fit("photos").model, fit("texts.csv").model
    path = items_for(here, "photos")[0]
    for one in (path, Path(path), Image.open(path), np.asarray(Image.open(path))):
        assert len(photos.predict(one)) == len(headstart.predict(photos, one)) == 1
    for one in ("the cat is old", ".", "/", "a"):
        assert len(texts.predict(one)) == len(headstart.predict(texts, one)) == 1


def test_rows_and_frames_are_answered(fit):
    model = fit("texts.csv").model
    frame = pd.DataFrame({"text": ["the cat is old", None, "a gearbox"]})
    answers = model.predict(frame)
    assert [label is None for label in answers.labels] == [False, True, False]
    assert model.predict(frame["text"]).labels == answers.labels
    assert headstart.predict(model, frame.to_dict("records")).labels == answers.labels


def test_of_a_table_in_memory_the_column_it_was_trained_on_is_read(fit):
    """Another one would be guessed: its name and its longer texts say more."""
    model = fit("numbers.csv").model
    assert model.reads.input == ("text",)
    frame = pd.DataFrame({"review": ["more words, and many of them"], "text": ["words"]})
    assert model.predict(frame).labels == model.predict(["words"]).labels
    with pytest.raises(headstart.InputError, match="text"):
        model.predict(frame[["review"]])


def test_representations_are_short_and_escaped(fit):
    model = fit("texts.csv").model
    assert repr(model).startswith("<Model for text classification of 'animal', 'car'")
    assert len(repr(fit("texts.csv"))) < 400
    answers = model.predict(["<script>alert(1)</script>", "the cat is old"])
    assert repr(answers) == "<Predictions of 2 items>"
    html = answers._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_part_of_some_answers_is_that_of_its_items_alone(fit, here):
    """With what was odd about each, and why one has none."""
    long = "the engine needs oil " * 200
    items = ["the cat", long, " ", "a gearbox", long + "x", None]
    model = fit("texts.csv").model
    whole = model.predict(items)
    assert whole.notes == {1: "truncated", 4: "truncated"}
    for rows in (range(6), range(1, 3), range(4, 6), range(2, 2)):
        part = whole.part(rows)
        assert part.labels == whole.labels[rows.start : rows.stop]
        assert list(part.errors) == list(whole.errors[rows.start : rows.stop])
        assert np.array_equal(
            part.probabilities, whole.probabilities[rows.start : rows.stop], equal_nan=True
        )
        assert [each.item for each in part.skipped] == [
            name for name, error in zip(part.names, part.errors, strict=True) if error
        ]
    assert whole.part(range(4, 6)).notes == {0: "truncated"}
