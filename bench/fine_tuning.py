"""Solar cells, by the protocol of the published comparison, fine-tuned: how good, how long."""

import csv
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench.machine import scratch
from bench.photos import thin_out
from bench.result import Figure, Result

SEEDS = 5
BAR = 0.8842
AIM = 0.90
MINUTES = 6
SIZE = 256
"""The photographs have 300 x 300 pixels, and cracks are thin."""


def run(quick: bool = False) -> Result:
    """One split and one fit a seed; each extracts anew, for its split is another."""
    import headstart
    from headstart.data.demo import solar_cells

    seeds = range(2 if quick else SEEDS)
    reports, right = [], Right()
    for seed in seeds:
        with scratch() as folder:
            table = solar_cells(folder / "solar", seed=seed)
            if quick:
                thin_out(table)
            run = headstart.fit(
                table,
                input="image",
                label="label",
                strategy="fine-tuning",
                crop=1.0,
                size=SIZE,
                train_batchnorm=True,
                epochs=1 if quick else None,
                seed=seed,
                offline=True,
            )
            right.add(run.model, table)
        reports.append(run.report)
    accuracy = [report.test["accuracy"].value for report in reports]
    minutes = [report.seconds["total"] / 60 for report in reports]
    rung = reports[0].rungs[-1]
    return Result(
        "fine_tuning",
        "test accuracy on 2,624 photographs of solar cells, fine-tuning",
        (
            Figure("mean accuracy", mean(accuracy), "", at_least=BAR),
            Figure("standard deviation over seeds", stdev(accuracy)),
            *(
                Figure(f"accuracy, seed {seed}", value)
                for seed, value in zip(seeds, accuracy, strict=True)
            ),
            Figure("mean ROC AUC", mean(report.test["roc_auc"].value for report in reports)),
            Figure("mean log loss", mean(report.test["log_loss"].value for report in reports)),
            Figure("accuracy where the experts were sure (p is 0 or 1)", right.sure),
            Figure("accuracy where they were not (p is 1/3 or 2/3)", right.unsure),
            Figure(f"the latter, were the mean accuracy {AIM:.2f}", right.needed(AIM)),
            Figure("longest fit, whole", max(minutes), "min", at_most=MINUTES),
            Figure("numbers trained", rung.trained_parameters),
        ),
        {
            "cut": f"after {rung.cut}",
            "minutes, by seed": [round(each, 2) for each in minutes],
            "why": [each.rungs[-1].why for each in reports],
            "published (other random splits)": "SVM 0.8244, fine-tuned VGG19 0.8842",
        },
    )


@dataclass
class Right:
    """Which test items were answered rightly, by whether the experts were sure of them."""

    found: dict[bool, list[bool]] = field(default_factory=lambda: {True: [], False: []})

    def add(self, model: Any, table: Path) -> None:
        """Ask `model` about the test rows of `table`."""
        with table.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
        answers = model.predict([str(table.parent / row["image"]) for row in rows])
        for row, label in zip(rows, answers.labels, strict=True):
            self.found[float(row["p"]) in (0, 1)].append(label == row["label"])

    @property
    def sure(self) -> float:
        """Accuracy where all experts said the same."""
        return mean(self.found[True])

    @property
    def unsure(self) -> float:
        """Accuracy where they did not, and the label is what most of them said."""
        return mean(self.found[False])

    def needed(self, accuracy: float) -> float:
        """What `unsure` would be, were the whole so accurate and `sure` as it is."""
        sure, unsure = (len(each) for each in self.found.values())
        return (accuracy * (sure + unsure) - sum(self.found[True])) / unsure
