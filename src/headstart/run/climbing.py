"""The ladder: candidates, the most promising first, are trained while they fit the budget."""

import hashlib
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.heads.linear import LinearHead
from headstart.progress import Progress
from headstart.quantity import seconds_of
from headstart.run.whole_images import TIMED_ITEMS, look_at_whole_images
from headstart.search import budget as fitting
from headstart.search import outlook
from headstart.search.budget import CONVERSION, LEAST_MEASURING, RESERVED, Decision
from headstart.search.choose import asked_for, judged
from headstart.search.outlook import Outlook
from headstart.search.rungs import Rung, proposed, trains_less, usual_cut
from headstart.spec import FitSpec
from headstart.training import feature_extraction
from headstart.training.adapted import FEW, Adapted
from headstart.training.candidate import Candidate, Source, candidate_of
from headstart.training.checkpoint import Unfinished
from headstart.training.examples import Examples
from headstart.training.run_identity import run_identity
from headstart.training.strategies import strategy_of
from headstart.types import Array, Unchecked
from headstart.wording import size

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Tried:
    """A rung of the ladder, as the report shows it.

    Attributes:
        rung: what it was.
        adapted: what it gave; None where it was not trained.
        kept: whether it is the model now; None where there was no choice.
        why: the reason, in words.
        predicted: seconds that it was expected to take, before it was trained.
    """

    rung: Rung
    adapted: Adapted | None
    kept: bool | None = None
    why: str | None = None
    predicted: float | None = None


@dataclass(frozen=True)
class Climbed:
    """The end of a climb.

    Attributes:
        best: what is kept.
        tried: every rung, in order.
        compared: a network that was trained for comparison alone.
        warnings: what a person should know.
        unfinished: what a killed run would go on from; None where nothing was kept.
        stopped: whether the user stopped it.
        outlook: what more minutes would probably buy; None where nobody left the choice.
    """

    best: Adapted
    tried: tuple[Tried, ...]
    compared: Adapted | None = None
    warnings: tuple[str, ...] = ()
    unfinished: Unfinished | None = None
    stopped: bool = False
    outlook: Outlook | None = None


def climb(
    data: Dataset,
    trunk: Trunk,
    wide: Trunk,
    examples: Examples,
    spec: FitSpec,
    progress: Progress,
    *,
    began: float,
    folder: Path | None,
    extracted: bool,
    share: float = 1.0,
) -> Climbed:
    """Adapt the backbone as `spec.strategy` says.

    Args:
        data: every item.
        trunk: the whole backbone.
        wide: the same, with the features that are learnt from; see `feature_extraction.widened`.
        examples: those features of every item, and targets.
        spec: the options.
        progress: shows what is going on.
        began: when the run did, by `time.monotonic`; the budget counts from there.
        folder: keeps what a killed run goes on from; None keeps nothing.
        extracted: whether the network has computed features by now, so that it can be timed at
            once.
        share: of the budget that is for this climb; the rest is for others.

    Raises:
        InputError: the backbone cannot be cut so, the activations take too much disk, or what
            is in the folder belongs to other data, settings or versions.
    """
    with progress.stage("Training the head", None):
        started = feature_extraction.start(examples, spec, trunk, wide)
    unfinished = None
    if folder is not None:
        digest = _digest(started.examples)
        run = run_identity(digest, trunk, trunk.backbone.fingerprint, spec)
        unfinished = Unfinished(folder, run)
        unfinished.check()
    budget = None if spec.budget is None else share * seconds_of(spec.budget, "--budget")
    item_seconds = 0.0
    if spec.strategy == "auto":
        trunk, started, item_seconds = look_at_whole_images(
            data, trunk, started, spec, budget, unfinished, progress
        )
    with progress.stage("Training the head", None):
        first = feature_extraction.finished(started, spec)
    ladder = _Ladder(data, trunk, first, spec, progress, began, unfinished, item_seconds)
    if spec.strategy == "auto":
        if budget is None:
            ladder.estimate(timed=extracted)
        else:
            ladder.climb(budget, share)
    elif strategy_of(spec.strategy).trains != "head":
        ladder.go_to(spec.strategy)
    if spec.baseline == "from-scratch" and spec.strategy != "from-scratch":
        ladder.compare()
    return ladder.climbed()


