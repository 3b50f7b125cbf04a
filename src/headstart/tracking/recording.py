"""From a report to what a tracker takes, and a warning where the tracker fails."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from headstart.registry import TRACKERS
from headstart.report.jsonable import Metrics
from headstart.report.report import FitReport
from headstart.tracking import mlflow
from headstart.tracking.contract import Tracked
from headstart.wording import shown

_SECRET = re.compile(r"//[^/\s]*@")


def record(name: str, report: FitReport, folder: Path | None) -> tuple[str, ...]:
    """Have a tracker record a finished run.

    Args:
        name: of the tracker; a key of `headstart.registry.TRACKERS`.
        report: of the run, complete.
        folder: of the saved model, or None.

    Returns:
        A warning where the tracker failed: a run is not lost for that.
    """
    try:
        TRACKERS.resolve(name)(tracked(report, folder))
    except Exception as error:
        what = shown(_said(error))[:300]
        saved = "" if folder is None else "; the model is saved all the same"
        return (f"--track {name} did not record the run ({type(error).__name__}: {what}){saved}.",)
    return ()


def _said(error: Exception) -> str:
    """The first line of what an error says, without a user and password of an address."""
    text = _SECRET.sub("//", str(error)).strip()
    return text.partition("\n")[0][:200] or type(error).__name__


def refuse_remote(name: str, *, offline: bool) -> None:
    """Refuse a tracker that needs a network where none is to be used; before any training.

    Raises:
        InputError: it would open a socket.
    """
    if name == "mlflow" and offline:
        mlflow.refuse_remote()


def tracked(report: FitReport, folder: Path | None) -> Tracked:
    """What there is to record of a run."""
    facts = {
        "dataset": report.dataset,
        "task": report.task,
        "backbone": report.backbone,
        "strategy": report.strategy,
        "cut": report.cut,
        "seed": report.seed,
        **{f"items_{name}": n for name, n in report.counts.items() if isinstance(n, int)},
        **{f"option_{name}": value for name, value in report.options.items()},
    }
    return Tracked(
        f"{report.backbone} {report.strategy}",
        {name: str(value) for name, value in facts.items() if value is not None},
        dict(_metrics(report)),
        dict(_epochs(report)),
        folder,
    )


def _metrics(report: FitReport) -> Iterator[tuple[str, float]]:
    every: dict[str, Metrics] = {
        "test": report.test,
        **{f"baseline_{name}": found for name, found in report.baselines.items()},
    }
    for where, found in every.items():
        for metric, each in found.items():
            ends = {"": each.value, "_low": each.low, "_high": each.high}
            for end, value in ends.items():
                if math.isfinite(value):
                    yield f"{where}_{metric}{end}", value
    yield from ((f"seconds_{part}", seconds) for part, seconds in report.seconds.items())


def _epochs(report: FitReport) -> Iterator[tuple[str, list[float]]]:
    for rung in report.rungs:
        for name, values in rung.history.items():
            yield f"{rung.strategy}_{name}", list(values)
    curve = getattr(report, "curve", ())
    if curve:
        yield "val_perplexity", list(curve)
