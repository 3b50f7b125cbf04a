"""Options that would do nothing to the data at hand: refused before any work."""

from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.spec import FitSpec, flag, not_balanced

OF_IMAGES = ("crop", "size", "flip", "train_batchnorm")


def refuse_idle(data: Dataset, spec: FitSpec) -> None:
    """Refuse what the user asked for where the data is such that it changes nothing.

    Raises:
        InputError: names the option.
    """
    if data.modality != "image":
        for name in OF_IMAGES:
            if getattr(spec, name) != getattr(FitSpec, name):
                raise InputError(f"{flag(name)} is for images, but the data holds texts.")
    if spec.balance != "none" and data.task not in (None, "classification"):
        raise InputError(not_balanced(str(data.task)))
    own = spec.test is None and "test" in data.splits
    if own and spec.test_size != FitSpec.test_size:
        raise InputError(
            "--test-size does nothing where the data has a test split of its own; leave it out."
        )
