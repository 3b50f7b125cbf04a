"""What more minutes would probably buy: in words, from what this run measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.backbones import Backbone
from headstart.search.budget import CONVERSION, RESERVED, Decision
from headstart.training.adapted import FEW
from headstart.training.candidate import Candidate
from headstart.training.examples import Examples
from headstart.wording import capital, duration

TRAINING = 5.0
"""What learning from an item takes in PyTorch, over extracting it by as many operations of the
network; measured for both default networks."""

SMALL = 500
"""Training items up to which what was measured on small sets is quoted."""

UNKNOWN = "10m"
"""The budget that is named where nothing was measured; a rung is shortened until it fits."""

MEASURED = {
    "small": "Of twelve draws of 150 to 400 items one such rung lowered the test error by 1% to 9% "
    "on five",
    "image": "On 2,624 photographs of solar cells such a rung lowered the share of wrong answers "
    "from 12.8% to 11.8%",
    "text": "On 3,000 sentences of film reviews such a rung became the model, on 735 reviews of "
    "medicines it did not",
}
"""Out of docs/figures.md."""


@dataclass(frozen=True)
class Outlook:
    """What is worth knowing before more minutes are spent.

    Attributes:
        sentence: in words.
        budget: what `--budget` would be given; None where more minutes would buy nothing.
    """

    sentence: str
    budget: str | None = None


def before(
    candidates: Sequence[Candidate],
    examples: Examples,
    backbone: Backbone,
    item_seconds: float,
    elapsed: float,
) -> Outlook | None:
    """After feature extraction alone; None where the backbone has nothing deeper.

    Args:
        candidates: what would be tried, in order.
        examples: what it would learn from.
        backbone: the whole network.
        item_seconds: what extracting an item takes; 0 where that was not measured.
        elapsed: seconds of this run so far.
    """
    if few := _few(examples):
        return few
    if not candidates:
        return None
    next_one, measured = candidates[0], _measured(examples, backbone)
    if not item_seconds:
        said = f"{next_one.words} was not tried; its time is not known, for nothing was extracted."
        return Outlook(f"{capital(said)} {measured}.", UNKNOWN)
    seconds = estimated(next_one, examples, backbone, item_seconds)
    said = f"{next_one.words} would take about {_minutes(seconds)}."
    budget = (elapsed + seconds + CONVERSION) / (1 - RESERVED)
    return Outlook(f"{capital(said)} {measured}.", _option(budget))


def after(
    decided: Sequence[tuple[Candidate, Decision]],
    examples: Examples,
    backbone: Backbone,
    item_seconds: float,
    budget: float,
    share: float = 1.0,
) -> Outlook:
    """After a climb.

    Args:
        decided: what a clock decided of each candidate, in order.
        examples: what they learnt from.
        backbone: the whole network.
        item_seconds: what extracting an item takes.
        budget: seconds of the climb.
        share: what they are of the budget that was given; the rest is for other climbs like it.
    """
    if few := _few(examples):
        return few
    for candidate, decision in decided:
        usual = decision.usual
        if usual is None:
            usual = estimated(candidate, examples, backbone, item_seconds)
        elif usual <= max(0.0, decision.left):
            continue
        got = f"had {decision.effort:.0%} of its usual views and epochs"
        if decision.effort == 1:
            got = "did not learn from the validation items in the end"
        if decision.why_not:
            got = "was not tried"
        said = f"{candidate.words} {got}; all of it takes about {_minutes(usual)}."
        more = (usual - max(0.0, decision.left)) / (1 - RESERVED)
        sentence = f"{capital(said)} {_measured(examples, backbone)}."
        return Outlook(sentence, _option((budget + more) / share))
    return Outlook(
        "Every rung that could be tried was tried in full, so more minutes would probably buy "
        "nothing; more labelled items may."
    )


def estimated(
    candidate: Candidate, examples: Examples, backbone: Backbone, item_seconds: float
) -> float:
    """Seconds that a candidate takes, about: from the time of extraction, and operations."""
    recipe = candidate.recipe
    train, validation = (len(examples.parts[name]) for name in ("train", "validation"))
    names = [stage.name for stage in backbone.stages]
    tail = backbone.stages[0 if candidate.cut is None else names.index(candidate.cut) + 1 :]
    share = sum(stage.gflops for stage in tail) / max(backbone.gflops, 1e-9)
    learnt = recipe.epochs * recipe.passed(train)
    if validation:
        learnt += recipe.afterwards().epochs * recipe.afterwards().passed(train + validation)
    judged = validation * (recipe.epochs + 2)
    stored = 0 if candidate.cut is None else recipe.views * (train + validation)
    in_network = stored * (1 - share) + (TRAINING * learnt + judged) * share
    return item_seconds * in_network


def _few(examples: Examples) -> Outlook | None:
    validation = len(examples.parts["validation"])
    if validation >= FEW:
        return None
    return Outlook(
        f"More minutes would probably buy nothing: {validation} validation items cannot tell a "
        f"gain from chance, and at least {FEW} are needed. More labelled items help more."
    )


def _measured(examples: Examples, backbone: Backbone) -> str:
    small = len(examples.parts["train"]) <= SMALL
    return MEASURED["small" if small else backbone.modality]


def _minutes(seconds: float) -> str:
    return duration(max(60.0, 60.0 * round(seconds / 60)))


def _option(seconds: float) -> str:
    return f"{max(1, math.ceil(seconds / 60))}m"
