"""What learns, from what, and that nothing else changes."""

import numpy as np
import pytest
import torch

from headstart.backbones import causal
from headstart.data import from_memory
from headstart.errors import InputError
from headstart.generation import learner as learners
from headstart.progress import Clock, Silent
from headstart.run import text_fit, tuning
from headstart.spec import FitSpec
from headstart.training.checkpoint import Unfinished
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
    return tuning.prepare(from_memory(LINES, modality="text"), spec, Clock()), spec


def tuned(folder: str, **options):
    prepared, spec = ready(folder, **options)
    model = prepared.causal.model
    before = {name: each.clone() for name, each in model.state_dict().items()}
    done = tuning.adapt(prepared, spec, Silent(), None)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert all(not torch.equal(before[name], each) for name, each in done.weights.items())
    return done, set(done.weights), prepared.causal


@pytest.mark.parametrize("kind", models.KINDS)
def test_lora_changes_the_matrices_right_of_the_cut_alone(folders, kind):
    done, changed, loaded = tuned(folders[kind])
    stages = [stage.name for stage in loaded.backbone.stages]
    assert done.learner.candidate.strategy == "lora"
    assert done.learner.candidate.cut == stages[-2]
    assert changed
    assert all(f".{stages[-1]}." in name and name.endswith("weight") for name in changed)
    assert done.learner.store == {"hits": 0, "misses": 51}
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
    assert (done.learner.candidate.cut, done.learner.store) == (None, {"hits": 0, "misses": 0})
    numbers = sum(each.numel() for each in loaded.model.parameters())
    assert done.trained_parameters == numbers


def test_what_is_stored_gives_the_losses_of_the_tokens(folders):
    """A trunk in another precision, and states in 16 bits, change the loss in later digits."""
    stored, _, _ = tuned(folders["llama"], cut="layers.0")
    again, _, _ = tuned(folders["llama"], cut="layers.0")
    assert again.learner.store == {"hits": 51, "misses": 0}
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
    assert (done.learner.candidate.strategy, done.learner.candidate.cut) == ("lora", None)
    said = done.learner.warnings[0]
    assert "all layers learn: the hidden states after" in said
    assert "more than the 1 kB allowed" in said
    done, _, _ = tuned(folders["gpt2"], strategy="fine-tuning", store_limit="1KB")
    assert done.learner.candidate.strategy == "full-fine-tuning"


def test_a_cut_that_was_asked_for_is_refused_without_room(folders):
    with pytest.raises(InputError, match=r"^The hidden states .* more than the 1 kB allowed"):
        tuned(folders["gpt2"], strategy="lora", cut="h.0", store_limit="1KB")


def test_what_cannot_be_cut_is_trained_from_tokens(folders, monkeypatch):
    prepared, spec = ready(folders["gpt2"])
    kind = type(prepared.causal.backbone)

    def refuse(self, stage=None):
        if stage is None:
            return cut(self)
        raise InputError("'it' cannot be cut after 'h.1': its halves do not run alone.")

    cut = kind.cut
    monkeypatch.setattr(kind, "cut", refuse)
    done = tuning.adapt(prepared, spec, Silent(), None)
    assert done.learner.candidate.cut is None
    assert "cannot be cut after 'h.1'" in done.learner.warnings[0]


@pytest.mark.parametrize(
    ("cut", "said"), [("h.2", "the last stage"), ("h.7", "has no stage 'h.7'")]
)
def test_a_wrong_cut_gets_a_sentence(folders, cut, said):
    with pytest.raises(InputError, match=said):
        tuned(folders["gpt2"], strategy="lora", cut=cut)


def test_a_step_has_no_more_tokens_than_memory_allows(folders, monkeypatch):
    prepared, spec = ready(folders["gpt2"])
    longest = prepared.arranged.parts["train"].longest
    monkeypatch.setattr(learners, "STEP_TOKENS", 2 * longest)
    done = tuning.adapt(prepared, spec, Silent(), None)
    assert done.learner.candidate.recipe.batch == 2


def run_of(folder: str, **named):
    spec = FitSpec(task="generation", backbone=folder, epochs=1)
    data = from_memory(LINES, modality="text")
    return text_fit.fit(data, spec, Silent(), Clock(), **named)


def test_no_epoch_that_is_better_leaves_the_model_and_says_so(folders, monkeypatch):
    losses = learners.losses

    def worse(*args, **named):
        found = losses(*args, **named)
        value = next(values)
        return learners.Losses(value * found.tokens, found.tokens)

    monkeypatch.setattr(learners, "losses", worse)
    values = iter((1.0, 1.0, 2.0, 1.0))  # before, at the start, an epoch, after
    done = run_of(folders["gpt2"])
    before = causal.load(folders["gpt2"]).model.state_dict()
    after = done.model.network.state_dict()
    assert all(torch.equal(before[name], each) for name, each in after.items())
    assert any("No epoch was better" in each for each in done.report.warnings)
    assert [rung.kept for rung in done.report.rungs] == [True, False]


def test_a_cut_that_does_not_exist_leaves_nothing_behind(folders, tmp_path):
    spec = FitSpec(
        task="generation", backbone=folders["gpt2"], epochs=1, strategy="lora", cut="h.7"
    )
    data = from_memory(LINES, modality="text")
    with pytest.raises(InputError, match="has no stage"):
        text_fit.fit(data, spec, Silent(), Clock(), out=tmp_path / "model")
    assert sorted(each.name for each in tmp_path.iterdir()) in ([], ["cache"])


@pytest.mark.parametrize(
    ("decisions", "said"),
    [('[{"stage": "h.1"}]', "of another version"), ("1", "is damaged")],
)
def test_a_decision_that_cannot_be_read_is_refused_and_kept(folders, tmp_path, decisions, said):
    prepared, spec = ready(folders["gpt2"])
    unfinished = Unfinished(tmp_path / "unfinished", {"seed": 0})
    unfinished.decide([])
    kept = f'{{"run_identity": {{"seed": 0}}, "decisions": {decisions}}}'
    (unfinished.folder / "ladder.json").write_text(kept)
    with pytest.raises(InputError, match=said):
        tuning.adapt(prepared, spec, Silent(), unfinished)
    assert (unfinished.folder / "ladder.json").read_text() == kept


def test_a_run_in_memory_saves_nothing_and_is_measured(folders, tmp_path):
    report = run_of(folders["gpt2"]).report.to_json()
    assert report["model"] is None
    assert report["dataset"] == "(in memory)"
    assert report["test"]["perplexity"]["low"] < report["test"]["perplexity"]["high"]
    assert len(report["curve"]) == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache"]
