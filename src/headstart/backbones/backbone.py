"""A pretrained network as an ordered list of stages, and the one choice there is: where to cut."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from headstart.errors import BackboneError, InputError, first_line
from headstart.randomness import seeded

if TYPE_CHECKING:
    import torch
    from torch import nn

    from headstart.preprocessing import Preprocessing

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a backbone, from the end of the stage before it to its own end.

    Attributes:
        name: the path of the module it is named after, as in `network.named_modules()`. What
            follows that module without a weight matrix of its own (normalisation, activation,
            pooling, dropout) belongs to the stage; the last stage ends with the pooled features.
        shape: of its output for one item; None stands for the length of a text.
        parameters: how many numbers are trained in it.
        gflops: billions of floating-point operations for one item (a multiply and an add are
            two); a text is taken at the longest that the backbone reads.
    """

    name: str
    shape: Shape
    parameters: int
    gflops: float


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring features that come from one place.

    Attributes:
        stage: that they were pooled from; empty for the network's own features.
        pool: how; empty for the network's own features.
        width: how many.
    """

    stage: str
    pool: str
    width: int

    @property
    def name(self) -> str:
        """What to call it."""
        return f"{self.stage} ({self.pool})" if self.stage else "the last stage"


@dataclass(frozen=True, eq=False)
class Cut:
    """A backbone in two: `tail(trunk(x))` equals the whole, and both share its parameters.

    Attributes:
        stage: the last stage of the trunk.
        shape: of the trunk's output for one item; None stands for the length of a text.
        halves: makes trunk and tail when they are first asked for.
        trunk: images: `trunk(pixels)`, uint8 (B, H, W, 3) to float32; texts: `trunk(ids, mask)`,
            int64 (B, L) each, to float32. In evaluation mode.
        tail: images: `tail(activation)`; texts: `tail(hidden, mask)`. Gives features (B, D). After
            the last stage it is `torch.nn.Identity`, and takes the features alone.
    """

    stage: str
    shape: Shape
    halves: Callable[[], tuple[nn.Module, nn.Module]] = field(repr=False)

    @cached_property
    def _made(self) -> tuple[nn.Module, nn.Module]:
        trunk, tail = self.halves()
        return trunk.eval(), tail.eval()

    @property
    def trunk(self) -> nn.Module:
        """See the class."""
        return self._made[0]

    @property
    def tail(self) -> nn.Module:
        """See the class."""
        return self._made[1]


@dataclass(frozen=True, eq=False)
class Parts:
    """The network of a backbone.

    Attributes:
        module: the whole, called like `Cut.trunk`, giving features (B, D); in evaluation mode.
            Training all of it (a cut before the first stage) is training this.
        splitter: makes the trunk and the tail after the stage at an index.
        initialiser: makes the network inside `module` anew, with the random weights that its
            architecture starts from.
        brancher: makes a module that gives the outputs of the stages at some indices, ascending,
            and then the features, in one forward pass; None where the network cannot.
    """

    module: nn.Module
    splitter: Callable[[int], tuple[nn.Module, nn.Module]]
    initialiser: Callable[[], nn.Module]
    brancher: Callable[[Sequence[int]], nn.Module] | None = None


@dataclass(frozen=True, eq=False)
class Backbone:
    """A pretrained network without its classifier: what is known of it, and a way to open it.

    Attributes:
        name: what the user asked for.
        family: which module of `headstart.backbones` made it.
        modality: what it reads.
        stages: in the order of computation.
        preprocessing: how an item becomes its input.
        parameters: how many numbers could be trained in it.
        gflops: for one item; see `Stage.gflops`.
        licence: of the weights, where they say; an SPDX name where there is one.
        fingerprint: names the weights; see `state_hash`.
        function: names what is done with the weights, but for the pool; see
            `headstart.backbones.function`.
        features: the length D of the pooled vector.
        pool: how it is pooled: one of `headstart.spec.POOLS`, auto being the network's own way, or
            the `repr` of a pool that is none of them.
        parts: opens the network; one that is only described is read when it is first needed.
        branches: whether it has a `Parts.brancher`.
        resizer: makes the same backbone for images of another height and width, with the same
            weights.
        channels_last: whether its feature maps are (B, H, W, C), not (B, C, H, W).
        prefix_tokens: of a vision transformer, those before the patches (a class token).
        blocks: what the features consist of, where it is more than the last stage's; see
            `headstart.backbones.staged`.
        files: that it was read from, or their folders; empty where that is not known.
        described: whether what is known was kept from an earlier run; see
            `headstart.backbones.described`.
    """

    name: str
    family: str
    modality: Literal["image", "text"]
    stages: tuple[Stage, ...]
    preprocessing: Preprocessing
    parameters: int
    gflops: float
    licence: str | None
    fingerprint: str
    function: str
    features: int
    pool: str
    parts: Callable[[], Parts] = field(repr=False)
    branches: bool = False
    resizer: Callable[[int], Backbone] | None = field(default=None, repr=False)
    channels_last: bool = False
    prefix_tokens: int = 0
    blocks: tuple[Block, ...] = ()
    files: tuple[str, ...] = ()
    described: bool = False

    @property
    def module(self) -> nn.Module:
        """See `Parts`."""
        return self.parts().module

    def cut(self, stage: str | None = None) -> Cut:
        """Cut after a stage; by default after the last, which makes the whole the trunk.

        The parts are made of the original's own modules: training the tail changes the
        original, and modes are per part (`tail.train()` leaves the trunk in evaluation mode).

        Args:
            stage: `cut("blocks.4")` puts everything up to the end of `blocks.4` in the trunk.

        Raises:
            BackboneError: there is no such stage, or the network cannot be cut there; of a backbone
                that is only described the latter when its halves are first asked for.
        """
        names = [each.name for each in self.stages]
        if stage is None or stage == names[-1]:
            return Cut(names[-1], (self.features,), self._whole)
        if stage not in names:
            raise BackboneError(self._no_such_stage(stage, names))
        index = names.index(stage)
        cut = Cut(stage, self.stages[index].shape, lambda: self.parts().splitter(index))
        if not self.described:
            cut.trunk.eval()
        return cut

    def _whole(self) -> tuple[nn.Module, nn.Module]:
        from torch import nn

        return self.module, nn.Identity()

    def has_batchnorm(self) -> bool:
        """Whether it has BatchNorm, whose statistics may follow the data."""
        from torch.nn.modules.batchnorm import _BatchNorm

        return any(
            isinstance(each, _BatchNorm) or getattr(each, "follows_data", False)
            for each in self.module.modules()
        )

    def resized(self, side: int) -> Backbone:
        """The same for images of another height and width.

        Raises:
            BackboneError: it reads no images, or none of that size.
        """
        from headstart.preprocessing import ImagePreprocessing

        if self.resizer is None or not isinstance(self.preprocessing, ImagePreprocessing):
            raise BackboneError(f"--size is for images, but {self.name!r} reads {self.modality}s.")
        usual = (self.preprocessing.height, self.preprocessing.width)
        if usual == (side, side):
            return self
        try:
            other = self.resizer(side)
            # A few pixels may be as much work as none.
            if other.gflops == self.gflops and abs(side - max(usual)) >= 32:
                raise ValueError("it resizes every image back to its own size")
            return replace(other, name=self.name, licence=self.licence)
        except InputError:
            raise
        except Exception as error:  # Networks raise what they like.
            raise BackboneError(
                f"--size is {side}, but {self.name!r} cannot take images of {side} x {side} "
                f"pixels ({first_line(error)})."
            ) from None

    def identity(self) -> dict[str, str | None]:
        """What a saved model says of where it came from: name, fingerprint and licence."""
        return {"name": self.name, "fingerprint": self.fingerprint, "licence": self.licence}

    def random_weights(self, seed: int) -> Mapping[str, torch.Tensor]:
        """A state dict of `module` as before any training."""
        with seeded(seed):
            fresh = self.parts().initialiser().state_dict()
        return {name: fresh[name.removeprefix("network.")] for name in self.module.state_dict()}

    def adapted(self, weights: Mapping[str, torch.Tensor]) -> nn.Module:
        """A copy of `module` with other values for some of its weights."""
        adapted = copy.deepcopy(self.module)
        adapted.load_state_dict(weights, strict=False)
        return adapted.eval()

    def state_hash(self) -> str:
        """The fingerprint of the weights as they are now: equal to `fingerprint` while frozen."""
        from headstart.backbones.fingerprint import fingerprint

        return fingerprint(self.module)

    def _no_such_stage(self, stage: str, names: list[str]) -> str:
        modules = {
            name.removeprefix("network.") for name, _ in self.module.named_modules(prefix="")
        }
        what = "cannot be cut after" if stage in modules else "has no stage"
        close = difflib.get_close_matches(stage, names, n=1, cutoff=0.75)
        hint = f", perhaps {close[0]!r}" if close and stage not in modules else ""
        return f"{self.name!r} {what} {stage!r}{hint}; it can be cut after: {', '.join(names)}."
