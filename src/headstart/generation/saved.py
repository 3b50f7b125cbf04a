"""The saved language model: a folder that headstart, transformers and peft all read.

model.json                   what it is: task, backbone, cut, strategy, perplexity, versions, the
                             SHA-256 of every other file that matters, and its own
config.json, generation_config.json, model.safetensors
                             the whole model, adapters merged, as transformers saves it
tokenizer.json, tokenizer_config.json
                             its tokenizer, as transformers saves it
adapter/                     for LoRA: adapter_config.json and adapter_model.safetensors, as peft
                             saves them
README.md                    the model card
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from tokenizers import Tokenizer
from torch import nn
from transformers import GenerationConfig

from headstart import manifest, sealed
from headstart.backbones import causal, snapshot
from headstart.backbones.causal import Causal
from headstart.backbones.transformers import quiet
from headstart.card import writer_card
from headstart.errors import ModelError, first_line
from headstart.located import located
from headstart.training.strategies.lora import Adapter
from headstart.types import Unchecked
from headstart.wording import shown

NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
COPIED = ("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")
ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
ONE_FILE = 10**15
"""Bytes of a file of weights, at most: there is always one alone, so that one hash names it."""


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A causal language model that is ready to write.

    Attributes:
        network: from `AutoModelForCausalLM`, in evaluation mode.
        tokenizer: without truncation and padding.
        about: what model.json says.
    """

    network: nn.Module
    tokenizer: Tokenizer
    about: Unchecked

    def __repr__(self) -> str:
        backbone = self.about.get("backbone")
        name = backbone.get("name") if isinstance(backbone, Mapping) else backbone
        return f"<LanguageModel from {shown(str(name))}>"


def write(folder: Path, adapted: Causal, adapter: Adapter | None, about: Unchecked) -> None:
    """Write the folder in one step; a model that was there is replaced.

    Args:
        folder: where it goes.
        adapted: the model with what it learnt; its folder gives what belongs to the tokenizer.
        adapter: the same as low-rank matrices, where they were what learnt.
        about: what model.json says besides.

    Raises:
        ModelError: something else is there.
        OSError: the disk refuses; what was there stays.
    """

    def contents(partial: Path) -> None:
        _write_network(partial, adapted.model)
        _write_tokenizer(partial, adapted)
        if adapter is not None:
            _write_adapter(partial / "adapter", adapter, adapted.backbone.name)

    said = {"task": "generation", "modality": "text", **about}
    sealed.save(folder, said, writer_card, contents, sealed.WRITES)


def load(model: str | Path, *, offline: bool = False) -> LanguageModel:
    """Read a saved language model, every file checked against its hash before it is used.

    Args:
        model: its folder, or its name on the hub; see `headstart.located.located`.
        offline: open no socket.

    Raises:
        ModelError: it is no model that writes, was damaged, or is of a newer version.
    """
    folder = located(model, offline=offline)
    about = _checked(folder)
    snapshot.check(str(folder), folder)
    return LanguageModel(
        network=causal.read(str(folder), folder),
        tokenizer=snapshot.tokenizer(str(folder), folder),
        about=about,
    )


def _checked(folder: Path) -> Unchecked:
    about = sealed.read_about(folder)
    if about.get("task") != "generation":
        raise ModelError(
            f"The model in {str(folder)!r} is for {about.get('task')}, and writes no texts; "
            "ask it with `headstart predict`."
        )
    sealed.check_files(folder, about, NEEDED, sealed.WRITES)
    try:
        manifest.check_made(about)
    except ValueError as error:
        raise sealed.unreadable(folder, first_line(error)) from None
    return about


def _write_network(folder: Path, model: Any) -> None:
    model.config.use_cache = True  # It was off while training.
    try:
        model.generation_config.validate(strict=True)
    except ValueError:  # Some models ship settings that transformers itself refuses to write.
        model.generation_config = GenerationConfig.from_model_config(model.config)
    with quiet():
        model.save_pretrained(folder, max_shard_size=ONE_FILE)
    # Its weights are made such that nobody else may read them.
    shutil.copymode(folder / "config.json", folder / "model.safetensors")


def _write_tokenizer(folder: Path, adapted: Causal) -> None:
    (folder / "tokenizer.json").write_text(adapted.preprocessing.tokenizer, "utf-8")
    for name in COPIED:
        if (adapted.folder / name).is_file():
            shutil.copyfile(adapted.folder / name, folder / name)
    if not (folder / "tokenizer_config.json").is_file():
        tokenizer = Tokenizer.from_str(adapted.preprocessing.tokenizer)
        config: Any = adapted.model.config
        said = {"tokenizer_class": "PreTrainedTokenizerFast"}
        for which in ("bos", "eos", "pad"):
            number = getattr(config, f"{which}_token_id", None)
            token = tokenizer.id_to_token(number) if isinstance(number, int) else None
            said |= {f"{which}_token": token} if token is not None else {}
        (folder / "tokenizer_config.json").write_text(json.dumps(said, indent=2) + "\n", "utf-8")


def _write_adapter(folder: Path, adapter: Adapter, base: str) -> None:
    folder.mkdir()
    config = {**adapter.config, "base_model_name_or_path": base}
    # Not save_pretrained: it writes sets in an order that differs from run to run.
    text = json.dumps(config, indent=2, sort_keys=True)
    (folder / ADAPTER[0]).write_text(text + "\n", "utf-8")
    tensors = {name: each.contiguous() for name, each in adapter.tensors.items()}
    (folder / ADAPTER[1]).write_bytes(save(tensors, {"format": "pt"}))
