"""Predicted against real time of every rung: images and texts, idle and beside other processes."""

import csv
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.fits import fit
from bench.machine import scratch
from bench.result import Figure, Result

BUDGETS = {"image": ("3m", "6m"), "text": ("2m", "5m")}
LOADS = (0, 2)
"""Other processes, each of which keeps a core busy."""

QUARTER = 0.25
QUICK_ITEMS = 240


def run(quick: bool = False) -> Result:
    """Each budget as a command of its own with an empty cache; then the same beside others.

    Rungs that a budget shortens are held to what was expected of them so.
    """
    figures: list[Figure] = []
    settings: dict[str, Any] = {}
    for modality, budgets in BUDGETS.items():
        for processes in LOADS[-1:] if quick else LOADS:
            for budget in ("15s",) if quick else budgets:
                name = f"{modality}s, {processes} other processes, --budget {budget}"
                with scratch() as folder:
                    table = _table(folder, modality, QUICK_ITEMS if quick else None)
                    with busy(processes):
                        report, seconds = fit(table, folder / "model", *_options(modality, budget))
                found = list(_rungs(report, name))
                figures += found
                settings[name] = f"{len(found)} rungs; the command took {seconds:.0f} s"
    off = [abs(each.value - 1) for each in figures]
    within = Figure("rungs within a quarter", sum(each <= QUARTER for each in off))
    worst = Figure("worst deviation", max(off, default=0.0), "", None, QUARTER)
    title = "seconds of a rung over what was expected"
    return Result("rung_times", title, (worst, within, *figures), settings)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that compute, until the end of the block."""
    spawn = multiprocessing.get_context("spawn")
    started = [spawn.Process(target=_compute, daemon=True) for _ in range(processes)]
    for each in started:
        each.start()
    try:
        yield
    finally:
        for each in started:
            each.terminate()
            each.join()


def _compute() -> None:
    number = 1
    while True:
        number = number * 3 % 1_000_003


def _rungs(report: Any, name: str) -> Iterator[Figure]:
    for rung in report["rungs"]:
        expected = rung["predicted_seconds"]
        if expected and rung["seconds"]:
            took, called = rung["seconds"], rung["cut"] or rung["strategy"]
            label = f"{name}: {called}, {took:.0f} s of {expected:.0f} s"
            yield Figure(label, took / expected, "", None, None)


def _options(modality: str, budget: str) -> tuple[str, ...]:
    return ("--input", modality, "--label", "label", "--budget", budget)


def _table(folder: Path, modality: str, items: int | None) -> Path:
    """Solar cells, or sentences by topic; the first so many of them."""
    from headstart.data.demo import sentences, solar_cells

    table = solar_cells(folder, seed=0) if modality == "image" else sentences(folder)
    if items is None:
        return table
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    few = table.with_name("few.csv")
    with few.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows[:: len(rows) // items]])
    return few
