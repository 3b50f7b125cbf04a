"""The ladder: ways to adapt the backbone, cheapest first, while they fit and while they pay."""

import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones import Backbone
from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.heads.linear import LinearHead
from headstart.progress import Progress
from headstart.quantity import bytes_of, seconds_of
from headstart.spec import CUTTABLE, FitSpec, cache_folder
from headstart.training import feature_extraction
from headstart.training.checkpoint import Unfinished
from headstart.training.examples import Examples
from headstart.training.fitted import FEW, Fitted
from headstart.training.loop import Trained
from headstart.training.made_for import made_for
from headstart.training.tuning import Rung, Tuning
from headstart.wording import duration, size

DEPTHS = (0.1, 0.3, 0.6)
"""Shares of the backbone's operations that the rungs of the ladder train, at least."""

USUAL_DEPTH = 0.3

SURE = 0.05
"""Chance of taking an accident for a gain."""

RESERVED = 0.15
"""Share of the budget for what comes after the ladder: converting, measuring, saving."""

EFFORTS = (1, 0.5, 0.25)
"""Shares of the usual views and epochs that a rung may be given, so that it fits."""

FREE_SHARE = 4
"""One part in so many of the free disk may be taken by activations."""


@dataclass(frozen=True)
class Tried:
    """A rung of the ladder, as the report shows it.

    Attributes:
        rung: what it was.
        fitted: what it gave; None where it was not trained.
        kept: whether it is the model now; None where there was no choice.
        why: the reason, in words.
    """

    rung: Rung
    fitted: Fitted | None
    kept: bool | None = None
    why: str | None = None


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
    """

    best: Fitted
    tried: tuple[Tried, ...]
    compared: Fitted | None = None
    warnings: tuple[str, ...] = ()
    unfinished: Unfinished | None = None
    stopped: bool = False


def climb(
    data: Dataset,
    trunk: Trunk,
    examples: Examples,
    spec: FitSpec,
    progress: Progress,
    *,
    began: float,
    folder: Path | None,
) -> Climbed:
    """Adapt the backbone as `spec.strategy` says.

    Args:
        data: every item.
        trunk: the whole backbone.
        examples: pooled features of every item, and targets.
        spec: the options.
        progress: shows what is going on.
        began: when the run did, by `time.monotonic`; the budget counts from there.
        folder: keeps what a killed run goes on from; None keeps nothing.

    Raises:
        InputError: the backbone cannot be cut so, the activations take too much disk, or what
            is in the folder belongs to other data, settings or versions.
    """
    with progress.stage("Training the head", None):
        first = feature_extraction.fit(examples, spec, trunk.cut.stage)
    ladder = _Ladder(data, trunk, examples, first, spec, progress, began, folder)
    if spec.strategy == "auto" and spec.budget is not None:
        ladder.climb(seconds_of(spec.budget, "--budget"))
    elif spec.strategy not in ("auto", "feature-extraction"):
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
        examples: Examples,
        first: Fitted,
        spec: FitSpec,
        progress: Progress,
        began: float,
        folder: Path | None,
    ) -> None:
        self._made_of = (data, trunk, examples)
        self._spec = spec
        self._progress = progress
        self._began = began
        self._best = self._first = first
        self._tried = [Tried(Rung(first.strategy, first.cut), first)]
        self._compared: Fitted | None = None
        self._warnings: list[str] = []
        self._stopped = False
        self._unfinished: Unfinished | None = None
        if folder is not None:
            weights = trunk.backbone.fingerprint
            self._unfinished = Unfinished(folder, made_for(_digest(examples), trunk, weights, spec))
            self._unfinished.check()

    def climb(self, budget: float) -> None:
        """Try rung after rung, until two in a row buy nothing, none fits, or Ctrl-C."""
        _, trunk, examples = self._made_of
        rungs = list(_rungs(trunk.backbone))
        if len(examples.parts["validation"]) < FEW:
            why = f"fewer than {FEW} validation items cannot tell a gain"
            self._tried += [Tried(rung, None, False, why) for rung in rungs[:1]]
            return
        since = 0
        decisions = self._unfinished.decisions() if self._unfinished else []
        try:
            for number, rung in enumerate(rungs):
                if since == 2:
                    self._tried.append(Tried(rung, None, False, "the two before bought nothing"))
                    return
                tuning = self._tuning(rung)
                if number == len(decisions):
                    left = (1 - RESERVED) * budget - (time.monotonic() - self._began)
                    decisions.append(self._decide(tuning, left, decisions))
                    if self._unfinished:
                        self._unfinished.decide(decisions)
                tuning.recipe = tuning.recipe.eased(decisions[number]["effort"])
                if decisions[number]["why_not"]:
                    self._tried.append(Tried(rung, None, False, decisions[number]["why_not"]))
                    continue
                try:
                    fitted = self._fit(tuning, until=decisions[number]["left"])
                except InputError as error:  # an item that this cut cannot hold
                    self._tried.append(Tried(rung, None, False, str(error)))
                    continue
                better = self._judge(rung, fitted, decisions[number]["effort"])
                since = 0 if better else since + 1
        except KeyboardInterrupt:
            if self._unfinished is None:
                raise
            self._stopped = True
            self._warnings.append(
                "You stopped the ladder: this is the best so far, and the same command goes on "
                "from where it was."
            )

    def go_to(self, strategy: str) -> None:
        """Train one rung because it was asked for."""
        decisions = self._unfinished.decisions() if self._unfinished else []
        if decisions:  # what is stored by now would count against what may be
            tuning = self._tuning(Rung(strategy, decisions[0]["cut"]))
        else:
            tuning = self._tuning(Rung(strategy, self._cut_of(strategy)))
            self._refuse_disk(tuning)
        self._say(tuning)  # or it is refused: then nothing was begun
        if self._unfinished and not decisions:
            self._unfinished.decide([{"cut": tuning.rung.cut}])
        fitted = self._fit(tuning)
        if not fitted.weights:
            why = "no epoch was better than feature extraction, which is kept"
            self._tried[0] = Tried(self._tried[0].rung, self._first, True, None)
            self._tried.append(Tried(tuning.rung, fitted, False, why))
            return
        self._best = fitted
        start = None if strategy == "from-scratch" else "the start of the next"
        self._tried[0] = Tried(self._tried[0].rung, self._first, False, start)
        why = "asked for"
        if len(self._best.judged.errors):
            chance = _chance(self._best, self._first)
            why += "; better than feature extraction" if chance < SURE else "; no clear gain"
            why += f" (p = {chance:.2g})"
        self._tried.append(Tried(tuning.rung, self._best, True, why))

    def compare(self) -> None:
        """Train the same network from random weights."""
        if self._stopped:
            return
        tuning = self._tuning(Rung("from-scratch", None))
        try:
            self._say(tuning)
            self._compared = self._fit(tuning)
        except KeyboardInterrupt:
            if self._unfinished is None:
                raise
            self._stopped = True
            self._warnings.append(
                "You stopped the comparison from scratch, so it is missing; the same command goes "
                "on with it."
            )
            return
        self._tried.append(Tried(tuning.rung, self._compared, False, "for comparison"))

    def climbed(self) -> Climbed:
        """What came of it."""
        tried = self._tried
        if len(tried) > 1:
            tried = [
                replace(each, kept=True) if each.fitted is self._best else each for each in tried
            ]
        return Climbed(
            self._best,
            tuple(tried),
            self._compared,
            tuple(self._warnings),
            self._unfinished,
            self._stopped,
        )

    def _tuning(self, rung: Rung) -> Tuning:
        data, trunk, examples = self._made_of
        start = self._first.start
        return Tuning(
            rung,
            data,
            trunk,
            examples,
            start if isinstance(start, LinearHead) else None,
            self._spec,
        )

    def _decide(
        self, tuning: Tuning, left: float, before: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Whether a rung fits, in the time `left` and on the disk; deeper ones take longer.

        One that does not is eased: fewer views and epochs, as far as that makes sense.
        """
        decision: dict[str, Any] = {"left": left, "seconds": 0.0, "effort": 1, "why_not": None}
        eased = (EFFORTS[-1] * each["seconds"] / each["effort"] for each in before)
        least = max(eased, default=0.0)
        if least >= left:
            why = f"would take over {duration(least)}, and {duration(max(0, left))} are left"
            return {**decision, "seconds": least, "effort": EFFORTS[-1], "why_not": why}
        limit = disk_limit(self._spec)
        if tuning.disk() > limit:
            taken = f"{size(tuning.disk())} of activations"
            return {**decision, "why_not": f"{taken} are more than the {size(limit)} allowed"}
        began = time.monotonic()
        cost = tuning.measure(self._progress)
        left -= time.monotonic() - began
        usual, seconds = tuning.recipe, 0.0
        for effort in EFFORTS:
            tuning.recipe = usual.eased(effort)
            seconds = tuning.seconds(cost)
            if seconds <= left:
                self._say(tuning, seconds)
                tuning.recipe = usual
                return {**decision, "seconds": seconds, "effort": effort, "left": left}
        why = f"would take {duration(seconds)} at least, and {duration(max(0, left))} are left"
        return {**decision, "seconds": seconds, "effort": EFFORTS[-1], "why_not": why}

    def _fit(self, tuning: Tuning, until: float | None = None) -> Fitted:
        began, said = time.monotonic(), tuning.rung.words.replace(" ", "-")
        checkpoint = self._unfinished.checkpoint(said) if self._unfinished else None
        if self._unfinished and not self._unfinished.folder.exists():
            self._unfinished.decide([])

        def late(trained: Trained) -> bool:
            if until is None:
                return False
            spent = max(trained.seconds, time.monotonic() - began)
            return spent + trained.seconds / trained.epochs > until

        return tuning.fit(checkpoint, self._progress, late)

    def _judge(self, rung: Rung, fitted: Fitted, effort: float) -> bool:
        """Keep a rung whose answers are better than the best's by more than chance."""
        chance = _chance(fitted, self._best)
        better = chance < SURE
        before, after = (each.judged.errors.mean() for each in (self._best, fitted))
        percent = 100 * (after - before) / before if before else 0.0
        why = f"squared error {percent:+.0f}%, p = {chance:.2g}"
        if effort < 1:
            why += f"; {effort:.0%} of the usual views and epochs, for the budget"
        if better:
            self._best = fitted
            self._tried = [
                Tried(each.rung, each.fitted, False if each.kept else each.kept, each.why)
                for each in self._tried
            ]
        self._tried.append(Tried(rung, fitted, better, why))
        return better

    def _cut_of(self, strategy: str) -> str | None:
        """The user's cut; or the usual one, or the first after it that fits the disk."""
        if strategy not in CUTTABLE:
            return None
        trunk = self._made_of[1]
        stages = [stage.name for stage in trunk.backbone.stages]
        if self._spec.cut == stages[-1]:
            raise InputError(
                f"--cut is {stages[-1]!r}, the last stage, so that nothing but the head would "
                "learn; say --strategy feature-extraction, or name an earlier stage."
            )
        if self._spec.cut is not None:
            return self._spec.cut
        if len(stages) == 1:
            raise InputError(
                f"The backbone {trunk.backbone.name!r} cannot be cut; say --strategy "
                "full-fine-tuning, which trains all of it."
            )
        at = stages.index(cut_at(trunk.backbone, USUAL_DEPTH))
        limit = disk_limit(self._spec)
        for name in stages[at:-1]:
            if self._tuning(Rung(strategy, name)).disk() <= limit:
                if name != stages[at]:
                    self._warnings.append(
                        f"Cut after {name!r} rather than {stages[at]!r}, whose activations would "
                        f"take more than {size(limit)} of disk (--store-limit)."
                    )
                return name
        return stages[-2]

    def _refuse_disk(self, tuning: Tuning) -> None:
        limit = disk_limit(self._spec)
        if tuning.disk() > limit:
            raise InputError(
                f"The activations of {tuning.rung.words} would take {size(tuning.disk())}, more "
                f"than the {size(limit)} allowed; make room, raise --store-limit, name a later "
                "--cut if there is one, or say --strategy full-fine-tuning, which stores none."
            )

    def _say(self, tuning: Tuning, seconds: float | None = None) -> None:
        if seconds is None:
            seconds = tuning.seconds(tuning.measure(self._progress))
        disk = f", {size(tuning.disk())} of disk" if tuning.disk() else ""
        self._progress.say(f"{tuning.rung.words}: about {duration(seconds)}{disk}")


