"""The page of a saved model, made from what is in its folder, whenever it is asked for."""

import json
from pathlib import Path

from jinja2 import TemplateError

from headstart.errors import InputError, ModelError, first_line
from headstart.evaluation import predictions
from headstart.report.page import content, findings, gallery, plots, rows
from headstart.report.page.decided import decided
from headstart.report.page.rendered import rendered, save
from headstart.report.page.rows import Rows
from headstart.report.page.sliced import slices
from headstart.types import Unchecked
from headstart.wording import harmless, shown

FILE = "report.html"
PRIVATE = "report-private.html"
"""Names of the two pages in a model's folder."""

_NOT_UNDERSTOOD = (
    *(LookupError, TypeError, ValueError, AttributeError),
    *(ArithmeticError, RecursionError, TemplateError, OSError),
)
"""What reading files that are not as this version writes them may raise."""


def write(folder: Path, out: Path, *, private: bool = False) -> None:
    """Write the page, whole or not at all.

    Args:
        folder: of a saved model; `report.json` is needed, `predictions.parquet` and the kept
            items add to the page.
        out: the file.
        private: leave out names of items, texts, images, what was said of them, and a backbone
            that is not in the catalogue; names of classes stay.

    Raises:
        InputError: there is no report; ModelError: a file in the folder cannot be understood.
        OSError: the disk refuses.
    """
    report = _read_report(folder)
    try:
        page = render(report, *_answers(folder, private=private), private=private)
    except _NOT_UNDERSTOOD as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk; pyarrow's of a file that is damaged have no number
        raise ModelError(
            f"The report of the model in {str(folder)!r} cannot be understood "
            f"({type(error).__name__}: {first_line(error)}); its report.json, "
            f"{predictions.FILE} or {gallery.FILE} was changed, or a newer or an "
            "older headstart wrote it."
        ) from error
    save(page, out)


def _read_report(folder: Path) -> Unchecked:
    path = folder / "report.json"
    try:
        report = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"The model in {str(folder)!r} has no report.json, of which the page is made; "
            "copy it from where the model was trained."
        ) from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{str(path)!r} is no JSON ({first_line(error)}).") from error
    if not isinstance(report, dict):
        raise ModelError(f"{str(path)!r} is not the report of a headstart model.")
    return report


def _answers(folder: Path, *, private: bool) -> tuple[Rows | None, dict[str, Unchecked]]:
    path = folder / predictions.FILE
    answered = rows.read(path) if path.is_file() else None
    return answered, {} if private else gallery.read(folder / gallery.FILE)


def render(
    report: Unchecked,
    answered: Rows | None,
    kept: dict[str, Unchecked],
    *,
    private: bool = False,
) -> str:
    """The page's HTML.

    Args:
        report: what `report.json` holds.
        answered: the test items with the model's answers; None where they are not known.
        kept: what is kept of single items, by digest.
        private: see `write`.
    """
    head = content.headline(report, private=private)
    ladder = content.ladder(report, private=private)
    parts = {
        "decisions": decided(report),
        "mistakes": content.confusion(report) or content.squares(report),
        "plots": [] if answered is None else plots.of_answers(answered),
        "classes": content.per_class(report),
        "slices": slices(report, private=private),
        "items": [] if answered is None or private else gallery.shelves(answered, kept),
        "findings": findings.findings(report, kept, private=private),
        "more": content.more_labels(report),
        "training": ladder or content.training(report),
        "sample": None if private else _sample(report),
    }
    contents = [("result", "Result")]
    contents += [(key, _TITLES[key]) for key, part in parts.items() if part]
    return rendered(
        "page.html",
        head=head,
        contents=[*contents, ("made", "How it was made")],
        private=private,
        version=report["versions"].get("headstart", ""),
        metrics=content.metrics(report),
        compared=content.compared(report),
        warnings=[] if private else [shown(each) for each in report["warnings"]],
        answered=answered is not None or report["task"] == "generation",
        classes=report.get("classes", ()),
        confusion=content.confusion(report),
        squares=content.squares(report),
        confused=content.confused(report),
        plots=parts["plots"],
        per_class=parts["classes"],
        decisions=parts["decisions"],
        slices=parts["slices"],
        shelves=parts["items"],
        findings=parts["findings"],
        more=parts["more"],
        ladder=ladder,
        training=content.training(report),
        sample=parts["sample"],
        command=None if private else content.command(report),
        made=content.made(report, private=private),
        time=content.time(report),
        skipped=None if private else content.skipped(report),
    )


_TITLES = {
    "decisions": "Decisions",
    "mistakes": "What is taken for what",
    "plots": "Predictions",
    "classes": "Per class",
    "slices": "Slices",
    "items": "Items worth a look",
    "findings": "The data",
    "more": "More labels",
    "training": "Training",
    "sample": "It writes",
}


def _sample(report: Unchecked) -> Unchecked | None:
    sample = report.get("sample")
    return sample and {name: harmless(str(sample[name])) for name in ("prompt", "text")}
