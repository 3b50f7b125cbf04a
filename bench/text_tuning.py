"""Fine-tuning of a text network: an epoch of headstart's loop beside one of the plain loop."""

import copy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import scratch
from bench.result import Figure, Result

TEXTS, ROUNDS, BATCH, OUTPUTS = 256, 3, 32, 8
WORDS = 60
"""Of a text, at most: the plain loop pads a whole batch to the longest."""

FASTER = 1.5
SHARE_OVER = 1.1
BESIDE = 2.5

_OTHER = """
import torch
torch.set_num_threads(2)
network = torch.nn.Sequential(torch.nn.Linear(512, 2048), torch.nn.GELU(), torch.nn.Linear(2048, 9))
optimiser, rows = torch.optim.AdamW(network.parameters()), torch.randn(512, 512)
first = True
while True:
    optimiser.zero_grad()
    network(rows).square().mean().backward()
    optimiser.step()
    if first:
        print(flush=True)
    first = False
"""


def run(quick: bool = False) -> Result:
    """All in one process, in turn, by rounds: the same minutes for each."""
    import headstart.api  # noqa: F401  # first: how PyTorch's threads wait is set before it loads
    from headstart.data.dataset import Dataset
    from headstart.features.trunk import Trunk
    from headstart.training.items import Tokens

    rounds = 1 if quick else ROUNDS
    with scratch():
        trunk = Trunk.load(None, "text", cut=None, offline=True)
        texts = conversations()[: 48 if quick else TEXTS]
        data = Dataset("text", texts, texts)
        tokens = Tokens.of(data, trunk.backbone.preprocessing)
        cuts = [stage.name for stage in trunk.backbone.stages[:-1]]
        if quick:
            cuts = cuts[-2:]
        epochs = {None: whole(trunk, tokens)} | {cut: tail(trunk, cut, data) for cut in cuts}
        theirs = plain(trunk, tokens)
        for epoch in (theirs, *epochs.values()):  # the first steps choose and load kernels
            epoch(True)
        seconds: dict[str | None, list[float]] = {name: [] for name in epochs}
        slow: list[float] = []
        for _ in range(rounds):
            slow.append(theirs(quick))
            for name, epoch in epochs.items():
                seconds[name].append(epoch(quick))
        alone, beside = [], []
        for _ in range(rounds):
            alone.append(epochs[None](quick))
            with another_training():
                beside.append(epochs[None](quick))
    shares = operations(trunk, cuts)
    steps = -(-len(texts) // BATCH)
    ratios = {
        cut: median(a / b / shares[cut] for a, b in zip(seconds[cut], slow, strict=True))
        for cut in cuts
    }
    figures = [
        Figure("plain loop, a step", median(slow) / steps, "s"),
        Figure("whole network, a step", median(seconds[None]) / steps, "s"),
        *(Figure(f"after {cut}, a step", median(seconds[cut]) / steps, "s") for cut in cuts),
        Figure("plain loop, an epoch", median(slow), "s"),
        Figure("whole network, an epoch", median(seconds[None]), "s"),
        *(Figure(f"after {cut}, an epoch", median(seconds[cut]), "s") for cut in cuts),
        Figure(
            "plain loop / whole network",
            median(a / b for a, b in zip(slow, seconds[None], strict=True)),
            "x",
            at_least=FASTER,
        ),
        *(
            Figure(f"after {cut} / its share of the plain loop", ratios[cut], "x", None, SHARE_OVER)
            for cut in cuts
        ),
        Figure(
            "whole network, beside another training / alone",
            median(b / a for a, b in zip(alone, beside, strict=True)),
            "x",
            at_most=BESIDE,
        ),
    ]
    lengths = tokens.lengths
    return Result(
        "text_tuning",
        f"an epoch on {len(texts)} texts, {trunk.backbone.name}",
        tuple(figures),
        {
            "tokens of a text, mean and longest": f"{lengths.mean():.1f}, {lengths.max()}",
            "share of the operations": {cut: round(share, 3) for cut, share in shares.items()},
            "seconds, plain loop": [round(each, 2) for each in slow],
            "seconds, whole network": [round(each, 2) for each in seconds[None]],
            "seconds, alone": [round(each, 2) for each in alone],
            "seconds, beside another": [round(each, 2) for each in beside],
        },
    )


def conversations() -> list[str]:
    """What is said in each conversation of a package, in one text; the order is mixed."""
    import random

    import chatterbot_corpus
    import yaml

    folder = Path(chatterbot_corpus.__file__).parent / "data" / "english"
    found: dict[str, None] = {}
    for path in sorted(folder.glob("*.yml")):
        for lines in yaml.safe_load(path.read_text("utf-8"))["conversations"]:
            found[" ".join(" ".join(map(str, lines)).split())] = None
    texts = [each for each in found if 0 < len(each.split()) <= WORDS]
    random.Random(0).shuffle(texts)
    return texts


def operations(trunk: Any, cuts: Sequence[str]) -> dict[str, float]:
    """Which share of the network's operations is right of each cut."""
    stages = trunk.backbone.stages
    names = [stage.name for stage in stages]
    return {
        cut: sum(stage.gflops for stage in stages[names.index(cut) + 1 :]) / trunk.backbone.gflops
        for cut in cuts
    }


def whole(trunk: Any, tokens: Any) -> Callable[[bool], float]:
    """An epoch of the whole network in headstart's loop."""
    return _ours(trunk, trunk.backbone.module, tokens, "full-fine-tuning")


def tail(trunk: Any, cut: str, data: Any) -> Callable[[bool], float]:
    """An epoch of what is right of a cut, from stored activations."""
    from headstart.progress import Silent
    from headstart.training.items import Activations

    cutting = trunk.at(cut)
    items = Activations([cutting.extract(data, Silent())])
    return _ours(trunk, cutting.cut.tail, items, "fine-tuning")


def _ours(trunk: Any, module: Any, items: Any, strategy: str) -> Callable[[bool], float]:
    import torch

    from headstart.learning.objectives import Classification, loss_of
    from headstart.spec import FitSpec
    from headstart.training.loop import Task, train
    from headstart.training.network import Copy, Network, Scales, groups
    from headstart.training.recipe import Size, recipe_for
    from headstart.training.strategies import strategy_of

    backbone = trunk.backbone
    size = Size("text", len(items), backbone.features)
    recipe = recipe_for(strategy_of(strategy), size, FitSpec(strategy=strategy, epochs=1))
    copied = Copy.of(module, backbone)
    network = Network(copied.module, OUTPUTS, recipe.dropout, Scales.none(backbone.features))
    learning = groups(network, copied.depths, recipe)
    targets = torch.nn.functional.one_hot(torch.arange(len(items)) % OUTPUTS, OUTPUTS).float()
    task = Task(
        items=items,
        targets=targets,
        loss=loss_of(Classification(OUTPUTS), 0.0, weighted=False),
        validate=None,
        where=torch.device("cpu"),
        bfloat16=trunk.precision == "bfloat16",
    )

    def epoch(short: bool) -> float:
        began = time.perf_counter()
        train(
            network,
            learning,
            task,
            recipe if not short else _shortened(recipe, len(items)),
            seed=0,
            checkpoint=None,
            advance=lambda _: None,
        )
        return time.perf_counter() - began

    return epoch


def _shortened(recipe: Any, items: int) -> Any:
    from dataclasses import replace

    return replace(recipe, share=min(1.0, 2 * recipe.batch / items))


def plain(trunk: Any, tokens: Any) -> Callable[[bool], float]:
    """The loop of a tutorial: random batches, padded to the longest; AdamW as torch gives it."""
    import numpy as np
    import torch

    network = copy.deepcopy(trunk.backbone.module)
    head = torch.nn.Linear(trunk.backbone.features, OUTPUTS)
    learning = [*network.parameters(), *head.parameters()]
    targets = torch.arange(len(tokens)) % OUTPUTS
    bfloat16 = trunk.precision == "bfloat16"

    def epoch(short: bool) -> float:
        began = time.perf_counter()
        network.train()
        optimiser = torch.optim.AdamW(learning, lr=3e-5, weight_decay=0.01)
        order = np.random.default_rng(0).permutation(len(tokens))
        batches = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
        rising = max(1, len(batches) // 10)
        rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda at: min(1, (at + 1) / rising))
        for index in batches[: 2 if short else None]:
            optimiser.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                scores = head(network(*tokens.plain(index)))
            torch.nn.functional.cross_entropy(scores.float(), targets[index]).backward()
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            rates.step()
        return time.perf_counter() - began

    return epoch


@contextmanager
def another_training() -> Iterator[None]:
    """Another program trains with two threads on these cores meanwhile."""
    other = subprocess.Popen([sys.executable, "-c", _OTHER], stdout=subprocess.PIPE)
    assert other.stdout
    other.stdout.readline()
    try:
        yield
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
