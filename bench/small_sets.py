"""Ten small data sets with three minutes: is the result better than what it started from?"""

import csv
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench.fits import fit, kept, times
from bench.machine import scratch
from bench.result import Figure, Result

BUDGET = "3m"
SMALL = (
    ("solar", 340),
    ("solar", 160),
    ("digits", 300),
    ("digits", 150),
    ("emoji", 400),
    ("sentences", 320),
    ("drugs", 400),
    ("drugs", 200),
    ("movies", 400),
    ("editorials", 300),
)
"""Sets of `bench.peers`, and how many items are drawn of each to learn from and to test on."""

METRIC = {"classification": "accuracy", "regression": "pearson_r"}
TEST_ITEMS = 600
"""More than a fourth, so that the interval of a difference is narrow."""


def run(quick: bool = False) -> Result:
    """The test items are others than those drawn: the set's own test part, or a part of it."""
    from bench.peers import environments
    from bench.peers.datasets import DATASETS, split

    known = {each.name: each for each in DATASETS}
    gains, clear = [], 0
    settings: dict[str, Any] = {}
    figures: list[Figure] = []
    for number, (name, items) in enumerate(SMALL[:1] if quick else SMALL):
        dataset = known[name]
        data = split(dataset, environments.folder() / "data", 0, quick)
        with scratch() as folder:
            train = drawn(data.train, folder / "train.csv", items, number)
            test = drawn(data.test, folder / "test.csv", TEST_ITEMS, number)
            report, _ = fit(
                train,
                folder / "model",
                *("--test", str(test), *root(dataset.kind, data.train.parent)),
                *("--input", dataset.kind, "--label", "label", "--task", dataset.task),
                *("--budget", "20s" if quick else BUDGET),
            )
        metric = METRIC[dataset.task]
        first = report["baselines"].get("feature-extraction", report["test"])[metric]["value"]
        gain = report["test"][metric]["value"] - first
        gains.append(gain)
        paired = report["gain"]
        if paired:
            clear += paired["low"] > 0 if paired["metric"] == "mae" else paired["high"] < 0
        figures.append(Figure(f"{name}, {items} items: gain in {metric}", gain))
        settings[f"{name}, {items} items"] = (
            f"{first:.3f} to {first + gain:.3f}, {kept(report)}, paired {paired}; "
            + "; ".join(times(report))
        )
    return Result(
        "small_sets",
        f"--budget {BUDGET} beside the first rung, test items",
        (
            Figure("mean gain", mean(gains), "", at_least=0.0),
            Figure("sets on which it is worse by more than chance", clear, "", None, 0),
            *figures,
        ),
        settings,
    )


def root(kind: str, folder: Path) -> tuple[str, ...]:
    """Where the images of a table that was moved are."""
    return ("--root", str(folder)) if kind == "image" else ()


def drawn(table: Path, target: Path, items: int, seed: int) -> Path:
    """Some of the rows, as a table of their own."""
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    order = np.random.default_rng(seed).permutation(len(rows))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows[at] for at in sorted(order[:items].tolist()))
    return target
