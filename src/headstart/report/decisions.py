"""Thresholds, costs and prediction sets in words."""

from typing import Any

from headstart.types import JsonObject, Unchecked
from headstart.wording import count, figure, items, percent, shown

MOST = 20
"""Thresholds that are listed."""


def decision_lines(decision: JsonObject | None) -> list[str]:
    """How probabilities become answers, and what that is worth on the test items."""
    if decision is None:
        return []
    said: Unchecked = {**decision}
    lines = {"labels": _labels, "costs": _costs}.get(said["kind"], _target)(said)
    return [*lines, *chosen_on(said)]


def chosen_on(said: Unchecked) -> list[str]:
    """What a decision was chosen on; nothing where it was given."""
    if not said.get("items"):
        return []
    where = "out-of-fold" if said["scores"] == "out-of-fold" else "validation"
    return [f"chosen on {where} scores of {items(said['items'], 'item')}"]


def _labels(said: Unchecked) -> list[str]:
    ordered = list(said["thresholds"].items())
    listed = ", ".join(f"{shown(name)} {figure(value)}" for name, value in ordered[:MOST])
    more = f", and {count(len(ordered) - MOST)} more" if len(ordered) > MOST else ""
    usual = said["usual"]
    return [
        f"an item has a label from these probabilities on: {listed}{more}",
        f"with 0.5 for every label: macro F1 {number(usual['macro_f1'])}, micro F1 "
        f"{number(usual['micro_f1'])}",
    ]


def _target(said: Unchecked) -> list[str]:
    lines = [answered_from(said)]
    for key, words in (("test", "on the test items"), ("usual", "the most probable class")):
        parts = ", ".join(f"{rate} {share(each)}" for rate, each in said[key].items())
        lines.append(f"{words}: {parts}")
    return lines


def answered_from(said: Unchecked) -> str:
    """What a target or costs make of probabilities."""
    kind, threshold = said["kind"], said["threshold"]
    if threshold is None:
        return "the answer is the class of least expected cost"
    name = list(said["costs"])[1] if kind == "costs" else said["class"]
    asked = "" if kind == "costs" else f", for a {kind} of {percent(said['asked'])}"
    return f"the answer is {shown(name)} from a probability of {figure(threshold)} on{asked}"


def _costs(said: Unchecked) -> list[str]:
    return [
        answered_from(said),
        f"mean cost of a test item: {number(said['test']['cost'])}; of the most probable class: "
        f"{number(said['usual']['cost'])}",
    ]


def abstain_lines(abstain: JsonObject | None) -> list[str]:
    """What prediction sets or intervals were asked to hold, and what they do hold."""
    if abstain is None:
        return []
    said: Unchecked = {**abstain}
    test, margin = said["test"], said.get("margin")
    what = "the true class is in the set" if margin is None else "the number is in the interval"
    low, high = said["expected"]["low"], said["expected"]["high"]
    lines = [
        f"{what} of {share(test['coverage'])} of test items; {percent(said['coverage'])} "
        "was asked for",
        f"chosen on out-of-fold scores of {items(said['items'], 'item')}, which leaves between "
        f"{percent(low)} and {percent(high)}",
    ]
    if margin is not None:
        return [*lines, f"the interval is the predicted number, plus or minus {figure(margin)}"]
    size = "-" if test["mean_size"] is None else figure(test["mean_size"])
    return [
        *lines,
        f"sure (one class) of {share(test['sure'])}, of which {share(test['accuracy_of_sure'])} "
        f"are right; {size} classes on average",
        *_by_class(said["per_class"]),
    ]


def _by_class(covered: dict[str, Any]) -> list[str]:
    if len(covered) > MOST:
        return []
    return [f"of {shown(name)}: {share(each)}" for name, each in covered.items()]


def share(found: dict[str, float | None]) -> str:
    """`95.1% (91.0 to 97.4)`, or a dash where it is undefined."""
    if found["value"] is None or found["low"] is None or found["high"] is None:
        return "-"
    return f"{percent(found['value'])} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def number(found: dict[str, float | None]) -> str:
    """`0.812 (0.78 to 0.84)`, or a dash where it is undefined."""
    if found["value"] is None or found["low"] is None or found["high"] is None:
        return "-"
    return f"{figure(found['value'])} ({figure(found['low'])} to {figure(found['high'])})"
