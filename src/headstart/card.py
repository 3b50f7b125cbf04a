"""The model card: README.md of a saved model, for whoever finds the folder."""

import json
import re
from collections.abc import Sequence

from headstart.types import Unchecked
from headstart.wording import percent

MOST = 50
"""Costs that a card lists."""


def card(about: Unchecked, model: str = ".") -> str:
    """A page of Markdown from what model.json says of a model that answers.

    `model` is how its examples name it.
    """
    kind = f"{about['modality']}-{about['task']}"
    input = "photo.jpg" if about["modality"] == "image" else "texts.csv"
    averaged = ", averaged with feature extraction," if about.get("averaged") else ""
    head = f"{averaged} with a `{about['head']['name']}` head"
    return _page(
        about,
        ("library_name: headstart", f"tags: [transfer-learning, {kind}]"),
        f"{about['modality'].capitalize()} {about['task']}",
        f"by {about.get('strategy', 'unknown')}{head}",
        (
            "```sh",
            f"headstart predict {model} {input}",
            "```",
            "",
            *_classes(about["classes"]),
            *_answers(about),
        ),
        "metric",
        4,
    )


def writer_card(about: Unchecked, model: str = ".") -> str:
    """The same of a language model that writes."""
    after = f" after `{about['cut']}`" if about.get("cut") else ""
    use = (
        *("```sh", f'headstart generate {model} "Once upon a time"', "```", ""),
        *("transformers reads the folder too: `AutoModelForCausalLM.from_pretrained`.", ""),
    )
    front = ("library_name: transformers", "pipeline_tag: text-generation")
    return _page(
        about,
        (*front, "tags: [headstart, transfer-learning]"),
        "Text generation",
        f"by {about['strategy']}{after}",
        use,
        "perplexity per token",
        2,
    )


def _page(
    about: Unchecked,
    front: Sequence[str],
    title: str,
    how: str,
    use: Sequence[str],
    metric: str,
    digits: int,
) -> str:
    backbone = about.get("backbone", {})
    licence = backbone.get("licence") or "unknown"
    made = f"Made by headstart {about.get('versions', {}).get('headstart', '')}"
    start = f"from the pretrained network `{backbone.get('name', 'unknown')}`"
    named = licence.lower()
    if not re.fullmatch(r"[a-z0-9.+-]+", named):
        named = json.dumps(named)  # whoever published the network wrote it: it may be no plain YAML
    lines = ["---", f"license: {named}", *front, "---", "", f"# {title}", ""]
    lines += [f"{made} {start} {how} (seed {about.get('seed', 0)}).", "", "## Use", "", *use]
    lines += _metrics(about.get("metrics", {}), metric, digits, about.get("folds"))
    return "\n".join([*lines, "## Licence of the pretrained weights", "", licence, ""])


def _answers(about: Unchecked) -> list[str]:
    """How probabilities become answers, where that is not the most probable or one half."""
    classes, decision, abstain = about["classes"], about.get("decision"), about.get("abstain")
    lines: list[str] = []
    if decision is not None and decision["kind"] == "labels":
        pairs = zip(classes, decision["thresholds"], strict=True)
        lines = ["An item has a class from this probability on:", ""]
        lines += [f"- `{_plain(name)}`: {least:.3g}" for name, least in pairs]
    elif decision is not None and decision["kind"] == "class":
        name = _plain(classes[decision["positive"]])
        lines = [
            f"The answer is `{name}` from a probability of {decision['threshold']:.3g} on, chosen "
            f"for a {decision['target']} of {percent(decision['wanted'])}."
        ]
    elif decision is not None:
        lines = ["The answer is the class of least expected cost.", ""]
        lines += [
            f"- `{_plain(label)}` answered as `{_plain(answer)}` costs {cost:g}"
            for label, row in zip(classes, decision["costs"], strict=True)
            for answer, cost in zip(classes, row, strict=True)
            if label != answer
        ][:MOST]
    if abstain is not None:
        what = "classes of which one is right" if classes else "an interval that holds the number"
        lines += [f"It says {what} for {percent(abstain['coverage'])} of new items like these."]
    return ["## Answers", "", *lines, ""] if lines else []


def _classes(classes: list[str]) -> list[str]:
    if not classes:
        return []
    return ["## Classes", "", *(f"- `{_plain(name)}`" for name in classes), ""]


def _metrics(
    metrics: dict[str, dict[str, float | None]], heading: str, digits: int, folds: int | None
) -> list[str]:
    def number(value: float | None) -> str:
        return "undefined" if value is None else f"{value:.{digits}f}"

    if not metrics:
        return []
    rows = [
        f"| {name} | {number(m['value'])} | {number(m['low'])} to {number(m['high'])} |"
        for name, m in metrics.items()
    ]
    header = [f"| {heading} | value | 95% interval |", "|---|---|---|"]
    if folds is None:
        return ["## On the test split", "", *header, *rows, ""]
    said = (
        "Each tested item was answered once, by a model that had learnt from the other "
        f"{folds - 1} of {folds} folds. The figures measure the procedure: this model was trained "
        "on all items, and is none of those."
    )
    return [f"## By {folds}-fold cross-validation", "", *header, *rows, "", said, ""]


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() and c != "`" else "?" for c in name)
