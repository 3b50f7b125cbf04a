"""`python -m bench.peers [--only PEER] [--set NAME] [--minutes M] [--seeds N] [--table]`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.machine import alone, describe, limit
from bench.peers import __doc__ as about
from bench.peers import environments
from bench.peers.datasets import DATASETS
from bench.peers.plan import PEERS, SEEDS, runs
from bench.peers.session import QUICK, QUICK_MINUTES, RESULTS, carry_out, read
from bench.peers.table import markdown


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked, and print the table of all there is."""
    options = _parser().parse_args(arguments)
    results = options.results or (QUICK if options.quick else RESULTS)
    if options.table:
        sys.stdout.write(markdown(read(results)))
        return
    limit()
    # An exception ends the peer's process on the way out; the signal by itself would leave it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    peers = [each for each in PEERS if not options.only or each.name in options.only]
    if options.install:
        for name in dict.fromkeys(each.environment for each in peers):
            environments.python(name)
        environments.archives()
        return
    kinds = {
        each.name: each.kind for each in DATASETS if not options.set or each.name in options.set
    }
    minutes = options.minutes or ([QUICK_MINUTES] if options.quick else None)
    seeds = options.seeds or (1 if options.quick else SEEDS)
    planned = runs(kinds, peers, minutes, seeds)
    carry_out(planned, alone(describe), results, few=options.quick, say=_say)
    sys.stdout.write("\n" + markdown(read(results)))


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "bench.peers", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names, sets = [each.name for each in PEERS], [each.name for each in DATASETS]
    many = {"action": "append", "default": []}
    parser.add_argument("--only", choices=names, help="this peer; may be repeated", **many)
    parser.add_argument("--set", choices=sets, help="this set; may be repeated", **many)
    parser.add_argument(
        "--minutes", type=float, help="so many, for every set; again for more", **many
    )
    parser.add_argument("--seeds", type=int, help=f"how many splits, {SEEDS} by default")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    parser.add_argument("--install", action="store_true", help="only what the peers need")
    parser.add_argument("--quick", action="store_true", help="tiny; the figures mean nothing")
    parser.add_argument("--results", type=Path, help="another folder for the results")
    return parser


if __name__ == "__main__":
    main()
