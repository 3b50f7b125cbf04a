"""The ladder: ways to adapt the backbone, the most promising first, while they fit the budget."""

import hashlib
import shutil
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.heads.linear import LinearHead
from headstart.progress import Progress
from headstart.quantity import bytes_of, seconds_of
from headstart.spec import CUTTABLE, FitSpec, cache_folder
from headstart.training import feature_extraction
from headstart.training.averaged import averaged
from headstart.training.checkpoint import Unfinished
from headstart.training.examples import Examples
from headstart.training.fitted import FEW, Fitted
from headstart.training.run_identity import run_identity
from headstart.training.rungs import USUAL_DEPTH, Rung, cut_at, rungs_of
from headstart.wording import duration, size

if TYPE_CHECKING:
    from headstart.training.tuning import Tuning

SURE = 0.025
"""Chance of taking an accident for a gain, at each rung."""

SURE_OF_MEAN = 0.35
"""The same for a rung averaged with feature extraction, which cannot lose much."""

RESERVED = 0.1
"""Share of the budget for what comes after the ladder, at least."""

CONVERSION = 10.0
"""Seconds that a network takes to be converted and checked, about."""

TIMED_ITEMS = 32

LEAST_MEASURING = 4.0
"""Seconds that measuring a rung takes, at least."""

EFFORTS = (1, 0.75, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05)
"""Shares of the usual views and epochs that a rung may be given, so that it fits."""

ENOUGH, MANY = 300, 20_000
"""Training items between which it is tried whether whole images are better than their centres:
fewer cannot tell, and more would take long."""

