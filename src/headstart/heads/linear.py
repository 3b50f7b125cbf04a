"""The linear probe: logistic regression, or ridge regression for numbers.

The features are standardised first; mean and scale are folded into the saved weights. How much
to regularise is chosen by cross-validation, from strong to weak, by the log loss after a
temperature: the loss that calibration cannot repair (Berta et al. 2025, "Rethinking Early
Stopping: Refine, Then Calibrate"); by leave-one-out for ridge.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from headstart.evaluation.calibration import calibrate
from headstart.evaluation.folds import stratified_folds
from headstart.heads.contract import (
    Balance,
    Validation,
    centre_of,
    check_arrays,
    check_width,
    distinct_rows,
    in_unit,
    moments,
    setting,
    standardised,
    unit_of,
    weighing,
)
from headstart.types import Array, Floats, Indices, JsonObject

# Inverse penalties, in units of one over the number of features: the squared length of a
# standardised item is that number, so these are prior variances of a logit.
_PATH = tuple(0.2 * 4.0**step for step in range(9))
_DEFAULT = 12.8
_ALPHAS = tuple(10.0 ** (step / 2) for step in range(-8, 9))
_DEFAULT_ALPHA = 1.0
_FOLDS = 5
_ENOUGH_TO_CHOOSE = 20_000
_LARGE = 1_000_000_000

HELD_OUT_LOSS = "held_out_loss"
"""The setting that keeps the loss by which the penalty was chosen, of items not fitted on; None
where there was nothing to choose by."""


@dataclass(frozen=True)
class LinearHead:
    """`features @ weight + bias`; arrays weight (d, outputs) and bias (outputs,).

    For regression that is `(value - centre) / spread`, with `centre` and `spread` among the
    settings.
    """

    name: ClassVar[str] = "linear"
    in_epochs: ClassVar[bool] = False
    stops_early: ClassVar[bool] = False
    kept: ClassVar[bool] = True
    choices: ClassVar[tuple[str, ...]] = ("inverse_penalty", "penalty")
    arrays: dict[str, Array]
    settings: JsonObject

    def __post_init__(self) -> None:
        check_arrays(self.name, self.arrays, {"weight": "do", "bias": "o"})
        setting(self.name, self.settings, "task", str)
        in_unit(self.name, self.settings, np.zeros(0))

    @property
    def trained_parameters(self) -> int:
        """See `Head.trained_parameters`."""
        return sum(array.size for array in self.arrays.values())

    @property
    def unit(self) -> tuple[float, float]:
        """The centre and the spread in which values are scored (regression)."""
        return centre_of(self.name, self.settings)

    def scores(self, features: Array) -> Array:
        """See `Head.scores`."""
        weight = self.arrays["weight"]
        check_width(features, len(weight))
        scores = features.astype(np.float32, copy=False) @ weight + self.arrays["bias"]
        if self.settings["task"] == "regression":
            return in_unit(self.name, self.settings, scores[:, 0])
        return np.asarray(scores, np.float32)

    @staticmethod
    def options(text: str) -> JsonObject:
        """None: see `HeadType.options`."""
        raise ValueError(f"linear has no options, so leave {':' + text!r} out")

    @classmethod
    def fit(
        cls,
        features: npt.NDArray[np.float32],
        targets: Array,
        *,
        task: str,
        classes: int,
        seed: int,
        balance: Balance = "none",
        weights: Array | None = None,
        together: Array | None = None,
        validation: Validation | None = None,  # noqa: ARG003
        inverse_penalty: float | None = None,
        penalty: float | None = None,
    ) -> "LinearHead":
        """See `headstart.heads.fit`; `validation` is not needed.

        `inverse_penalty` (of logistic regression) and `penalty` (of ridge regression) are chosen
        where they are None.
        """
        mean, scale = moments(features)
        rows = standardised(features, mean, scale)
        rng = np.random.default_rng(seed)
        if task == "regression":
            weights = weighing(targets, classes, "none", weights)
            given = _ALPHAS if penalty is None else (penalty / rows.shape[1],)
            numbers = targets.astype(np.float64)
            weight, bias, chosen = _ridge(rows, numbers, weights, together, rng, given)
        else:
            problem = _Problem(rows, targets, weights, together, task, classes, balance)
            weight, bias, chosen = _logistic(problem, rng, inverse_penalty)
        weight = weight * scale[:, None]
        bias = bias - mean @ weight
        arrays = {"weight": weight.astype(np.float32), "bias": bias.astype(np.float32)}
        return cls(arrays=arrays, settings={"task": task, **chosen})


@dataclass(frozen=True)
class _Problem:
    """Standardised rows, targets, how much each item counts (None: all alike), what it is with."""

    rows: Array
    targets: Array
    own: Array | None
    together: Array | None
    task: str
    classes: int
    balance: Balance

    def part(self, which: Array) -> "_Problem":
        """Some of the items."""
        own, together = (
            None if each is None else each[which] for each in (self.own, self.together)
        )
        rows, targets = self.rows[which], self.targets[which]
        return replace(self, rows=rows, targets=targets, own=own, together=together)

    @property
    def weights(self) -> Floats | None:
        """Of the items, those of their classes included."""
        return weighing(self.targets, self.classes, self.balance, self.own)


class _Regressions:
    """Logistic regressions on the same rows: one, or one per label; refitted from where they are.

    A label (or class) that does not vary gets the log-odds of its smoothed share.
    """

    def __init__(self, problem: _Problem):
        from sklearn.linear_model import LogisticRegression

        self.rows, self.task, self.classes = problem.rows, problem.task, problem.classes
        targets = problem.targets
        self.columns = [targets] if self.task == "classification" else list(targets.T)
        self.weights = problem.weights
        self.models = [
            LogisticRegression(warm_start=True, max_iter=300)
            if len(np.unique(column)) > 1
            else None
            for column in self.columns
        ]

    def steps(self, inverse_penalty: float, tolerance: float) -> list[Callable[[], object]]:
        """What is to be done for this penalty; each may run in its own thread."""
        settings = {"C": inverse_penalty, "tol": tolerance}
        return [
            partial(model.set_params(**settings).fit, self.rows, column, self.weights)
            for model, column in zip(self.models, self.columns, strict=True)
            if model is not None
        ]

    def solution(self) -> tuple[Floats, Floats]:
        """Weight (d, classes) and bias (classes,)."""
        items, width = self.rows.shape
        weight = np.zeros((width, self.classes))
        if self.task == "classification":
            # Below any class that occurs, by what half an item would have weighed.
            unseen, model = math.log(2 * items), self.models[0]
            present = np.unique(self.columns[0]) if model is None else model.classes_
            each = np.zeros((width, 1)) if model is None else model.coef_.T.astype(np.float64)
            start = np.zeros(1) if model is None else model.intercept_.astype(np.float64)
            if len(present) == 2:
                each, start = np.hstack((-each, each)) / 2, np.hstack((-start, start)) / 2
            bias = np.full(self.classes, start.min() - unseen)
            weight[:, present], bias[present] = each, start
            return weight, bias
        bias = np.zeros(self.classes)
        for label, (model, column) in enumerate(zip(self.models, self.columns, strict=True)):
            if model is None:
                on = column.sum(dtype=np.float64)
                bias[label] = math.log((on + 0.5) / (items - on + 0.5))
            else:
                weight[:, label], bias[label] = model.coef_[0], model.intercept_[0]
        return weight, bias


def _logistic(
    problem: _Problem, rng: np.random.Generator, given: float | None
) -> tuple[Floats, Floats, JsonObject]:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # The last iterate is a fine probe: what it is worth is measured, not assumed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Many classes of few items each: what the labels are was settled when they were read.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        chosen, loss = given, None
        if chosen is None:
            scaled, loss = _choose(problem, rng)
            chosen = scaled / problem.rows.shape[1]
        final = _Regressions(problem)
        _run(final.steps(chosen, 1e-4), problem.rows.size * problem.classes)
    return *final.solution(), {"inverse_penalty": chosen, HELD_OUT_LOSS: loss}


def _choose(problem: _Problem, rng: np.random.Generator) -> tuple[float, float | None]:
    """The best of `_PATH`, the first after which two in a row are no better; and its loss."""
    task, classes, width = problem.task, problem.classes, problem.rows.shape[1]
    most = max(5 * classes, min(_ENOUGH_TO_CHOOSE, 5 * _LARGE // (width * classes)))
    if len(problem.rows) > most:
        problem = problem.part(np.sort(rng.permutation(len(problem.rows))[:most]))
    problem = problem.part(distinct_rows(problem.rows))
    rows, targets = problem.rows, problem.targets
    fold = stratified_folds(targets, min(_FOLDS, len(rows)), rng, problem.together)
    asked = list(np.unique(fold[fold >= 0]))
    if rows.size * classes > _LARGE:  # one fold is enough: its loss is precise
        asked = [0 if problem.together is None else _typical(fold)]
    held_out = np.isin(fold, asked)
    if not held_out.any() or len(rows) < 2:
        return _DEFAULT, None
    fits = [_Regressions(problem.part(fold != each)) for each in asked]
    weights = problem.weights
    weights = None if weights is None else weights[held_out]
    best, least, since = _DEFAULT, math.inf, 0
    logits = np.zeros((len(rows), classes))
    for scaled in _PATH:
        steps = [step for each in fits for step in each.steps(scaled / width, 1e-3)]
        _run(steps, rows.size * classes)
        for each, fitted in zip(asked, fits, strict=True):
            weight, bias = fitted.solution()
            logits[fold == each] = rows[fold == each] @ weight.astype(np.float32) + bias
        _, loss = calibrate(task, logits[held_out], targets[held_out], weights)
        since += 1
        if loss < least - 1e-4:
            best, least, since = scaled, loss, 0
        if since == 2:
            break
    return best, least


def _typical(fold: Indices) -> int:
    """The fold whose size is nearest to that of even ones."""
    sizes = np.bincount(fold[fold >= 0], minlength=1)
    return int(np.argmin(np.abs(sizes - len(fold) / _FOLDS)))


def _run(steps: Iterable[Callable[[], object]], work: int) -> None:
    """Run steps in threads, the linear algebra in each on one thread.

    How many threads a product runs on changes its last digits, so that number must not hang on
    what else is set. Large work is few steps and takes every core; then the number is the
    machine's.
    """
    from joblib import cpu_count
    from threadpoolctl import threadpool_limits

    cores = cpu_count()
    alone = work > _LARGE
    with (
        threadpool_limits(cores if alone else 1, user_api="blas"),
        ThreadPoolExecutor(1 if alone else cores) as pool,
    ):
        for done in [pool.submit(step) for step in steps]:
            done.result()


def _ridge(
    rows: Array,
    targets: Floats,
    weights: Floats | None,
    together: Array | None,
    rng: np.random.Generator,
    alphas: Sequence[float],
) -> tuple[Floats, Floats, JsonObject]:
    """Weight (d, 1) and bias (1,) of the targets in their unit; that, and the penalty.

    `alphas` are the penalties to choose among, over the number of features.
    """
    from sklearn.linear_model import Ridge

    unit = unit_of(targets)
    scaled = (targets - unit["centre"]) / unit["spread"]
    kept = np.sort(rng.permutation(len(rows))[:_ENOUGH_TO_CHOOSE])
    kept = kept[distinct_rows(rows[kept])]
    if len(kept) < 3 or not np.ptp(targets) > 0:
        nothing: JsonObject = {"penalty": None, HELD_OUT_LOSS: None, **unit}
        return np.zeros((rows.shape[1], 1)), np.zeros(1), nothing
    found: list[tuple[Floats, float, float, float | None]] = []

    groups = None if together is None else together[kept]
    if groups is not None and len(np.unique(groups)) == len(kept):
        groups = None  # each is alone

    def solve() -> None:
        some = None if weights is None else weighing(scaled[kept], 0, "none", weights[kept])
        loss: float | None = None
        if len(alphas) == 1:  # Chosen before; a decomposition takes ten times as long as solving.
            penalty = alphas[0] * rows.shape[1]
        elif groups is not None:
            fold = stratified_folds(scaled[kept], _FOLDS, rng, groups)
            penalty, loss = _held_out(rows[kept], scaled[kept], some, fold, alphas)
        else:
            coefficients, intercept, penalty, loss = _leave_one_out(
                rows[kept], scaled[kept], some, alphas
            )
            if len(kept) == len(rows):
                found.append((coefficients, intercept, penalty, loss))
                return
        # Features that go together need the digits; so many items do not.
        exact = rows.astype(np.float64) if len(rows) <= _ENOUGH_TO_CHOOSE else rows
        model = Ridge(penalty, solver="cholesky").fit(exact, scaled, weights)
        found.append((model.coef_.astype(np.float64), float(model.intercept_), penalty, loss))

    _run([solve], rows.size)
    coefficients, intercept, penalty, held_out_loss = found[0]
    chosen: JsonObject = {"penalty": penalty, HELD_OUT_LOSS: held_out_loss, **unit}
    return coefficients[:, None], np.array([intercept]), chosen


def _held_out(
    rows: Array,
    targets: Floats,
    weights: Floats | None,
    fold: Indices,
    alphas: Sequence[float],
) -> tuple[float, float | None]:
    """The penalty with the least mean square error on held-out folds, and that error.

    The error is None where nothing is held out. Leaving out one item says little where others
    belong together with it.
    """
    n, width = rows.shape
    counts = np.ones(n) if weights is None else weights
    errors = np.zeros(len(alphas))
    asked = [each for each in np.unique(fold[fold >= 0]) if (fold != each).sum() > 1]
    for each in asked:
        inside, outside = fold != each, fold == each
        share = counts[inside] / counts[inside].sum()
        centre = share @ rows[inside].astype(np.float64)
        middle = float(share @ targets[inside])
        root = np.sqrt(counts[inside])
        x = (rows[inside] - centre) * root[:, None]
        y = (targets[inside] - middle) * root
        # One decomposition for every penalty, of the smaller of the two Gram matrices.
        small = x.T @ x if len(x) >= width else x @ x.T
        spread, axes = np.linalg.eigh(small)
        spread = np.maximum(spread, 0)
        along = axes.T @ (x.T @ y if len(x) >= width else y)
        new = rows[outside] - centre
        seen = new @ axes if len(x) >= width else (new @ x.T) @ axes
        for at, alpha in enumerate(alphas):
            answers = middle + seen @ (along / (spread + alpha * width))
            errors[at] += counts[outside] @ (targets[outside] - answers) ** 2
    if not asked:
        return _DEFAULT_ALPHA * width, None
    best = int(np.argmin(errors))
    return alphas[best] * width, float(errors[best] / counts[fold >= 0].sum())


def _leave_one_out(
    rows: Array,
    targets: Floats,
    weights: Floats | None = None,
    alphas: Sequence[float] = _ALPHAS,
) -> tuple[Floats, float, float, float]:
    """Ridge coefficients (d,), intercept, and the penalty with the least leave-one-out error.

    That error, a mean square of standardised values, comes last.

    One eigendecomposition, of the smaller of the two Gram matrices, serves every penalty
    (scikit-learn's RidgeCV gives the same answer in four times the time). An item of weight w is
    one whose row and target are multiplied by the root of w.
    """
    n, width = rows.shape
    centre, middle = rows.mean(axis=0, dtype=np.float64), targets.mean()
    share = np.full(n, 1 / n)
    if weights is not None:
        centre = np.average(rows.astype(np.float64), axis=0, weights=weights)
        middle, share = np.average(targets, weights=weights), weights / weights.sum()
    x, y = rows - centre, targets - middle
    if weights is not None:
        root = np.sqrt(weights)
        x, y = x * root[:, None], y * root
    if n >= width:
        spread, axes = np.linalg.eigh(x.T @ x)
    else:
        spread, sides = np.linalg.eigh(x @ x.T)
        real = spread > 1e-10 * spread[-1]
        spread, sides = spread[real], sides[:, real]
        axes = x.T @ (sides / np.sqrt(spread))
    spread = np.maximum(spread, 0)
    z = x @ axes
    squares, along = z * z, z.T @ y
    best: tuple[float, float] = (math.inf, 0.0)
    for penalty in (alpha * width for alpha in alphas):
        residuals = y - z @ (along / (spread + penalty))
        leverage = share + squares @ (1 / (spread + penalty))
        best = min(best, (float(np.mean((residuals / (1 - leverage)) ** 2)), penalty))
    coefficients = axes @ (along / (spread + best[1]))
    return coefficients, float(middle - centre @ coefficients), best[1], best[0]
