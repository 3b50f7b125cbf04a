"""The plan as figures, as the other measurements of bench have them."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers.plan import OWN
from bench.peers.scoring import METRICS, columns, difference, matched, measured
from bench.result import Figure, Result


def result(results: Sequence[Mapping[str, Any]], minutes: float) -> Result:
    """headstart's own figure on each set, and by how much it is ahead of each peer there."""
    here = [each for each in results if each["minutes"] == minutes and each["state"] == "done"]
    figures = []
    for dataset in dict.fromkeys(each["dataset"] for each in here):
        by_peer: dict[str, list[Mapping[str, Any]]] = {}
        for each in here:
            if each["dataset"] == dataset:
                by_peer.setdefault(each["peer"], []).append(each)
        own = by_peer.pop(OWN, [])
        if not own:
            continue
        name = METRICS[own[0]["task"]][0]
        said = measured([columns(each) for each in own])[name]
        figures.append(Figure(f"{dataset}, {name}, headstart", said.value))
        for peer, theirs in by_peer.items():
            pairs = matched(theirs, own)
            if not pairs:
                continue
            gained = difference(
                [columns(ours) for _, ours in pairs], [columns(theirs) for theirs, _ in pairs]
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
