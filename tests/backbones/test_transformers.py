import copy
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from torch import nn

from headstart import backbones
from headstart.backbones import transformers
from headstart.backbones.fingerprint import fingerprint
from headstart.backbones.pooling import FirstPool, LastPool, MeanPool
from headstart.errors import InputError
from tests.backbones.text_models import WORDS, config, save, save_tokenizer

KINDS = {
    "bert": ("embeddings", "encoder.layer"),
    "roberta": ("embeddings", "encoder.layer"),
    "distilbert": ("embeddings", "transformer.layer"),
    "electra": ("embeddings", "encoder.layer"),
    "modernbert": ("embeddings", "layers"),
    "gpt2": ("wte", "h"),
    "gpt_neox": ("embed_in", "layers"),
    "llama": ("embed_tokens", "layers"),
    "qwen2": ("embed_tokens", "layers"),
}
DECODERS = {"gpt2", "gpt_neox", "llama", "qwen2"}
IDS = torch.tensor([[5, 9, 11, 30, 31, 6], [7, 8, 12, 0, 0, 0], [50, 0, 0, 0, 0, 0]])
MASK = (IDS != 0).long()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {kind: save(root / kind, kind) for kind in KINDS}


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return save(tmp_path / "bert", "bert")


@pytest.mark.parametrize("kind", KINDS)
def test_trunk_then_tail_is_the_whole_at_every_stage(kind: str, folders: dict[str, Path]) -> None:
    backbone = transformers.load(str(folders[kind]))
    embedding, layers = KINDS[kind]
    assert [s.name for s in backbone.stages] == [embedding, *(f"{layers}.{i}" for i in range(3))]
    original = set(backbone.module.parameters())
    with torch.no_grad():
        whole = backbone.module(IDS, MASK)
        assert whole.shape == (3, backbone.features)
        for stage in backbone.stages[:-1]:
            cut = backbone.cut(stage.name)
            hidden = cut.trunk(IDS, MASK)
            assert hidden.shape == (3, 6, 16)
            assert cut.shape == stage.shape == (None, 16)
            torch.testing.assert_close(cut.tail(hidden, MASK), whole, rtol=1e-5, atol=1e-5)
            trunk, tail = set(cut.trunk.parameters()), set(cut.tail.parameters())
            assert trunk | tail <= original
            assert not trunk & tail
            position = backbone.stages.index(stage) + 1
            assert sum(p.numel() for p in trunk) == sum(
                s.parameters for s in backbone.stages[:position]
            )
            assert sum(p.numel() for p in tail) == sum(
                s.parameters for s in backbone.stages[position:]
            )


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_is_the_models_own_answer(kind: str, folders: dict[str, Path]) -> None:
    import transformers as library

    model = library.AutoModel.from_pretrained(folders[kind]).eval()
    with torch.no_grad():
        hidden = model(input_ids=IDS, attention_mask=MASK).last_hidden_state
        features = transformers.load(str(folders[kind])).module(IDS, MASK)
    for row, states in enumerate(hidden):
        states = states[: MASK[row].sum()]
        expected = states[-1] if kind in DECODERS else states.mean(0)
        torch.testing.assert_close(features[row], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_does_not_change_the_features(kind: str, folders: dict[str, Path]) -> None:
    backbone = transformers.load(str(folders[kind]))
    cut = backbone.cut(backbone.stages[1].name)
    short = torch.tensor([[7, 8, 12]])
    with torch.no_grad():
        alone = backbone.module(short, torch.ones_like(short))[0]
        torch.testing.assert_close(backbone.module(IDS, MASK)[1], alone, rtol=1e-5, atol=1e-5)
        tail = cut.tail(cut.trunk(IDS, MASK), MASK)
    torch.testing.assert_close(tail[1], alone, rtol=1e-5, atol=1e-5)


def test_training_the_tail_changes_the_original_and_leaves_the_trunk(bert: Path) -> None:
    backbone = transformers.load(str(bert))
    cut = backbone.cut("encoder.layer.0")
    before, tail = fingerprint(cut.trunk), fingerprint(cut.tail)
    with torch.no_grad():
        hidden = cut.trunk(IDS, MASK)
    cut.tail.train()
    assert not any(module.training for module in cut.trunk.modules())
    assert not torch.equal(cut.tail(hidden, MASK), cut.tail(hidden, MASK))  # dropout is on
    optimiser = torch.optim.SGD(cut.tail.parameters(), lr=0.1)
    cut.tail(hidden, MASK).square().sum().backward()
    assert all(weight.grad is not None for weight in cut.tail.parameters())
    optimiser.step()
    assert fingerprint(cut.trunk) == before
    assert fingerprint(cut.tail) != tail
    assert backbone.state_hash() != backbone.fingerprint
    cut.tail.eval()
    with torch.no_grad():
        whole = backbone.module(IDS, MASK)
        torch.testing.assert_close(cut.tail(hidden, MASK), whole, rtol=1e-5, atol=1e-5)


def test_cutting_keeps_what_was_frozen_frozen_and_no_gradients(bert: Path) -> None:
    backbone = transformers.load(str(bert))
    frozen = next(backbone.module.parameters()).requires_grad_(False)
    backbone.cut("embeddings")
    assert not frozen.requires_grad
    assert sum(p.requires_grad for p in backbone.module.parameters()) > 1
    assert all(p.grad is None for p in backbone.module.parameters())
    assert backbone.state_hash() == backbone.fingerprint


def test_cutting_changes_nothing_that_another_thread_may_copy(bert: Path) -> None:
    """Another candidate of the same backbone copies it while this one looks which weights count."""
    network = backbones.load(str(bert)).module
    network.requires_grad_(False)
    copies: list[nn.Module] = []

    def note(module: nn.Module, *_: object) -> None:
        if torch.is_grad_enabled():
            other = threading.Thread(target=lambda: copies.append(copy.deepcopy(network)))
            other.start()
            other.join()

    made = transformers.backbone("bert", network.network, backbones.load(str(bert)).preprocessing,
                                 pool=MeanPool())  # fmt: skip
    network.network.encoder.layer[1].register_forward_hook(note)
    made.cut("encoder.layer.0")
    assert copies
    assert not any(each.requires_grad for copied in copies for each in copied.parameters())


def test_the_last_cut_has_nothing_behind_it(bert: Path) -> None:
    backbone = transformers.load(str(bert))
    for cut in (backbone.cut(), backbone.cut("encoder.layer.2")):
        assert cut.trunk is backbone.module
        assert isinstance(cut.tail, nn.Identity)
        assert cut.shape == (16,)
        assert cut.stage == "encoder.layer.2"


def test_a_tail_keeps_no_text_between_calls(bert: Path) -> None:
    cut = transformers.load(str(bert)).cut("encoder.layer.1")
    with torch.no_grad():
        one = cut.tail(cut.trunk(IDS, MASK), MASK)
        cut.tail(cut.trunk(IDS[:1, :3], MASK[:1, :3]), MASK[:1, :3])
        assert torch.equal(cut.tail(cut.trunk(IDS, MASK), MASK), one)


def test_layers_that_share_weights_cannot_be_cut(tmp_path: Path) -> None:
    backbone = transformers.load(str(save(tmp_path / "m", "albert")))
    assert len(backbone.stages) == 1
    with pytest.raises(InputError, match="it can be cut after"):
        backbone.cut("encoder")


def test_a_position_bias_shared_by_the_layers_cannot_be_cut(tmp_path: Path) -> None:
    backbone = transformers.load(str(save(tmp_path / "m", "mpnet")))
    with pytest.raises(InputError, match="used after it too; it can be used whole"):
        backbone.cut("encoder.layer.0")


def test_preprocessing(bert: Path) -> None:
    (bert / "tokenizer_config.json").write_text(json.dumps({"model_max_length": int(1e30)}))
    preprocessing = transformers.load(str(bert)).preprocessing
    assert preprocessing.max_tokens == 40
    assert preprocessing.pad_id == 0
    tokenizer = Tokenizer.from_str(preprocessing.tokenizer)
    assert tokenizer.truncation is None
    assert tokenizer.encode(" ".join(WORDS[5:15])).ids == list(range(5, 15))


def test_the_folders_own_limit_counts(bert: Path) -> None:
    (bert / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12}))
    assert transformers.load(str(bert)).preprocessing.max_tokens == 12


