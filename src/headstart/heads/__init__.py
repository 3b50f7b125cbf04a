"""Heads: what is trained on stored features; each scores new ones with numpy alone."""

import numpy as np

from headstart.errors import InputError
from headstart.heads.contract import Balance, Head, HeadType, Validation
from headstart.registry import HEADS
from headstart.spec import not_balanced
from headstart.types import Array, JsonObject

__all__ = ["Head", "Validation", "fit", "kind_of", "load"]


def fit(
    name: str,
    features: Array,
    targets: Array,
    *,
    task: str,
    classes: int,
    seed: int,
    options: JsonObject | None = None,
    epochs: int | None = None,
    balance: Balance = "none",
    weights: Array | None = None,
    together: Array | None = None,
    validation: Validation | None = None,
) -> Head:
    """Train the head `name`; the same arguments give bitwise the same head.

    Args:
        name: of a kind of head, in `headstart.registry.HEADS`.
        features: (n, d), finite; computed with as float32.
        targets: int (n,) from 0 to classes - 1; 0/1 (n, classes) for multilabel; float (n,)
            for regression.
        task: "classification", "multilabel" or "regression".
        classes: how many; 0 for regression.
        seed: every random choice follows from it.
        options: of its kind, as `--head NAME:OPTIONS` gives them: `width` of mlp.
        epochs: passes over the data, as tutorials train; by default headstart's own way. For what
            is not trained in epochs this means nothing.
        balance: "balanced" weighs the classes equally, whatever their size (classification).
        weights: how much each item counts (n,), from 0; all alike where None.
        together: int (n,): items of the same number belong together, and where a setting is chosen
            by cross-validation they are held out together; each is alone where None.
        validation: features and targets on which to stop training (mlp); never trained on.

    Raises:
        InputError: there is no such head, nothing to train on, or nothing to balance.
    """
    if not len(features):
        raise InputError("There is no item to train on, but a head needs at least one.")
    if balance == "balanced" and task != "classification":
        raise InputError(not_balanced(task))
    features, targets = np.asarray(features, np.float32), np.asarray(targets)
    if weights is not None:
        counts = weights > 0
        if not counts.any():
            raise InputError("Every item to train on has the weight 0; give some a larger one.")
        features, targets, weights = features[counts], targets[counts], weights[counts]
        together = None if together is None else together[counts]
    kind = kind_of(name)
    own: JsonObject = {**(options or {}), **({"epochs": epochs} if kind.in_epochs else {})}
    return kind.fit(
        features,
        targets,
        task=task,
        classes=classes,
        seed=seed,
        balance=balance,
        weights=weights,
        together=together,
        validation=validation,
        **own,
    )


def load(name: str, arrays: dict[str, Array], settings: JsonObject) -> Head:
    """The head whose `arrays` and `settings` these are.

    Raises:
        InputError: they are not those of such a head.
    """
    return kind_of(name)(arrays=arrays, settings=settings)


def kind_of(name: str) -> HeadType:
    """The class of the heads of a name.

    Raises:
        InputError: there is none.
    """
    kind: HeadType = HEADS.resolve(name)
    return kind
