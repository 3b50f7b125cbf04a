"""Whole command lines: a small GPT learns new texts, is measured, saved and writes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.generation import models
from tests.runs import Place, content

NEW = ("science", "trivia", "psychology")
FIT = ("--task", "generation", "--backbone", "base", "--offline")


def table(place: Place, name: str, lines: list[str]) -> None:
    with (place.folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([line] for line in lines)])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A random model, what LoRA made of it, and what it answers from."""
    made = Place(tmp_path_factory.mktemp("texts"))
    models.save(made.folder / "base")
    table(made, "new.csv", models.topics()["emotion"][:60])
    assert made.run("fit", "new.csv", "--out", "model", "--epochs", "1", *FIT).code == 0
    return made


def test_the_report_says_what_was_done_and_how_good_it_is(place):
    report = place.report()
    assert (report["task"], report["strategy"], report["cut"]) == ("generation", "lora", "h.1")
    assert (report["backbone"], report["seed"], report["model"]) == ("base", 0, "model")
    assert report["counts"]["train"] + report["counts"]["validation"] == 48
    assert report["counts"]["test"] == 12
    for found in (report["test"], report["baselines"]["pretrained"]):
        assert 1 < found["perplexity"]["low"] < found["perplexity"]["high"]
    assert [each["strategy"] for each in report["rungs"]] == ["pretrained", "lora"]
    assert report["seconds"]["total"] > 0
    assert report["store"]["misses"] >= 48
    assert report["sample"]["prompt"]
    assert any("Only 12 test texts" in each for each in report["warnings"])
    assert report["versions"]["peft"]
    assert report["next_steps"] == [
        {"what": "let it write", "command": 'headstart generate model "PROMPT"'}
    ]


def test_a_terminal_gets_it_in_words(place):
    done = place.run("fit", "new.csv", "--out", "words", "--epochs", "1", *FIT)
    assert done.code == 0, done.err
    for said in ("perplexity", "pretrained", "It writes", 'headstart generate words "PROMPT"'):
        assert said in done.out
    assert content(place.folder / "words") == content(place.folder / "model")


def test_json_is_the_report(place):
    done = place.run("fit", "new.csv", "--out", "json", "--epochs", "1", "--json", *FIT)
    assert done.json == place.report("json")


def test_generate_writes_the_same_for_the_same_seed(place):
    first, again, other = (
        place.run("generate", "model", "I feel", "--length", "12", "--seed", seed)
        for seed in ("1", "1", "2")
    )
    assert first.code == 0, first.err
    assert first.out == again.out != other.out
    as_json = place.run("generate", "model", "I feel", "--length", "12", "--seed", "1", "--json")
    assert as_json.json["text"] + "\n" == first.out
    assert as_json.json["ended"] in ("length", "end of text")
    assert as_json.json["tokens"] <= 12


def test_a_prompt_comes_from_standard_input_too(place):
    given = place.run("generate", "model", "I feel", "--length", "8", "--temperature", "0")
    read = place.process(
        *("generate", "model", "-", "--length", "8", "--temperature", "0"), stdin="I feel\n"
    )
    assert (read.code, read.out) == (0, given.out)
    assert read.err == ""


def test_a_prompt_that_is_too_long_is_said(place):
    done = place.run("generate", "model", "word " * 200, "--length", "2")
    assert "the prompt is longer than the model reads" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predict", "model", "a text"), "writes texts; ask it with `headstart generate`"),
        (("evaluate", "model", "new.csv"), "writes texts"),
        (("generate", "base", "a"), "it has no model.json"),
        (("generate", "nowhere", "a"), "it has no model.json"),
        (("generate", "model", "a", "--length", "0"), "--length is 0, but it must be"),
        (("generate", "model", "a", "--top-p", "2"), "--top-p is 2"),
        (("fit", "new.csv", "--out", "x", "--task", "generation"), "needs a --backbone"),
        (("fit", "new.csv", "--out", "base", *FIT), "not a headstart model that may be replaced"),
        (("fit", "new.csv", "--out", "x", "--head", "knn", *FIT), "--head means nothing"),
        (("fit", "no.txt", "--out", "x", *FIT), "There is no file or folder 'no.txt'"),
    ],
)
def test_what_is_wrong_gets_a_sentence(place, arguments, said):
    done = place.run(*arguments)
    assert done.code == 2
    assert said in done.err
    assert not (place.folder / "x").exists()


