"""The second fit on the same photos, with another head and seed: what extraction costs then."""

import os
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import alone, scratch
from bench.photos import write_photos
from bench.result import Figure, Result

REPEATS = 3
BAR = 50


def run(quick: bool = False) -> Result:
    """Each fit in a process of its own, as at the command line."""
    count = 40 if quick else 2000
    with scratch() as folder:
        for number, name in enumerate(("a", "b")):
            write_photos(folder / "photos" / name, count // 2, seed=number)
        photos, bare, whole = folder / "photos", folder / "bare", folder / "whole"
        alone(extract, photos, folder / "warm")  # the files are in memory for both
        first = alone(extract, photos, bare)
        again = [alone(extract, photos, bare) for _ in range(1 if quick else REPEATS)]
        second = median(each["extract"] for each in again)
        fits = [alone(fit, photos, whole, "linear", 0), alone(fit, photos, whole, "knn", 1)]
    for hits, expected in ((first["hits"], 0), (again[0]["hits"], count), (fits[1]["hits"], count)):
        if hits != expected:
            raise AssertionError(f"{hits} photos were in the store, not {expected}")
    return Result(
        "second_fit",
        "the same photos again, with another head and seed",
        (
            Figure("extraction, first", first["extract"], "s"),
            Figure("extraction, second", second, "s"),
            Figure("extraction, first / second", first["extract"] / second, "x", BAR),
            Figure("extraction, second, rate", count / second, "photos/s"),
            Figure("loading the backbone, each time", median(e["load"] for e in again), "s"),
            Figure("fit, `extract` in its report, first", fits[0]["extract"], "s"),
            Figure("fit, `extract` in its report, second", fits[1]["extract"], "s"),
            Figure("fit, whole, first", fits[0]["total"], "s"),
            Figure("fit, whole, second", fits[1]["total"], "s"),
        ),
        {
            "photos": f"{count}, 500x375",
            "extraction, second, by repeat": [round(each["extract"], 3) for each in again],
            "extraction": "hashing and the store; in the first also the graph's conversion",
        },
    )


def extract(photos: Path, cache: Path) -> dict[str, Any]:
    """Seconds of loading the backbone, and of the extraction alone."""
    os.environ["HEADSTART_CACHE"] = str(cache)
    from headstart import data
    from headstart.features.trunk import Trunk
    from headstart.progress import Silent
    from headstart.spec import ReadSpec

    dataset = data.read(photos, ReadSpec())
    began = time.perf_counter()
    trunk = Trunk.load(None, "image", cut=None, offline=True)
    loaded = time.perf_counter() - began
    features = trunk.extract(dataset, Silent())
    return {"load": loaded, "extract": features.seconds, "hits": features.hits}


def fit(photos: Path, cache: Path, head: str, seed: int) -> dict[str, Any]:
    """What the report of a whole fit says of its seconds and of the store."""
    os.environ["HEADSTART_CACHE"] = str(cache)
    import headstart

    report = headstart.fit(photos, head=head, seed=seed, offline=True).report
    return {**report.seconds, "hits": report.store["hits"]}
