"""How a model's scores become answers: thresholds, targets, costs, and when it is not sure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from headstart.errors import InputError
from headstart.spec.option import EVALUATION, flag, option

TARGETS = ("recall", "precision", "specificity")
DECISIONS = ("threshold", "target", "costs", "abstain")


@dataclass(frozen=True, kw_only=True)
class DecisionSpec:
    """How scores become answers."""

    threshold: float | None = option(
        None,
        "Several classes an item: the probability from which it has a class, such as 0.5; by "
        "default each class has a threshold of its own, tuned for F1 on out-of-fold scores.",
        low=0.0,
        high=1.0,
        group=EVALUATION,
    )
    target: str | None = option(
        None,
        "What answers must reach on new items, such as recall:CLASS=0.95, precision:CLASS=0.9 or "
        "specificity:CLASS=0.99; :CLASS may be left out of yes and no, true and false, 0 and 1. "
        "The threshold is chosen on out-of-fold scores.",
        group=EVALUATION,
    )
    costs: str | None = option(
        None,
        "What mistakes cost: LABEL>ANSWER=COST,... such as 'ill>well=20,well>ill=1', or a .json, "
        ".csv or .tsv file of them; one that is not named costs 1. The answer is what costs least.",
        group=EVALUATION,
    )
    abstain: float | None = option(
        None,
        "Answer with as many classes as hold the true one in this share of new items, such as 0.9, "
        "and say where that is more than one; numbers get intervals.",
        low=0.5,
        high=0.999,
        group=EVALUATION,
    )

    def normalise_costs(self) -> None:
        """Costs from Python, a mapping of mappings, become what the command line gives."""
        given: object = self.costs
        if not isinstance(given, Mapping):
            return
        try:
            said = {
                str(label): {str(answer): float(cost) for answer, cost in row.items()}
                for label, row in given.items()
            }
        except (AttributeError, TypeError, ValueError):
            raise InputError(
                '--costs must be a mapping such as {"ill": {"well": 20}, "well": {"ill": 1}}.'
            ) from None
        object.__setattr__(self, "costs", json.dumps(said))

    def check_decision(self, *, deeper: bool, folds: bool) -> None:
        """Refuse what does not go together, or cannot be chosen.

        Args:
            deeper: whether more than the head is trained.
            folds: whether every item is tested.

        Raises:
            InputError: names the options.
        """
        given = [name for name in DECISIONS if getattr(self, name) is not None]
        if len(given) > 1:
            raise InputError(
                f"{flag(given[0])} and {flag(given[1])} both say how scores become answers; leave "
                "one out."
            )
        if self.target is not None:
            target_of(self.target)
        if folds and given and given != ["threshold"]:
            raise InputError(
                f"{flag(given[0])} is measured on test items that it was not chosen on, and "
                "--folds measures on every item; leave one out."
            )
        if deeper and given and given != ["threshold"]:
            raise InputError(
                f"{flag(given[0])} is chosen on scores of items that nothing learnt from, which "
                "feature extraction alone has (of each fold, by a head of the others); leave out "
                f"{flag(given[0])}, or use --strategy feature-extraction."
            )


def target_of(text: str) -> tuple[str, str | None, float]:
    """What is to be reached, of which class (None: not named), and how much, of `--target`.

    Raises:
        InputError: says what it must be.
    """
    what, equals, wanted = text.rpartition("=")
    kind, colon, name = what.partition(":")
    try:
        share = float(wanted)
    except ValueError:
        share = 0.0
    if not equals or kind not in TARGETS or not 0 < share < 1 or (colon and not name):
        raise InputError(
            f"--target is {text!r}, but it must be one of {', '.join(TARGETS)} with a share above "
            "0 and below 1, such as recall:CLASS=0.95."
        )
    return kind, name if colon else None, share
