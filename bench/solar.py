"""Solar cells, by the protocol of the published comparison: is it as good as it should be?"""

from statistics import mean, stdev

from bench.machine import scratch
from bench.result import Figure, Result

SEEDS = 5
BAR = 0.865


def run(quick: bool = False) -> Result:
    """Defective where p > 0.5; 75/25, stratified by p and type; one split and fit a seed."""
    import headstart
    from headstart.data.demo import solar_cells

    seeds = range(2 if quick else SEEDS)
    reports = []
    with scratch() as folder:
        for seed in seeds:
            table = solar_cells(folder / "solar", seed=seed)
            run = headstart.fit(
                table,
                input="image",
                label="label",
                seed=seed,
                offline=True,
            )
            reports.append(run.report)
    accuracy = [report.test["accuracy"].value for report in reports]
    return Result(
        "solar",
        "test accuracy on 2,624 photographs of solar cells, default options",
        (
            Figure("mean accuracy", mean(accuracy), "", at_least=BAR),
            Figure("standard deviation over seeds", stdev(accuracy)),
            *(
                Figure(f"accuracy, seed {seed}", value)
                for seed, value in zip(seeds, accuracy, strict=True)
            ),
            Figure("mean macro F1", mean(report.test["macro_f1"].value for report in reports)),
            Figure(
                "majority class",
                mean(report.baselines["majority"]["accuracy"].value for report in reports),
            ),
            Figure("a first fit, whole", reports[0].seconds["total"], "s"),
        ),
        {
            "split": ", ".join(f"{reports[0].counts[name]} {name}" for name in reports[0].counts),
            "published (other random splits)": "SVM 0.8244, fine-tuned VGG19 0.8842",
        },
    )
