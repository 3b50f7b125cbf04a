"""Planted label errors: how many of the suspects are wrong, and what correcting them buys."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import scratch
from bench.result import Figure, Result

SHARES = (0.05, 0.1, 0.2)
PRECISION = 0.8
Rows = list[dict[str, str]]


def run(quick: bool = False) -> Result:
    """Labels of training items are flipped; test items keep theirs."""
    from headstart.data.demo import sentences, solar_cells

    figures: list[Figure] = []
    with scratch() as folder:
        sets = {"sentences": _sentences(sentences(folder / "sentences"))}
        if not quick:
            sets["solar cells"] = _certain(solar_cells(folder / "solar", seed=0))
        for name, rows in sets.items():
            for share in SHARES[1:2] if quick else SHARES:
                figures += _measured(folder, name, rows, share)
    return Result(
        "label_errors",
        "labels of training items flipped to another class; suspects by headstart check",
        tuple(figures),
        {"items": {name: len(rows) for name, rows in sets.items()}},
    )


def _sentences(table: Path) -> Rows:
    """With a test split of a quarter."""
    rows = _read(table)
    test = np.random.default_rng(0).permutation(len(rows)) < len(rows) // 4
    return [{**row, "split": "test" if t else "train"} for row, t in zip(rows, test, strict=True)]


def _certain(table: Path) -> Rows:
    """The cells of which the experts were sure."""
    rows = [row for row in _read(table) if float(row["p"]) in (0, 1)]
    return [{**row, "image": str(table.parent / row["image"])} for row in rows]


def _measured(folder: Path, name: str, rows: Rows, share: float) -> list[Figure]:
    from headstart import api

    rng = np.random.default_rng(1)
    train = [at for at, row in enumerate(rows) if row["split"] == "train"]
    classes = sorted({row["label"] for row in rows})
    flipped = set(rng.choice(train, round(share * len(train)), replace=False).tolist())
    noisy = [
        {**row, "label": str(rng.choice([c for c in classes if c != row["label"]]))}
        if at in flipped
        else row
        for at, row in enumerate(rows)
    ]
    column = "text" if "text" in rows[0] else "image"
    label = f"{name}, {share:.0%} flipped"
    work = folder / f"{name} {share}".replace(" ", "-")
    work.mkdir()
    _write(work / "train.csv", [noisy[at] for at in train])
    _write(work / "test.csv", [row for row in rows if row["split"] == "test"])
    suspects = work / "suspects.csv"
    columns: dict[str, Any] = {"input": column, "label": "label", "offline": True}
    report = api.check(work / "train.csv", out=suspects, **columns)
    errors = [s for f in report.findings if f.kind == "label-errors" for s in f.items]
    hits = [train[each.position] in flipped for each in errors]
    _fill(suspects, {each.name: rows[train[each.position]]["label"] for each in errors})
    given = {**columns, "test": work / "test.csv"}
    before = api.fit(work / "train.csv", **given).report
    after = api.fit(work / "train.csv", **given, corrections=suspects).report
    first = hits[: len(flipped)]
    precision = float(np.mean(first)) if first else 0.0
    accuracy = [each.test["accuracy"].value for each in (before, after)]
    return [
        Figure(f"{label}: suspects / flipped", len(hits) / len(flipped)),
        Figure(f"{label}: precision of the first {len(first)}", precision, "", PRECISION),
        Figure(f"{label}: flipped ones among all suspects", sum(hits) / len(flipped)),
        Figure(f"{label}: test accuracy before", accuracy[0]),
        Figure(f"{label}: test accuracy after", accuracy[1], "", accuracy[0]),
    ]


def _fill(suspects: Path, truth: dict[str, str]) -> None:
    """What a person would write who looks at each suspected label: the right one."""
    rows = [{**row, "corrected_label": truth.get(row["name"], "")} for row in _read(suspects)]
    _write(suspects, rows)


def _read(table: Path) -> Rows:
    with table.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _write(table: Path, rows: Rows) -> None:
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
