"""The first rung: the whole backbone is frozen, only the head is trained."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headstart import heads
from headstart.evaluation import Interval, evaluate, temperature
from headstart.spec import FitSpec, head_of
from headstart.training.examples import Examples, Part

# A head that stops early needs its validation items to the end; the others learn from them once
# every choice is made.
STOPS_EARLY = ("mlp",)
FEW = 30


@dataclass(frozen=True)
class Fitted:
    """A trained head.

    Attributes:
        temperature: divides the logits, so that probabilities mean something.
        validation: metrics on the validation split, before the head learnt from it too.
        warnings: what a person should know.
    """

    head: heads.Head
    temperature: float
    validation: Mapping[str, Interval]
    trained_parameters: int
    seconds: float
    warnings: tuple[str, ...] = ()


def fit(examples: Examples, spec: FitSpec) -> Fitted:
    """Train a head; choose and calibrate on validation; then learn from validation too.

    Without validation items nothing is calibrated.
    """
    began = time.monotonic()
    train, validation = examples.parts["train"], examples.parts["validation"]
    task, classes = examples.task, examples.classes
    head = _fit_head(train, validation, examples, spec)
    heat, measured, warnings = 1.0, {}, []
    if len(validation):
        logits = head.scores(validation.features)
        if task != "regression":
            heat = temperature(task, logits, validation.targets)
        scores = logits / np.float32(heat)
        measured = evaluate(task, validation.targets, scores, classes, seed=spec.seed).metrics
    if len(validation) < FEW and task != "regression":
        warnings.append(
            f"Only {len(validation)} items to calibrate on: take the probabilities with care."
        )
    if len(validation) and head.name not in STOPS_EARLY:
        head = _fit_head(train.joined(validation), None, examples, spec)
    return Fitted(
        head=head,
        temperature=heat,
        validation=measured,
        trained_parameters=0
        if head.name == "knn"
        else sum(array.size for array in head.arrays.values()),
        seconds=time.monotonic() - began,
        warnings=tuple(warnings),
    )


def _fit_head(
    train: Part, validation: Part | None, examples: Examples, spec: FitSpec
) -> heads.Head:
    name, width = head_of(spec.head)
    return heads.fit(
        name,
        train.features,
        train.targets,
        task=examples.task,
        classes=len(examples.classes),
        seed=spec.seed,
        width=width,
        epochs=spec.epochs,
        balance="balanced" if spec.balance == "balanced" else "none",
        validation=(validation.features, validation.targets) if validation else None,
    )