def test_a_model_that_answers_does_not_write(place):
    about = {"schema": 1, "task": "classification"}
    from headstart.sealed import seal

    (place.folder / "answers").mkdir()
    seal(place.folder / "answers", about, [])
    done = place.run("generate", "answers", "a")
    assert done.code == 2
    assert "writes no texts; ask it with `headstart predict`" in done.err


def test_questions_and_answers_are_learnt_as_prompts_and_completions(place):
    rows = [{"q": f"What is {n}?", "a": f"{n} is {n + 1} less one."} for n in range(40)]
    (place.folder / "qa.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = place.run(
        *("fit", "qa.jsonl", "--out", "qa", "--prompt", "q", "--completion", "a"),
        *("--epochs", "1", "--json", *FIT),
    )
    assert done.code == 0, done.err
    assert done.json["sample"]["prompt"].startswith("What is ")


@pytest.mark.slow
def test_lora_lowers_the_perplexity_of_a_small_gpt_on_new_text(tmp_path):
    place, topics = Place(tmp_path), models.topics()
    old = [line for name, lines in topics.items() if name not in NEW for line in lines]
    models.learnt(place.folder / "base", old, steps=200, n_embd=64)
    table(place, "new.csv", [line for name in NEW for line in topics[name]])
    done = place.run("fit", "new.csv", "--out", "model", "--strategy", "lora", "--json", *FIT)
    assert done.code == 0, done.err
    report = done.json
    before, after = report["baselines"]["pretrained"]["perplexity"], report["test"]["perplexity"]
    assert before["value"] < models.WORDS / 2  # it has learnt something
    assert after["value"] < before["value"]
    assert report["gain"]["perplexity"]["low"] > 0
    assert report["best_epoch"] > 0
    assert report["curve"][report["best_epoch"]] == min(report["curve"])
    said = place.run("generate", "model", "What is", "--length", "30")
    assert said.code == 0
    assert said.out.strip()


@pytest.mark.slow
def test_kill_9_and_the_same_command_gives_the_same_bytes(place, tmp_path):
    """Killed in its imports, its extraction, its training; at last it runs to its end."""
    line = ["fit", str(place.folder / "new.csv"), "--out", "model", "--epochs", "60"]
    line += [str(place.folder / "base") if each == "base" else each for each in FIT]
    whole, killed = (Place(tmp_path / name) for name in ("whole", "killed"))
    for each in (whole, killed):
        each.folder.mkdir()
    began = time.monotonic()
    assert whole.process(*line).code == 0
    took = time.monotonic() - began
    unfinished = killed.folder / ".model.unfinished"
    for share in (0.3, 0.7, 0.85):
        with subprocess.Popen(
            [sys.executable, "-m", "headstart", *line],
            cwd=killed.folder,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HEADSTART_CACHE": str(killed.cache), "OMP_NUM_THREADS": "1"},
        ) as running:
            # The last is killed in its training: wait until there is something to go on from.
            until = time.monotonic() + share * took
            while running.poll() is None and (
                time.monotonic() < until
                or (share > 0.8 and not (unfinished / "lora-after-h.1" / "state.json").exists())
            ):
                time.sleep(0.005)
            running.send_signal(signal.SIGKILL)
        assert not (killed.folder / "model").exists() or running.returncode == 0
    done = killed.process(*line)
    assert done.code == 0, done.err
    assert content(killed.folder / "model") == content(whole.folder / "model")
    assert not unfinished.exists()
