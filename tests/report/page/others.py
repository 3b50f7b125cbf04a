"""Finished checks and comparisons for their pages, and some whose every name is markup."""

from collections.abc import Sequence

import numpy as np

from headstart.data.dataset import Skipped
from headstart.evaluation.comparison import Answers, compare
from headstart.findings import Finding, Suspect
from headstart.findings.finding import finding
from headstart.report.comparison import ComparisonReport, Example
from headstart.report.report import CheckReport

CLASSES = ("cat", "dog", "owl")
VERSIONS = {"python": "3.12.1", "headstart": "1.2.3"}


def suspect(at: int, beside: int | None = None, **changed) -> Suspect:
    """An item `AT.jpg`, whose digest is its number."""
    about = {"position": at, "name": f"{at}.jpg", "digest": f"{at:032x}", "label": CLASSES[at % 3]}
    if beside is not None:
        about |= {"beside": f"{beside}.jpg", "beside_digest": f"{beside:032x}"}
    return Suspect(**(about | changed))


def findings() -> tuple[Finding, ...]:
    """One of each severity, and one about no item; a pair is listed from both sides."""
    wrong = (suspect(at, suggestion="owl", score=0.1) for at in range(10, 50))
    return (
        finding("conflicting-labels", "error", "2 items are identical.",
                (suspect(1, 2), suspect(2, 1))),
        finding("label-errors", "warning", "40 labels may be wrong.", wrong),
        finding("shortcut", "warning", "The format of the file alone predicts the label.", ()),
        finding("unreadable", "warning", "1 item cannot be used, such as broken.jpg: damaged.",
                (Suspect(-1, "broken.jpg", "", ""),)),
        finding("duplicates", "note", "1 item repeats another.", (suspect(60, 61),)),
    )  # fmt: skip


def check(**changed) -> CheckReport:
    about = {
        "dataset": "photos",
        "modality": "image",
        "task": "classification",
        "classes": CLASSES,
        "counts": {"checked": 100, "skipped": 1},
        "backbone": "efficientnet-lite0",
        "findings": findings(),
        "store": {"hits": 0, "misses": 100},
        "seconds": {"start": 0.1, "extract": 3.0, "check": 1.0, "total": 4.1},
        "suspects": "suspects.csv",
        "page": "page.html",
        "class_counts": {"cat": 50, "dog": 30, "owl": 20},
        "splits": {"train": 80, "test": 20},
        "seed": 3,
        "options": {"seed": 3, "label": "kind"},
        "versions": VERSIONS,
        "skipped": (Skipped("broken.jpg", "damaged"),),
        "warnings": ("the colours are odd",),
        "notes": ("input: image (guessed)",),
    }
    return CheckReport(**(about | changed))


def comparison(
    task: str = "classification",
    models: Sequence[str] = ("model-a", "model-b"),
    *,
    classes: tuple[str, ...] = CLASSES,
    by: Sequence[str] = ("north", "south"),
    items: int = 120,
    **changed,
) -> ComparisonReport:
    """Models, each better than the one before."""
    rng = np.random.default_rng(0)
    if task == "regression":
        targets, classes = rng.normal(20, 5, items), ()
        scores = [targets + rng.normal(0, 3 / (at + 1), items) for at in range(len(models))]
    elif task == "multilabel":
        targets = rng.integers(0, 2, (items, len(classes)))
        scores = [
            (targets * 2 - 1) * (at + 1) + rng.normal(0, 2, targets.shape)
            for at in range(len(models))
        ]
    else:
        targets = rng.integers(0, len(classes), items)
        marks = np.eye(len(classes))[targets]
        scores = [
            marks * (2 * at + 0.5) + rng.normal(0, 1.5, marks.shape) for at in range(len(models))
        ]
    found = compare(
        *(task, targets, [Answers(n, s) for n, s in zip(models, scores, strict=True)], classes),
        by=[by[at % len(by)] for at in range(items)] if by else (),
    )
    about = {
        "models": tuple(models),
        "dataset": "new-photos",
        "task": task,
        "classes": classes,
        "counts": {"compared": items, "trained_on": 7, "skipped": 0},
        "compared": found,
        "examples": tuple(
            tuple(
                Example(item=f"{at}.jpg", label="cat", new="cat (93.1%)", old="dog (51.0%)",
                        digest=f"{at:032x}")
                for at in pair.examples
            )
            for pair in found.pairs
        ),
        "by": "site" if by else None,
        "page": "page.html",
        "options": {"label": "kind"},
        "versions": VERSIONS,
        "warnings": ("only a few items",),
        "notes": ("input: image (guessed)",),
        "seconds": {"total": 2.0},
    }  # fmt: skip
    return ComparisonReport(**(about | changed))
