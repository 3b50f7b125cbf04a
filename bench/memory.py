"""The most memory an extraction holds, for few photos and for ten times as many."""

from pathlib import Path

from bench.machine import alone, peak_megabytes, scratch
from bench.photos import write_distinct
from bench.result import Figure, Result

BAR = 1.2


def run(quick: bool = False) -> Result:
    """Each extraction in a process of its own; the graph was converted in another before."""
    few = 50 if quick else 2000
    with scratch() as folder:
        for name, count in (("warm", 16), ("few", few), ("many", 10 * few)):
            write_distinct(folder / name, count, mark=name)
        alone(peak, folder / "warm", 16)
        before, small = alone(peak, folder / "few", few)
        _, large = alone(peak, folder / "many", 10 * few)
    return Result(
        "memory",
        f"peak of an extraction of {few:,} and of {10 * few:,} photos",
        (
            Figure("before the first photo", before, "MB"),
            Figure(f"{few:,} photos", small, "MB"),
            Figure(f"{10 * few:,} photos", large, "MB"),
            Figure("many / few", large / small, "x", at_most=BAR),
            Figure("growth per 1,000 photos", (large - small) / (9 * few) * 1000, "MB"),
        ),
        {"photos": "160x120 JPEGs", "memory": "VmHWM of the process"},
    )


def peak(folder: Path, count: int) -> tuple[float, float]:
    """The peak in MB before and after the extraction of every photo in a folder."""
    from headstart import data
    from headstart.features.trunk import Trunk
    from headstart.progress import Silent
    from headstart.spec import ReadSpec

    trunk = Trunk.load(None, "image", cut=None, offline=True)
    dataset = data.read(folder, ReadSpec(), labelled=False)
    before = peak_megabytes()
    features = trunk.extract(dataset, Silent())
    if features.misses != count:
        raise AssertionError(f"{features.misses} of {count} photos were computed")
    return before, peak_megabytes()
