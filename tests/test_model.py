"""The saved model: what is read is what was written, or it is refused."""

import copy
import hashlib
import io
import json
import os
import pickle
import shutil
import struct
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
from safetensors.numpy import load_file, save

import headstart
from headstart import data as reading
from headstart import model as saving
from headstart.features.store import StoreKey
from headstart.sealed import seal_of
from headstart.spec import ReadSpec
from tests.runs import Place, content, pictures


@pytest.fixture(scope="module")
def here(tmp_path_factory, warm):
    """A folder with data of three kinds, and its cache in the environment."""
    place = Place(tmp_path_factory.mktemp("models"), warm)
    pictures(place.folder / "photos", 12)
    place.texts("texts.csv", 12)
    place.table("numbers.csv", "text,label", *(f"{'more ' * n}words,{n}.5" for n in range(30)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(place.cache))
        yield place.folder


@pytest.fixture(scope="module")
def fit(here):
    """Runs by the name of their data, fitted once; each is saved beside it."""
    runs = {}

    def fitted(name: str) -> headstart.Run:
        if name not in runs:
            out = here / f"model of {name}"
            runs[name] = headstart.fit(here / name, out=out, offline=True)
        return runs[name]

    return fitted


@pytest.fixture
def run(fit):
    return fit("photos")


@pytest.fixture
def model(run, here, tmp_path):
    """A model's folder that may be spoiled."""
    return Path(shutil.copytree(here / "model of photos", tmp_path / "model"))


def _describe(model: Path, **changes) -> None:
    """Change a model's description, and seal it again."""
    about = json.loads((model / "model.json").read_text()) | changes
    about["seal"] = seal_of(about)
    (model / "model.json").write_text(json.dumps(about))


def _swap(model: Path, name: str, raw: bytes) -> None:
    """Put other bytes in a model's file, and make its description agree."""
    (model / name).write_bytes(raw)
    about = json.loads((model / "model.json").read_text())
    _describe(model, files=about["files"] | {name: hashlib.sha256(raw).hexdigest()})


def _inputs(here: Path, name: str) -> list[str]:
    if name == "photos":
        return sorted(map(str, (here / name).rglob("*.jpg")))
    return ["the cat is old", "a gearbox", "more more words", "more words", "the cat is old"]


def _numbers(answers) -> np.ndarray:
    return answers.values if answers.probabilities is None else answers.probabilities


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_the_saved_model_answers_like_the_one_that_was_trained(fit, here, name):
    run, inputs = fit(name), _inputs(here, name)
    loaded = headstart.load(here / f"model of {name}")
    before, after = run.model.predict(inputs), loaded.predict(inputs)
    np.testing.assert_array_equal(_numbers(before), _numbers(after))
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
    paths = _inputs(here, "photos")
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


def test_a_model_of_an_older_headstart_knows_no_items(model, here):
    arrays = load_file(model / "model.safetensors")
    assert arrays.pop("trained").shape[1] == 16
    _swap(model, "model.safetensors", save(arrays))
    about = json.loads((model / "model.json").read_text())
    del about["trained_items"]
    (model / "model.json").write_text(json.dumps(about))
    _describe(model)
    assert headstart.load(model).trained is None
    assert headstart.evaluate(model, here / "photos", offline=True).counts["trained_on"] == 0


@pytest.mark.parametrize("wrong", [np.zeros((3, 8), np.uint8), np.zeros((3, 16), np.float32)])
def test_a_list_of_items_that_is_none_is_refused(model, wrong):
    arrays = load_file(model / "model.safetensors")
    _swap(model, "model.safetensors", save(arrays | {"trained": wrong}))
    with pytest.raises(headstart.InputError, match="items it was trained on"):
        headstart.load(model)


def test_a_file_that_cannot_be_written_is_refused_before_any_work(model, here, tmp_path):
    for name in ("x.xlsx", "nowhere/x.csv"):
        with pytest.raises(headstart.InputError, match="^--out is"):
            headstart.evaluate(tmp_path / "no model", here / "photos", out=tmp_path / name)


def test_a_folder_may_be_named_with_a_string(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run.model.save("new/model")
    assert headstart.load("new/model").classes == run.model.classes


def test_an_old_model_is_replaced_whole(fit, model):
    (model / "tokenizer.json").write_text("of an older model")
    fit("photos").model.save(model)
    assert not (model / "tokenizer.json").exists()
    fit("texts.csv").model.save(model)
    assert headstart.load(model).modality == "text"
    assert [each.name for each in model.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["notes.txt", "model.pkl", ".git"])
def test_a_folder_with_something_else_in_it_is_refused(run, model, name):
    (model / name).write_text("mine")
    before = content(model)
    with pytest.raises(headstart.InputError, match=f"{name}.*not a headstart model"):
        run.model.save(model)
    assert content(model) == before


def test_a_folder_of_someone_elses_is_refused(run, tmp_path):
    """Other programs call their files README.md and model.safetensors too."""
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "model.safetensors").write_text("mine")
    with pytest.raises(headstart.InputError, match="not a headstart model"):
        run.model.save(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_file_is_no_folder(run, tmp_path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(headstart.InputError, match="a file; name a folder"):
        run.model.save(tmp_path / "model")
    assert (tmp_path / "model").read_text() == "mine"


def test_a_full_disk_leaves_the_old_model(run, model, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = content(model)
    monkeypatch.setattr(saving.graphs, "write", full)
    with pytest.raises(OSError, match="No space"):
        run.model.save(model)
    assert content(model) == before
    assert [each.name for each in model.parent.iterdir()] == ["model"]


def test_a_rename_that_fails_leaves_the_old_model(run, model, monkeypatch):
    rename = Path.rename

    def refuse(path, target):
        if path.name.endswith(".partial"):
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    before = content(model)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        run.model.save(model)
    assert content(model) == before
    assert [each.name for each in model.parent.iterdir()] == ["model"]


def test_what_a_killed_save_left_is_no_hindrance(run, model):
    shutil.copytree(model, model.with_name(".model.partial"))
    model.rename(model.with_name(".model.old"))
    run.model.save(model)
    assert headstart.load(model).classes == run.model.classes
    assert [each.name for each in model.parent.iterdir()] == ["model"]


FILES = ["compiled/network.bin", "compiled/network.xml", "model.safetensors"]


@pytest.mark.parametrize("where", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_a_file_is_found_and_named(model, name, where):
    raw = bytearray((model / name).read_bytes())
    raw[where] ^= 1
    (model / name).write_bytes(raw)
    with pytest.raises(headstart.InputError, match=f"{name}.*damaged"):
        headstart.load(model)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_found_and_named(model, name):
    os.truncate(model / name, (model / name).stat().st_size // 2)
    with pytest.raises(headstart.InputError, match=f"{name}.*damaged"):
        headstart.load(model)


@pytest.mark.parametrize("name", [*FILES, "model.json"])
def test_a_missing_file_is_named(model, name):
    (model / name).unlink()
    with pytest.raises(headstart.InputError, match=name):
        headstart.load(model)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_the_description_leaves_out_is_not_trusted(model, name):
    files = json.loads((model / "model.json").read_text())["files"]
    del files[name]
    _describe(model, files=files)
    with pytest.raises(headstart.InputError, match=f"{name}.*not whole"):
        headstart.load(model)


def test_the_tokenizer_of_texts_is_guarded_too(fit, here, tmp_path):
    fit("texts.csv")
    model = Path(shutil.copytree(here / "model of texts.csv", tmp_path / "model"))
    with (model / "tokenizer.json").open("a") as file:
        file.write(" ")
    with pytest.raises(headstart.InputError, match=r"tokenizer.json.*damaged"):
        headstart.load(model)
    (model / "tokenizer.json").unlink()
    with pytest.raises(headstart.InputError, match=r"lacks 'tokenizer.json'"):
        headstart.load(model)


def test_a_changed_description_does_not_match_its_seal(model):
    text = (model / "model.json").read_text()
    (model / "model.json").write_text(text.replace('"blue"', '"green"'))
    with pytest.raises(headstart.InputError, match=r"model.json.*seal"):
        headstart.load(model)


@pytest.mark.parametrize("schema", [0, 4, "1", None])
def test_another_schema_is_refused(model, schema):
    _describe(model, schema=schema)
    with pytest.raises(headstart.InputError, match=f"has schema {schema!r}"):
        headstart.load(model)


@pytest.mark.parametrize("name", ["../secret", "compiled/../../secret", "/secret", "model.pkl"])
def test_files_outside_the_model_are_refused_unread(model, name):
    """Were it read, the sum would tell what is in it."""
    os.mkfifo(model.parent / "secret")
    name = name.replace("/secret", str(model.parent / "secret")) if name[0] == "/" else name
    files = json.loads((model / "model.json").read_text())["files"]
    _describe(model, files=files | {name: "0" * 64})
    with pytest.raises(headstart.InputError, match=f"may not have: '{name}'"):
        headstart.load(model)


class Evil:
    def __reduce__(self):
        return Path("evil").touch, ()


@pytest.mark.parametrize("name", ["model.safetensors", "compiled/network.xml"])
def test_a_pickle_in_a_files_place_is_refused_unrun(model, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    _swap(model, name, pickle.dumps(Evil()))
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", ["model.pkl", "pytorch_model.bin", "modeling.py"])
def test_a_pickle_or_code_beside_the_files_is_ignored(model, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    code = b"import pathlib; pathlib.Path('evil').touch()"
    (model / name).write_bytes(code if name.endswith(".py") else pickle.dumps(Evil()))
    _describe(model, auto_map={"AutoModel": "modeling.Evil"})
    headstart.load(model).predict([np.zeros((64, 64, 3), np.uint8)])
    assert not (tmp_path / "evil").exists()


def _safetensors(shape: list[int], end: int, length: int | None = None) -> bytes:
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}
    header = json.dumps({"weight": entry}).encode()
    return struct.pack("<Q", length or len(header)) + header + b"\0" * 8


@pytest.mark.parametrize(
    "raw",
    [
        _safetensors([10**12], 4 * 10**12),
        _safetensors([2], 4 * 10**12),
        _safetensors([10**12], 8),
        _safetensors([2**62, 2**62], 8),
        _safetensors([2], 8, length=2**62),
        _safetensors([2], 8, length=90_000_000),
        b"",
    ],
    ids=["both", "offsets", "shape", "overflow", "header", "long header", "empty"],
)
def test_a_header_that_lies_about_sizes_is_refused(model, raw):
    _swap(model, "model.safetensors", raw)
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)


def test_a_head_that_does_not_fit_is_refused(fit, here, model):
    fit("texts.csv")
    _swap(model, "model.safetensors", (here / "model of texts.csv/model.safetensors").read_bytes())
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)


@pytest.mark.parametrize("name", ["photos", "nowhere"])
def test_what_is_no_model_is_said_to_be_none(here, name):
    with pytest.raises(headstart.InputError, match=f"{name}' is not a headstart model"):
        headstart.load(here / name)


def test_items_of_another_kind_are_refused(fit):
    with pytest.raises(headstart.InputError, match="answers for texts"):
        fit("texts.csv").model.predict([np.zeros((64, 64, 3), np.uint8)])


def test_an_item_that_cannot_be_read_is_named(run, here):
    (here / "bad.jpg").write_bytes(b"not a picture")
    answers = run.model.predict([str(here / "bad.jpg"), *_inputs(here, "photos")[:2]])
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
        "headstart.model.trial.engine", lambda *_: pytest.fail("the network was compiled")
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
    _swap(model, "compiled/network.bin", bytes(network))
    other = headstart.load(model)
    assert other.about["store"] == run.model.about["store"]
    assert other.key(other.precision).name != own.key(own.precision).name
    _describe(model, store={"backbone": ["x"]})
    assert headstart.load(model).key("float32").fingerprint == other.digest


def test_a_saved_model_carries_its_reference(fit, here, model):
    run, loaded = fit("photos"), headstart.load(model)
    assert loaded.digest == run.model.digest
    assert loaded.reference.features.tobytes() == run.model.reference.features.tobytes()
    assert loaded.reference.inputs[0].tobytes() == run.model.reference.inputs[0].tobytes()


def test_a_model_from_before_references_answers_too(fit, here, model):
    expected = fit("photos").model.predict(_inputs(here, "photos")).probabilities
    about = json.loads((model / "model.json").read_text())
    (model / "compiled/reference.safetensors").unlink()
    files = {k: v for k, v in about["files"].items() if "reference" not in k}
    _describe(model, files=files)
    loaded = headstart.load(model)
    assert loaded.reference is None
    assert np.array_equal(loaded.predict(_inputs(here, "photos")).probabilities, expected)


class Plain(pickle.Unpickler):
    """Reads what is made of numpy's arrays and of headstart's own classes alone."""

    def find_class(self, module, name):
        assert module.partition(".")[0] in ("headstart", "numpy"), (module, name)
        return super().find_class(module, name)


@pytest.mark.parametrize("name", ["photos", "texts.csv", "numbers.csv"])
def test_a_copy_answers_to_the_bit(fit, here, name):
    """What is pickled is arrays, and the network as bytes."""
    model, inputs = fit(name).model, _inputs(here, name)
    expected = _numbers(model.predict(inputs))
    raw = pickle.dumps(model)
    for other in (Plain(io.BytesIO(raw)).load(), copy.deepcopy(model), copy.copy(model)):
        np.testing.assert_array_equal(_numbers(other.predict(inputs)), expected)
        assert other.classes == model.classes


@pytest.mark.parametrize("name", ["photos", "texts.csv"])
def test_many_threads_share_a_model(fit, here, name):
    model, inputs = headstart.load(fit(name).report.model), _inputs(here, name)
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
    command = [sys.executable, "-W", "ignore", "-c", FORKED, model, *_inputs(here, name)[:5]]
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
    paths = _inputs(here, "photos")
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
    path = _inputs(here, "photos")[0]
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


ABSURD = {
    "task": [None, "", 7, ["classification"], "regression"],
    "modality": [None, "sound", {}, "text"],
    "classes": [None, [], ["a"], ["a", "a"], ["a", 7], "ab", {"a": 1}, ["a", None]],
    "head": [None, {}, {"name": None, "settings": {}}, {"name": "linear", "settings": None},
             {"name": "linear", "settings": {}}, {"name": "linear", "settings": {"task": "x"}}],
    "temperature": [None, 0, -1, "1", True, [1], 1e400],
    "precision": [None, "int1", 16],
    "width": [0, -1, "all", True, 1.5, 10**9],
    "preprocessing": [None, [], {}],
    "backbone": [None, [], {"name": None}],
    "metrics": [None, [], {"accuracy": None}, {"accuracy": {"value": "a"}}],
    "versions": [None, []],
    "seed": [None, -1, "0"],
    "schema": [True, 2.0, [2]],
}  # fmt: skip
CASES = [(key, value) for key, values in ABSURD.items() for value in values]


@pytest.mark.parametrize(("key", "value"), CASES, ids=str)
def test_absurd_values_under_a_good_seal_are_refused(model, key, value):
    _describe(model, **{key: value})
    with pytest.raises(headstart.InputError):
        headstart.load(model)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("height", 0), ("height", None), ("width", 10**9), ("width", True), ("height", "224"),
        ("crop_fraction", 0), ("crop_fraction", 2), ("crop_fraction", None),
        ("interpolation", "none"), ("interpolation", ["bilinear"]), ("mean", [0, 0]),
        ("mean", None), ("std", [0, 1, 1]), ("std", ["a", 1, 1]), ("squash", 1),
        ("keep_aspect_ratio", 1), ("more", 1),
    ],
)  # fmt: skip
def test_absurd_preprocessing_of_images_is_refused(model, key, value):
    said = json.loads((model / "model.json").read_text())["preprocessing"]
    _describe(model, preprocessing={**said, key: value})
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)


@pytest.fixture
def texts_model(fit, here, tmp_path):
    fit("texts.csv")
    return Path(shutil.copytree(here / "model of texts.csv", tmp_path / "texts"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_tokens", 0), ("max_tokens", 1), ("max_tokens", None), ("max_tokens", "256"),
     ("max_tokens", 10**12), ("pad_id", -1), ("pad_id", None), ("pad_id", 10**12)],
)  # fmt: skip
def test_absurd_preprocessing_of_texts_is_refused(texts_model, key, value):
    said = json.loads((texts_model / "model.json").read_text())["preprocessing"]
    _describe(texts_model, preprocessing={**said, key: value})
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(texts_model)


def test_a_tokenizer_that_may_take_for_ever_is_refused(texts_model):
    tokenizer = json.loads((texts_model / "tokenizer.json").read_text())
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Removed"}
    tokenizer["pre_tokenizer"] = {**split, "invert": False}
    _swap(texts_model, "tokenizer.json", json.dumps(tokenizer).encode())
    with pytest.raises(headstart.InputError, match="may take for ever"):
        headstart.load(texts_model)
