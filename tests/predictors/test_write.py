"""A folder is written whole, and nothing else is replaced."""

import shutil
from pathlib import Path

import pytest

import headstart
from headstart.runtime import graphs
from tests.runs import content


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
    monkeypatch.setattr(graphs, "write", full)
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
