"""What there is to know of a backbone, without the backbone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from headstart.backbones.backbone import Backbone, Stage


@dataclass(frozen=True)
class BackboneSummary:
    """See `Backbone`, whose attributes these are.

    Attributes:
        preprocessing: as JSON.
    """

    name: str
    family: str
    modality: str
    parameters: int
    gflops: float
    features: int
    pool: str
    licence: str | None
    fingerprint: str
    preprocessing: Mapping[str, object]
    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, backbone: Backbone) -> "BackboneSummary":
        """The summary of a backbone; opens no network."""
        return cls(
            name=backbone.name,
            family=backbone.family,
            modality=backbone.modality,
            parameters=backbone.parameters,
            gflops=backbone.gflops,
            features=backbone.features,
            pool=backbone.pool,
            licence=backbone.licence,
            fingerprint=backbone.fingerprint,
            preprocessing=backbone.preprocessing.to_json(),
            stages=backbone.stages,
        )

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Fetched:
    """A backbone that was written to a folder.

    Attributes:
        folder: where.
        bytes: of all its files.
        backbone: what was written.
    """

    folder: str
    bytes: int
    backbone: BackboneSummary

    @classmethod
    def of(cls, backbone: Backbone, folder: Path) -> Self:
        """The backbone that is in a folder."""
        size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
        return cls(str(folder), size, BackboneSummary.of(backbone))

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        named = ("name", "licence", "parameters", "fingerprint")
        about = {name: getattr(self.backbone, name) for name in named}
        return {"folder": self.folder, **about, "bytes": self.bytes}
