"""What is in a transformers folder of the hub's layout, besides the network."""

import json
from pathlib import Path

from huggingface_hub import metadata_load
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoTokenizer

from headstart.backbones import hub
from headstart.errors import BackboneError
from headstart.patterns import refuse_runaway
from headstart.preprocessing import TextPreprocessing

# Attention costs the square of the length; longer texts are truncated, and counted.
MAX_TOKENS = 512

# How sentence-transformers spells our pools.
_POOLS = {
    "pooling_mode_cls_token": "first",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
}


def check(reference: str, folder: Path) -> None:
    """Make sure that a folder has what is needed, and that loading it runs no code.

    Raises:
        BackboneError: files are missing, or ask to run code.
    """
    if not (folder / "config.json").is_file():
        raise BackboneError(f"The backbone {reference!r} is a folder without config.json.")
    for name in ("config.json", "tokenizer_config.json"):
        if "auto_map" in hub.read_json(folder / name):
            raise BackboneError(
                f"The backbone {reference!r} asks to run code of its own (auto_map in {name}), "
                "which headstart never does; use an architecture that transformers has."
            )
    if (folder / "adapter_config.json").exists():
        raise BackboneError(
            f"The backbone {reference!r} has an adapter beside its weights (adapter_config.json), "
            "which would be put in unseen; merge it into them with peft, or take it out."
        )
    if not any((folder / name).is_file() for name in (hub.WEIGHTS, hub.INDEX)):
        raise BackboneError(
            f"The backbone {reference!r} has no model.safetensors; weights in a pickle (.bin) are "
            "not read, so convert them with save_pretrained(..., safe_serialization=True)."
        )


def licence(folder: Path) -> str | None:
    """What the model card says."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    try:
        found = (metadata_load(card) or {}).get("license")
    except Exception:  # A card is written by hand: its YAML may be anything.
        return None
    return found if isinstance(found, str) else None


def write(folder: Path, preprocessing: TextPreprocessing, pool: str) -> None:
    """Write what `tokenizer`, `text_limit` and `pool` read."""
    (folder / "tokenizer.json").write_text(preprocessing.tokenizer, "utf-8")
    (folder / "1_Pooling").mkdir()
    for name, content in (
        ("sentence_bert_config.json", {"max_seq_length": preprocessing.max_tokens}),
        ("1_Pooling/config.json", {mode: name == pool for mode, name in _POOLS.items()}),
    ):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def tokenizer(reference: str, folder: Path) -> Tokenizer:
    """The folder's tokenizer, without truncation and padding."""
    file = folder / "tokenizer.json"
    try:
        if file.is_file():
            found = Tokenizer.from_file(str(file))
        elif not any((folder / name).is_file() for name in hub.VOCABULARIES):
            raise FileNotFoundError(file)
        else:
            found = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            ).backend_tokenizer
        found.no_truncation()
        found.no_padding()
    except Exception:  # Tokenizer.from_file raises bare Exception.
        raise BackboneError(
            f"The backbone {reference!r} has no fast tokenizer that can be read; add its "
            "tokenizer.json."
        ) from None
    try:
        refuse_runaway(found.to_str())
    except ValueError as error:
        raise BackboneError(
            f"The tokenizer of {reference!r} cannot be used: {error}; use another backbone."
        ) from None
    return found


def text_limit(network: nn.Module, folder: Path) -> int:
    """The most that positions, tokenizer and sentence-transformers settings all allow."""
    positions = int(getattr(network.config, "max_position_embeddings", 0) or MAX_TOKENS)
    for module in network.modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings == positions:
            # RoBERTa counts positions from the one after its padding.
            positions -= 0 if module.padding_idx is None else module.padding_idx + 1
            break
    limits = [
        hub.read_json(folder / "sentence_bert_config.json").get("max_seq_length"),
        hub.read_json(folder / "tokenizer_config.json").get("model_max_length"),
    ]
    given = [limit for limit in limits if isinstance(limit, (int, float)) and limit >= 1]
    return int(min([positions, MAX_TOKENS, *given]))


def pool(folder: Path) -> str | None:
    """The pooling that a sentence-transformers folder asks for, where it is one we have."""
    wanted = hub.read_json(folder / "1_Pooling" / "config.json")
    asked = [name for name, value in wanted.items() if name.startswith("pooling_mode_") and value]
    return _POOLS.get(asked[0]) if len(asked) == 1 else None
