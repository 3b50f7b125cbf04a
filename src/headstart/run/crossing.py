"""Figures of K folds: every item is answered once, by a model that did not learn from it.

They measure the procedure. The model that is saved learnt from all items, and is none of these.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.data.dataset import Dataset, Skipped
from headstart.data.folds import fold_of
from headstart.data.labels import counts_of
from headstart.evaluation import Results
from headstart.evaluation.calibration import scaled
from headstart.features.extract import Features
from headstart.progress import Progress
from headstart.report.report import Report
from headstart.run.climbing import Climbed
from headstart.run.measure import scores_of_others
from headstart.spec import FitSpec
from headstart.training.adapted import Adapted
from headstart.training.assemble import assemble, scores_on_test
from headstart.training.checkpoint import Unfinished
from headstart.training.examples import Examples, with_tested
from headstart.training.results import digests_of, joined_at
from headstart.types import Indices, Scores, Targets
from headstart.wording import duration, items, quoted

LONG = 10.0
"""Seconds of training from which the time of the folds is said before."""


@dataclass(frozen=True)
class Crossed:
    """What the models of all folds say of the items that each did not learn from.

    Attributes:
        positions: where these items are in the data set, ascending, (n,).
        targets: as in `Part`.
        scores: calibrated logits (n, classes), or values (n,).
        folds: (n,) the fold of each, from 0.
        others: by name, the scores of simpler models that were trained on the same items.
        strategies: of each fold's model.
        skipped: what could not be used; warnings: what a person should know.
        unfinished: what killed trainings of the folds would go on from.
        untested: how many items no fold tests, and how many of them are of each class that is
            never tested.
    """

    positions: Indices
    targets: Targets
    scores: Scores
    folds: Indices
    others: Mapping[str, Scores]
    strategies: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    unfinished: tuple[Unfinished, ...]
    untested: tuple[int, Mapping[str, int]]

    def added_to(self, report: Report) -> Report:
        """The report of the saved model, with what there is to say of the folds."""
        assert report.folds is not None
        learnt = report.counts["train"] + report.counts["validation"]
        notes = [told(report.folds, len(self.positions), learnt, *self.untested)]
        if len(set(self.strategies)) > 1 or self.strategies[0] != report.strategy:
            notes.append(f"The models of the folds are of {', '.join(self.strategies)}.")
        skipped = tuple(dict.fromkeys((*report.skipped, *self.skipped)))
        return replace(
            report,
            notes=(*report.notes, *notes),
            warnings=tuple(dict.fromkeys((*report.warnings, *self.warnings))),
            skipped=skipped,
            counts={**report.counts, "skipped": len(skipped)},
        )


def folds_of(data: Dataset, features: Features, spec: FitSpec) -> Indices | None:
    """The fold of each item of the data, (n,), -1 for never; None where none were asked for.

    Raises:
        InputError: there are too few items or groups.
    """
    if spec.folds is None:
        return None
    readable, digests = features.readable
    return fold_of(data, readable, digests, folds=spec.folds, seed=spec.seed)


def cross(
    data: Dataset,
    features: Features,
    fold: Indices,
    spec: FitSpec,
    train: Callable[[Examples, str], Climbed],
    seconds: float,
    progress: Progress,
) -> Crossed:
    """Train as often as there are folds, and ask each model about its fold.

    Args:
        data: every item.
        features: of the items that could be read.
        fold: of each item; see `folds_of`.
        spec: the options; `folds` of them is how many.
        train: adapts the backbone on some examples, and keeps what it would go on from under a
            name.
        seconds: what that took on all items.
        progress: shows what is going on.

    Raises:
        InputError: a fold cannot be trained on or tested.
    """
    assert spec.folds is not None
    if seconds > LONG and spec.budget is None:
        progress.say(
            f"{spec.folds} folds follow, each a training like this one: about "
            f"{duration(spec.folds * seconds)}."
        )
    parts: list[tuple[Indices, Targets, Scores]] = []
    others: list[Mapping[str, Scores]] = []
    skipped: dict[Skipped, None] = {}
    warnings: dict[str, None] = {}
    strategies, unfinished = [], []
    for number in range(spec.folds):
        examples = with_tested(data, features, fold == number, spec)
        climbed = train(examples, f"unfinished-fold-{number + 1}")
        best = climbed.best
        test = best.examples.parts["test"]
        scores = _answers(best, data)
        parts.append((test.positions, test.targets, scores))
        others.append(scores_of_others(data, climbed, spec))
        strategies.append(best.strategy)
        if climbed.unfinished is not None and not climbed.stopped:
            unfinished.append(climbed.unfinished)
        skipped |= dict.fromkeys(examples.skipped)
        warnings |= dict.fromkeys((*examples.warnings, *climbed.warnings))
        if seconds > LONG:
            progress.say(f"Fold {number + 1} of {spec.folds} is done.")
    positions, targets, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(positions)
    names = dict.fromkeys(name for each in others for name in each)
    own = [scores for *_, scores in parts]
    return Crossed(
        positions=positions[order],
        targets=targets[order],
        scores=scores[order],
        folds=fold[positions[order]],
        others={name: _joined(name, others, own)[order] for name in names},
        strategies=tuple(strategies),
        skipped=tuple(skipped),
        warnings=tuple(warnings),
        unfinished=tuple(unfinished),
        untested=_untested(data, features, fold),
    )


def _untested(data: Dataset, features: Features, fold: Indices) -> tuple[int, dict[str, int]]:
    assert data.task is not None
    assert data.labels is not None
    readable, _ = features.readable
    never = readable[fold[readable] < 0].tolist()
    if data.task == "regression":
        return len(never), {}
    tested = counts_of([data.labels[at] for at in np.flatnonzero(fold >= 0).tolist()], data.task)
    counts = counts_of([data.labels[at] for at in never], data.task)
    return len(never), {name: counts[name] for name in sorted(counts) if name not in tested}


def _answers(best: Adapted, data: Dataset) -> Scores:
    """Calibrated scores of the test items; a network is assembled only where it has changed."""
    if best.weights:
        return scores_on_test(assemble(best, data), best, data)
    return scaled(best.head.scores(best.examples.parts["test"].features), best.judged.temperature)


def _joined(name: str, others: Sequence[Mapping[str, Scores]], own: Sequence[Scores]) -> Scores:
    """What another model says, fold after fold; where a fold has none of it, it is the model."""
    return np.concatenate([each.get(name, mine) for each, mine in zip(others, own, strict=True)])


def results_of(crossed: Crossed, results: Results, data: Dataset, features: Features) -> Results:
    """An entry for each item: of its fold's model, or as it is where no fold tests it.

    Args:
        crossed: what the folds say.
        results: of the saved model, of the items that it is asked about.
        data: every item.
        features: of the items that could be read.
    """
    assert data.labels is not None
    rest = ~np.isin(results.positions, crossed.positions)
    kept = results.select(rest & np.isfinite(results.scores.reshape(len(rest), -1)).all(axis=1))
    places = np.concatenate([crossed.positions, kept.positions])
    order = np.argsort(places)
    places = places[order]
    folds = [*crossed.folds.tolist(), *[None] * len(kept.positions)]
    splits = [*["test"] * len(crossed.positions), *kept.splits]
    return replace(
        results,
        positions=places,
        names=[data.names[at] for at in places.tolist()],
        digests=digests_of(features, places),
        splits=[splits[at] for at in order.tolist()],
        labels=[data.labels[at] for at in places.tolist()],
        targets=np.concatenate([crossed.targets, kept.targets])[order],
        scores=np.concatenate([crossed.scores, kept.scores])[order],
        folds=[folds[at] for at in order.tolist()],
        groups=[data.groups[at] for at in places.tolist()] if data.groups else None,
        joined=joined_at(data, features, places),
    )


def told(folds: int, tested: int, learnt: int, never: int, classes: Mapping[str, int]) -> str:
    """What the figures are of, and what the saved model learnt from.

    Args:
        folds: how many.
        tested: how many items.
        learnt: how many items the model learnt from.
        never: how many items no fold tests.
        classes: those that are never tested, and how many items each has.
    """
    untested = ""
    if never:
        most = [f"{quoted(name)} ({items(of, 'item')})" for name, of in classes.items()]
        more = f" and {len(most) - 5:,} more" if len(most) > 5 else ""
        unmeasured = f"; nothing is measured of {', '.join(most[:5])}{more}" if most else ""
        untested = (
            f" {items(never, 'other item')} {'was' if never == 1 else 'were'} never tested, for a "
            "class must stay with what is learnt from, and with it what belongs to its only group "
            f"or item{unmeasured}."
        )
    return (
        f"The figures are of {folds} folds: each of {items(tested, 'item')} was answered once, by "
        f"a model that did not learn from it. They measure the procedure; the model itself was "
        f"trained on all {items(learnt, 'item')}, and is none of those {folds}.{untested}"
    )


class Budget:
    """The time for all trainings of a run, in equal parts.

    Args:
        spec: the options.
        began: when the run did, by `time.monotonic`.
    """

    def __init__(self, spec: FitSpec, began: float) -> None:
        self.share = 1 / (1 + (spec.folds or 0))
        now = time.monotonic()
        # What reading and extracting took is spent of every part alike.
        self._spent = (now - began) * self.share

    def began(self) -> float:
        """When a training that begins now is taken to have begun."""
        return time.monotonic() - self._spent
