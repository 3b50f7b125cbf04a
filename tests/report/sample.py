"""A finished run with everything a report can hold, hostile names included."""

from headstart.data.dataset import Skipped
from headstart.evaluation import ClassRow, Interval
from headstart.report.report import Report, Rung

CLASSES = ("cracked", "fin[red]ger", "functional")
TEST = {
    "accuracy": Interval(0.912, 0.889, 0.931),
    "macro_f1": Interval(0.84, 0.8, 0.88),
    "log_loss": Interval(0.21, 0.18, 0.25),
}
MAJORITY = {
    "accuracy": Interval(0.687, 0.66, 0.71),
    "macro_f1": Interval(0.2, 0.2, 0.2),
    "log_loss": Interval(1.02, 0.98, 1.1),
}
RUNGS = (
    Rung(
        strategy="feature-extraction",
        cut=None,
        seconds=1.2,
        trained_parameters=3_843,
        validation={"accuracy": Interval(0.9, 0.88, 0.92)},
        kept=True,
        why="the first rung",
    ),
    Rung(
        strategy="fine-tuning",
        cut="blocks.5",
        seconds=212.0,
        trained_parameters=2_343_843,
        validation={"accuracy": Interval(0.904, 0.88, 0.93)},
        kept=False,
        why="gain 0.4 points, p = 0.31",
    ),
)
SKIPPED = tuple(Skipped(f"photos/{n}.jpg", "the file is truncated") for n in range(13))


def report(**changed) -> Report:
    said = {
        "dataset": "photos \x1b[31m[red]",
        "modality": "image",
        "task": "classification",
        "classes": CLASSES,
        "backbone": "efficientnet-lite0",
        "strategy": "feature-extraction",
        "cut": None,
        "head": "linear",
        "seed": 7,
        "counts": {"train": 1679, "validation": 420, "test": 525, "skipped": 13},
        "test": TEST,
        "baselines": {"majority": MAJORITY},
        "rungs": RUNGS,
        "seconds": {"read": 0.21, "extract": 7.43, "train": 1.9, "evaluate": 0.62, "total": 10.4},
        "store": {"hits": 1000, "misses": 1624},
        "versions": {"torch": "2.15"},
        "temperature": 1.3,
        "backbone_facts": {"parameters": 3_400_000, "licence": "Apache-2.0"},
        "class_counts": {"functional": 1153, "cracked": 400, "fin[red]ger": 126},
        "per_class": (
            ClassRow("cracked", 0.8, 0.7, 0.75, 120),
            ClassRow("fin[red]ger", 0.6, 0.6, 0.6, 40),
            ClassRow("functional", 0.95, 0.97, 0.96, 365),
        ),
        "confusion": ((84, 6, 30), (10, 24, 6), (5, 6, 354)),
        "skipped": SKIPPED,
        "warnings": ("the same picture is in two classes",),
        "notes": ("the label column is 'kind'",),
        "model": "runs/solar cells",
    }
    return Report(**said | changed)
