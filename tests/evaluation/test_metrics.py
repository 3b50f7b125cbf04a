import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from headstart.evaluation import Evaluation, evaluate, intervals, probabilities
from headstart.evaluation.intervals import of_means
from headstart.evaluation.ranking import average_precision, roc_auc
from headstart.evaluation.statistics import METRICS


def drawn(n: int, classes: int, seed: int = 0, skill: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % classes
    logits = rng.standard_normal((n, classes)) + skill * np.eye(classes)[targets]
    return targets, logits.astype(np.float32)


def names(classes: int) -> list[str]:
    return [f"class {i}" for i in range(classes)]


def values(found: Evaluation) -> dict[str, float]:
    return {name: each.value for name, each in found.metrics.items()}


@pytest.mark.parametrize("classes", [2, 5])
def test_classification_agrees_with_scikit_learn(classes: int) -> None:
    targets, logits = drawn(300, classes)
    found = evaluate("classification", targets, logits, names(classes), seed=0, resamples=50)
    chances, predicted = probabilities("classification", logits), logits.argmax(axis=1)
    asked = chances[:, 1] if classes == 2 else chances
    assert values(found) | {"ece": None} == {
        "accuracy": pytest.approx(reference.accuracy_score(targets, predicted)),
        "macro_f1": pytest.approx(reference.f1_score(targets, predicted, average="macro")),
        "roc_auc": pytest.approx(reference.roc_auc_score(targets, asked, multi_class="ovr")),
        "log_loss": pytest.approx(reference.log_loss(targets, chances)),
        "ece": None,
    }
    assert found.confusion is not None
    assert (found.confusion == reference.confusion_matrix(targets, predicted)).all()
    table = reference.precision_recall_fscore_support(targets, predicted)
    for row, *expected in zip(found.per_class, *table, strict=True):
        assert [row.precision, row.recall, row.f1, row.support] == pytest.approx(expected)
    assert found.notes == ()


def test_calibration_error_by_hand() -> None:
    # Two items at 0.9 of which one is right, two at 0.6 both right: (0.8 + 0.8) / 4.
    logits = np.log([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.4, 0.6]])
    found = evaluate("classification", np.array([0, 0, 0, 1]), logits, names(2), seed=0)
    assert found.metrics["ece"].value == pytest.approx((abs(1.8 - 1) + abs(1.2 - 2)) / 4)


def test_multilabel_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((250, 4)) < [0.1, 0.3, 0.5, 0.7]).astype(np.uint8)
    logits = (targets * 2 - 1 + rng.standard_normal((250, 4)) * 1.5).round(1)
    found = evaluate("multilabel", targets, logits, names(4), seed=0, resamples=50)
    predicted = logits >= 0  # as an answer has a class: from a probability of one half on
    assert (logits == 0).any()
    assert values(found) == pytest.approx(
        {
            "macro_f1": reference.f1_score(targets, predicted, average="macro"),
            "micro_f1": reference.f1_score(targets, predicted, average="micro"),
            "map": reference.average_precision_score(targets, logits, average="macro"),
        }
    )
    assert [row.support for row in found.per_class] == list(targets.sum(axis=0))


