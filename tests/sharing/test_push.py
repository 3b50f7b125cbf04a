"""A model goes to the hub and comes back: the same answers, and nothing that is to stay at home."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import headstart
from headstart import sealed
from headstart.data import from_memory
from headstart.errors import InputError
from headstart.serving import running
from headstart.sharing import contents
from tests.backbones.fake_hub import FakeHub
from tests.generation import models
from tests.predictors.folders import describe
from tests.run.test_tuning import LINES
from tests.runs import SENTENCES, Place, pictures

SECRETS = ("0-3.jpg", "secret-photos", "notes.csv", "number 7")
"""Names of files and folders, and what is in the texts."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Place:
    """Models of images and of texts, trained on data by its whole path."""
    place = Place(tmp_path_factory.mktemp("of-somebody"), warm)
    pictures(place.folder / "secret-photos", 12)
    shutil.copy(
        place.folder / "secret-photos" / "blue" / "0-3.jpg",
        place.folder / "secret-photos" / "red" / "0-99.jpg",
    )
    (place.folder / "secret-photos" / "red" / "torn.jpg").write_bytes(b"no image")
    place.texts("notes.csv", 12)
    for data, model in (("secret-photos", "photos"), ("notes.csv", "texts")):
        whole = str(place.folder / data)
        out = str(place.folder / model)
        done = place.run("fit", whole, "--out", out, "--offline")
        assert done.code == 0, done.err
    return place


