"""What thresholds and prediction sets promise, on splits of stored features of solar cells.

Logistic regression on the principal components of the features, at a fixed penalty, is the head:
cheap, so that many splits can be made. Choices are made as a fit makes them, out of fold.
"""

from typing import Any

import numpy as np

from bench.machine import scratch
from bench.result import Figure, Result

SPLITS, WIDTH, COVERAGES, RECALL = 200, 48, (0.9, 0.95), 0.95


def run(quick: bool = False) -> Result:
    """Half of the items to learn from and choose on, the other half to test on."""
    splits = 4 if quick else SPLITS
    features, labels = _features(quick)
    at = int(np.flatnonzero(labels["classes"] == "defective")[0])
    rng = np.random.default_rng(0)
    found = [_one(features, labels["codes"], at, rng) for _ in range(splits)]
    mean = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
    figures = [Figure("recall on test, 0.95 asked for", mean["recall"], "", at_least=0.94)]
    for coverage in COVERAGES:
        gap = abs(mean[f"sets {coverage}"] - coverage)
        figures += [
            Figure(f"coverage of sets, {coverage:g} asked for", mean[f"sets {coverage}"]),
            Figure("points from what was asked for", 100 * gap, "", at_most=1.0),
            Figure("classes in a set", mean[f"size {coverage}"]),
            Figure(f"coverage of intervals, {coverage:g} asked for", mean[f"ends {coverage}"]),
            Figure(
                "points from what was asked for",
                100 * abs(mean[f"ends {coverage}"] - coverage),
                "",
                at_most=1.0,
            ),
        ]
    figures.append(Figure("accuracy", mean["accuracy"]))
    name = f"{splits} halvings of {len(features):,} photographs of solar cells"
    return Result("thresholds", name, tuple(figures))


def _features(quick: bool) -> tuple[Any, dict[str, Any]]:
    import csv

    import headstart
    from headstart.data.demo import solar_cells

    with scratch() as folder:
        table = solar_cells(folder / "solar")
        out = folder / "features.npz"
        headstart.embed(table, out=out, input="image", offline=True)
        with np.load(out, allow_pickle=False) as stored:
            features = np.asarray(stored["feature"], np.float64)
        with table.open(newline="") as file:
            labels = np.array([row["label"] for row in csv.DictReader(file)])
    if quick:
        features, labels = features[::4], labels[::4]
    features -= features.mean(axis=0)
    _, _, axes = np.linalg.svd(features, full_matrices=False)
    reduced = features @ axes[:WIDTH].T
    classes, codes = np.unique(labels, return_inverse=True)
    return reduced / reduced.std(axis=0), {"classes": classes, "codes": codes}


def _one(features: Any, codes: Any, at: int, rng: np.random.Generator) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import cross_val_predict

    from headstart.evaluation.conformal import margin_for, sets_for
    from headstart.evaluation.thresholds import for_target

    order = rng.permutation(len(features))
    train, test = order[: len(order) // 2], order[len(order) // 2 :]
    head = LogisticRegression(C=0.1)
    held_out = cross_val_predict(head, features[train], codes[train], method="predict_proba")
    shares = head.fit(features[train], codes[train]).predict_proba(features[test])
    truth = codes[test]
    target = for_target("recall", RECALL, held_out, codes[train], ("a", "b"), at)
    found = {
        "recall": float((target.best_class(shares) == at)[truth == at].mean()),
        "accuracy": float((shares.argmax(axis=1) == truth).mean()),
    }
    # A number that the features say something of: one of them from the others, with noise.
    numbers = features[:, 0] + rng.standard_t(4, len(features))
    ridge = Ridge(10.0)
    beside = cross_val_predict(ridge, features[train, 1:], numbers[train])
    values = ridge.fit(features[train, 1:], numbers[train]).predict(features[test, 1:])
    for coverage in COVERAGES:
        sets = sets_for(coverage, held_out, codes[train]).of(shares)
        ends = margin_for(coverage, beside, numbers[train]).of(values)
        within = (ends[:, 0] <= numbers[test]) & (numbers[test] <= ends[:, 1])
        found[f"sets {coverage}"] = float(sets[np.arange(len(test)), truth].mean())
        found[f"size {coverage}"] = float(sets.sum(axis=1).mean())
        found[f"ends {coverage}"] = float(within.mean())
    return found
