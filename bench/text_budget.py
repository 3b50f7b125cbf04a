"""Texts with five minutes, beside the forty lines of PyTorch that a tutorial has."""

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.fits import fit, kept, times
from bench.machine import alone, scratch
from bench.result import Figure, Result

BUDGET = "5m"
RATE, BATCH, EPOCHS, WARM_UP = 1e-4, 32, 3, 0.1
SETS = {"movies": "pearson_r", "drugs": "accuracy"}
"""Of `bench.peers`: a regression and a classification; their metrics."""


def run(quick: bool = False) -> Result:
    """The same split for both; each in a process of its own with an empty cache."""
    from bench.peers import environments
    from bench.peers.datasets import DATASETS, split

    known = {each.name: each for each in DATASETS}
    figures: list[Figure] = []
    settings: dict[str, Any] = {}
    for name, metric in SETS.items():
        data = split(known[name], environments.folder() / "data", 0, quick)
        theirs = alone(plain, data.train, data.test, known[name].task, 1 if quick else EPOCHS)
        with scratch() as folder:
            report, seconds = fit(
                data.train,
                folder / "model",
                *("--test", str(data.test), "--input", "text", "--label", "label"),
                *("--task", known[name].task, "--budget", "20s" if quick else BUDGET),
            )
        value = report["test"][metric]["value"]
        figures += [
            Figure(f"{name}, {metric}: headstart", value, "", at_least=theirs["value"]),
            Figure(f"{name}, {metric}: plain loop", theirs["value"]),
            Figure(f"{name}, whole command: headstart", seconds, "s"),
            Figure(f"{name}, training: plain loop", theirs["seconds"], "s"),
        ]
        rungs = "; ".join(times(report))
        settings[f"{name}, {len(data.truth)} test items"] = f"{kept(report)}; {rungs}"
    title = f"--budget {BUDGET} beside {EPOCHS} epochs of a plain loop"
    return Result("text_budget", title, tuple(figures), settings)


def plain(train: Path, test: Path, task: str, epochs: int) -> dict[str, float]:
    """Full fine-tuning of the same network: AdamW, random batches, warm-up, autocast."""
    import numpy as np
    import torch

    from headstart.data.dataset import Dataset
    from headstart.features.trunk import Trunk
    from headstart.training.items import Tokens

    texts, labels = _read(train)
    tests, wanted = _read(test)
    trunk = Trunk.load(None, "text", cut=None, offline=True)
    began = time.perf_counter()
    torch.manual_seed(0)
    regression = task == "regression"
    classes = sorted(set(labels))
    outputs = 1 if regression else len(classes)
    targets = torch.tensor(
        [float(each) for each in labels] if regression else [classes.index(e) for e in labels]
    )
    mean, spread = targets.float().mean(), targets.float().std()
    network, head = trunk.backbone.module, torch.nn.Linear(trunk.backbone.features, outputs)
    tokens = Tokens.of(Dataset("text", texts, texts), trunk.backbone.preprocessing)
    learning = [*network.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(learning, lr=RATE, weight_decay=0.01)
    steps = epochs * -(-len(texts) // BATCH)
    rising = max(1, round(WARM_UP * steps))
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda at: min((at + 1) / rising, (steps - at) / max(1, steps - rising))
    )
    bfloat16 = trunk.precision == "bfloat16"
    network.train()
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(len(texts))
        for at in range(0, len(order), BATCH):
            index = order[at : at + BATCH]
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                scores = head(network(*tokens.plain(index))).float()
            if regression:
                loss = torch.nn.functional.mse_loss(scores[:, 0], (targets[index] - mean) / spread)
            else:
                loss = torch.nn.functional.cross_entropy(scores, targets[index])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            rates.step()
    seconds = time.perf_counter() - began
    network.eval()
    tokens = Tokens.of(Dataset("text", tests, tests), trunk.backbone.preprocessing)
    with torch.inference_mode():
        scores = torch.cat(
            [
                head(network(*tokens.plain(np.arange(at, min(at + BATCH, len(tests)))))).float()
                for at in range(0, len(tests), BATCH)
            ]
        ).numpy()
    if regression:
        value = float(np.corrcoef(scores[:, 0], np.array([float(each) for each in wanted]))[0, 1])
    else:
        value = float(np.mean([classes[at] for at in scores.argmax(1)] == np.array(wanted)))
    return {"value": value, "seconds": seconds}


def _read(table: Path) -> tuple[Sequence[str], Sequence[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]
