"""Which pretrained network, and what it is given to look at."""

import re
from dataclasses import dataclass

from headstart.errors import InputError
from headstart.spec.data import ItemSpec
from headstart.spec.option import BACKBONE, option

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]{0,2}))?")
POOLS = ("auto", "mean", "max", "flatten", "first", "last")


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """The pretrained network, and what it is given to look at."""

    backbone: str | None = option(
        None,
        "Pretrained network; by default one that fits the data and is installed.",
        group=BACKBONE,
    )
    crop: float | None = option(
        None,
        "Share of an image's shorter side that the centre crop keeps; by default what "
        "the backbone was pretrained with, 0.875 for many.",
        low=0.1,
        high=1,
        group=BACKBONE,
    )
    size: int | None = option(
        None,
        "Height and width that images are resized to; by default what the backbone was "
        "pretrained with, 224 for many. Twice as many show finer detail, and cost four times the "
        "work and memory; of a vision transformer more.",
        low=16,
        high=2048,
        group=BACKBONE,
    )
    pool: str = option(
        "auto",
        "How the output of the last stage becomes one vector; by default as the backbone does it. "
        "flatten and max are for images, first and last (token) for transformers.",
        choices=POOLS,
        group=BACKBONE,
    )
    device: str = option(
        "auto",
        "Where the network computes: cpu, cuda, cuda:N, or mps (a GPU of Apple's); by default cuda "
        "where PyTorch finds it.",
        group=BACKBONE,
    )


@dataclass(frozen=True, kw_only=True)
class EmbedSpec(BackboneSpec, ItemSpec):
    """What features are computed of."""

    cut: str | None = option(None, "Stop after this stage, not after the last.", group=BACKBONE)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device(self.device)


def check_device(name: str) -> None:
    """Refuse what is no name of a device; whether there is one is seen when it is used.

    Raises:
        InputError: it is none.
    """
    if not _DEVICE.fullmatch(name):
        raise InputError(
            f"--device is {name!r}, but it must be auto, cpu, mps, cuda, or one of several GPUs "
            "such as cuda:1."
        )
