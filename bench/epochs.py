"""An epoch of a tail, from stored activations, and one of the whole network, in the same loop."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.machine import scratch
from bench.photos import thin_out
from bench.result import Figure, Result
from headstart.progress import Advance, Silent

EPOCHS = 5
CUT = "blocks.4"
BAR = 5


class _Watch(Silent):
    """Seconds of the first stage that trains: the last epochs learn from validation items too."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Advance]:  # noqa: ARG002
        began = time.perf_counter()
        yield lambda _: None
        if title.startswith("Training: ") and not self.seconds:
            self.seconds = time.perf_counter() - began


def run(quick: bool = False) -> Result:
    """The same split, seed, epochs and recipe for both; judging after each epoch included."""
    import headstart
    from headstart.data.demo import solar_cells

    epochs = 1 if quick else EPOCHS
    found: dict[str, tuple[float, Any]] = {}
    with scratch() as folder:
        table = solar_cells(folder / "solar", seed=0)
        if quick:
            thin_out(table)
        for strategy, cut in (("fine-tuning", CUT), ("full-fine-tuning", None)):
            watch = _Watch()
            report = headstart.fit(
                table,
                input="image",
                label="label",
                strategy=strategy,
                cut=cut,
                crop=1.0,
                epochs=epochs,
                seed=0,
                offline=True,
                progress=watch,
            ).report
            found[strategy] = watch.seconds / epochs, report.test["accuracy"]
    (tail, ours), (whole, theirs) = found["fine-tuning"], found["full-fine-tuning"]
    return Result(
        "epochs",
        f"an epoch on {report.counts['train']:,} photographs of solar cells",
        (
            Figure(f"tail after {CUT}, from the store", tail, "s"),
            Figure("the whole network, from the files", whole, "s"),
            Figure("whole / tail", whole / tail, "x", at_least=BAR),
            Figure("test accuracy, tail", ours.value),
            Figure("test accuracy, whole", theirs.value),
        ),
        {
            "epochs of each": epochs,
            "test accuracy, tail, 95% interval": f"{ours.low:.4f} to {ours.high:.4f}",
            "test accuracy, whole, 95% interval": f"{theirs.low:.4f} to {theirs.high:.4f}",
        },
    )
