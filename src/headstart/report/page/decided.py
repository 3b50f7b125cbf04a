"""How scores become answers, and what that is worth on the test items, for the page."""

from dataclasses import dataclass

from headstart.report.decisions import (
    abstain_lines,
    answered_from,
    chosen_on,
    number,
    share,
)
from headstart.report.page.drawing import Table
from headstart.types import Unchecked
from headstart.wording import capital, figure, shown


@dataclass(frozen=True)
class Decided:
    """Thresholds, a target, costs, or prediction sets: sentences, and what they are worth."""

    title: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...]


def decided(report: Unchecked) -> list[Decided]:
    """Nothing of a model whose answer is the most probable class, or a number alone."""
    found = []
    decision, abstain = report.get("decision"), report.get("abstain")
    if decision is not None:
        of = {"labels": _labels, "costs": _costs}.get(decision["kind"], _target)
        lines, tables = of({"test": report["test"], **decision})
        said = _sentences([*lines, *chosen_on(decision)])
        found.append(Decided("From probabilities to answers", said, tables))
    if abstain is not None:
        of_numbers = abstain.get("margin") is not None
        title = "Intervals of predictions" if of_numbers else "When the model is not sure"
        lines, tables = abstain_lines({**abstain, "per_class": {}}), _covered(abstain)
        found.append(Decided(title, _sentences(lines), tables))
    return found


def _sentences(lines: list[str]) -> tuple[str, ...]:
    return tuple(f"{capital(each)}." for each in lines)


Said = tuple[list[str], tuple[Table, ...]]


def _labels(said: Unchecked) -> Said:
    names = {"macro_f1": "Macro F1", "micro_f1": "Micro F1"}
    worth = Table(
        ("On the test items", "These thresholds", "0.5 for every label"),
        tuple(
            (title, number(said["test"][name]), number(said["usual"][name]))
            for name, title in names.items()
        ),
    )
    rows = tuple((shown(name), figure(each)) for name, each in said["thresholds"].items())
    sentence = "an item has a label from that label's own probability on, not from 0.5"
    return [sentence], (worth, Table(("Label", "Probability from which an item has it"), rows))


def _target(said: Unchecked) -> Said:
    rows = tuple(
        (capital(rate), share(each), share(said["usual"][rate]))
        for rate, each in said["test"].items()
    )
    header = (f"Of {shown(said['class'])}, on the test items", *_EITHER)
    return [answered_from(said)], (Table(header, rows),)


_EITHER = ("This threshold", "The most probable class")


def _costs(said: Unchecked) -> Said:
    each = (number(said[way]["cost"]) for way in ("test", "usual"))
    worth = Table(
        ("On the test items", "These costs", "The most probable class"), (("Mean cost", *each),)
    )
    names = [shown(name) for name in said["costs"]]
    rows = tuple(
        (name, *(f"{cost:g}" for cost in row.values()))
        for name, row in zip(names, said["costs"].values(), strict=True)
    )
    return [answered_from(said)], (worth, Table(("Label, and the cost of answering", *names), rows))


def _covered(abstain: Unchecked) -> tuple[Table, ...]:
    covered = abstain.get("per_class") or {}
    rows = tuple((shown(name), share(each)) for name, each in covered.items())
    return (Table(("Class", "Test items whose set holds it"), rows),) if rows else ()