@pytest.fixture
def logged_in(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    monkeypatch.setenv("HF_TOKEN", "hf_of_me")
    return hub


def inputs(place: Place, model: str) -> list[str]:
    if model == "texts":
        return ["my cat needs oil", "dogs sing", "a gearbox"]
    return sorted(map(str, (place.folder / "secret-photos").rglob("0-1*.jpg")))


def card(hub: FakeHub, repository: str) -> tuple[dict, str]:
    _, files = hub.repositories[repository]["main"]
    _, front, text = files["README.md"].decode().split("---\n", 2)
    return yaml.safe_load(front), text


@pytest.mark.parametrize("model", ["photos", "texts"])
def test_it_comes_back_and_gives_the_same_answers(
    trained: Place, logged_in: FakeHub, model: str
) -> None:
    folder, asked = trained.folder / model, inputs(trained, model)
    done = trained.run("push", model, f"me/{model}", "--json")
    assert done.code == 0, done.err
    assert done.json["url"] == f"{logged_in.address}/me/{model}"
    expected = headstart.predict(folder, asked)
    name = f"hf:me/{model}@{done.json['commit']}"
    for named in (f"hf:me/{model}", name):
        answers = headstart.predict(named, asked)
        assert np.array_equal(answers.probabilities, expected.probabilities)
        assert answers.labels == expected.labels
    for offline in (f"hf:me/{model}", name):
        logged_in.asked.clear()
        again = headstart.load(offline, offline=True).predict(asked)
        assert np.array_equal(again.probabilities, expected.probabilities)
    headstart.load(name)
    assert logged_in.asked == []
    ((repository, _, added, gone),) = logged_in.commits
    assert (repository, gone) == (f"me/{model}", set())
    assert added == set(done.json["files"])
    assert {"README.md", "model.json", "report.json", "report.html"} < added
    assert not {"predictions.parquet", "gallery.json"} & added


def test_what_names_items_or_this_machine_stays_here(trained: Place, logged_in: FakeHub) -> None:
    secrets = [*SECRETS, str(trained.folder), str(Path.home())]
    secrets += [text for texts in SENTENCES.values() for text in texts]
    sent_at_home: set[str] = set()
    for model in ("photos", "texts"):
        at_home = [each.read_bytes() for each in (trained.folder / model).rglob("*.*")]
        sent_at_home |= {s for s in secrets if any(s.encode() in each for each in at_home)}
        assert trained.run("push", model, f"me/{model}").code == 0
    assert {"0-3.jpg", "secret-photos", str(trained.folder)} <= sent_at_home  # there is a point
    sent = b"".join(logged_in.uploaded)
    # The vocabulary of a tokenizer has short words of its own, such as a home folder's.
    assert [s for s in secrets if len(s) > 6 and s.encode() in sent] == []
    assert b"data:image" not in sent
    report = json.loads(logged_in.repositories["me/photos"]["main"][1]["report.json"])
    kept = json.loads((trained.folder / "photos" / "report.json").read_text())
    assert report.keys() == kept.keys()
    for figures in ("test", "baselines", "per_class", "confusion", "counts", "class_counts"):
        assert report[figures] == kept[figures]
    assert all(kept[each] for each in ("skipped", "notes", "options", "findings"))
    assert [each["kind"] for each in report["findings"]] == [e["kind"] for e in kept["findings"]]
    assert not any(each["items"] or each["message"] for each in report["findings"])


def test_examples_go_along_where_that_is_said(trained: Place, logged_in: FakeHub) -> None:
    assert trained.run("push", "photos", "me/flowers", "--public-examples").code == 0
    _, files = logged_in.repositories["me/flowers"]["main"]
    assert {"predictions.parquet", "gallery.json"} <= set(files)
    assert b"0-3.jpg" in files["report.html"]
    assert b"data:image" in files["report.html"]
    assert json.loads(files["report.json"])["dataset"] == "secret-photos"
    assert str(trained.folder).encode() not in b"".join(files.values())
    names = pq.read_table(pa.BufferReader(files["predictions.parquet"]))["name"].to_pylist()
    assert "blue/0-3.jpg" in [name.removeprefix("secret-photos/") for name in names]
    assert not any(Path(name).is_absolute() for name in names)
    # The next push without them takes them away.
    assert trained.run("push", "photos", "me/flowers", "--message", "Fewer").code == 0
    _, said, _, gone = logged_in.commits[-1]
    assert (said, gone) == ("Fewer", {"predictions.parquet", "gallery.json"})
    _, files = logged_in.repositories["me/flowers"]["main"]
    assert not {"predictions.parquet", "gallery.json"} & set(files)


def test_the_card_has_what_the_hub_reads(trained: Place, logged_in: FakeHub) -> None:
    assert trained.run("push", "photos", "me/flowers").code == 0
    front, text = card(logged_in, "me/flowers")
    about = json.loads((trained.folder / "photos" / "model.json").read_text())
    assert front["license"] == "apache-2.0"
    assert front["library_name"] == "headstart"
    assert front["pipeline_tag"] == "image-classification"
    assert "image-classification" in front["tags"]
    (index,) = front["model-index"]
    assert index["name"] == "flowers"
    (result,) = index["results"]
    assert result["task"]["type"] == "image-classification"
    found = {each["name"]: each["value"] for each in result["metrics"]}
    assert found["Accuracy"] == about["metrics"]["accuracy"]["value"]
    assert len(found) == len(about["metrics"])
    assert "headstart predict hf:me/flowers photo.jpg" in text
    assert "- `blue`" in text


def test_it_is_listed_before_it_goes(trained: Place, logged_in: FakeHub) -> None:
    done = trained.run("push", "photos", "me/flowers", "--private")
    first, *rest = done.err.splitlines()
    assert first.startswith("To me/flowers on the hub, which only you and whom you allow can see: ")
    listed = {line.split(" (")[0].strip() for line in rest if line.startswith("  ")}
    assert listed == logged_in.commits[0][2]
    assert any("stay here" in line for line in rest)
    assert logged_in.closed == {"me/flowers"}


def test_a_dry_run_writes_the_same_and_asks_nobody(trained: Place, hub: FakeHub) -> None:
    assert trained.run("push", "texts", "me/topics", "--dry-run", "tried").code == 0
    tried = trained.folder / "tried"
    assert hub.asked == []
    assert not any(each.is_symlink() for each in tried.rglob("*"))
    asked = inputs(trained, "texts")
    expected = headstart.predict(trained.folder / "texts", asked)
    answers = headstart.predict(tried, asked)
    assert np.array_equal(answers.probabilities, expected.probabilities)
    again = trained.run("push", "texts", "me/topics", "--dry-run", "tried")
    assert again.code == 2
    assert "is not an empty folder" in again.err
    # What goes to the hub is that, byte for byte.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", "hf_of_me")
        assert trained.run("push", "texts", "me/topics").code == 0
    _, files = hub.repositories["me/topics"]["main"]
    written = {
        each.relative_to(tried).as_posix(): each.read_bytes()
        for each in tried.rglob("*")
        if each.is_file()
    }
    assert {name: files[name] for name in written} == written
    shutil.rmtree(tried)


def test_figures_page_and_comparison_of_what_came_back(
    trained: Place, logged_in: FakeHub, tmp_path: Path
) -> None:
    assert trained.run("push", "photos", "me/a", "--public-examples").code == 0
    data = str(trained.folder / "secret-photos")
    there, here = (
        trained.run("evaluate", model, data, "--json").json for model in ("hf:me/a", "photos")
    )
    assert there["metrics"] == here["metrics"]
    assert there["model"] == "hf:me/a"
    page = tmp_path / "page.html"
    assert trained.run("report", "hf:me/a", "--out", str(page)).code == 0
    assert "secret-photos" in page.read_text()
    refused = trained.run("report", "hf:me/a")
    assert refused.code == 2
    assert "name a file: --out FILE.html" in refused.err
    compared = trained.run("compare", "photos", "hf:me/a", "--json")
    assert compared.code == 0, compared.err
    assert [*compared.json["models"].values()] == ["photos", "hf:me/a"]
    assert trained.run("compare", "photos", "hf:me/a", data, "--json").code == 0
    # Without its report's items there is a page all the same.
    assert trained.run("push", "photos", "me/b").code == 0
    assert trained.run("report", "hf:me/b", "--out", str(page)).code == 0
    lacks = trained.run("compare", "photos", "hf:me/b")
    assert "hf:me/b holds no predictions.parquet" in lacks.err
    assert "Accuracy" in page.read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flowers", "'flowers' is no name of a repository; write OWNER/NAME"),
        ("me/flowers@main", "is no name of a repository"),
        ("me/../you", "is no name of a repository"),
        ("hf:", "is no name of a repository"),
    ],
)
def test_what_is_no_name_is_refused(
    trained: Place, logged_in: FakeHub, name: str, said: str
) -> None:
    done = trained.run("push", "photos", name)
    assert done.code == 2
    assert said in done.err
    assert logged_in.asked == []


