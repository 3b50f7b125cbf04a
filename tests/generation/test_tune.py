"""What learns, from what, and that nothing else changes."""

import numpy as np
import pytest
import torch

from headstart.backbones import causal
from headstart.data import from_memory
from headstart.errors import InputError
from headstart.generation import tune as tuning
from headstart.generation.blocks import arrange, ends_of
from headstart.generation.fit import fit
from headstart.generation.texts import read
from headstart.progress import Silent
from headstart.spec import FitSpec
from tests.generation import models

LINES = [f"the {a} {b} of the {c}" for a in "abcd" for b in "efgh" for c in "ijkl"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    kinds = {kind: models.save(root / kind, kind) for kind in models.KINDS}
    tied = models.save(root / "tied", "llama", tie_word_embeddings=True)
    return {**kinds, "tied": tied}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))


def ready(folder: str, **options):
    spec = FitSpec(**{"task": "generation", "backbone": folder, "epochs": 2, **options})
    loaded = causal.load(folder)
    documents = read(from_memory(LINES, modality="text"), spec)
    found = arrange(documents, loaded.preprocessing, ends_of(loaded.model), spec)
    return loaded, found, spec


def tuned(folder: str, **options):
    loaded, found, spec = ready(folder, **options)
    before = {name: each.clone() for name, each in loaded.model.state_dict().items()}
    done = tuning.tune(loaded, found, spec, Silent(), None)
    after = loaded.model.state_dict()
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    return done, changed, loaded


@pytest.mark.parametrize("kind", models.KINDS)
def test_lora_changes_the_matrices_right_of_the_cut_alone(folders, kind):
    done, changed, loaded = tuned(folders[kind])
    stages = [stage.name for stage in loaded.backbone.stages]
    assert done.plan.strategy == "lora"
    assert done.plan.cut == stages[-2]
    assert changed
    assert all(f".{stages[-1]}." in name and name.endswith("weight") for name in changed)
    assert done.store == {"hits": 0, "misses": 51}
    assert done.adapter is not None
    assert {name.split(".lora_")[0] for name in done.adapter.tensors} == {
        f"base_model.model.{name.removesuffix('.weight')}" for name in changed
    }
    assert done.trained_parameters == sum(each.numel() for each in done.adapter.tensors.values())
    assert done.after.mean < done.before.mean


@pytest.mark.parametrize(("kind", "head"), [("gpt2", False), ("tied", False), ("gpt_neox", True)])
def test_fine_tuning_trains_the_head_unless_it_is_the_embedding(folders, kind, head):
    done, changed, loaded = tuned(folders[kind], strategy="fine-tuning")
    last = loaded.backbone.stages[-1].name
    name = next(n for n, p in loaded.model.named_parameters() if p is loaded.head.weight)
    assert (name in changed) == head
    assert any(f".{last}." in each for each in changed)
    first = loaded.backbone.stages[1].name
    assert not any(f".{first}." in each for each in changed)
    assert done.adapter is None


def test_full_fine_tuning_trains_everything_from_tokens(folders):
    done, changed, loaded = tuned(folders["gpt2"], strategy="full-fine-tuning")
    assert changed == set(loaded.model.state_dict())
    assert (done.plan.cut, done.store) == (None, {"hits": 0, "misses": 0})
    numbers = sum(each.numel() for each in loaded.model.parameters())
    assert done.trained_parameters == numbers


def test_what_is_stored_gives_the_losses_of_the_tokens(folders):
    """A trunk in another precision, and states in 16 bits, change the loss in later digits."""
    stored, _, _ = tuned(folders["llama"], cut="layers.0")
    again, _, _ = tuned(folders["llama"], cut="layers.0")
    assert again.store == {"hits": 51, "misses": 0}
    assert again.trained.losses == stored.trained.losses
    from_tokens, _, _ = tuned(folders["llama"], strategy="full-fine-tuning")
    np.testing.assert_allclose(stored.before.nats, from_tokens.before.nats, rtol=0.01)


def test_the_same_seed_gives_the_same_weights(folders):
    first, second, other = (tuned(folders["gpt2"], seed=seed)[0] for seed in (0, 0, 1))
    for name, each in first.adapter.tensors.items():
        assert torch.equal(each, second.adapter.tensors[name])
    assert first.trained.losses != other.trained.losses


def test_without_room_it_trains_from_tokens_and_says_so(folders):
    done, _, _ = tuned(folders["gpt2"], store_limit="1KB")
    assert (done.plan.strategy, done.plan.cut) == ("lora", None)
    assert "more than the 1 kB allowed" in done.warnings[0]
    done, _, _ = tuned(folders["gpt2"], strategy="fine-tuning", store_limit="1KB")
    assert done.plan.strategy == "full-fine-tuning"


def test_a_cut_that_was_asked_for_is_refused_without_room(folders):
    with pytest.raises(InputError, match="more than the 1 kB allowed"):
        tuned(folders["gpt2"], strategy="lora", cut="h.0", store_limit="1KB")


def test_what_cannot_be_cut_is_trained_from_tokens(folders, monkeypatch):
    loaded, found, spec = ready(folders["gpt2"])

    def refuse(self, stage=None):
        if stage is None:
            return cut(self)
        raise InputError("'it' cannot be cut after 'h.1': its halves do not run alone.")

    cut = type(loaded.backbone).cut
    monkeypatch.setattr(type(loaded.backbone), "cut", refuse)
    done = tuning.tune(loaded, found, spec, Silent(), None)
    assert done.plan.cut is None
    assert "cannot be cut after 'h.1'" in done.warnings[0]


@pytest.mark.parametrize(
    ("cut", "said"), [("h.2", "the last stage"), ("h.7", "has no stage 'h.7'")]
)
def test_a_wrong_cut_gets_a_sentence(folders, cut, said):
    with pytest.raises(InputError, match=said):
        tuned(folders["gpt2"], strategy="lora", cut=cut)


def test_a_step_has_no_more_tokens_than_memory_allows(folders, monkeypatch):
    loaded, found, spec = ready(folders["gpt2"])
    monkeypatch.setattr(tuning, "STEP_TOKENS", 2 * found.parts["train"].longest)
    sizes = []
    train = tuning.train

    def watch(network, groups, task, recipe, **named):
        sizes.append(recipe.batch)
        return train(network, groups, task, recipe, **named)

    monkeypatch.setattr(tuning, "train", watch)
    tuning.tune(loaded, found, spec, Silent(), None)
    assert sizes == [2]


def test_no_epoch_that_is_better_leaves_the_model_and_says_so(folders, monkeypatch):
    losses = tuning.losses

    def worse(*args, **named):
        found = losses(*args, **named)
        value = next(values, 1.0)
        return tuning.Losses(value * found.tokens, found.tokens)

    monkeypatch.setattr(tuning, "losses", worse)
    values = iter((1.0, 1.0, 2.0, 3.0, 1.0))  # before, at the start, two epochs, after
    done, changed, _ = tuned(folders["gpt2"])
    assert not changed
    assert "No epoch was better" in done.warnings[-1]


def test_a_run_in_memory_saves_nothing_and_is_measured(folders, tmp_path):
    spec = FitSpec(task="generation", backbone=folders["gpt2"], epochs=1)
    data = from_memory(LINES, modality="text")
    done = fit(data, out=None, spec=spec, progress=Silent())
    report = done.report.to_json()
    assert report["model"] is None
    assert report["dataset"] == "(in memory)"
    assert report["test"]["perplexity"]["low"] < report["test"]["perplexity"]["high"]
    assert len(report["curve"]) == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache"]
