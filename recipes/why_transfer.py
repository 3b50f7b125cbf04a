"""Why transfer learning: pretrained against random weights, on few and on many items.

Shows:   the same network, EfficientNet-Lite0, on 50, 200 and all 1,968 training photographs of
         solar cells, tested on the same 656: its features alone, fine-tuned, and trained from
         random weights. With `--plot FILE` also a picture of it.
Run:     python recipes/why_transfer.py --plot why_transfer.svg
Needs:   pip install 'headstart[demo]' matplotlib
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

from sklearn.model_selection import train_test_split

import headstart
from headstart.data.demo import solar_cells
from headstart.evaluation import Interval

DATA = Path("runs/why_transfer")
SIZES = (50, 200, 1968)
STRATEGIES = ("feature-extraction", "fine-tuning", "from-scratch")
MOST_EPOCHS = {1968: {"from-scratch": 10}}
"""Where the usual number would take hours on two cores."""


@dataclass(frozen=True)
class Found:
    """What one fit gave on the test photographs."""

    size: int
    strategy: str
    accuracy: Interval
    roc_auc: float
    majority: float
    seconds: float


def part_of(table: Path, size: int, seed: int) -> Path:
    """A table beside the other with `size` of its training rows, alike in labels, and all others.

    Smaller parts are not inside larger ones.
    """
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    train = [row for row in rows if row["split"] == "train"]
    if size < len(train):
        labels = [row["label"] for row in train]
        train, _ = train_test_split(train, train_size=size, stratify=labels, random_state=seed)
    part = table.with_name(f"solar_cells_{size}.csv")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([*train, *(row for row in rows if row["split"] == "test")])
    return part


def measure(table: Path, size: int, strategy: str, seed: int) -> Found:
    """One fit."""
    report = headstart.fit(
        part_of(table, size, seed),
        input="image",
        label="label",
        strategy=strategy,
        crop=1.0,
        epochs=MOST_EPOCHS.get(size, {}).get(strategy),
        seed=seed,
    ).report
    return Found(
        size=size,
        strategy=strategy,
        accuracy=report.test["accuracy"],
        roc_auc=report.test["roc_auc"].value,
        majority=report.baselines["majority"]["accuracy"].value,
        seconds=report.seconds["total"],
    )


def plot(found: list[Found], file: Path) -> None:
    """Accuracy with its interval over the number of items, a line for each strategy."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4), layout="constrained")
    for shift, strategy in enumerate(STRATEGIES):
        own = [each for each in found if each.strategy == strategy]
        values = [each.accuracy.value for each in own]
        below = [each.accuracy.value - each.accuracy.low for each in own]
        above = [each.accuracy.high - each.accuracy.value for each in own]
        sizes = [each.size * 1.04 ** (shift - 1) for each in own]
        axes.errorbar(sizes, values, [below, above], marker="o", capsize=3, label=strategy)
    axes.axhline(found[0].majority, color="grey", linestyle=":", label="always the larger class")
    axes.set_xscale("log")
    axes.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
    axes.minorticks_off()
    axes.set(xlabel="training photographs", ylabel="test accuracy, 95% interval")
    axes.legend()
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Fit for every size and strategy, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it too: .svg or .png")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = solar_cells(DATA, seed=options.seed)
    print("| training items | strategy | test accuracy (95% interval) | ROC AUC | time |")
    print("|---|---|---|---|---|")
    found = []
    for size in SIZES:
        for strategy in STRATEGIES:
            each = measure(table, size, strategy, options.seed)
            found.append(each)
            inside = each.accuracy
            print(
                f"| {size:,} | {strategy} | {inside.value:.1%} ({inside.low:.1%} to "
                f"{inside.high:.1%}) | {each.roc_auc:.3f} | {each.seconds:.0f} s |",
                flush=True,
            )
    print(f"\nAlways the larger class: {found[0].majority:.1%}.")
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
