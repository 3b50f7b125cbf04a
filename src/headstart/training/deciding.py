"""How the scores of a finished model become answers, chosen on what nothing learnt from."""

from dataclasses import dataclass

import numpy as np

from headstart.errors import InputError
from headstart.evaluation import conformal, thresholds
from headstart.evaluation.baselines import constant_scores
from headstart.evaluation.calibration import probabilities, scaled
from headstart.evaluation.conformal import Conformal
from headstart.evaluation.decisions import HALF, Decision, LabelThresholds
from headstart.spec import FitSpec
from headstart.training import asked
from headstart.training.adapted import Adapted
from headstart.training.out_of_fold import out_of_fold
from headstart.types import Indices, Scores, Targets


@dataclass(frozen=True)
class Chosen:
    """What was chosen, and on what.

    Attributes:
        decision: None: one half, or the most probable class.
        abstain: None: it never does.
        scores: `out-of-fold`, `validation`, or `given` where the user named the threshold; empty
            where nothing was chosen.
        items: how many it was chosen on.
    """

    decision: Decision | None = None
    abstain: Conformal | None = None
    scores: str = ""
    items: int = 0


def chosen(adapted: Adapted, spec: FitSpec) -> Chosen:
    """How a model answers.

    Args:
        adapted: what is kept.
        spec: the options.

    Raises:
        InputError: what was asked for cannot be promised.
    """
    task, classes = adapted.examples.task, adapted.examples.classes
    if task == "multilabel":
        return _of_labels(adapted, spec)
    if spec.target is None and spec.costs is None and spec.abstain is None:
        return Chosen()
    held_out = out_of_fold(adapted, spec, _together(adapted))
    if held_out is None:
        raise InputError("--target, --costs and --abstain need out-of-fold scores; see --help.")
    targets, items = held_out.targets, len(held_out)
    if task == "regression":
        assert spec.abstain is not None
        margin = conformal.margin_for(spec.abstain, held_out.scores, targets.astype(np.float64))
        return Chosen(None, margin, "out-of-fold", items)
    shares = _shares(adapted, held_out.scores)
    truth = targets.astype(np.int64)
    if spec.abstain is not None:
        sets = conformal.sets_for(spec.abstain, shares, truth)
        return Chosen(None, sets, "out-of-fold", items)
    decision: Decision
    if spec.costs is not None:
        decision = thresholds.for_costs(asked.costs(spec.costs, classes), shares, truth)
    else:
        kind, at, wanted = asked.target(str(spec.target), classes)
        decision = thresholds.for_target(kind, wanted, shares, truth, classes, at)
    return Chosen(decision, None, "out-of-fold", items)


def _of_labels(adapted: Adapted, spec: FitSpec) -> Chosen:
    if spec.threshold is not None:
        return Chosen(_same(spec.threshold, len(adapted.examples.classes)), None, "given")
    if spec.folds is not None:  # every item is tested: none is left to test thresholds on
        return Chosen()
    held_out = out_of_fold(adapted, spec, _together(adapted))
    if held_out is None:
        found = on_validation(adapted)
        items = len(adapted.judged.scores)
        return Chosen() if found is None else Chosen(found, None, "validation", items)
    found = thresholds.tuned(_shares(adapted, held_out.scores), held_out.targets)
    return Chosen(found, None, "out-of-fold", len(held_out))


def _together(adapted: Adapted) -> Indices | None:
    """What belongs together, by position in the data."""
    parts = [adapted.examples.parts[name] for name in ("train", "validation")]
    part = parts[0].joined(parts[1])
    if part.together is None or not len(part):
        return None
    by_position = np.full(int(part.positions.max()) + 1, -1, np.int64)
    by_position[part.positions] = part.together
    return by_position


def _same(threshold: float, classes: int) -> Decision | None:
    return None if threshold == HALF else LabelThresholds((threshold,) * classes)


def on_validation(adapted: Adapted) -> Decision | None:
    """Thresholds tuned on validation items, as a rung said of them before its head learnt them.

    There is no guarantee in them, so that they may be of a network that was chosen by these items.
    """
    scores = adapted.judged.scores
    if not len(scores):
        return None
    validation = adapted.examples.parts["validation"]
    return thresholds.tuned(_shares(adapted, scores), validation.targets)


def of_constant(learnt: Targets) -> Decision:
    """Thresholds tuned for the answer that is the same for every item: it is held to no less."""
    scores = constant_scores("multilabel", learnt, len(learnt), learnt.shape[1])
    return thresholds.tuned(probabilities("multilabel", scores), learnt)


def _shares(adapted: Adapted, scores: Scores) -> Scores:
    return probabilities(adapted.examples.task, scaled(scores, adapted.judged.temperature))