@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_regression_agrees_with_scikit_learn(shift: float) -> None:
    rng = np.random.default_rng(0)
    targets = rng.standard_normal(200) * 7 + shift
    predictions = targets + rng.standard_normal(200) * 3
    found = evaluate("regression", targets, predictions, (), seed=0, resamples=50)
    assert values(found) == pytest.approx(
        {
            "pearson_r": np.corrcoef(targets, predictions)[0, 1],
            "r2": reference.r2_score(targets, predictions),
            "mae": reference.mean_absolute_error(targets, predictions),
        }
    )
    assert found.per_class == ()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [(roc_auc, reference.roc_auc_score), (average_precision, reference.average_precision_score)],
)
def test_influence_is_the_derivative_by_the_weight_of_an_item(metric, expected) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    positive = rng.random(40) < 0.4
    scores = (positive + rng.standard_normal(40)).round(1)
    value, influence = metric(scores, positive)
    assert value == pytest.approx(expected(positive, scores))
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    for item in range(40):
        weights = np.ones(40)
        weights[item] += 1e-5
        slope = (expected(positive, scores, sample_weight=weights) - value) / 1e-5
        assert influence[item] / 40 == pytest.approx(slope, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    task=st.sampled_from(list(METRICS)),
    n=st.integers(1, 40),
    classes=st.integers(1, 4),
    scale=st.sampled_from([1e-3, 1.0, 40.0]),
    ties=st.booleans(),
    seed=st.integers(0, 999),
)
def test_the_function_that_is_resampled_gives_scikit_learn_s_value(
    task: str, n: int, classes: int, scale: float, ties: bool, seed: int
) -> None:
    """Else an interval would be of another metric than its value."""
    rng = np.random.default_rng(seed)
    classes = classes + (task == "classification")
    shape = n if task == "regression" else (n, classes)
    scores = (rng.standard_normal(shape) * scale).round(1 if ties else 9)
    targets = {
        "classification": rng.integers(0, classes, n),
        "multilabel": (rng.random((n, classes)) < 0.4).astype(np.uint8),
        "regression": rng.standard_normal(n) * scale,
    }[task]
    compared = []

    def both(function, columns, *given, value=None, **options):  # type: ignore[no-untyped-def]
        own = of_means(function, columns, *given, **options).value
        compared.append((own, own if value is None else value))
        return of_means(function, columns, *given, value=value, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "of_means", both)
        evaluate(task, targets, scores, names(classes), seed=0, resamples=2)
    assert len(compared) >= 2
    for own, library in compared:
        assert own == pytest.approx(library, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("task", list(METRICS))
def test_scores_that_are_not_finite_are_no_crash(task: str) -> None:
    scores = np.random.default_rng(0).standard_normal((9, 3))
    scores[4, 1] = np.nan
    targets = {
        "classification": np.arange(9) % 3,
        "multilabel": np.eye(9, 3, dtype=np.uint8),
        "regression": np.arange(9.0),
    }[task]
    found = evaluate(
        task, targets, scores[:, 1] if task == "regression" else scores, names(3), seed=0
    )
    last = found.metrics[METRICS[task][-1]]
    assert math.isnan(last.value)
    assert math.isnan(last.high)
    assert "1 of 9 test items has scores that are not finite numbers." in found.notes
    assert not any("undefined" in note for note in found.notes)


@pytest.mark.parametrize("skill", [0.5, 1.5])
def test_intervals_agree_with_resampling_the_items_themselves(skill: float) -> None:
    targets, logits = drawn(150, 3, skill=skill)
    found = evaluate("classification", targets, logits, names(3), seed=0).metrics
    rng = np.random.default_rng(1)
    chances, samples = probabilities("classification", logits), []
    for _ in range(200):
        i = rng.integers(0, 150, 150)
        samples.append(
            (
                reference.f1_score(targets[i], logits[i].argmax(axis=1), average="macro"),
                reference.roc_auc_score(targets[i], chances[i], multi_class="ovr"),
                reference.log_loss(targets[i], chances[i]),
            )
        )
    expected = np.percentile(samples, (2.5, 97.5), axis=0).T
    for name, (low, high) in zip(("macro_f1", "roc_auc", "log_loss"), expected, strict=True):
        assert found[name].low == pytest.approx(low, abs=0.25 * (high - low))
        assert found[name].high == pytest.approx(high, abs=0.25 * (high - low))


def test_multilabel_intervals_agree_with_resampling_the_items_themselves() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((200, 3)) < 0.3).astype(np.uint8)
    logits = targets * 2 - 1 + rng.standard_normal((200, 3)) * 1.5
    found = evaluate("multilabel", targets, logits, names(3), seed=0).metrics
    samples = []
    for _ in range(200):
        i = rng.integers(0, 200, 200)
        samples.append(
            [
                reference.f1_score(targets[i], logits[i] > 0, average="macro"),
                reference.f1_score(targets[i], logits[i] > 0, average="micro"),
                reference.average_precision_score(targets[i], logits[i], average="macro"),
            ]
        )
    expected = np.percentile(samples, (2.5, 97.5), axis=0).T
    for each, (low, high) in zip(found.values(), expected, strict=True):
        assert each.low == pytest.approx(low, abs=0.25 * (high - low))
        assert each.high == pytest.approx(high, abs=0.25 * (high - low))


@pytest.mark.parametrize("task", list(METRICS))
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_very_few_items_are_no_crash(task: str, n: int) -> None:
    targets = {
        "classification": np.zeros(n, int),
        "multilabel": np.zeros((n, 3), np.uint8),
        "regression": np.ones(n),
    }[task]
    scores = np.zeros(n) if task == "regression" else np.zeros((n, 3))
    found = evaluate(task, targets, scores, names(3), seed=0, resamples=20)
    assert tuple(found.metrics) == METRICS[task]
    assert found.notes
    for each in found.metrics.values():
        assert not math.isfinite(each.value) or each.low <= each.value <= each.high