TRIAL_SHARE = 0.15
"""Share of the budget that this may take."""

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
        predicted: seconds that it was expected to take, before it was trained.
    """

    rung: Rung
    fitted: Fitted | None
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
    wide: Trunk,
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
        wide: the same, with the features that are learnt from; see `feature_extraction.widened`.
        examples: those features of every item, and targets.
        spec: the options.
        progress: shows what is going on.
        began: when the run did, by `time.monotonic`; the budget counts from there.
        folder: keeps what a killed run goes on from; None keeps nothing.

    Raises:
        InputError: the backbone cannot be cut so, the activations take too much disk, or what
            is in the folder belongs to other data, settings or versions.
    """
    with progress.stage("Training the head", None):
        first = feature_extraction.fit(examples, spec, trunk, wide)
    ladder = _Ladder(data, trunk, first, spec, progress, began, folder)
    if spec.strategy == "auto":
        ladder.climb(None if spec.budget is None else seconds_of(spec.budget, "--budget"))
    elif spec.strategy != "feature-extraction":
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
        first: Fitted,
        spec: FitSpec,
        progress: Progress,
        began: float,
        folder: Path | None,
    ) -> None:
        self._data = data
        self._trunk = trunk
        self._spec = spec
        self._progress = progress
        self._began = began
        self._best = self._first = first
        self._tried = [Tried(_rung_of(first), first)]
        self._start: Fitted | None = None
        self._compared: Fitted | None = None
        self._warnings: list[str] = []
        self._stopped = False
        self._measuring = LEAST_MEASURING
        self._item_seconds = 0.0
        self._unfinished: Unfinished | None = None
        if folder is not None:
            digest, weights = _digest(first.examples), trunk.backbone.fingerprint
            self._unfinished = Unfinished(folder, run_identity(digest, trunk, weights, spec))
            self._unfinished.check()

    def climb(self, budget: float | None) -> None:
        """Try rung after rung until none fits, or Ctrl-C; without a budget the first alone."""
        decisions = self._unfinished.decisions() if self._unfinished else []
        try:
            self._try_whole_images(budget, decisions)
            if budget is None:
                return
            rungs = list(rungs_of(self._trunk.backbone))
            if len(self._first.examples.parts["validation"]) < FEW:
                why = f"fewer than {FEW} validation items cannot tell a gain"
                self._tried += [Tried(rung, None, False, why) for rung in rungs[:1]]
                return
            decided = iter(decisions[1:])
            for rung in rungs:
                if self._has_trained_more(rung):
                    continue
                tuning = self._tuning(rung)
                decision = next(decided, None)
                if decision is None:
                    left = budget - self._reserved(budget) - (time.monotonic() - self._began)
                    decision = self._decide(tuning, left)
                    decisions.append(decision)
                    self._keep(decisions)
                self._try(rung, tuning, decision)
        except KeyboardInterrupt:
            if self._unfinished is None:
                raise
            self._stopped = True
            self._warnings.append(
                "You stopped the ladder: this is the best so far, and the same command goes on "
                "from where it was."
            )

    def _try_whole_images(self, budget: float | None, decisions: list[dict[str, Any]]) -> None:
        """Go on with whole images, not their centres, where these are clearly better."""
        first, spec = self._first, self._spec
        items = len(first.examples.parts["train"])
        possible = self._data.modality == "image" and ENOUGH <= items <= MANY
        possible = possible and spec.size is None and spec.crop is None and spec.head == "linear"
        if not decisions:
            if budget is not None:
                self._item_seconds = self._trunk.seconds_of_item(self._some())
                if possible:
                    seconds = CONVERSION + 1.5 * items * self._item_seconds
                    possible = seconds < TRIAL_SHARE * budget
            decisions.append({"whole images": possible, "item": self._item_seconds})
            if budget is not None:
                self._keep(decisions)
        self._item_seconds = decisions[0]["item"]
        if not decisions[0]["whole images"]:
            return
        trunk, fitted = feature_extraction.uncropped(
            self._data, self._trunk, first, spec, self._progress
        )
        self._trunk, self._first, self._best = trunk, fitted, fitted
        self._tried = [Tried(_rung_of(fitted), fitted)]

    def _some(self) -> Dataset:
        train = self._first.examples.parts["train"]
        return self._data.select(train.spread(TIMED_ITEMS).positions)

    def _reserved(self, budget: float) -> float:
        """Seconds for what comes after the ladder: converting, measuring, saving."""
        parts = self._first.examples.parts
        # Where the model is saved, it is asked about every item, and not of the test items alone.
        asked = parts.values() if self._unfinished else (parts["test"],)
        return max(RESERVED * budget, CONVERSION + self._item_seconds * sum(map(len, asked)))

    def _has_trained_more(self, rung: Rung) -> bool:
        """Whether more of the network than the rung would train was trained already."""
        names = [stage.name for stage in self._trunk.backbone.stages]
        for each in self._tried[1:]:
            if each.fitted is None or each.rung.strategy == "lora" or rung.strategy == "lora":
                continue
            cut = each.rung.cut
            if cut is None or (rung.cut is not None and names.index(cut) < names.index(rung.cut)):
                return True
        return False

    def _try(self, rung: Rung, tuning: "Tuning", decision: dict[str, Any]) -> None:
        if decision["why_not"]:
            self._tried.append(Tried(rung, None, False, decision["why_not"]))
            return
        tuning.recipe = tuning.recipe.eased(decision["effort"])
        tuning.learns_all = decision["learns all"]
        try:
            fitted = self._fit(tuning, decision["left"])
        except InputError as error:  # an item that this cut cannot hold
            self._tried.append(Tried(rung, None, False, str(error)))
            return
        self._judge(rung, fitted, decision)

    def _keep(self, decisions: list[dict[str, Any]]) -> None:
        if self._unfinished:
            self._unfinished.decide(decisions)

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

    def _tuning(self, rung: Rung) -> "Tuning":
        from headstart.training.tuning import Tuning

        if self._start is None:
            self._start = self._first
            if self._first.trunk is not self._trunk:
                plain = self._first.examples.narrowed(self._trunk.size)
                self._start = feature_extraction.fit(plain, self._spec, self._trunk)
        start = self._start.start
        return Tuning(
            rung,
            self._data,
            self._trunk,
            self._start.examples,
            start if isinstance(start, LinearHead) else None,
            self._spec,
        )

    def _decide(self, tuning: "Tuning", left: float) -> dict[str, Any]:
        """Whether a rung fits, in the time `left` and on the disk.

        One that does not is eased: fewer views and epochs, down to a part of one epoch.
        """
        decision: dict[str, Any] = {"left": left, "seconds": 0.0, "effort": 1, "why_not": None}
        limit = disk_limit(self._spec)
        usual = tuning.recipe
        tuning.recipe = usual.eased(EFFORTS[-1])
        if tuning.disk() > limit:
            taken = f"{size(tuning.disk())} of activations"
            return {**decision, "why_not": f"{taken} are more than the {size(limit)} allowed"}
        tuning.recipe = usual
        if left <= self._measuring:
            return {**decision, "why_not": "too little time is left to find out what it would take"}
        began = time.monotonic()
        try:
            cost = tuning.measure(self._progress)
        except InputError as error:
            return {**decision, "why_not": str(error)}
        self._measuring = max(self._measuring, time.monotonic() - began)
        left -= time.monotonic() - began
        seconds = 0.0
        for effort, learns_all in product(EFFORTS, (True, False)):
            tuning.recipe, tuning.learns_all = usual.eased(effort), learns_all
            seconds = tuning.seconds(cost)
            if seconds <= left and tuning.disk() <= limit:
                self._say(tuning, seconds)
                tuning.recipe = usual
                chosen = {"seconds": seconds, "effort": effort, "learns all": learns_all}
                return {**decision, **chosen, "left": left}
        why = f"would take {duration(seconds)} at least, and {duration(max(0, left))} are left"
        return {**decision, "seconds": seconds, "effort": EFFORTS[-1], "why_not": why}

    def _fit(self, tuning: "Tuning", left: float | None = None) -> Fitted:
        deadline = None if left is None else time.monotonic() + left
        name = tuning.rung.words.replace(" ", "-")
        checkpoint = self._unfinished.checkpoint(name) if self._unfinished else None
        if self._unfinished and not self._unfinished.folder.exists():
            self._unfinished.decide([])
        return tuning.fit(checkpoint, self._progress, deadline)

    def _judge(self, rung: Rung, fitted: Fitted, decision: dict[str, Any]) -> None:
        """Keep a rung whose answers are better than the best's by more than chance.

        Averaged with feature extraction, where that is better.
        """
        mean = averaged(self._first, fitted, self._spec.seed)
        if mean is not None and mean.judged.errors.mean() < fitted.judged.errors.mean():
            fitted = mean
        sure = SURE if fitted.averaged_with is None else SURE_OF_MEAN
        chance = _chance(fitted, self._best)
        better = bool(fitted.weights) and chance < sure
        before, after = (each.judged.errors.mean() for each in (self._best, fitted))
        percent = 100 * (after - before) / before if before else 0.0
        why = f"squared error {percent:+.0f}%, p = {chance:.2g}"
        if fitted.averaged_with is not None:
            why = f"averaged with feature extraction: {why}"
        if decision["effort"] < 1:
            why += f"; {decision['effort']:.0%} of the usual views and epochs, for the budget"
        if better:
            self._best = fitted
            self._tried = [
                replace(each, kept=False if each.kept else each.kept) for each in self._tried
            ]
        self._tried.append(Tried(rung, fitted, better, why, decision["seconds"]))

    def _cut_of(self, strategy: str) -> str | None:
        """The user's cut; or the usual one, or the first after it that fits the disk."""
        if strategy not in CUTTABLE:
            return None
        trunk = self._trunk
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

    def _refuse_disk(self, tuning: "Tuning") -> None:
        limit = disk_limit(self._spec)
        if tuning.disk() > limit:
            raise InputError(
                f"The activations of {tuning.rung.words} would take {size(tuning.disk())}, more "
                f"than the {size(limit)} allowed; make room, raise --store-limit, name a later "
                "--cut if there is one, or say --strategy full-fine-tuning, which stores none."
            )

    def _say(self, tuning: "Tuning", seconds: float | None = None) -> None:
        if seconds is None:
            seconds = tuning.seconds(tuning.measure(self._progress))
        disk = f", {size(tuning.disk())} of disk" if tuning.disk() else ""
        self._progress.say(f"{tuning.rung.words}: about {duration(seconds)}{disk}")


def _rung_of(first: Fitted) -> Rung:
    return Rung(first.strategy, first.cut)


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
        if part.weights is not None:
            content.update(_bytes(part.weights))
    return content.hexdigest()[:16]


def _bytes(array: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array).tobytes()
