"""The first rung: the whole backbone is frozen, only the head is trained."""

import time

from headstart import heads
from headstart.spec import FitSpec, head_of
from headstart.training.examples import Examples, Part
from headstart.training.fitted import Fitted, few_to_calibrate_on, judge

# A head that stops early needs its validation items to the end; the others learn from them once
# every choice is made.
STOPS_EARLY = ("mlp",)


def fit(examples: Examples, spec: FitSpec, cut: str | None = None) -> Fitted:
    """Train a head; choose and calibrate on validation; then learn from validation too.

    Without validation items nothing is calibrated.

    Args:
        examples: pooled features of every item.
        spec: which head, and the seed.
        cut: the backbone's last stage.
    """
    began = time.monotonic()
    train, validation = examples.parts["train"], examples.parts["validation"]
    start = head = _fit_head(train, validation, examples, spec)
    logits = start.scores(validation.features)
    judged = judge(examples.task, logits, validation.targets, examples.classes, spec.seed)
    if len(validation) and head.name not in STOPS_EARLY:
        head = _fit_head(train.joined(validation), None, examples, spec)
    return Fitted(
        strategy="feature-extraction",
        cut=cut,
        head=head,
        start=start,
        judged=judged,
        trained_parameters=0
        if head.name == "knn"
        else sum(array.size for array in head.arrays.values()),
        seconds=time.monotonic() - began,
        warnings=few_to_calibrate_on(len(validation), examples.task),
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
