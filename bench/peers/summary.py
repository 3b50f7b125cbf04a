"""The plan as figures, as the other measurements of bench have them."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers.plan import OWN
from bench.peers.scoring import METRICS, columns, comparable, difference, measured
from bench.result import Figure, Result


def result(results: Sequence[Mapping[str, Any]], minutes: float) -> Result:
    """headstart's own figure on each set, and by how much it is ahead of each peer there."""
    here = [each for each in results if each["minutes"] == minutes and each["state"] == "done"]
    figures = []
    for dataset in dict.fromkeys(each["dataset"] for each in here):
        by_peer: dict[str, dict[int, Mapping[str, Any]]] = {}
        for each in here:
            if each["dataset"] == dataset:
                by_peer.setdefault(each["peer"], {})[each["seed"]] = each
        own = by_peer.pop(OWN, {})
        if not own:
            continue
        name = METRICS[next(iter(own.values()))["task"]][0]
        said = measured([columns(each) for each in own.values()])[name]
        figures.append(Figure(f"{dataset}, {name}, headstart", said.value))
        for peer, theirs in by_peer.items():
            both = sorted(set(own) & set(theirs))
            seeds = [seed for seed in both if comparable(own[seed], theirs[seed])]
            if not seeds:
                continue
            gained = difference(
                [columns(own[seed]) for seed in seeds], [columns(theirs[seed]) for seed in seeds]
            )[name]
            figures.append(Figure(f"{dataset}, headstart less {peer}", gained.value))
            figures.append(Figure(f"{dataset}, headstart less {peer}, at least", gained.low))
    without = [
        f"{each['peer']} on {each['dataset']}: {each['message']}"
        for each in results
        if each["state"] != "done"
    ]
    return Result(
        "peers",
        f"headstart beside other tools, {minutes:g} minutes each",
        tuple(figures),
        {"runs": len(results), "without an answer": without},
    )
