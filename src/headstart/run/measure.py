"""A climbed ladder is measured once, on the test split, and becomes a `Report`."""

import platform
from typing import Any

from numpy.typing import NDArray

from headstart import evaluation
from headstart.data.dataset import Dataset, count_notes
from headstart.data.labels import counts_of
from headstart.evaluation import Evaluation, Interval
from headstart.evaluation.calibration import scaled
from headstart.features.extract import Features
from headstart.heads.contract import history_of
from headstart.installed import version_of
from headstart.predictors import Model
from headstart.report.report import Report, Rung
from headstart.run.climbing import Climbed, Tried
from headstart.spec import FitSpec
from headstart.training.adapted import Adapted
from headstart.training.assemble import assemble, scores_on_test
from headstart.training.examples import Examples

VERSIONS = (
    "headstart",
    "torch",
    "timm",
    "transformers",
    "peft",
    "openvino",
    "pylance",
    "scikit-learn",
)


def measured(
    name: str,
    dataset: Dataset,
    features: Features,
    climbed: Climbed,
    model: Model,
    scores: NDArray[Any],
    spec: FitSpec,
) -> Report:
    """Measure a model on the test split, once, and say all there is to say of the run.

    `scores` are the model's calibrated ones of the test items.
    The seconds per part and the saved model's folder are for the caller to fill in.
    """
    best = climbed.best
    examples = best.examples
    test = examples.parts["test"]
    found = evaluation.evaluate(
        examples.task, test.targets, scores, examples.classes, seed=spec.seed
    )
    first = climbed.tried[0].adapted
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
        temperature=None if examples.task == "regression" else model.temperature,
        counts={
            **{name: len(part) for name, part in examples.parts.items()},
            "skipped": len(skipped),
        },
        class_counts=_class_counts(dataset, examples),
        test=found.metrics if len(test) else {},
        baselines=_baselines(dataset, climbed, spec),
        gain=evaluation.difference(examples.task, test.targets, scores, _first_scores(first))
        if first is not None and first is not best and len(test)
        else None,
        rungs=tuple(_rung(each, features.seconds) for each in climbed.tried),
        seconds={},
        store={"hits": features.hits, "misses": features.misses},
        skipped=skipped,
        warnings=(*_warnings(dataset, features, examples, climbed), *found.notes),
        notes=dataset.notes,
        versions=versions(),
        **tables(found),
    )


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
        history=history_of(adapted.head) if adapted else {},
        predicted_seconds=None if tried.predicted is None else round(tried.predicted, 3),
    )


def _baselines(dataset: Dataset, climbed: Climbed, spec: FitSpec) -> dict[str, dict[str, Interval]]:
    examples = climbed.best.examples
    train = examples.parts["train"].joined(examples.parts["validation"])
    test = examples.parts["test"]
    if not len(test):
        return {}
    simplest = evaluation.baseline(
        examples.task, train.targets, test.targets, examples.classes, seed=spec.seed
    )
    found = {"mean" if examples.task == "regression" else "majority": simplest}
    if dataset.modality == "text" and examples.task == "classification":
        found["tfidf"] = evaluation.tfidf_baseline(
            [dataset.items[at] for at in train.positions.tolist()],
            train.targets,
            [dataset.items[at] for at in test.positions.tolist()],
            test.targets,
            examples.classes,
            spec.seed,
        )
    first = climbed.tried[0].adapted
    if first is not None and first is not climbed.best:
        found[first.strategy] = evaluation.evaluate(
            examples.task, test.targets, _first_scores(first), examples.classes, seed=spec.seed
        ).metrics
    if climbed.compared is not None:
        scratch = assemble(climbed.compared, dataset)
        scores = scores_on_test(scratch, climbed.compared, dataset)
        found[climbed.compared.strategy] = evaluation.evaluate(
            examples.task, test.targets, scores, examples.classes, seed=spec.seed
        ).metrics
    return found


def _first_scores(first: Adapted) -> NDArray[Any]:
    """Of the test items, by the first rung, from stored features."""
    scores = first.head.scores(first.examples.parts["test"].features)
    return scaled(scores, first.judged.temperature)


def _class_counts(dataset: Dataset, examples: Examples) -> dict[str, int]:
    if examples.task == "regression" or dataset.labels is None:
        return {}
    positions = [at for part in examples.parts.values() for at in part.positions.tolist()]
    counts = counts_of([dataset.labels[at] for at in positions], examples.task)
    return {name: counts[name] for name in examples.classes}


def tables(measured: Evaluation) -> dict[str, Any]:
    """The per-class table and the confusion matrix, as a report has them."""
    confusion = measured.confusion
    return {
        "per_class": measured.per_class,
        "confusion": () if confusion is None else tuple(map(tuple, confusion.tolist())),
    }


def _warnings(
    dataset: Dataset, features: Features, examples: Examples, climbed: Climbed
) -> tuple[str, ...]:
    said = [*dataset.warnings, *features.warnings, *examples.warnings]
    said += [*climbed.best.warnings, *climbed.warnings]
    said += count_notes(features.notes, dataset.modality)
    return tuple(dict.fromkeys(said))


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that figures depend on."""
    return {"python": platform.python_version()} | {
        name: found for name in VERSIONS if (found := version_of(name)) != "none"
    }
