"""What is asked of answers, in a model's own classes: what a target is of, what costs what."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from headstart.data import files
from headstart.data.dataset import Dataset
from headstart.data.labels import counts_of
from headstart.errors import DataError, Unreadable
from headstart.evaluation.conformal import fewest_for
from headstart.evaluation.thresholds import too_few
from headstart.spec import FitSpec, flag
from headstart.spec.decision import DECISIONS, target_of
from headstart.wording import shown, some

PAIRS = (("0", "1"), ("no", "yes"), ("false", "true"), ("negative", "positive"), ("n", "y"))
"""Of two classes so named the second is the positive one."""

SUFFIXES = (".json", ".csv", ".tsv")
HOW = "LABEL>ANSWER=COST,... such as 'ill>well=20,well>ill=1'"


def refuse_undecidable(data: Dataset, spec: FitSpec) -> None:
    """Refuse, before any work, what the data does not allow.

    Raises:
        DataError: names the option.
    """
    given = next((name for name in DECISIONS if getattr(spec, name) is not None), None)
    if given is None or data.labels is None or data.task is None:
        return
    tasks = {
        "threshold": ("multilabel",),
        "abstain": ("classification", "regression"),
    }.get(given, ("classification",))
    if data.task not in tasks:
        raise DataError(
            f"{flag(given)} is for {' and '.join(tasks)}, but the task is {data.task}; leave it "
            "out."
        )
    if given == "abstain":
        if len(data) < fewest_for(spec.abstain or 0):
            raise DataError(
                f"--abstain {spec.abstain:g} needs at least {fewest_for(spec.abstain or 0):,} "
                f"items to train on, but there are {len(data):,}; ask for less, or add items."
            )
        return
    if given == "threshold":
        return
    counts = counts_of(data.labels, data.task)
    classes = sorted(counts)
    if spec.costs is not None:
        costs(spec.costs, classes)
        return
    kind, at, wanted = target(str(spec.target), classes)
    own = counts[classes[at]]
    items = own if kind == "recall" else sum(counts.values()) - own
    if kind != "precision" and items < fewest_for(wanted):
        raise DataError(too_few(kind, wanted, shown(classes[at]), items))


def target(text: str, classes: Sequence[str]) -> tuple[str, int, float]:
    """What is to be reached, of which class by its index, and how much.

    Raises:
        DataError: the class is not there, or must be named.
    """
    kind, name, wanted = target_of(text)
    if name is None:
        found = {each.casefold(): at for at, each in enumerate(classes)}
        names = [yes for no, yes in PAIRS if set(found) == {no, yes}]
        if len(classes) != 2 or not names:
            raise DataError(
                f"--target {kind}={wanted:g} is of one class, which must be named, such as {kind}:"
                f"{shown(classes[-1])}={wanted:g}; the classes are {some(classes)}."
            )
        return kind, found[names[0]], wanted
    if name not in classes:
        raise DataError(f"--target names {shown(name)!r}, but the classes are {some(classes)}.")
    return kind, list(classes).index(name), wanted


def costs(text: str, classes: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """What class i answered as j costs, (classes, classes): 0 where it is right, 1 unless said.

    Raises:
        DataError: says what cannot be read.
    """
    table = [[float(i != j) for j in range(len(classes))] for i in range(len(classes))]
    seen = set()
    for label, answer, cost in _read(text):
        unknown = [name for name in (label, answer) if name not in classes]
        if unknown:
            raise DataError(
                f"--costs names {shown(unknown[0])!r}, but the classes are {some(classes)}."
            )
        if label == answer or (label, answer) in seen:
            why = "which is no mistake" if label == answer else "twice"
            raise DataError(f"--costs names {shown(label)!r} as {shown(answer)!r}, {why}.")
        seen.add((label, answer))
        table[classes.index(label)][classes.index(answer)] = _cost(cost)
    if not any(map(any, table)):
        raise DataError("--costs says that no mistake costs anything, so any answer would do.")
    return tuple(map(tuple, table))


def _cost(text: object) -> float:
    try:
        cost = float(str(text))
    except ValueError:
        cost = math.nan
    if not 0 <= cost < math.inf:
        raise DataError(f"--costs: {shown(str(text))!r} is no number from 0.")
    return cost


def _read(text: str) -> Iterable[tuple[str, str, object]]:
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix in SUFFIXES and ">" not in text:
        try:
            text = files.content(str(path)).decode("utf-8-sig")
        except (Unreadable, UnicodeDecodeError) as error:
            raise DataError(
                f"--costs is {shown(str(path))!r}, which cannot be read ({error}); name a file in "
                f"UTF-8, or give {HOW}."
            ) from error
        return _in_json(text) if suffix == ".json" else _in_table(text, suffix)
    if text.lstrip().startswith("{"):
        return _in_json(text)
    found = []
    for part in text.split(","):
        names, equals, cost = part.rpartition("=")
        label, arrow, answer = names.partition(">")
        if not equals or not arrow:
            raise DataError(f"--costs must be {HOW}, or a {', '.join(SUFFIXES)} file.")
        found.append((label.strip(), answer.strip(), cost))
    return found


def _in_json(text: str) -> Iterable[tuple[str, str, object]]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, Mapping) or not all(isinstance(row, Mapping) for row in said.values()):
        raise DataError(
            '--costs in JSON must be an object such as {"ill": {"well": 20}, "well": {"ill": 1}}.'
        )
    return [(label, answer, cost) for label, row in said.items() for answer, cost in row.items()]


def _in_table(text: str, suffix: str) -> Iterable[tuple[str, str, object]]:
    reader = csv.reader(io.StringIO(text), delimiter="\t" if suffix == ".tsv" else ",")
    rows = [row for row in reader if row]
    if rows and [each.strip().lower() for each in rows[0]] == ["label", "answer", "cost"]:
        rows = rows[1:]
    if not rows or any(len(row) != 3 for row in rows):
        raise DataError("--costs: each row of the file must be a label, an answer and a cost.")
    return [(label.strip(), answer.strip(), cost) for label, answer, cost in rows]
