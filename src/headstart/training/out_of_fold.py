"""What heads say of items that they did not learn from: thresholds and checks are made from it."""

from dataclasses import dataclass

import numpy as np

from headstart import heads
from headstart.data.together import joined
from headstart.evaluation.folds import stratified_folds
from headstart.heads.contract import alike_rows
from headstart.heads.kept import fitted
from headstart.paths import cache_folder
from headstart.spec import FitSpec, head_of
from headstart.training.adapted import Adapted
from headstart.training.examples import Part
from headstart.types import Indices, JsonObject, Scores, Targets

FOLDS = 5


@dataclass(frozen=True)
class OutOfFold:
    """An entry for each training and validation item that was held out once.

    Attributes:
        positions: where the items are in the data set, (n,).
        targets: as in `Part`.
        scores: float32 logits (n, classes), not calibrated; or values (n,) (regression).
        folds: which fold each was held out in, (n,).
    """

    positions: Indices
    targets: Targets
    scores: Scores
    folds: Indices

    def __len__(self) -> int:
        return len(self.positions)


def out_of_fold(
    adapted: Adapted, spec: FitSpec, together: Indices | None = None
) -> OutOfFold | None:
    """What heads like that of `adapted` say of items that they did not learn from.

    Each has the settings that were chosen for that head (how much to regularise, say), and learnt
    from the other folds. The only item of a class is in no fold: it is left out.

    Args:
        adapted: a finished rung.
        spec: the options it was trained with.
        together: int, by position in the data set; items of the same number are held out together.
            Those of the same features always are.

    Returns:
        None where more than the head was trained: its features know the items' labels; or where
        the head looks at no feature.
    """
    if adapted.weights or adapted.averaged_with is not None:
        return None
    examples = adapted.examples
    part = adapted.looked_at(examples.parts["train"].joined(examples.parts["validation"]))
    if not part.features.shape[1]:
        return None
    name, options = head_of(spec.head)
    kind = heads.kind_of(name)
    settings = adapted.head.settings
    chosen: JsonObject = {key: settings[key] for key in kind.choices if key in settings}
    fold = _folds(part, together, spec.seed)
    found: list[tuple[Indices, Scores]] = []
    for each in np.unique(fold[fold >= 0]).tolist():
        held_out, others = np.flatnonzero(fold == each), np.flatnonzero(fold != each)
        head = fitted(
            cache_folder(),
            name,
            part.features[others],
            part.targets[others],
            task=examples.task,
            classes=len(examples.classes),
            seed=spec.seed,
            options={**options, **chosen},
            epochs=spec.epochs,
            balance="balanced" if spec.balance == "balanced" else "none",
            weights=None if part.weights is None else part.weights[others],
        )
        found.append((held_out, head.scores(part.features[held_out])))
    if not found:
        return None
    rows = np.concatenate([held_out for held_out, _ in found])
    order = np.argsort(part.positions[rows])
    rows = rows[order]
    return OutOfFold(
        positions=part.positions[rows],
        targets=part.targets[rows],
        scores=np.concatenate([scores for _, scores in found])[order],
        folds=fold[rows],
    )


def _folds(part: Part, together: Indices | None, seed: int) -> Indices:
    """The fold of each item; those that belong together are in one."""
    same = alike_rows(part.features)
    if part.together is not None:
        same = joined(same, part.together)
    if together is not None:
        same = joined(same, together[part.positions])
    return stratified_folds(part.targets, FOLDS, np.random.default_rng(seed), same)
