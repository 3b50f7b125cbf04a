"""Finished runs for the page: a task each, and one whose every name wants to break out."""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.evaluation import Results, measure, predictions
from headstart.evaluation.answers import labels_of
from headstart.report.report import Report
from tests.report.sample import RUNGS, report

HOSTILE = (
    "<script>alert(1)</script>",
    "\"' onmouseover=alert(2) x='",
    "</title></style></svg><img src=x onerror=alert(3)>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "wide " * 200,
)


def answers(task: str, classes: tuple[str, ...], items: int = 90, names=None) -> Results:
    rng = np.random.default_rng(0)
    names = names or [f"{n}.jpg" for n in range(items)]
    digests = np.array([n.to_bytes(16, "big")[::-1] for n in range(1, items + 1)], "S16")
    splits = ["train", "test", "test"] * (items // 3)
    if task == "regression":
        targets = rng.normal(20, 5, items)
        scores = targets + rng.normal(0, 1, items)
        labels = targets.tolist()
    elif task == "multilabel":
        targets = rng.integers(0, 2, (items, len(classes)))
        scores = (targets * 4 - 2 + rng.normal(0, 2, targets.shape)).astype(np.float32)
        labels = labels_of("multilabel", classes, targets.astype(np.float32))
    else:
        targets = rng.integers(0, len(classes), items)
        scores = rng.normal(0, 1, (items, len(classes))).astype(np.float32)
        scores[np.arange(items), targets] += 2
        labels = [classes[at] for at in targets]
    return Results(task, classes, np.arange(items), names, digests, splits, labels, targets, scores)


def story(
    task: str, classes: tuple[str, ...] = ("cat", "dog", "owl"), **changed
) -> tuple[Report, Results]:
    """A report of answers, and the answers."""
    found = answers(task, () if task == "regression" else classes, names=changed.pop("names", None))
    measured = measure(found, {}, seed=0)
    said = {
        "task": task,
        "classes": found.classes,
        "test": measured.test.metrics,
        "baselines": measured.baselines,
        "class_counts": measured.class_counts,
        "per_class": measured.test.per_class,
        "confusion": measured.test.confused,
        "counts": {"train": 20, "validation": 10, "test": 60, "skipped": 13},
        "rungs": (*RUNGS[:1], RUNGS[1]),
    }
    return report(**(said | changed)), found


def folder(at: Path, made: Report, found: Results | None, kept=None) -> Path:
    """A model's folder with what the page is made from."""
    at.mkdir(parents=True)
    (at / "report.json").write_text(json.dumps(made.to_json()))
    if found is not None:
        predictions.write(predictions.table_of(found), at / predictions.FILE)
    if kept is not None:
        (at / "gallery.json").write_text(json.dumps(kept))
    return at


def png() -> str:
    """A data URI of a small image."""
    out = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 30)).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def digests(found: Results) -> list[str]:
    return predictions.table_of(found)["digest"].to_pylist()


def hostile(at: Path) -> Path:
    """A model whose names of classes, files, data, rungs and texts are all markup."""
    names = [f"{HOSTILE[n % len(HOSTILE)]}{n}" for n in range(90)]
    made, found = story(
        "classification",
        HOSTILE,
        names=names,
        dataset=HOSTILE[2],
        warnings=HOSTILE,
        notes=HOSTILE,
        backbone=HOSTILE[0],
        options={"label": HOSTILE[1]},
        model=HOSTILE[0],
        versions={HOSTILE[0]: HOSTILE[1], "headstart": HOSTILE[2]},
    )
    kept = {
        each: {
            "text": HOSTILE[n % len(HOSTILE)],
            "words": [[HOSTILE[0], 0.5], [HOSTILE[2], -1.0], [HOSTILE[4], 0.0]],
            "explains": HOSTILE[n % len(HOSTILE)],
        }
        for n, each in enumerate(digests(found))
    }
    return folder(at, made, found, kept)


def heated(found: Results) -> dict[str, dict[str, str]]:
    """What is kept of images whose answers are explained."""
    return {each: {"image": png(), "heat": png(), "explains": "cat"} for each in digests(found)}


__all__ = ["HOSTILE", "answers", "digests", "folder", "heated", "hostile", "png", "story"]
