"""A language model of your own, adapted to new texts, with no download.

Shows:   a small GPT-2 (1.5 million parameters) is trained for two minutes on Python's manual, as
         the standard library ships it, and saved as the hub lays models out; then headstart adapts
         it by LoRA to what people say to a chat bot, and it writes.
Run:     python recipes/tiny_gpt.py
Expect:  perplexity on new lines 789 (738 to 844) before, 425 (407 to 443) after; it fell by 363
         (316 to 413). About five minutes on two cores; how well the small model is trained, and so
         the figures, hang on how much of its two minutes it gets. What it writes is no English.
Needs:   pip install 'headstart[demo]'

The small model knows little; this shows the way, and what perplexity does. Take a real one with
`--backbone FOLDER`, and the rest is the same.
"""

import csv
import time
from importlib.resources import files
from pathlib import Path
from pydoc_data import topics

import torch
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel

import headstart

FOLDER = Path("runs/tiny_gpt")
SECONDS = 120
LENGTH, BATCH = 128, 16
END = "<|endoftext|>"


def pretrain(folder: Path) -> None:
    """Train a GPT-2 from random weights on Python's manual, and save it with its tokenizer."""
    texts = [topics.topics[name] for name in sorted(topics.topics)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2_000, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = torch.tensor(tokenizer.encode(END.join(texts)).ids)

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(),
        n_positions=LENGTH,
        n_embd=128,
        n_layer=6,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
    until, steps, loss = time.monotonic() + SECONDS, 0, torch.tensor(0.0)
    while time.monotonic() < until:
        starts = torch.randint(0, len(ids) - LENGTH, (BATCH,))
        batch = torch.stack([ids[at : at + LENGTH] for at in starts.tolist()])
        loss = model(input_ids=batch, labels=batch).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
    parameters = sum(each.numel() for each in model.parameters())
    print(f"a GPT-2 of {parameters:,} parameters, {steps:,} steps, last loss {loss.item():.2f}")
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))


def chat(table: Path) -> Path:
    """A table with a column `text`: what people and a chat bot say."""
    folder = Path(str(files("chatterbot_corpus"))) / "data" / "english"
    lines = {}
    for file in sorted(folder.glob("*.yml")):
        for said in yaml.safe_load(file.read_text("utf-8"))["conversations"]:
            lines |= dict.fromkeys(" ".join(str(line).split()) for line in said)
    with table.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([["text"], *([line] for line in lines if line)])
    return table


def main() -> None:
    """Pretrain, adapt, write."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pretrain(FOLDER / "base")
    run = headstart.fit(
        chat(FOLDER / "chat.csv"),
        task="generation",
        backbone=str(FOLDER / "base"),
        strategy="lora",
        out=FOLDER / "model",
        offline=True,
    )
    report = run.report
    before, after = report.baselines["pretrained"]["perplexity"], report.test["perplexity"]
    fell = report.gain["perplexity"]
    for name, found in (("before", before), ("after", after), ("fell by", fell)):
        print(f"perplexity {name}: {found.value:.1f} ({found.low:.1f} to {found.high:.1f})")
    print("What is" + "".join(headstart.generate(run.model, "What is", length=40, seed=1)))


if __name__ == "__main__":
    main()
