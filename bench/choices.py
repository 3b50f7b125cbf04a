"""How often validation misleads: one deeper rung on many small draws, judged on many test items.

Resumable: each draw is kept in results/choices.jsonl as soon as it is done. Remove the file to
begin again.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import alone, scratch
from bench.result import Figure, Result
from bench.small_sets import SMALL, TEST_ITEMS, drawn, root

SEEDS = 5
DONE = Path(__file__).with_name("results") / "choices.jsonl"
EASED = {"image": 0.5, "text": 1.0}
"""Of the usual views and epochs, as about a budget of three minutes leaves."""

STRICTNESS = (0.025, 0.05, 0.15, 0.35, 0.5)
"""Chances of an accident below which a rung averaged with the first might be kept."""

SAME = 0.01
"""Share of the test error that is no change."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What came of one.

    Attributes:
        name, items, seed: which it was.
        learnt: whether any epoch was better than feature extraction.
        kept: whether the ladder would keep the rung.
        averaged: whether that is its mean with feature extraction.
        chance: of such a gain by accident, by the validation items.
        validation_items: how many.
        before, after: squared error of the test items; after: of what might be kept.
        seconds: of the training.
    """

    name: str
    items: int
    seed: int
    learnt: bool
    kept: bool
    averaged: bool
    chance: float
    validation_items: int
    before: float
    after: float
    seconds: float


def run(quick: bool = False) -> Result:
    """Every set of `small_sets` and every seed that is not done yet, each in its own process."""
    if quick:
        with tempfile.TemporaryDirectory() as folder:
            return _result(_every((("sentences", 90),), 1, Path(folder) / "done.jsonl", quick))
    return _result(_every(SMALL, SEEDS, DONE, quick))


def _every(sets: Sequence[tuple[str, int]], seeds: int, file: Path, quick: bool) -> list[Draw]:
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    done = [Draw(**json.loads(line)) for line in lines]
    known = {(each.name, each.items, each.seed) for each in done}
    file.parent.mkdir(exist_ok=True)
    for seed in range(seeds):
        for number, (name, items) in enumerate(sets):
            if (name, items, seed) in known:
                continue
            done.append(alone(draw, name, items, number, seed, quick))
            with file.open("a", encoding="utf-8") as written:
                written.write(json.dumps(asdict(done[-1])) + "\n")
    return done


def _result(draws: Sequence[Draw]) -> Result:
    learnt = [each for each in draws if each.learnt]
    changes = {id(each): each.after / each.before - 1 for each in learnt}
    kept = [each for each in learnt if each.kept]
    settings: dict[str, Any] = {
        f"{each.name}, {each.items} items, seed {each.seed}": (
            f"test error {changes[id(each)]:+.1%}, p = {each.chance:.2g}, "
            f"{each.validation_items} validation items, {'kept' if each.kept else 'not kept'}"
            if each.learnt
            else "learnt nothing"
        )
        for each in draws
    }
    for sure in STRICTNESS:
        taken = [changes[id(each)] for each in learnt if each.averaged and each.chance < sure]
        settings[f"averaged, p < {sure}"] = _counted(taken)
    return Result(
        "choices",
        "one deeper rung on small draws: what validation says, and what test items say",
        (
            Figure("draws", len(draws)),
            Figure("learnt nothing", len(draws) - len(learnt)),
            Figure("kept", len(kept)),
            Figure("kept, test error fell", sum(changes[id(each)] < -SAME for each in kept)),
            Figure("kept, test error rose", sum(changes[id(each)] > SAME for each in kept)),
            Figure(
                "kept, mean change of the test error",
                float(np.mean([changes[id(each)] for each in kept])) if kept else 0.0,
                "",
                at_most=0.0,
            ),
        ),
        settings,
    )


def _counted(changes: Sequence[float]) -> str:
    fell, rose = (sum(sign * each > SAME for each in changes) for sign in (-1, 1))
    mean = f"{np.mean(changes):+.1%} on the mean" if changes else "none"
    return f"{len(changes)} kept, {fell} fell, {rose} rose, {mean}"


def draw(name: str, items: int, number: int, seed: int, quick: bool) -> Draw:
    """Train the first rung and the first deeper one on a draw of a set; measure both."""
    from bench.peers import environments
    from bench.peers.datasets import DATASETS, split

    dataset = {each.name: each for each in DATASETS}[name]
    data = split(dataset, environments.folder() / "data", 0, False)
    with scratch() as folder:
        train = drawn(data.train, folder / "train.csv", items, 100 * seed + number)
        test = drawn(data.test, folder / "test.csv", 60 if quick else TEST_ITEMS, number)
        options = {
            "input": dataset.kind,
            "label": "label",
            "task": dataset.task,
            "test": str(test),
            "seed": seed,
            "budget": "3m",
            "offline": True,
        }
        if root(dataset.kind, data.train.parent):
            options["root"] = str(data.train.parent)
        found = _measured(train, options, 0.05 if quick else EASED[dataset.kind])
    return Draw(name=name, items=items, seed=seed, **found)


def _measured(table: Path, options: Mapping[str, Any], effort: float) -> dict[str, Any]:
    """See `Draw`."""
    import time

    from headstart.data import labels
    from headstart.data.given import read_any, with_test
    from headstart.evaluation.calibration import scaled
    from headstart.evaluation.paired import change
    from headstart.progress import Clock, Silent
    from headstart.run.prepare import prepare
    from headstart.search.choose import judged
    from headstart.search.rungs import proposed
    from headstart.spec import FitSpec
    from headstart.training import feature_extraction
    from headstart.training.adapt import adapt
    from headstart.training.candidate import Source
    from headstart.training.examples import arrange

    spec = FitSpec(**options)
    data = labels.one_form(with_test(read_any(str(table), spec, None, weights=None), spec))
    prepared = prepare(data, spec, table.name, arrange, Silent(), Clock(None))
    first = feature_extraction.fit(prepared.examples, spec, prepared.trunk, prepared.wide)
    plain = prepared.examples.narrowed(prepared.trunk.size)
    start = feature_extraction.start(plain, spec, prepared.trunk).head
    candidate = next(iter(proposed(prepared.trunk, plain, spec))).eased(effort, learns_all=True)
    began = time.monotonic()
    tuned = adapt(candidate, Source(prepared.dataset, prepared.trunk, plain, start))
    seconds = time.monotonic() - began
    test = first.examples.parts["test"]
    scores = scaled(first.head.scores(test.features), first.judged.temperature)
    before = _error(plain.task, scores, test.targets)
    found = {
        "learnt": bool(tuned.weights),
        "validation_items": len(plain.parts["validation"]),
        "seconds": seconds,
        "before": before,
    }
    if not tuned.weights:
        return found | {"kept": False, "averaged": False, "chance": 1.0, "after": before}
    verdict = judged(first, first, tuned, spec.seed)
    own = scaled(
        tuned.head.scores(_features(prepared, tuned.weights, test.positions)),
        tuned.judged.temperature,
    )
    averaged = verdict.adapted.averaged_with is not None
    return found | {
        "kept": verdict.better,
        "averaged": averaged,
        "chance": change(verdict.adapted.judged.errors, first.judged.errors).chance,
        "after": _error(plain.task, 0.5 * scores + 0.5 * own if averaged else own, test.targets),
    }


def _features(prepared: Any, weights: Any, positions: Any) -> Any:
    """What the adapted network gives for some items."""
    import torch

    from headstart.training.items import decoded

    backbone = prepared.trunk.backbone
    items = decoded(prepared.dataset.select(positions), backbone.preprocessing)
    network = backbone.adapted(weights)
    batches = (np.arange(at, min(at + 32, len(items))) for at in range(0, len(items), 32))
    with torch.inference_mode():
        return np.concatenate([network(*items.plain(each)).float().numpy() for each in batches])


def _error(task: str, scores: Any, targets: Any) -> float:
    """Mean squared error of the answers: probabilities, or values."""
    from headstart.evaluation import probabilities

    if task == "regression":
        return float(np.mean((scores.astype(np.float64) - targets) ** 2))
    answers = probabilities(task, scores)
    return float(np.mean(((answers - np.eye(answers.shape[1])[targets]) ** 2).sum(axis=1)))
