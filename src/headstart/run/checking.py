"""Data is checked: features of every item, heads that did not learn from it, and what they tell."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from headstart import findings
from headstart.data import labels
from headstart.data.dataset import SPLITS, Dataset, count_notes
from headstart.data.forms import ordered
from headstart.data.idle import refuse_idle
from headstart.findings import suspects
from headstart.installed import versions
from headstart.progress import Clock, Progress
from headstart.report.page.checked import write as write_page
from headstart.report.page.keep import places_of
from headstart.report.report import CheckReport
from headstart.run import near_duplicates
from headstart.run.evidence import evidence_of
from headstart.run.prepare import extract
from headstart.spec import CheckSpec, chosen
from headstart.training import feature_extraction
from headstart.training.examples import without_test
from headstart.types import Indices


def check(
    dataset: Dataset,
    spec: CheckSpec,
    progress: Progress,
    clock: Clock,
    *,
    name: str,
    out: Path | None,
    page: Path | None,
    private: bool,
) -> CheckReport:
    """Look for what is wrong with a data set; nothing but heads is trained.

    Args:
        dataset: what was read, with labels.
        spec: the options.
        progress: shows what is going on.
        clock: times the parts.
        name: what a report calls the data.
        out: the table of suspects to write; None writes none.
        page: the page to write; None writes none.
        private: leaves names of items, texts and images out of it.

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
    texts = suspects.texts_of(found, dataset)
    if out is not None:
        suspects.write(found, out, texts)
    clock.lap("check")
    notes = count_notes(features.notes, dataset.modality)
    report = CheckReport(
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
        page=None if page is None else str(page),
        class_counts=_class_counts(dataset, evidence.positions),
        splits=_split_counts(dataset, evidence.positions),
        seed=spec.seed,
        options=chosen(spec),
        versions=versions(),
        skipped=extracted.skipped,
        warnings=tuple(dict.fromkeys((*dataset.warnings, *features.warnings, *notes))),
        notes=dataset.notes,
        texts=texts,
    )
    if page is not None:
        with progress.stage("Writing the page", None):
            places = places_of(features.contents, range(len(dataset)))
            write_page(report.to_json(), dataset, places, page, private=private)
    return report


def _class_counts(data: Dataset, positions: Indices) -> dict[str, int]:
    """How many of the items at some positions are of each class."""
    assert data.labels is not None
    counts: Counter[str] = Counter()
    for label in map(data.labels.__getitem__, positions.tolist()):
        if not isinstance(label, float):
            counts.update([label] if isinstance(label, str) else label)
    return {each: counts[each] for each in ordered(counts)}


def _split_counts(data: Dataset, positions: Indices) -> dict[str, int]:
    """How many of the items at some positions the data puts into each split."""
    if not data.splits:
        return {}
    counts = Counter(map(data.splits.__getitem__, positions.tolist()))
    return {each: counts[each] for each in SPLITS if counts[each]}
