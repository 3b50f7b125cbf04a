"""Tiny transformers models with random weights, saved as the hub lays them out."""

from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(60))]


def save(folder: Path, kind: str, **changes: object) -> Path:
    """A model of `kind`, with dropout, three layers and a word tokenizer."""
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(config(kind, **changes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_tokenizer(folder: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(4)
    tokenizer.save(str(folder / "tokenizer.json"))


def config(kind: str, **changes: object) -> transformers.PretrainedConfig:
    bert = {
        "vocab_size": 64,
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 40,
        "pad_token_id": 0,
    }
    distil = {"vocab_size": 64, "dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32}
    gpt2 = {"vocab_size": 64, "n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 40}
    ends = {"bos_token_id": 2, "eos_token_id": 3}
    settings = {
        "distilbert": {**distil, "max_position_embeddings": 40},
        "gpt2": {**gpt2, **ends},
        "albert": {**bert, "embedding_size": 8},
        "electra": {**bert, "embedding_size": 8},
        "llama": {**bert, **ends},
        "qwen2": {**bert, **ends, "num_key_value_heads": 2},
        "modernbert": {**bert, **ends, "cls_token_id": 2, "sep_token_id": 3},
        "gpt_neox": {**bert, **ends},
        "t5": {"vocab_size": 64, "d_model": 16, "d_kv": 8, "num_layers": 2, "num_heads": 2},
        "vit": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    }.get(kind, bert)
    return transformers.AutoConfig.for_model(kind, **{**settings, **changes})
