"""Options that would do nothing to the data at hand: refused before any work."""

from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.registry import OBJECTIVES
from headstart.spec import FitSpec, flag, not_balanced

OF_IMAGES = ("crop", "size", "flip", "train_batchnorm")


def refuse_idle(data: Dataset, spec: FitSpec) -> None:
    """Refuse what the user asked for where the data is such that it changes nothing.

    Raises:
        DataError: names the option.
    """
    if data.modality != "image":
        for name in OF_IMAGES:
            if getattr(spec, name) != getattr(FitSpec, name):
                raise DataError(f"{flag(name)} is for images, but the data holds texts.")
    if spec.balance != "none" and data.task not in (None, "classification"):
        raise DataError(not_balanced(str(data.task)))
    _refuse_objective(data, spec)
    _refuse_of_labels(data, spec)
    if data.times and any(data.splits):
        raise DataError(
            "--time divides the data, but it has splits of its own; leave --time out, or take the "
            "splits out of the data."
        )
    if spec.folds is not None and any(data.splits):
        raise DataError(
            "--folds tests on every item, but the data has splits of its own; leave --folds out, "
            "or take the splits out of the data."
        )
    own = spec.test is None and "test" in data.splits
    if own and spec.test_size != FitSpec.test_size:
        raise DataError(
            "--test-size does nothing where the data has a test split of its own; leave it out."
        )


def _refuse_objective(data: Dataset, spec: FitSpec) -> None:
    """Refuse an objective of another task."""
    if spec.objective == "auto":
        return
    task = OBJECTIVES.resolve(spec.objective).task
    if task != data.task:
        raise DataError(
            f"--objective is {spec.objective!r}, which is for {task}, but the task is {data.task}; "
            "leave it out."
        )


def _refuse_of_labels(data: Dataset, spec: FitSpec) -> None:
    """Refuse what says how labels and paths are read, where there are none such."""
    if spec.separator is not None and data.task != "multilabel":
        raise DataError(
            f"--separator is between several classes of one item, but the task is {data.task}; "
            "leave it out, or say --task multilabel."
        )
    if spec.decimal != "auto" and data.task != "regression":
        raise DataError(
            f"--decimal is for labels that are numbers to predict, but the task is {data.task}; "
            "leave it out, or say --task regression."
        )
    for name in ("root", "allow_root"):
        if getattr(spec, name) is not None and data.reads.kind != "paths":
            raise DataError(
                f"{flag(name)} is where the paths in a table start from, but the data is no table "
                "with paths of images; leave it out."
            )