def test_without_a_token_nothing_is_asked(trained: Place, hub: FakeHub) -> None:
    done = trained.run("push", "photos", "me/flowers")
    assert done.code == 2
    assert "run `hf auth login`" in done.err
    assert hub.asked == []


def test_what_is_no_model_and_what_is_damaged_are_refused(
    trained: Place, logged_in: FakeHub, tmp_path: Path
) -> None:
    done = trained.run("push", "secret-photos", "me/flowers")
    assert done.code == 2
    assert "is not a headstart model" in done.err
    copy = Path(shutil.copytree(trained.folder / "photos", tmp_path / "model"))
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="is damaged"):
        headstart.push(copy, "me/flowers")
    assert logged_in.asked == []


def test_answers_to_items_stay_even_where_model_json_names_them(
    trained: Place, logged_in: FakeHub, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(trained.folder / "photos", tmp_path / "model"))
    about = sealed.read_about(copy)
    sealed.seal(copy, about, [*about["files"], "predictions.parquet"])
    with pytest.raises(InputError, match="names a file it may not have"):
        headstart.push(copy, "me/flowers")
    assert logged_in.asked == []


def test_a_model_that_is_replaced_meanwhile_is_not_sealed_as_whole(
    trained: Place, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(trained.folder / "photos", tmp_path / "model"))
    about = contents.checked(copy)
    shutil.copyfile(trained.folder / "texts" / "model.safetensors", copy / "model.safetensors")
    (tmp_path / "made").mkdir()
    with pytest.raises(InputError, match="changed while it was read"):
        contents.write(copy, about, tmp_path / "made", "me/flowers", examples=False)


