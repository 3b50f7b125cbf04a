"""Solar cells with six minutes: what they buy, whether they are kept to, what was expected."""

from statistics import mean, stdev

from bench.fits import fit, kept, times
from bench.machine import scratch
from bench.result import Figure, Result

SEEDS, BUDGET, MINUTES = 5, "6m", 6
BAR = 0.8842
"""The published accuracy of a fine-tuned VGG19, on other splits of the same kind."""


def run(quick: bool = False) -> Result:
    """Default options but for the budget: one split and fit a seed."""
    from headstart.data.demo import solar_cells

    seeds = range(1 if quick else SEEDS)
    budget = "20s" if quick else BUDGET
    reports, waits = [], []
    with scratch() as folder:
        for seed in seeds:
            table = solar_cells(folder / f"solar-{seed}", seed=seed)
            columns = ("--input", "image", "--label", "label")
            chosen = ("--seed", str(seed), "--budget", budget)
            report, seconds = fit(table, folder / f"model-{seed}", *columns, *chosen)
            reports.append(report)
            waits.append(seconds)
    accuracy = [report["test"]["accuracy"]["value"] for report in reports]
    first = [
        report["baselines"].get("feature-extraction", report["test"])["accuracy"]["value"]
        for report in reports
    ]
    return Result(
        "climb",
        f"test accuracy on 2,624 photographs of solar cells, --budget {budget}",
        (
            Figure("mean accuracy", mean(accuracy), "", at_least=BAR),
            Figure("standard deviation over seeds", stdev(accuracy) if len(accuracy) > 1 else 0.0),
            Figure("mean accuracy of the first rung", mean(first)),
            Figure("longest command / budget", max(waits) / (60 * MINUTES), "", None, 1.1),
            *(
                Figure(f"accuracy, seed {seed}", value)
                for seed, value in zip(seeds, accuracy, strict=True)
            ),
        ),
        {
            f"seed {seed}, {kept(report)}": "; ".join(times(report))
            for seed, report in zip(seeds, reports, strict=True)
        },
    )
