"""Other tools, side by side: the same split, weights, minutes and two cores for each.

python -m bench.peers                        the whole plan; what has a result is not done again
python -m bench.peers --only fastai --set solar --minutes 3 --seeds 1
python -m bench.peers --table                what there is so far, as Markdown
python -m bench.peers --quick                60 items and 10 seconds each: that it runs
python -m bench.peers --install              only make the environments and fetch the data

Each peer runs in a virtual environment of its own (those that go together share one), with exact
versions from bench/peers/requirements/, offline, from the weights that headstart ships. They are
kept in bench/.envs, or where HEADSTART_PEERS_ENVS says, and take about 20 GB. A result is a JSON
file under bench/peers/results/, which is kept with the source, so that the plan can be done in
parts: delete it, and the run is done again. What a tool refuses is a result too, with its message;
what it printed is beside it, in a file that is not kept. Only runs on the same kind of processor
are compared.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.result import Result


def run(quick: bool = False) -> "Result":
    """The plan as one measurement: how far headstart is ahead on each set, with three minutes.

    Quick is headstart beside counting words on a few sentences, in this environment.
    """
    from dataclasses import replace
    from pathlib import Path

    from bench.machine import describe, scratch
    from bench.peers.datasets import DATASETS
    from bench.peers.plan import EVERYWHERE, PEERS, runs
    from bench.peers.session import QUICK_MINUTES, RESULTS, carry_out
    from bench.peers.summary import result

    if not quick:
        kinds = {each.name: each.kind for each in DATASETS}
        return result(carry_out(runs(kinds), describe(), RESULTS), EVERYWHERE)
    here = [
        replace(each, environment=None) for each in PEERS if each.name in ("headstart", "tfidf")
    ]
    planned = runs({"sentences": "text"}, here, (QUICK_MINUTES,), seeds=1)
    with scratch() as folder:
        return result(carry_out(planned, describe(), Path(folder), few=True), QUICK_MINUTES)