@pytest.mark.parametrize(
    ("licence", "warned"),
    [("CC-BY-NC-4.0", "no commercial use"), (None, "is not known"), ("other", "is not known")],
)
def test_a_licence_that_allows_less_is_said(
    trained: Place, logged_in: FakeHub, tmp_path: Path, licence: str | None, warned: str
) -> None:
    copy = Path(shutil.copytree(trained.folder / "photos", tmp_path / "model"))
    backbone = json.loads((copy / "model.json").read_text())["backbone"]
    describe(copy, backbone=backbone | {"licence": licence})
    (warning,) = headstart.push(copy, "me/flowers").warnings
    assert warned in warning
    assert card(logged_in, "me/flowers")[0]["license"] == (licence or "unknown").lower()


def test_a_licence_that_forbids_it_and_places_of_networks(
    trained: Place, logged_in: FakeHub, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(trained.folder / "photos", tmp_path / "model"))
    at_home = {"name": "/home/me/nets/mine", "licence": "CC-BY-NC-ND-4.0", "fingerprint": "0"}
    describe(copy, backbone=at_home)
    with pytest.raises(InputError, match="forbids to pass on"):
        headstart.push(copy, "me/flowers")
    assert logged_in.asked == []
    headstart.push(copy, "me/flowers", private=True)
    assert b"/home/me" not in b"".join(logged_in.uploaded)


def test_a_repository_that_is_public_or_holds_something_else(
    trained: Place, logged_in: FakeHub
) -> None:
    logged_in.keep("me/open", {"model.json": b"{}"})
    logged_in.keep("me/bert", {"config.json": b"{}", "README.md": b""})
    logged_in.keep("me/js", {"model.json": b'{"format": "layers-model"}'})
    for options, said in (
        (("me/open", "--private"), "is there and is public"),
        (("me/js",), "holds 'model.json', and no headstart model"),
        (("me/bert",), "holds 'config.json', and no headstart model"),
    ):
        done = trained.run("push", "photos", *options)
        assert done.code == 2
        assert said in done.err
    assert logged_in.commits == []
    assert not any("preupload" in path for _, path, _ in logged_in.asked)


def test_a_hub_that_refuses_or_is_away(trained: Place, logged_in: FakeHub) -> None:
    logged_in.refuses = True
    done = trained.run("push", "photos", "me/flowers")
    assert done.code == 2
    assert "does not let your token write to me/flowers" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hf:flowers", "write hf:OWNER/NAME"),
        ("hf:me/none", "the hub has no such repository"),
        ("hf:me/bert", "is not a headstart model: it has no model.json"),
        ("hf:me/bert@v9", "the hub has no such revision"),
    ],
)
def test_what_is_no_model_of_the_hub_gets_a_sentence(
    place: Place, hub: FakeHub, name: str, said: str
) -> None:
    hub.keep("me/bert", {"config.json": b"{}", "model.safetensors": b"x"})
    done = place.run("predict", name, "photo.jpg")
    assert done.code == 2
    assert said in done.err
    assert not any(path.endswith("model.safetensors") for _, path, _ in hub.asked)


def test_offline_and_away_only_what_is_cached(trained: Place, logged_in: FakeHub) -> None:
    assert trained.run("push", "texts", "me/topics").code == 0
    logged_in.asked.clear()
    done = trained.run("predict", "hf:me/topics", "a cat", "--offline")
    assert done.code == 2
    assert "is not whole on this machine; leave --offline out" in done.err
    assert logged_in.asked == []
    assert trained.run("predict", "hf:me/topics", "a cat").code == 0
    logged_in.down = True
    for options in ((), ("--offline",), ("--offline", "--top", "1")):
        done = trained.run("predict", "hf:me/topics", "a cat", *options)
        assert done.code == 0, done.err