def test_robertas_positions_start_behind_its_padding(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", "roberta", pad_token_id=1)
    preprocessing = transformers.load(str(folder)).preprocessing
    assert preprocessing.max_tokens == 38
    assert preprocessing.pad_id == 1


def test_without_padding_the_end_token_pads(tmp_path: Path) -> None:
    assert transformers.load(str(save(tmp_path / "m", "gpt2"))).preprocessing.pad_id == 3


@pytest.mark.parametrize(
    ("mode", "pool"),
    [("cls_token", FirstPool), ("mean_tokens", MeanPool), ("lasttoken", LastPool)],
)
def test_a_folder_says_how_it_is_pooled(bert: Path, mode: str, pool: type[nn.Module]) -> None:
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{mode}": True}))
    assert isinstance(transformers.load(str(bert)).cut("embeddings").tail.pool, pool)


@pytest.mark.parametrize(
    ("name", "pool"), [("first", FirstPool), ("mean", MeanPool), ("last", LastPool)]
)
def test_the_user_says_how_it_is_pooled(bert: Path, name: str, pool: type[nn.Module]) -> None:
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    backbone = transformers.load(str(bert), pool=name)
    assert isinstance(backbone.cut("embeddings").tail.pool, pool)
    assert backbone.pool == name
    assert transformers.load(str(bert)).pool == "first"


@pytest.mark.parametrize("name", ["max", "flatten"])
def test_a_pool_that_is_for_pictures(bert: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"--pool is '{name}'.* can do mean, first, last"):
        transformers.load(str(bert), pool=name)


def test_a_pool_of_another_package(bert: Path) -> None:
    class Middle(nn.Module):
        def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return hidden[:, hidden.shape[1] // 2]

    loaded = transformers.load(str(bert))
    mine = transformers.backbone("mine", loaded.module.network, loaded.preprocessing, pool=Middle())
    assert mine.pool == "Middle()"


def test_pools_by_hand() -> None:
    hidden = torch.arange(12.0).view(1, 4, 3)
    mask = torch.tensor([[1, 1, 1, 0]])
    assert FirstPool()(hidden, mask).tolist() == [[0, 1, 2]]
    assert MeanPool()(hidden, mask).tolist() == [[3, 4, 5]]
    assert LastPool()(hidden, mask).tolist() == [[6, 7, 8]]
    assert torch.isfinite(MeanPool()(hidden, torch.zeros_like(mask))).all()


def test_a_masked_language_model_loads_without_its_head(tmp_path: Path) -> None:
    import transformers as library

    torch.manual_seed(0)
    model = library.AutoModelForMaskedLM.from_config(config("bert"))
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    features = transformers.load(str(tmp_path)).module(IDS, MASK)
    hidden = model.eval().bert(input_ids=IDS, attention_mask=MASK).last_hidden_state
    torch.testing.assert_close(features, MeanPool()(hidden, MASK))


def test_licence_of_the_model_card(bert: Path) -> None:
    assert transformers.load(str(bert)).licence is None
    (bert / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")
    assert transformers.load(str(bert)).licence == "mit"
    (bert / "README.md").write_text("---\nlicense: [: {\n---\n")
    assert transformers.load(str(bert)).licence is None


def test_a_name_in_the_hubs_cache(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "hub" / "models--someone--tiny"
    (repository / "snapshots").mkdir(parents=True)
    bert.rename(repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert backbones.load("someone/tiny", offline=True).features == 16
    with pytest.raises(InputError, match="headstart fetch hf:someone/other --to DIR"):
        backbones.load("someone/other", offline=True)


def _edit(file: Path, **changes: object) -> None:
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(content | changes))


def test_remote_code_is_refused(bert: Path) -> None:
    (bert / "evil.py").write_text("raise SystemExit('this ran')\n")
    _edit(bert / "config.json", auto_map={"AutoModel": "evil.Evil"})
    with pytest.raises(InputError, match="auto_map in config.json"):
        transformers.load(str(bert))


def test_remote_code_of_a_tokenizer_is_refused(bert: Path) -> None:
    _edit(bert / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", None]})
    with pytest.raises(InputError, match="auto_map in tokenizer_config.json"):
        transformers.load(str(bert))


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_an_attention_kernel_named_by_the_config_is_not_fetched(bert: Path, key: str) -> None:
    expected = transformers.load(str(bert)).module(IDS, MASK)
    _edit(bert / "config.json", **{key: "someone/kernel"})
    assert torch.equal(transformers.load(str(bert)).module(IDS, MASK), expected)


def test_pickled_weights_are_refused(bert: Path) -> None:
    (bert / "model.safetensors").rename(bert / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"no model.safetensors; .*pickle"):
        transformers.load(str(bert))


def test_a_damaged_or_lying_safetensors_file(bert: Path) -> None:
    weights = bert / "model.safetensors"
    whole = weights.read_bytes()
    lie = (2**62).to_bytes(8, "little") + whole[8:]
    for content in (whole[: len(whole) // 2], b"", lie):
        weights.write_bytes(content)
        with pytest.raises(InputError, match="cannot be loaded"):
            transformers.load(str(bert))


def test_weights_of_another_network(bert: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(bert / "model.safetensors")
    del state["encoder.layer.1.output.dense.weight"]
    save_file(state, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lack 1 tensors, such as 'encoder.layer.1.output"):
        transformers.load(str(bert))
    _edit(bert / "config.json", hidden_size=32)
    with pytest.raises(InputError, match="cannot be loaded"):
        transformers.load(str(bert))


def test_a_tokenizer_of_another_network(bert: Path) -> None:
    tokenizer = Tokenizer.from_file(str(bert / "tokenizer.json"))
    tokenizer.add_tokens(["more", "words"])
    tokenizer.save(str(bert / "tokenizer.json"))
    with pytest.raises(InputError, match="64 tokens, fewer than its tokenizer"):
        transformers.load(str(bert))


@pytest.mark.parametrize("content", [None, "{", "[]", '{"version": "1.0"}'])
def test_no_usable_tokenizer(bert: Path, content: str | None) -> None:
    (bert / "tokenizer.json").unlink()
    if content is not None:
        (bert / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match="no fast tokenizer"):
        transformers.load(str(bert))


def test_a_vocabulary_without_tokenizer_json(bert: Path) -> None:
    (bert / "tokenizer.json").unlink()
    (bert / "vocab.txt").write_text("\n".join([*WORDS[:4], "[MASK]", *WORDS[5:]]) + "\n")
    _edit(bert / "tokenizer_config.json", tokenizer_class="BertTokenizer", do_lower_case=True)
    tokenizer = Tokenizer.from_str(transformers.load(str(bert)).preprocessing.tokenizer)
    assert tokenizer.encode("W3 w7").ids == [2, 7, 11, 3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "without config.json"), ("{", "JSON object"), ("[]", "JSON object"), ("{}", "cannot")],
)
def test_no_usable_config(bert: Path, content: str | None, reason: str) -> None:
    (bert / "config.json").unlink()
    if content is not None:
        (bert / "config.json").write_text(content)
    with pytest.raises(InputError, match=reason):
        transformers.load(str(bert))


@pytest.mark.parametrize(("kind", "reason"), [("t5", "an encoder and a decoder"), ("vit", "texts")])
def test_networks_of_another_kind(tmp_path: Path, kind: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        transformers.load(str(save(tmp_path / "m", kind)))


def test_loading_is_silent(bert: Path, capfd: pytest.CaptureFixture[str]) -> None:
    transformers.load(str(bert))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_gflops_by_hand(bert: Path) -> None:
    backbone = transformers.load(str(bert))
    length, width, hidden = 40, 16, 32
    products = 4 * length * width * width + 2 * length * width * hidden + 2 * length**2 * width
    assert backbone.stages[0].gflops == 0
    assert backbone.stages[1].gflops == pytest.approx(2 * products / 1e9)
    assert backbone.gflops == pytest.approx(3 * 2 * products / 1e9)


def test_features_are_deterministic(bert: Path) -> None:
    one, two = (transformers.load(str(bert)) for _ in range(2))
    assert one.fingerprint == two.fingerprint
    assert np.array_equal(
        one.module(IDS, MASK).detach().numpy(), two.module(IDS, MASK).detach().numpy()
    )
