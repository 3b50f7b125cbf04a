"""What `headstart check` looks at."""

from dataclasses import dataclass, fields

from headstart.errors import InputError
from headstart.spec.backbone import BackboneSpec, check_device
from headstart.spec.data import ReadSpec
from headstart.spec.fit import FitSpec
from headstart.spec.option import EVALUATION, TRAINING, option


@dataclass(frozen=True, kw_only=True)
class CheckSpec(BackboneSpec, ReadSpec):
    """How data is read and looked at; each option means what it means to a `fit`."""

    seed: int = option(
        0, "Every random choice follows from it.", group=TRAINING, low=0, high=2**32 - 1
    )
    test: str | None = option(
        None, "Test data that belongs to DATA: checked with it, and for leaks.", group=EVALUATION
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device(self.device)
        if self.task == "generation":
            raise InputError("--task generation has no labels to check.")

    def as_fit(self) -> FitSpec:
        """The `fit` whose data this is."""
        return FitSpec(**{each.name: getattr(self, each.name) for each in fields(self)})
