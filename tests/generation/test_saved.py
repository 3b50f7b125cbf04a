"""The saved folder: headstart, transformers and peft read it, and none reads a damaged one."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import headstart
from headstart.data import from_memory
from headstart.errors import InputError
from headstart.generation import saved
from headstart.sealed import SCHEMA, check_target
from tests.generation import models
from tests.run.test_tuning import LINES
from tests.runs import content

IDS = torch.tensor([[5, 9, 300, 31, 77, 6]])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Of each kind a base and a model that LoRA made of it; one more that learnt as a whole."""
    root = tmp_path_factory.mktemp("saved")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        for kind in models.KINDS:
            base = models.save(root / f"base-{kind}", kind)
            fit(base, root / kind)
        fit(str(root / "base-gpt2"), root / "full", strategy="full-fine-tuning")
    return root


def fit(base: str, out: Path, **options) -> None:
    data = from_memory(LINES, modality="text")
    options = {"epochs": 1, **options}
    headstart.fit(data, task="generation", backbone=base, out=out, **options)


@pytest.fixture
def model(place, tmp_path):
    """A copy that may be damaged."""
    shutil.copytree(place / "gpt2", tmp_path / "model")
    return tmp_path / "model"


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits


@pytest.mark.parametrize("kind", models.KINDS)
def test_transformers_reads_the_folder_and_gives_the_same(place, kind):
    ours = saved.load(place / kind)
    theirs = AutoModelForCausalLM.from_pretrained(place / kind, use_safetensors=True)
    assert torch.equal(logits(ours.network), logits(theirs))
    tokenizer = AutoTokenizer.from_pretrained(place / kind)
    assert tokenizer("What is it?")["input_ids"] == ours.tokenizer.encode("What is it?").ids
    assert tokenizer.eos_token == models.END
    assert theirs.config.use_cache


# peft 0.21 asks transformers 5.24 for something by its old name.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("kind", models.KINDS)
def test_peft_puts_the_adapter_beside_the_base_and_gives_the_same(place, kind):
    out = place / kind / "adapter"
    assert sorted(each.name for each in out.iterdir()) == sorted(saved.ADAPTER)
    base = AutoModelForCausalLM.from_pretrained(place / f"base-{kind}")
    before = logits(base)
    adapted = PeftModel.from_pretrained(base, out)
    merged = logits(saved.load(place / kind).network)
    torch.testing.assert_close(logits(adapted), merged, rtol=1e-4, atol=1e-5)
    assert (merged - before).abs().max() > 1e-5


def test_the_adapter_names_its_base_and_its_matrices_in_order(place):
    said = json.loads((place / "gpt2" / "adapter" / "adapter_config.json").read_text())
    assert said["base_model_name_or_path"] == str(place / "base-gpt2")
    assert said["target_modules"] == sorted(said["target_modules"])
    assert said["task_type"] == "CAUSAL_LM"


def test_a_model_that_learnt_as_a_whole_has_no_adapter(place):
    assert not (place / "full" / "adapter").exists()


def test_the_same_fit_writes_the_same_bytes_in_place_of_the_old(place, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    for _ in range(2):
        fit(str(place / "base-gpt2"), tmp_path / "again")
        assert content(tmp_path / "again") == content(place / "gpt2")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["again", "cache"]


def test_no_file_is_a_pickle_and_all_may_be_read_by_others(place):
    files = [each for each in (place / "gpt2").rglob("*") if each.is_file()]
    assert {each.suffix for each in files} <= {".json", ".safetensors", ".md", ".html"}
    assert len({each.stat().st_mode for each in files}) == 1


def test_model_json_says_what_it_is(place):
    about = json.loads((place / "gpt2" / "model.json").read_text())
    assert (about["schema"], about["task"], about["strategy"]) == (SCHEMA, "generation", "lora")
    assert set(about["metrics"]) == {"perplexity", "pretrained"}
    assert "adapter/adapter_model.safetensors" in about["files"]
    card = (place / "gpt2" / "README.md").read_text()
    assert "pipeline_tag: text-generation" in card
    assert f"{about['metrics']['perplexity']['value']:.2f}" in card


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "adapter/adapter_config.json"]
)
def test_a_damaged_file_is_found_before_it_is_used(model, name):
    bytes_ = bytearray((model / name).read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    (model / name).write_bytes(bytes_)
    with pytest.raises(InputError, match=f"'{name}' of the model .* is damaged"):
        saved.load(model)


def test_a_changed_description_and_a_missing_file_are_found(model):
    (model / "config.json").unlink()
    with pytest.raises(InputError, match=r"lacks 'config\.json'"):
        saved.load(model)
    about = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**about, "seed": 7}))
    with pytest.raises(InputError, match="does not match its own seal"):
        saved.load(model)


def test_code_in_a_model_is_refused_though_its_hash_is_right(model):
    from headstart.sealed import seal

    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoConfig": "x.Y"}}))
    about = json.loads((model / "model.json").read_text())
    names = list(about.pop("files"))
    about.pop("seal")
    seal(model, about, names)
    with pytest.raises(InputError, match="asks to run code of its own"):
        saved.load(model)


def test_answering_models_and_writing_models_are_told_apart(model, tmp_path):
    with pytest.raises(InputError, match="writes texts; ask it with `headstart generate`"):
        headstart.load(model)
    with pytest.raises(InputError, match="writes texts"):
        headstart.predict(model, ["a text"])
    with pytest.raises(InputError, match="writes texts"):
        headstart.evaluate(model, tmp_path)


def test_a_folder_of_the_hub_is_nobodys_to_replace(place):
    with pytest.raises(InputError, match="is not a headstart model that may be replaced"):
        check_target(place / "base-gpt2")
    check_target(place / "gpt2")


def test_what_is_no_model_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match="it has no model.json"):
        next(headstart.generate(tmp_path, "a"))
    with pytest.raises(InputError, match="--temperature is -1"):
        headstart.generate(tmp_path, "a", temperature=-1)


def test_an_adapter_beside_the_weights_is_refused(model):
    shutil.copy(model / "adapter" / "adapter_config.json", model)
    with pytest.raises(InputError, match="has an adapter beside its weights"):
        saved.load(model)


# peft 0.21 asks transformers 5.24 for something by its old name.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_matrices_above_the_layers_are_in_the_adapter_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    base = models.save(tmp_path / "base", "opt", word_embed_proj_dim=16)
    fit(base, tmp_path / "model")
    said = json.loads((tmp_path / "model" / "adapter" / "adapter_config.json").read_text())
    assert any(name.endswith("project_out") for name in said["target_modules"])
    adapted = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base), tmp_path / "model" / "adapter"
    )
    merged = logits(saved.load(tmp_path / "model").network)
    torch.testing.assert_close(logits(adapted), merged, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prompt", [5, None, "a \udcff"])
def test_a_prompt_that_is_no_text_gets_a_sentence(place, prompt):
    with pytest.raises(InputError, match="The prompt is no text in UTF-8"):
        headstart.generate(place / "gpt2", prompt)
