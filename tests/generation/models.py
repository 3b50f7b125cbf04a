"""Tiny causal language models, saved as the hub lays them out, with a small tokenizer of bytes."""

import functools
import re
from importlib.util import find_spec
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
WORDS = 400
KINDS = ("gpt2", "llama", "opt", "gpt_neox")


def topics() -> dict[str, list[str]]:
    """Lines that people say to a chat bot, and its answers, by topic (chatterbot-corpus)."""
    import yaml

    origin = find_spec("chatterbot_corpus").origin
    folder = Path(origin).parent / "data" / "english"
    found = {}
    for path in sorted(folder.glob("*.yml")):
        said = yaml.safe_load(path.read_text("utf-8"))["conversations"]
        lines = [" ".join(str(line).split()) for lines in said for line in lines]
        found[path.stem] = list(dict.fromkeys(line for line in lines if line))
    return found


@functools.cache
def tokenizer() -> Tokenizer:
    """A byte-level BPE of a few hundred tokens, learnt from those lines."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    lines = [line for lines in topics().values() for line in lines]
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(lines, trainer)
    return made


def config(kind: str, **changes: object) -> transformers.PretrainedConfig:
    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    usual = {
        "vocab_size": WORDS,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        **ends,
    }
    opt = {"ffn_dim": 64, "word_embed_proj_dim": 32}
    gpt2 = {"vocab_size": WORDS, "n_embd": 32, "n_layer": 3, "n_head": 2, "n_positions": 64, **ends}
    settings = {"gpt2": gpt2, "opt": {**usual, **opt}}.get(kind, usual)
    return transformers.AutoConfig.for_model(kind, **{**settings, **changes})


def save(folder: Path, kind: str = "gpt2", *, spread: float = 0.1, **changes: object) -> str:
    """The folder of a model of `kind` with random weights and dropout."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config(kind, **changes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(spread * torch.randn_like(weight))
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    return str(folder)


def learnt(folder: Path, lines: list[str], steps: int = 150, **changes: object) -> str:
    """The folder of a small GPT-2 that learnt from some lines."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config("gpt2", **changes))
    text = END.join(lines)
    ids = torch.tensor(tokenizer().encode(re.sub(r"\s+", " ", text)).ids)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    random = torch.Generator().manual_seed(0)
    for _ in range(steps):
        starts = torch.randint(0, len(ids) - 33, (16,), generator=random)
        batch = torch.stack([ids[at : at + 32] for at in starts.tolist()])
        loss = model(input_ids=batch, labels=batch).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    return str(folder)
