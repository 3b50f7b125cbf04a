"""A training computes on the machine's threads, whatever else is set."""

import os

import pytest
import torch

from headstart.features.trunk import Trunk
from headstart.spec import FitSpec
from headstart.training.run_identity import run_identity
from headstart.training.threads import every_core, threads


def test_the_number_is_put_back_and_does_not_follow_what_is_set(monkeypatch):
    usual = threads()
    assert 1 <= usual <= (os.cpu_count() or 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads() == usual
    before = torch.get_num_threads()
    with every_core():
        assert torch.get_num_threads() == usual
    assert torch.get_num_threads() == before


def test_a_checkpoint_names_it():
    trunk = Trunk.load(None, "text", cut=None, offline=True)
    assert run_identity("", trunk, "", FitSpec())["the number of threads"] == threads()


@pytest.mark.slow
def test_the_number_of_threads_changes_no_bit(place):
    """Where a training takes as many as there are, whatever it finds."""
    place.texts("texts.csv", 12)
    made = []
    before = torch.get_num_threads()
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            options = ("--strategy", "fine-tuning", "--epochs", "1", "--offline")
            done = place.run("fit", "texts.csv", "--out", f"m{number}", *options)
            assert done.code == 0, done.err
            made.append((place.folder / f"m{number}" / "model.safetensors").read_bytes())
    finally:
        torch.set_num_threads(before)
    assert made[0] == made[1]