def test_a_newer_version_is_taken_and_an_older_by_its_commit(
    trained: Place, logged_in: FakeHub, tmp_path: Path
) -> None:
    first = headstart.push(trained.folder / "texts", "me/topics")
    assert headstart.load("hf:me/topics").about["seed"] == 0
    copy = Path(shutil.copytree(trained.folder / "texts", tmp_path / "model"))
    describe(copy, seed=7)
    headstart.push(copy, "me/topics")
    assert headstart.load("hf:me/topics").about["seed"] == 7
    assert headstart.load(f"hf:me/topics@{first.commit}").about["seed"] == 0


def test_a_damaged_download_is_found_and_fetched_again(trained: Place, logged_in: FakeHub) -> None:
    assert trained.run("push", "texts", "me/topics").code == 0
    logged_in.damaged = {"model.safetensors"}
    done = trained.run("predict", "hf:me/topics", "a cat")
    assert done.code == 2
    assert "damaged" in done.err
    logged_in.damaged = set()
    assert trained.run("predict", "hf:me/topics", "a cat").code == 0


def test_nothing_of_a_repository_is_taken_but_the_model(trained: Place, logged_in: FakeHub) -> None:
    assert trained.run("push", "texts", "me/topics").code == 0
    _, files = logged_in.repositories["me/topics"]["main"]
    more = {"sitecustomize.py": b"raise SystemExit(3)", "model.pkl": b"x", "huge.bin": b"x"}
    logged_in.keep("me/topics", files | more)
    assert trained.run("predict", "hf:me/topics", "a cat").code == 0
    assert not any(path.endswith(tuple(more)) for _, path, _ in logged_in.asked)
    about = json.loads(files["model.json"])
    about["files"]["sitecustomize.py"] = "0" * 64
    about["seal"] = sealed.seal_of(about)
    logged_in.keep("me/topics", files | more | {"model.json": json.dumps(about).encode()})
    done = trained.run("predict", "hf:me/topics", "a cat")
    assert done.code == 2
    assert "names a file it may not have: 'sitecustomize.py'" in done.err


def test_a_model_that_writes(logged_in: FakeHub, tmp_path: Path, place: Place) -> None:
    base = models.save(tmp_path / "base-of-mine", "gpt2")
    data, out = from_memory(LINES, modality="text"), tmp_path / "writer"
    headstart.fit(data, task="generation", backbone=base, epochs=1, out=out)
    assert b"base-of-mine" in (out / "adapter" / "adapter_config.json").read_bytes()
    headstart.push(out, "me/writer")
    assert b"base-of-mine" not in b"".join(logged_in.uploaded)
    assert not [line for line in LINES if line.encode() in b"".join(logged_in.uploaded)]
    front, text = card(logged_in, "me/writer")
    assert (front["pipeline_tag"], front["library_name"]) == ("text-generation", "transformers")
    assert 'headstart generate hf:me/writer "Once upon a time"' in text
    expected = "".join(headstart.generate(out, "the a", length=9))
    done = place.run("generate", "hf:me/writer", "the a", "--length", "9", "--json")
    assert done.json["text"] == expected
    logged_in.asked.clear()
    again = headstart.generate("hf:me/writer", "the a", length=9, offline=True)
    assert "".join(again) == expected
    assert logged_in.asked == []
    # The hub's layout is that of a backbone: others train on from there.
    run = headstart.fit(data, task="generation", backbone="hf:me/writer", epochs=1)
    assert run.report.backbone == "hf:me/writer"


def test_a_server_and_an_export_of_what_came_back(trained: Place, logged_in: FakeHub) -> None:
    assert trained.run("push", "texts", "me/topics").code == 0
    served = running.named(["hf:me/topics", "mine=hf:me/topics"])
    assert list(served) == ["topics", "mine"]
    assert len(set(served.values())) == 1
    # Its own validation files stayed at home.
    command = ("export", "hf:me/topics", "--format", "openvino", "--out", "exported")
    refused = trained.run(*command)
    assert refused.code == 2
    assert "--data" in refused.err
