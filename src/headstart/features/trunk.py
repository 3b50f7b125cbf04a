"""A frozen trunk, ready to give features: cut from a backbone, compiled when first needed.

Its features are found without its network: torch is loaded where something has to be computed that
is not in the cache.
"""

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headstart import backbones
from headstart.backbones import Backbone, Cut
from headstart.backbones.staged import staged
from headstart.data.dataset import Dataset, Modality
from headstart.errors import InputError
from headstart.features import pipeline
from headstart.features.extract import Features
from headstart.features.store import StoreKey
from headstart.features.stored import stored
from headstart.installed import version_of
from headstart.paths import cache_folder
from headstart.preprocessing import WHOLE, ImagePreprocessing, View
from headstart.progress import Progress
from headstart.runtime import device as devices
from headstart.runtime.engine import CPU_BATCH, Engine
from headstart.runtime.graphs import Graph, graph
from headstart.runtime.reference import Reference
from headstart.spec import EmbedSpec, FitSpec

if TYPE_CHECKING:
    import openvino as ov
    from torch import nn

EDITION = "edition 3"
"""Raised when the same network, item and versions give other numbers than they did; what was
stored is then computed anew."""

LIBRARIES = {"timm": "timm", "transformers": "transformers", "keras": "keras"}
"""Whose code a network of a family is."""


