"""Whether 95% intervals hold the value 95 times in 100, and how often alike models are told apart.

Synthetic features with cheap heads: each resplit trains a head on other items, measures it on a
small test set, and looks whether the interval holds the value on a large part held out.
"""

from collections.abc import Callable, Iterator

import numpy as np

from bench.result import Figure, Result
from headstart.evaluation import evaluate
from headstart.evaluation.comparison import Answers, compare
from headstart.evaluation.statistics import FIRST, METRICS, statistics
from headstart.types import Floats, Scores, Targets

RESPLITS, TRIALS, LARGE = 2000, 2000, 20_000
LEARNT, WIDTH = 200, 16
TESTED = (100, 500)
SHARES = {2: (0.7, 0.3), 5: (0.4, 0.25, 0.2, 0.1, 0.05)}
"""Of the classes: none of them is rare in a test set, and they are not alike."""

HELD = ("accuracy", "macro_f1", "roc_auc", "mae")
COVERS, TELLS = 0.93, 0.06


def run(quick: bool = False) -> Result:
    """Classification with two and with five classes, and regression; then models that are alike."""
    resplits = 20 if quick else RESPLITS
    trials = 20 if quick else TRIALS
    figures = []
    for tested in TESTED[: 1 if quick else None]:
        for task, classes in (("classification", 2), ("classification", 5), ("regression", 0)):
            held = _coverage(task, classes, tested, resplits)
            # With a hundred items and few of a class it is told, not promised.
            bar = COVERS if tested == TESTED[-1] else None
            kind = f"{classes} classes" if classes else "numbers"
            figures += [
                Figure(f"{name}, {kind}, {tested} test items", share, at_least=bar)
                for name, share in held.items()
            ]
    for task in METRICS:
        share = _significant(task, trials)
        figures.append(Figure(f"alike models told apart, {task}", share, at_most=TELLS))
    return Result(
        "coverage",
        f"share of {resplits:,} resplits whose 95% interval holds the value on {LARGE:,} items; "
        f"share of {trials:,} comparisons of alike models that tell them apart",
        tuple(figures),
        {"training items": LEARNT, "features": WIDTH, "test items": list(TESTED)},
    )


def _coverage(task: str, classes: int, tested: int, resplits: int) -> dict[str, float]:
    names = tuple(map(str, range(classes)))
    held: dict[str, list[bool]] = {name: [] for name in HELD if name in METRICS[task]}
    for seed in range(resplits):
        rng = np.random.default_rng((seed, classes, tested))
        draw = _world(task, classes, rng)
        head = _head(task, classes, *draw(LEARNT))
        features, targets = draw(tested)
        found = evaluate(task, targets, head(features), names, seed=seed).metrics
        features, targets = draw(LARGE)
        true = statistics(task, targets, head(features), names).metrics
        for name, hits in held.items():
            hits.append(found[name].low <= true[name].value <= found[name].high)
    return {name: float(np.mean(hits)) for name, hits in held.items()}


Draw = Callable[[int], tuple[Floats, Targets]]


def _world(task: str, classes: int, rng: np.random.Generator) -> Draw:
    """What items come from: other class means, or another slope, each time."""
    if task == "regression":
        slope = rng.normal(size=WIDTH) / np.sqrt(WIDTH)

        def numbers(items: int) -> tuple[Floats, Targets]:
            features = rng.normal(size=(items, WIDTH))
            # Errors with long tails, as those of prices and counts.
            noise = rng.standard_t(4, items) * 0.5
            return features, features @ slope + noise

        return numbers
    centres = rng.normal(size=(classes, WIDTH)) * (0.45 if classes == 2 else 0.6)

    def labelled(items: int) -> tuple[Floats, Targets]:
        targets = rng.choice(classes, items, p=SHARES[classes])
        return centres[targets] + rng.normal(size=(items, WIDTH)), targets

    return labelled


def _head(
    task: str, classes: int, features: Floats, targets: Targets
) -> Callable[[Floats], Scores]:
    """Least squares for numbers; linear discriminant analysis for classes."""
    if task == "regression":
        wide = np.column_stack((features, np.ones(len(features))))
        weight = np.linalg.lstsq(wide, targets, rcond=None)[0]
        return lambda rows: rows @ weight[:-1] + weight[-1]
    means = np.array([features[targets == at].mean(axis=0) for at in range(classes)])
    within = np.cov((features - means[targets]).T) + 0.1 * np.eye(WIDTH)
    axes = np.linalg.solve(within, means.T)
    start = np.log(np.bincount(targets, minlength=classes) / len(targets))
    start = start - (means * axes.T).sum(axis=1) / 2
    return lambda rows: rows @ axes + start


def _significant(task: str, trials: int) -> float:
    """How often the main metric is called different of answers that changed places at random."""
    rng = np.random.default_rng(11)
    names = ("x", "y", "z")
    significant = 0
    for targets, first, second in _pairs(task, trials, rng):
        swap = rng.random(len(first)) < 0.5
        swap = swap if first.ndim == 1 else swap[:, None]
        models = [
            Answers("a", np.where(swap, first, second)),
            Answers("b", np.where(swap, second, first)),
        ]
        pair = compare(task, targets, models, names if first.ndim > 1 else ()).pairs[0]
        significant += pair.tests[FIRST[task]].significant
    return significant / trials


def _pairs(
    task: str, trials: int, rng: np.random.Generator, items: int = 200
) -> Iterator[tuple[Targets, Scores, Scores]]:
    """Targets, and the scores of a better and of a worse model."""
    for _ in range(trials):
        if task == "regression":
            targets = rng.normal(size=items)
            yield targets, *(targets + rng.normal(0, s, items) for s in (0.3, 0.6))
            continue
        labels = rng.choice(3, items, p=(0.6, 0.3, 0.1))
        truth = np.eye(3)[labels]
        if task == "multilabel":
            truth = np.maximum(truth, rng.random((items, 3)) < 0.3)
        noise = (rng.normal(0, 1, truth.shape) for _ in range(2))
        scores = (s * (2 * truth - 1) + e for s, e in zip((1.0, 0.6), noise, strict=True))
        yield (labels if task == "classification" else truth), *scores