class _Ladder:
    """What was tried, and what is the best so far."""

    def __init__(
        self,
        data: Dataset,
        trunk: Trunk,
        first: Adapted,
        spec: FitSpec,
        progress: Progress,
        began: float,
        unfinished: Unfinished | None,
        item_seconds: float,
    ) -> None:
        self._data = data
        self._trunk = trunk
        self._spec = spec
        self._progress = progress
        self._began = began
        self._best = self._first = first
        self._tried = [Tried(_rung_of(first), first)]
        self._learnt_from: Source | None = None
        self._compared: Adapted | None = None
        self._warnings: list[str] = []
        self._stopped = False
        self._outlook: Outlook | None = None
        self._measuring = LEAST_MEASURING
        self._item_seconds = item_seconds
        self._unfinished = unfinished

    def estimate(self, *, timed: bool) -> None:
        """What deeper rungs would take, where the first is all."""
        if self._spec.head != "linear":
            return
        examples, backbone = self._first.examples, self._trunk.backbone
        seconds = 0.0
        if timed and len(examples.parts["validation"]) >= FEW:
            some = examples.parts["train"].spread(TIMED_ITEMS).positions
            seconds = self._trunk.seconds_of_item(self._data.select(some))
        candidates = list(proposed(self._trunk, examples, self._spec))
        elapsed = time.monotonic() - self._began
        self._outlook = outlook.before(candidates, examples, backbone, seconds, elapsed)

    def climb(self, budget: float, share: float) -> None:
        """Try rung after rung until none fits, or Ctrl-C.

        Args:
            budget: seconds of this climb.
            share: what they are of the whole budget, which the outlook names.
        """
        decisions = self._unfinished.decisions() if self._unfinished else []
        try:
            parts = self._first.examples.parts
            candidates = list(proposed(self._trunk, self._first.examples, self._spec))
            decided: list[tuple[Candidate, Decision]] = []
            if len(parts["validation"]) < FEW:
                why = f"fewer than {FEW} validation items cannot tell a gain"
                self._tried += [Tried(_rung_of(each), None, False, why) for each in candidates[:1]]
                candidates = []
            before = iter([self._read(Decision.from_json, each) for each in decisions[1:]])
            for candidate in candidates:
                if self._has_trained_more(candidate):
                    continue
                decision = next(before, None)
                if decision is None:
                    decision = self._decide(candidate, budget)
                    decisions.append(decision.to_json())
                    self._keep(decisions)
                decided.append((candidate, decision))
                self._try(candidate, decision)
            self._outlook = outlook.after(
                decided,
                self._first.examples,
                self._trunk.backbone,
                self._item_seconds,
                budget,
                share,
            )
        except KeyboardInterrupt:
            if self._unfinished is None:
                raise
            self._stopped = True
            self._warnings.append(
                "You stopped the ladder: this is the best so far, and the same command goes on "
                "from where it was."
            )

    def _reserved(self, budget: float) -> float:
        """Seconds for what comes after the ladder: converting, measuring, saving."""
        parts = self._first.examples.parts
        # Where the model is saved, it is asked about every item, and not of the test items alone.
        asked = parts.values() if self._unfinished else (parts["test"],)
        return max(RESERVED * budget, CONVERSION + self._item_seconds * sum(map(len, asked)))

    def _has_trained_more(self, candidate: Candidate) -> bool:
        """Whether more of the network than this would train was trained already."""
        stages = [stage.name for stage in self._trunk.backbone.stages]
        trained = [each.adapted.candidate for each in self._tried if each.adapted]
        return any(trains_less(candidate, each, stages) for each in trained if each)

    def _decide(self, candidate: Candidate, budget: float) -> Decision:
        source = self._source()  # which may fit a head first
        left = budget - self._reserved(budget) - (time.monotonic() - self._began)
        limit, began = fitting.disk_limit(self._spec), time.monotonic()
        decision = fitting.decide(candidate, source, left, limit, self._measuring, self._progress)
        self._measuring = max(self._measuring, time.monotonic() - began)
        if decision.why_not is None:
            eased = decision.of(candidate)
            self._progress.say(fitting.expected(eased, source, decision.seconds))
        return decision

    def _try(self, candidate: Candidate, decision: Decision) -> None:
        rung = _rung_of(candidate)
        if decision.why_not:
            self._tried.append(Tried(rung, None, False, decision.why_not))
            return
        try:
            adapted = self._adapt(decision.of(candidate), decision.left)
        except InputError as error:  # an item that this cut cannot hold
            self._tried.append(Tried(rung, None, False, str(error)))
            return
        verdict = judged(self._first, self._best, adapted, self._spec.seed)
        why = verdict.why
        if decision.effort < 1:
            why += f"; {decision.effort:.0%} of the usual views and epochs, for the budget"
        adapted = verdict.adapted if verdict.better else verdict.adapted.without_weights()
        if verdict.better:
            self._best = adapted
            self._tried = [_lost(each) if each.kept else each for each in self._tried]
        self._tried.append(Tried(rung, adapted, verdict.better, why, decision.seconds))

    def _keep(self, decisions: list[Unchecked]) -> None:
        if self._unfinished:
            self._unfinished.decide(decisions)

    def _read(self, of: Callable[[Unchecked], Kept], decision: Unchecked) -> Kept:
        """What is wanted of a decision, which may have been kept by another version."""
        with self._unfinished.understood() if self._unfinished else nullcontext():
            return of(decision)

    def go_to(self, strategy: str) -> None:
        """Train one candidate because it was asked for."""
        decisions = self._unfinished.decisions() if self._unfinished else []
        if decisions:  # what is stored by now would count against what may be
            cut = self._read(lambda kept: kept["cut"], decisions[0])
            candidate = self._candidate(strategy, cut)
        else:
            candidate = self._candidate(strategy, self._cut_of(strategy))
            self._refuse_disk(candidate)
        self._say(candidate)  # or it is refused: then nothing was begun
        if self._unfinished and not decisions:
            self._unfinished.decide([{"cut": candidate.cut}])
        adapted = self._adapt(candidate)
        if not adapted.weights:
            why = "no epoch was better than feature extraction, which is kept"
            self._tried[0] = Tried(self._tried[0].rung, self._first, True, None)
            self._tried.append(Tried(_rung_of(candidate), adapted, False, why))
            return
        self._best = adapted
        start = "the start of the next" if strategy_of(strategy).pretrained else None
        self._tried[0] = Tried(self._tried[0].rung, self._first, False, start)
        why = asked_for(self._first, adapted)
        self._tried.append(Tried(_rung_of(candidate), adapted, True, why))

    def compare(self) -> None:
        """Train the same network from random weights."""
        if self._stopped:
            return
        candidate = self._candidate("from-scratch", None)
        try:
            self._say(candidate)
            self._compared = self._adapt(candidate)
        except KeyboardInterrupt:
            if self._unfinished is None:
                raise
            self._stopped = True
            self._warnings.append(
                "You stopped the comparison from scratch, so it is missing; the same command goes "
                "on with it."
            )
            return
        self._tried.append(Tried(_rung_of(candidate), self._compared, False, "for comparison"))

    def climbed(self) -> Climbed:
        """What came of it."""
        tried = self._tried
        if len(tried) > 1:
            tried = [
                replace(each, kept=True) if each.adapted is self._best else each for each in tried
            ]
        return Climbed(
            self._best,
            tuple(tried),
            self._compared,
            tuple(self._warnings),
            self._unfinished,
            self._stopped,
            self._outlook,
        )

    def _source(self) -> Source:
        """What every candidate learns from: the last stage's features are where it begins."""
        if self._learnt_from is None:
            examples, head = self._first.examples, self._first.start
            if self._first.trunk is not self._trunk:
                examples = examples.narrowed(self._trunk.size)
                head = feature_extraction.start(examples, self._spec, self._trunk).head
            linear = head if isinstance(head, LinearHead) else None
            self._learnt_from = Source(self._data, self._trunk, examples, linear)
        return self._learnt_from

    def _candidate(self, strategy: str, cut: str | None) -> Candidate:
        return candidate_of(strategy, cut, self._trunk, self._first.examples, self._spec)

    def _adapt(self, candidate: Candidate, left: float | None = None) -> Adapted:
        from headstart.training import adapt as adapting  # loads torch

        source = self._source()
        deadline = None if left is None else time.monotonic() + left
        checkpoint = self._unfinished.checkpoint(candidate.words) if self._unfinished else None
        return adapting.adapt(
            candidate,
            source,
            checkpoint=checkpoint,
            progress=self._progress,
            deadline=deadline,
        )

    def _cut_of(self, strategy: str) -> str | None:
        """The user's cut; or the usual one, or the first after it that fits the disk."""
        from headstart.training import cost

        usual = usual_cut(self._trunk.backbone, self._spec)
        if usual is None or self._spec.cut is not None:
            return usual
        stages = [stage.name for stage in self._trunk.backbone.stages]
        limit = fitting.disk_limit(self._spec)
        for name in stages[stages.index(usual) : -1]:
            if cost.disk(self._candidate(strategy, name), self._source()) <= limit:
                if name != usual:
                    self._warnings.append(
                        f"Cut after {name!r} rather than {usual!r}, whose activations would take "
                        f"more than {size(limit)} of disk (--store-limit)."
                    )
                return name
        return stages[-2]

    def _refuse_disk(self, candidate: Candidate) -> None:
        from headstart.training import cost

        limit, taken = fitting.disk_limit(self._spec), cost.disk(candidate, self._source())
        if taken > limit:
            raise InputError(
                f"The activations of {candidate.words} would take {size(taken)}, more than the "
                f"{size(limit)} allowed; make room, raise --store-limit, name a later --cut if "
                "there is one, or say --strategy full-fine-tuning, which stores none."
            )

    def _say(self, candidate: Candidate) -> None:
        from headstart.training import cost

        source = self._source()
        seconds = cost.seconds(candidate, source, cost.measure(candidate, source, self._progress))
        self._progress.say(fitting.expected(candidate, source, seconds))


def _lost(tried: Tried) -> Tried:
    """A rung that was the best until now."""
    adapted = tried.adapted and tried.adapted.without_weights()
    return replace(tried, adapted=adapted, kept=False)


def _rung_of(of: Candidate | Adapted) -> Rung:
    return Rung(of.strategy, of.cut)


def _digest(examples: Examples) -> str:
    content = hashlib.sha256(repr(examples.classes).encode())
    for name, part in sorted(examples.parts.items()):
        content.update(name.encode())
        for array in (part.positions, part.features, part.targets):
            content.update(_bytes(array))
        for optional in (part.weights, part.together):
            if optional is not None:
                content.update(_bytes(optional))
    return content.hexdigest()[:16]


def _bytes(array: Array) -> bytes:
    return np.ascontiguousarray(array).tobytes()
