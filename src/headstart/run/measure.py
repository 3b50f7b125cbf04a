"""A climbed ladder is measured once, on the test split, and becomes a `Report`."""

from collections.abc import Mapping

from headstart import evaluation
from headstart.data.dataset import Dataset, count_notes
from headstart.evaluation import Results
from headstart.evaluation.calibration import scaled
from headstart.evaluation.decisions import Decision
from headstart.evaluation.learning_curve import LearningCurve
from headstart.features.extract import Features
from headstart.heads.contract import history_of
from headstart.installed import versions
from headstart.report.report import Report, Rung
from headstart.run.climbing import Climbed, Tried
from headstart.spec import FitSpec, chosen
from headstart.training import learning_curve
from headstart.training.adapted import Adapted
from headstart.training.assemble import assemble, scores_on_test
from headstart.training.deciding import Chosen, of_constant, on_validation
from headstart.training.examples import Examples
from headstart.types import JsonObject, Scores


def measured(
    name: str,
    dataset: Dataset,
    features: Features,
    climbed: Climbed,
    results: Results,
    others: Mapping[str, Scores],
    decided: Chosen,
    spec: FitSpec,
) -> Report:
    """Measure a model on the test split, once, and say all there is to say of the run.

    `results` are the model's answers, of the test items at least; `others` are those of other
    models to the test items; `decided` is how the model answers. The seconds per part and the saved
    model's folder are for the caller to fill in.
    """
    best = climbed.best
    examples = best.examples
    first = climbed.tried[0].adapted
    over = first.strategy if first is not None and first.strategy in others else None
    decisions = _decisions(climbed, decided, results)
    found = evaluation.measure(results, others, over=over, decisions=decisions, seed=spec.seed)
    curve, untold = _learning_curve(first, spec)
    skipped = (*dataset.skipped, *features.skipped, *examples.skipped)
    backbone = best.trunk.backbone
    return Report(
        dataset=name,
        modality=dataset.modality,
        task=examples.task,
        classes=examples.classes,
        backbone=backbone.name,
        backbone_facts={
            "parameters": backbone.parameters,
            "gflops": backbone.gflops,
            "licence": backbone.licence,
            "features": backbone.features,
            "stages": list(best.stages),
            "preprocessing": backbone.preprocessing.to_json(),
            "device": best.trunk.where,
            "precision": best.trunk.precision,
        },
        strategy=best.strategy,
        cut=best.cut,
        head=spec.head,
        seed=spec.seed,
        temperature=None if examples.task == "regression" else best.judged.temperature,
        counts={
            **{name: len(part) for name, part in examples.parts.items()},
            "test": int(results.within("test").sum()),
            "skipped": len(skipped),
        },
        folds=spec.folds,
        class_counts=found.class_counts,
        test=found.test.metrics if results.within("test").any() else {},
        baselines=found.baselines,
        gain=found.gain,
        per_class=found.test.per_class,
        decision=_with_origin(found.decision, decided),
        abstain=found.abstain,
        confusion=found.test.confused,
        outlook=climbed.outlook,
        learning_curve=curve,
        rungs=tuple(_rung(each, features.seconds) for each in climbed.tried),
        seconds={},
        store={"hits": features.hits, "misses": features.misses},
        skipped=skipped,
        warnings=(*_warnings(dataset, features, examples, climbed), *found.test.notes, *untold),
        notes=(*dataset.notes, *examples.notes),
        versions=versions(),
        options=chosen(spec),
    )


def _learning_curve(
    first: Adapted | None, spec: FitSpec
) -> tuple[LearningCurve | None, tuple[str, ...]]:
    """What more labels would buy the head on the frozen network; where it was asked for and there
    is none, why. Without being asked it is measured where that is little work.
    """
    if first is None or first.strategy != "feature-extraction":
        return None, ()
    features = first.examples.parts["train"].features.shape[1]
    gflops = first.trunk.backbone.gflops
    asked = spec.learning_curve
    # A budget is for what the person wants of it.
    if not asked and (
        spec.budget is not None
        or not learning_curve.costs_little(first.examples, features, spec, gflops)
    ):
        return None, ()
    found = learning_curve.measured(first, spec)
    few = "There are too few items for a learning curve (--learning-curve)."
    return found, (few,) * (asked and found is None)


def _rung(tried: Tried, extraction: float) -> Rung:
    adapted = tried.adapted
    # Only the first rung waits for the features of every item.
    before = extraction if tried.rung.strategy == "feature-extraction" else 0.0
    return Rung(
        strategy=tried.rung.strategy,
        cut=tried.rung.cut,
        seconds=round(before + adapted.seconds, 3) if adapted else 0.0,
        trained_parameters=adapted.trained_parameters if adapted else 0,
        validation=adapted.judged.metrics if adapted else {},
        kept=tried.kept,
        why=tried.why,
        history=_history(adapted) if adapted else {},
        predicted_seconds=None if tried.predicted is None else round(tried.predicted, 3),
    )


def _history(adapted: Adapted) -> dict[str, list[float]]:
    """Losses of each epoch: of a network's validation items, or of a head that was asked for."""
    return {"val_loss": list(adapted.losses)} if adapted.losses else history_of(adapted.head)


def scores_of_others(dataset: Dataset, climbed: Climbed, spec: FitSpec) -> dict[str, Scores]:
    """What other models answer to the test items: words alone, the first rung, from scratch."""
    examples = climbed.best.examples
    train = examples.parts["train"].joined(examples.parts["validation"])
    test = examples.parts["test"]
    found: dict[str, Scores] = {}
    if not len(test):
        return found
    if dataset.modality == "text" and examples.task == "classification":
        texts, learnt = (
            [dataset.items[at] for at in part.positions.tolist()] for part in (test, train)
        )
        found["tfidf"] = evaluation.tfidf_scores(
            learnt, train.targets, texts, len(examples.classes), spec.seed, train.together
        )
    first = climbed.tried[0].adapted
    if first is not None and first is not climbed.best:
        # From stored features: it is no model that was assembled.
        scores = first.head.scores(first.examples.parts["test"].features)
        found[first.strategy] = scaled(scores, first.judged.temperature)
    if climbed.compared is not None:
        scratch = assemble(climbed.compared, dataset)
        found[climbed.compared.strategy] = scores_on_test(scratch, climbed.compared, dataset)
    return found


def _decisions(climbed: Climbed, chosen: Chosen, results: Results) -> dict[str, Decision | None]:
    """How other models answer where a label has a threshold: with thresholds of their own."""
    if results.task != "multilabel" or chosen.decision is None:
        return {}
    compared = (climbed.tried[0].adapted, climbed.compared)
    others: list[Adapted] = [each for each in compared if each is not None]
    if chosen.scores == "given":
        return dict.fromkeys(("majority", *(each.strategy for each in others)), chosen.decision)
    learnt = results.targets[results.within("train", "validation")]
    own = {each.strategy: on_validation(each) for each in others}
    return {"majority": of_constant(learnt), **own}


def _with_origin(decision: JsonObject | None, chosen: Chosen) -> JsonObject | None:
    if decision is None:
        return None
    return {**decision, "scores": chosen.scores, "items": chosen.items}


def _warnings(
    dataset: Dataset, features: Features, examples: Examples, climbed: Climbed
) -> tuple[str, ...]:
    said = [*dataset.warnings, *features.warnings, *examples.warnings]
    said += [*climbed.best.warnings, *climbed.warnings]
    said += count_notes(features.notes, dataset.modality)
    return tuple(dict.fromkeys(said))
