"""`python -m bench [NAME...] [--quick]`."""

import argparse
import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from rich.console import Console

from bench import MEASUREMENTS, ON_REQUEST, gpu
from bench import __doc__ as about
from bench.machine import OtherWork, alone, describe, limit

RESULTS = Path(__file__).with_name("results")


def main(arguments: list[str] | None = None) -> None:
    """Measure, each in a process of its own; print; and write after each what there is so far."""
    parser = argparse.ArgumentParser(
        "bench", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = (*MEASUREMENTS, *ON_REQUEST)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="tiny sizes; the figures mean nothing")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(known)}")

    if "gpu" in options.names:
        if len(options.names) > 1:
            parser.error("gpu needs every core, so it is measured alone")
        gpu.main(["--quick"] if options.quick else [])
        return
    limit()
    machine = alone(describe)
    console = Console()
    for key, value in machine.items():
        console.print(f"{key}: {value}", highlight=False, markup=False)
    if machine["precision"] != "bfloat16":
        console.print("The bars of `extraction` were set on a processor that computes in bfloat16.")
    if options.quick:
        console.print("--quick: these figures mean nothing.")
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    results = []
    for name in options.names or MEASUREMENTS:
        others = OtherWork()
        result = alone(import_module(f"bench.{name}").run, options.quick)
        share = others.share()
        results.append(result.to_json() | {"others": round(share, 3)})
        console.print(result.table())
        console.print(f"Other work took {share:.0%} of these cores meanwhile.\n")
        content = {"machine": machine, "quick": options.quick, "results": results}
        target.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    console.print(f"written: {target}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
