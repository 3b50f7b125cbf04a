"""Data is checked: features of every item, heads that did not learn from it, and what they tell."""

from dataclasses import replace
from pathlib import Path

from headstart import findings
from headstart.data import labels
from headstart.data.dataset import Dataset, count_notes
from headstart.data.idle import refuse_idle
from headstart.findings import suspects
from headstart.progress import Clock, Progress
from headstart.report.report import CheckReport
from headstart.run import near_duplicates
from headstart.run.evidence import evidence_of
from headstart.run.prepare import extract
from headstart.spec import CheckSpec
from headstart.training import feature_extraction
from headstart.training.examples import without_test


def check(
    dataset: Dataset,
    spec: CheckSpec,
    progress: Progress,
    clock: Clock,
    *,
    name: str,
    out: Path | None,
) -> CheckReport:
    """Look for what is wrong with a data set; nothing but heads is trained.

    Args:
        dataset: what was read, with labels.
        spec: the options.
        progress: shows what is going on.
        clock: times the parts.
        name: what a report calls the data.
        out: the table of suspects to write; None writes none.

    Raises:
        InputError: the data or an option is wrong.
    """
    asked = spec.as_fit()
    labels.check(dataset)
    refuse_idle(dataset, asked)
    extracted = extract(dataset, asked, name, progress, clock)
    dataset, features = extracted.dataset, extracted.features
    near = near_duplicates.find(dataset, *features.readable, progress)
    clock.lap("near-duplicates")
    dataset = replace(dataset, near=near.clusters.tolist())
    with progress.stage("Training heads", None):
        examples = without_test(dataset, features, asked)
        adapted = feature_extraction.fit(examples, asked, extracted.trunk, extracted.wide)
    evidence = evidence_of(
        dataset, features, adapted, asked, progress, near=near.clusters, thumbnails=True
    )
    clock.lap("train")
    found = findings.found_in(evidence)
    if out is not None:
        suspects.write(found, out)
    clock.lap("check")
    notes = count_notes(features.notes, dataset.modality)
    return CheckReport(
        dataset=name,
        modality=dataset.modality,
        task=examples.task,
        classes=examples.classes,
        counts={"checked": len(evidence.positions), "skipped": len(extracted.skipped)},
        backbone=extracted.trunk.backbone.name,
        findings=found,
        store={"hits": features.hits, "misses": features.misses},
        seconds=clock.seconds(),
        suspects=None if out is None else str(out),
        skipped=extracted.skipped,
        warnings=tuple(dict.fromkeys((*dataset.warnings, *features.warnings, *notes))),
        notes=dataset.notes,
    )
