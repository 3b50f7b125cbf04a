"""Features of every item, as a file for other tools."""

from pathlib import Path

from headstart.data.dataset import Dataset, count_notes
from headstart.data.rows import refuse_skipped
from headstart.errors import InputError
from headstart.features import export
from headstart.features.trunk import Trunk
from headstart.progress import Clock, Progress
from headstart.report.report import EmbedReport
from headstart.spec import EmbedSpec


def embed(
    dataset: Dataset, spec: EmbedSpec, progress: Progress, clock: Clock, *, name: str, out: Path
) -> EmbedReport:
    """Extract features, and write them.

    Args:
        dataset: the items.
        spec: the options.
        progress: shows what is going on.
        clock: takes the laps.
        name: what a message calls the data.
        out: the file, which `headstart.features.export.check_target` has passed.

    Raises:
        InputError: an option is wrong, or no item can be read.
    """
    trunk = Trunk.of(spec, dataset.modality, cut=spec.cut)
    if spec.pool != "auto" and trunk.cut.stage != trunk.backbone.stages[-1].name:
        raise InputError(
            f"--pool is of the last stage, and --cut {spec.cut} stops before it; leave one of them "
            "out."
        )
    export.check_shape(out, trunk.cut.shape)
    clock.lap("load")
    features = trunk.extract(dataset, progress)
    features.refuse_none(name)
    skipped = (*dataset.skipped, *features.skipped)
    refuse_skipped(skipped, spec)
    clock.lap("extract")
    export.write(out, dataset, features)
    clock.lap("write")
    return EmbedReport(
        path=str(out),
        backbone=trunk.backbone.name,
        cut=trunk.cut.stage,
        rows=len(features.kept),
        features=trunk.size,
        store={"hits": features.hits, "misses": features.misses},
        seconds=clock.seconds(),
        skipped=skipped,
        warnings=(
            *dataset.warnings,
            *features.warnings,
            *count_notes(features.notes, dataset.modality),
        ),
        notes=dataset.notes,
    )