def test_one_class_in_the_test_set() -> None:
    _, logits = drawn(20, 2)
    found = evaluate("classification", np.zeros(20, int), logits, ["cat", "dog"], seed=0)
    assert math.isnan(found.metrics["roc_auc"].value)
    assert math.isfinite(found.metrics["log_loss"].value)
    assert any("ROC AUC is undefined" in note and "'cat'" in note for note in found.notes)


def test_a_class_without_a_test_item() -> None:
    targets, logits = drawn(90, 3)
    kept = targets != 1
    found = evaluate("classification", targets[kept], logits[kept], names(3), seed=0)
    assert math.isfinite(found.metrics["roc_auc"].value)
    assert any("ROC AUC leaves out" in note and "'class 1'" in note for note in found.notes)
    assert any("Fewer than 5" in note for note in found.notes)
    assert found.per_class[1].support == 0


def test_unknown_labels_are_left_out_and_counted() -> None:
    targets, logits = drawn(100, 2)
    known = evaluate("classification", targets[10:], logits[10:], names(2), seed=0)
    targets[:10] = -1
    found = evaluate("classification", targets, logits, names(2), seed=0)
    assert found.metrics == known.metrics
    assert "10 of 100" in found.notes[0]
    nothing = evaluate("classification", np.full(4, -1), logits[:4], names(2), seed=0)
    assert math.isnan(nothing.metrics["accuracy"].value)


def test_constant_predictions_have_no_correlation() -> None:
    found = evaluate("regression", np.arange(10.0), np.full(10, 4.2), (), seed=0)
    assert math.isnan(found.metrics["pearson_r"].value)
    assert math.isfinite(found.metrics["r2"].value)
    assert found.notes == (
        "Pearson r is undefined: the model says the same number of every test item.",
    )


def test_a_constant_target_is_said() -> None:
    found = evaluate("regression", np.full(10, 4.2), np.arange(10.0), (), seed=0)
    assert math.isnan(found.metrics["r2"].value)
    assert found.notes == (
        "Pearson r and R2 are undefined: the test items all have the same number.",
    )


def test_a_single_class_loses_nothing() -> None:
    found = evaluate("classification", np.zeros(9, int), np.ones((9, 1)), ["cat"], seed=0)
    assert found.metrics["log_loss"].value == 0
    assert found.metrics["accuracy"].value == 1


def test_class_names_are_safe_to_show() -> None:
    found = evaluate(
        "classification", np.array([0]), np.zeros((1, 2)), ["a\n\x1b[31m", "b"], seed=0
    )
    assert not any("\n" in note or "\x1b" in note for note in found.notes)


def test_the_same_seed_gives_the_same_intervals() -> None:
    targets, logits = drawn(100, 3)
    one, two, other = (
        evaluate("classification", targets, logits, names(3), seed=s).metrics for s in (1, 1, 2)
    )
    assert one == two
    assert one["log_loss"] != other["log_loss"]


def test_a_perfect_model_of_few_items_is_no_certainty() -> None:
    targets = np.array([0] * 30 + [1] * 10)
    found = evaluate("classification", targets, np.eye(2)[targets] * 9, names(2), seed=0).metrics
    for name in ("accuracy", "macro_f1", "roc_auc"):
        assert found[name].value == found[name].high == 1
        assert found[name].low < 0.95
    assert found["roc_auc"].low < found["accuracy"].low


@pytest.mark.parametrize(
    ("groups", "said"), [(1, "one group"), (3, "only 3 groups"), (10, None)], ids=str
)
def test_few_groups_say_little_and_one_says_nothing_of_others(
    groups: int, said: str | None
) -> None:
    targets, logits = drawn(50, 2)
    together = np.arange(50) % groups
    found = evaluate("classification", targets, logits, names(2), seed=0, together=together)
    accuracy = found.metrics["accuracy"]
    assert accuracy.low < accuracy.value < accuracy.high
    if groups == 1:
        alone = evaluate("classification", targets, logits, names(2), seed=0)
        assert found.metrics == alone.metrics
    assert [said in note if said else note for note in found.notes] == [True] * bool(said)
