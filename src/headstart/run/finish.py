"""The end of every run: what was made is saved, and the report goes beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from headstart.atomic import write_json
from headstart.errors import first_line
from headstart.progress import Clock, Progress
from headstart.report import page
from headstart.report.report import FitReport
from headstart.tracking import record
from headstart.training.checkpoint import Unfinished

AnyReport = TypeVar("AnyReport", bound=FitReport)


def finish(
    report: AnyReport,
    save: Callable[[Path], None],
    out: Path | None,
    unfinished: Unfinished | None,
    progress: Progress,
    clock: Clock,
    track: str = "none",
    gallery: Callable[[Path], tuple[str, ...]] | None = None,
) -> AnyReport:
    """Save a model where that was asked for, and complete its report.

    Args:
        report: without the seconds, and the folder of the model.
        save: writes the model's folder.
        out: the folder; None saves nothing.
        unfinished: what a killed run would have gone on from; it is removed.
        progress: shows what is going on.
        clock: takes the lap `save`.
        track: the tracker that records the run; a failure of it is a warning of what is returned.
        gallery: keeps, in the model's folder, what the page shows of items, and gives what to warn
            of. A failure of it or of the page is a warning too.
    """
    if out is not None:
        with progress.stage("Saving the model", None):
            save(out)
        clock.lap("save")
    report = replace(report, seconds=clock.seconds(), model=None if out is None else str(out))
    if out is not None:
        write_json(out / "report.json", report.to_json())
        if lost := _page(out, gallery):
            report = replace(report, warnings=(*report.warnings, *lost))
            write_json(out / "report.json", report.to_json())
    if unfinished is not None:
        unfinished.remove()
    if track != "none":
        with progress.stage(f"Recording the run ({track})", None):
            failed = record(track, report, out)
        report = replace(report, warnings=(*report.warnings, *failed))
        if failed and out is not None:
            write_json(out / "report.json", report.to_json())
    return report


def _page(folder: Path, gallery: Callable[[Path], tuple[str, ...]] | None) -> tuple[str, ...]:
    """The page of a saved model; why it is not whole, where it fails: the model is there."""
    try:
        lost = () if gallery is None else gallery(folder)
        page.write(folder, folder / page.FILE)
    except Exception as error:
        return (f"The model is saved, but {page.FILE} is not: {first_line(error)}",)
    return lost