def _rungs(backbone: Backbone) -> Iterator[Rung]:
    if len(backbone.stages) > 1:
        for cut in dict.fromkeys(cut_at(backbone, depth) for depth in DEPTHS):
            yield Rung("fine-tuning", cut)
    yield Rung("full-fine-tuning", None)


def cut_at(backbone: Backbone, depth: float) -> str:
    """The last stage to cut after so that the rest does `depth` of the operations, or more."""
    *stages, last = backbone.stages
    share = last.gflops
    for stage in reversed(stages):
        if share >= depth * backbone.gflops:
            return stage.name
        share += stage.gflops
    return stages[0].name


def disk_limit(spec: FitSpec) -> int:
    """Bytes that stored activations may take."""
    if spec.store_limit is not None:
        return bytes_of(spec.store_limit, "--store-limit")
    above = next(each for each in (cache_folder(), *cache_folder().parents) if each.exists())
    return shutil.disk_usage(above).free // FREE_SHARE


def _chance(new: Fitted, old: Fitted) -> float:
    """One-sided paired t-test of the squared errors: the chance of such a gain by accident."""
    from scipy.stats import ttest_rel

    gains = old.judged.errors - new.judged.errors
    if not len(gains) or np.ptp(gains) == 0:
        return 1.0
    return float(ttest_rel(gains, np.zeros_like(gains), alternative="greater").pvalue)


def _digest(examples: Examples) -> str:
    content = hashlib.sha256(repr(examples.classes).encode())
    for name, part in sorted(examples.parts.items()):
        content.update(name.encode())
        for array in (part.positions, part.features, part.targets):
            content.update(_bytes(array))
    return content.hexdigest()[:16]


def _bytes(array: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array).tobytes()
