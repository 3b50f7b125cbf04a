"""Many runs, one after the other; those that have a result are not done again."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.peers import environments, weights
from bench.peers.datasets import DATASETS, Dataset, split
from bench.peers.driver import Weights, measure
from bench.peers.plan import Run

RESULTS = Path(__file__).with_name("results")
"""Kept with the source, so that a plan of many hours is done in parts."""

QUICK = Path(__file__).parents[1] / "results" / "peers-quick"
QUICK_MINUTES = 1 / 6
QUICK_EXTRA = 180.0
"""Seconds before a quick run is killed, besides: most of it is importing."""


def carry_out(
    runs: Iterable[Run],
    machine: Mapping[str, Any],
    results: Path,
    datasets: Iterable[Dataset] = DATASETS,
    few: bool = False,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Do the runs that have no result yet; every run's result, old ones included."""
    known = {each.name: each for each in datasets}
    data = environments.folder() / "data"
    found = []
    for run in runs:
        file = run.file(results)
        name = file.stem
        if file.is_file():
            found.append(json.loads(file.read_text("utf-8")))
            say(f"{name}: there already, {found[-1]['state']}")
            continue
        dataset = known[run.dataset]
        result = measure(
            run,
            dataset,
            split(dataset, data, run.seed, few),
            Weights(weights.lite0(environments.folder() / "lite0"), weights.minilm()),
            environments.python(run.peer.environment),
            machine,
            results,
            QUICK_EXTRA if few else 0.0,
        )
        found.append(result)
        say(f"{name}: {result['state']} in {result['wall_seconds']:.0f} s {result['message']}")
    return found


def read(results: Path) -> list[dict[str, Any]]:
    """Every result in a folder."""
    return [json.loads(each.read_text("utf-8")) for each in sorted(results.glob("*.json"))]