@dataclass(frozen=True)
class Trunk:
    """What is left of a cut.

    Attributes:
        where: `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: what it computes in there.
        pool_chosen: whether the user chose how the last stage is pooled.
    """

    backbone: Backbone
    cut: Cut
    where: str
    precision: str
    pool_chosen: bool = False

    @classmethod
    def load(
        cls,
        name: str | None,
        modality: Modality,
        *,
        cut: str | None,
        offline: bool,
        crop: float | None = None,
        size: int | None = None,
        pool: str = "auto",
        device: str = "auto",
    ) -> "Trunk":
        """Load a backbone, the default one for `modality` without a name, and cut it.

        Args:
            name: of the backbone.
            modality: of the items.
            cut: stage after which the trunk ends; the last one where None.
            offline: open no socket.
            crop: share of an image's shorter side that is looked at; the backbone's own where
                None.
            size: height and width of the network's input; the backbone's own where None.
            pool: how what the last stage gives becomes one vector.
            device: see `headstart.runtime.device.device`.

        Raises:
            InputError: there is no such backbone, stage or device, or it reads something else.
        """
        where = devices.device(device)
        backbone = backbones.load(
            name or backbones.default_for(modality),
            offline=offline,
            pool=pool,
            cache=cache_folder(),
        )
        if backbone.modality != modality:
            raise InputError(
                f"The backbone {backbone.name!r} reads {backbone.modality}s, but the data holds "
                f"{modality}s; `headstart backbones` lists those that fit."
            )
        if size is not None:
            backbone = backbone.resized(size)
        if crop is not None:
            backbone = _cropping(backbone, crop)
        chosen = pool != "auto"
        return cls(backbone, backbone.cut(cut), where, devices.precision(where), chosen)

    @classmethod
    def of(cls, spec: FitSpec | EmbedSpec, modality: Modality, *, cut: str | None) -> "Trunk":
        """The backbone that some options ask for, cut somewhere; see `load`."""
        return cls.load(
            spec.backbone,
            modality,
            cut=cut,
            offline=spec.offline,
            crop=spec.crop,
            size=spec.size,
            pool=spec.pool,
            device=spec.device,
        )

    @classmethod
    def whole(cls, spec: FitSpec, modality: Modality) -> "Trunk":
        """The backbone that the options of a `fit` ask for, not cut; see `load`."""
        trunk = cls.of(spec, modality, cut=None)
        if spec.train_batchnorm and not trunk.backbone.has_batchnorm():
            raise InputError(
                f"--train-batchnorm does nothing: the backbone {trunk.backbone.name!r} has no "
                "BatchNorm; leave it out."
            )
        return trunk

    def at(self, stage: str) -> "Trunk":
        """The same backbone, cut elsewhere.

        Raises:
            InputError: it cannot be cut there.
        """
        return replace(self, cut=self.backbone.cut(stage))

    def staged(self) -> "Trunk":
        """The same with the features of several stages; see `headstart.backbones.staged`."""
        wide = staged(self.backbone)
        return replace(self, backbone=wide, cut=wide.cut(None))

    def uncropped(self) -> "Trunk | None":
        """The same at the same scale for the whole shorter side; None where it cannot."""
        preprocessing = self.backbone.preprocessing
        if not isinstance(preprocessing, ImagePreprocessing) or not preprocessing.keep_aspect_ratio:
            return None
        side = round(preprocessing.height / preprocessing.crop_fraction)
        if side == preprocessing.height or preprocessing.height != preprocessing.width:
            return None
        try:
            backbone = _cropping(self.backbone.resized(side), 1.0)
        except InputError:  # A network need not take images of any size.
            return None
        return replace(self, backbone=backbone, cut=backbone.cut(None))

    @property
    def size(self) -> int:
        """Numbers per item."""
        return int(np.prod([side for side in self.cut.shape if side is not None]))

    @cached_property
    def graph(self) -> Graph:
        """What is run, as an OpenVINO graph with any number of rows.

        Its output is the trunk's, or wider: then the trunk's comes first.
        """
        if self._source is not self:
            return self._source.graph
        return graph(cache_folder(), self.key().graph, self._converted)

    @property
    def module(self) -> "nn.Module":
        """What is run, in torch; as wide as `graph`."""
        return self._source.cut.trunk

    def _converted(self) -> "tuple[ov.Model, Reference | None]":
        from headstart.runtime import compile

        return compile.converted(self.cut.trunk, self.backbone.preprocessing)

    def extract(self, data: Dataset, progress: Progress, view: View = WHOLE) -> Features:
        """Features of every readable item; see `headstart.features.extract.extract`."""
        source = self._source
        found = stored(
            data,
            self.backbone.preprocessing,
            source._engine,
            lambda precision: source.key(view, precision),
            self.precision,
            root=cache_folder(),
            shape=source.cut.shape,
            progress=progress,
            view=view,
        )
        return found if source is self else replace(found, width=self.size)

    @cached_property
    def _source(self) -> "Trunk":
        """What is run and stored: of the whole network always with the features of its stages.

        So a network runs once, whoever asks for what of it.
        """
        last = self.cut.stage == self.backbone.stages[-1].name
        if not last or self.backbone.blocks or self.pool_chosen:
            return self
        wide = self.staged()
        return wide if wide.backbone.blocks else self

    def seconds_of_item(self, data: Dataset, view: View = WHOLE) -> float:
        """What extracting an item takes, from these; without the store."""
        source = self._source
        engine = source._engine()

        def run(some: Dataset) -> None:
            pipeline.run(
                some,
                self.backbone.preprocessing,
                lambda: engine,
                known=pipeline.none_known,
                emit=lambda _: None,
                advance=lambda _: None,
                view=view,
            )

        run(data.select(np.arange(min(2, len(data)))))  # What is new to the engine takes longer.
        began = time.monotonic()
        run(data)
        return (time.monotonic() - began) / max(1, len(data))

    def bytes_of(self, items: int) -> int:
        """Disk that the stored features of so many images take, in one view."""
        return 2 * items * self.size

    def _engine(self) -> Engine:
        if devices.by_torch(self.where):
            from headstart.runtime.torch_engine import TorchEngine

            return TorchEngine(self.cut.trunk, self.where, precision=self.precision)
        from headstart.runtime import trial

        batch = CPU_BATCH[self.backbone.modality]
        return trial.engine(self.graph, batch, self.precision, cache_folder())

    def key(self, view: View = WHOLE, precision: str | None = None) -> StoreKey:
        """What its features are stored under; also of those that it gives part of."""
        backbone = self._source.backbone
        libraries = ["torch"] if devices.by_torch(self.where) else ["torch", "openvino"]
        libraries += [LIBRARIES[backbone.family]] if backbone.family in LIBRARIES else []
        return StoreKey(
            backbone=backbone.name,
            pool=self._source._pool(),
            fingerprint=backbone.fingerprint,
            function=backbone.function,
            cut=self.cut.stage,
            preprocessing=repr(backbone.preprocessing),
            view=view.name,
            dtype=precision or self.precision,
            made_by=made_by(backbone.modality, *libraries, where=self.where),
        )

    def _pool(self) -> str:
        if len(self.cut.shape) > 1:
            return ""
        names = [block.name for block in self.backbone.blocks[1:]]
        return ", ".join([self.backbone.pool, *names])


def current(key: StoreKey) -> bool:
    """Whether what is stored under a key is what the libraries of now would compute."""
    *libraries, edition = key.made_by.split(", ")
    try:
        return edition == EDITION and all(
            name == "device" or version_of(name) == number
            for name, number in map(str.split, libraries)
        )
    except ValueError:
        return False


def made_by(modality: str, *libraries: str, where: str = "cpu") -> str:
    """The versions that features of items depend on; and mps, whose float32 is also a CPU's."""
    decoder = "pillow" if modality == "image" else "tokenizers"
    versions = (f"{each} {version_of(each)}" for each in (decoder, *libraries))
    device = ("device mps",) if where == "mps" else ()
    return ", ".join((*versions, *device, EDITION))


def _cropping(backbone: Backbone, crop: float) -> Backbone:
    preprocessing = backbone.preprocessing
    if not isinstance(preprocessing, ImagePreprocessing):
        raise InputError("--crop is for images, but the data holds texts.")
    return replace(backbone, preprocessing=replace(preprocessing, crop_fraction=crop))
