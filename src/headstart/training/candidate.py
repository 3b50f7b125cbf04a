"""What may be tried, as a value: everything that decides a model but the data; and the data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from headstart.data.dataset import Dataset
from headstart.errors import HeadstartError
from headstart.features.trunk import Trunk
from headstart.heads.linear import LinearHead
from headstart.preprocessing import ImagePreprocessing
from headstart.spec import FitSpec
from headstart.training.examples import Examples
from headstart.training.recipe import Recipe, Size, recipe_for
from headstart.training.strategies import strategy_of


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to adapt one backbone: JSON, and small enough to be sent to another machine.

    Attributes:
        backbone: its name.
        fingerprint: of its weights.
        size, crop: height and width of its images, and the share of the shorter side that is
            looked at; None for texts.
        pool: how its last stage becomes one vector.
        strategy: its name in `headstart.registry.STRATEGIES`.
        objective: its name in `headstart.registry.OBJECTIVES`; `next-token` for a language model,
            which has its own head and so a loss of its own.
        cut: stage after which training begins; None: before the first.
        recipe: settings of the training loop.
        flip: of images; see `headstart.spec.FitSpec`.
        balanced: whether classes weigh the same.
        learns_all: whether it learns from the validation items too in the end.
        seed: every random choice follows from it.
    """

    backbone: str
    fingerprint: str
    size: int | None
    crop: float | None
    pool: str
    strategy: str
    objective: str
    cut: str | None
    recipe: Recipe
    flip: str
    balanced: bool
    learns_all: bool
    seed: int

    @property
    def words(self) -> str:
        """What to call it."""
        return self.strategy if self.cut is None else f"{self.strategy} after {self.cut}"

    def eased(self, effort: float, *, learns_all: bool) -> Self:
        """With a share of the usual views and epochs; see `Recipe.eased`."""
        return replace(self, recipe=self.recipe.eased(effort), learns_all=learns_all)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` turns back into an equal candidate."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{**saved, "recipe": Recipe(**saved["recipe"])})


@dataclass(frozen=True)
class Source:
    """What every candidate of a run learns from.

    Attributes:
        data: every item.
        trunk: the whole backbone, which no training changes.
        examples: targets and positions by split, and the features that `trunk` gives.
        start: the linear head that those features got from the training split alone; None where
            the head is of another kind.
    """

    data: Dataset
    trunk: Trunk
    examples: Examples
    start: LinearHead | None
    _cuts: dict[str, Trunk] = field(default_factory=dict, repr=False, compare=False)

    def at(self, cut: str) -> Trunk:
        """The trunk, cut after a stage: once, for that takes a while.

        Raises:
            InputError: it cannot be cut there.
        """
        if cut not in self._cuts:
            self._cuts[cut] = self.trunk.at(cut)
        return self._cuts[cut]


def candidate_of(
    strategy: str, cut: str | None, trunk: Trunk, examples: Examples, spec: FitSpec
) -> Candidate:
    """A strategy with the recipe for some examples, and what the user asked for."""
    items = len(examples.parts["train"])
    backbone = trunk.backbone
    width = None if backbone.modality == "image" else backbone.features
    size = Size(backbone.modality, items, width)
    objective = examples.task if spec.objective == "auto" else spec.objective
    return candidate_for(strategy, cut, trunk, size, objective, spec, learns_all=True)


def candidate_for(
    strategy: str,
    cut: str | None,
    trunk: Trunk,
    size: Size,
    objective: str,
    spec: FitSpec,
    *,
    learns_all: bool,
) -> Candidate:
    """A strategy with the recipe for training items of some size, and what the user asked for."""
    return Candidate(
        **_identity(trunk),
        strategy=strategy,
        objective=objective,
        cut=cut,
        recipe=recipe_for(strategy_of(strategy), size, spec),
        flip=spec.flip,
        balanced=spec.balance == "balanced",
        learns_all=learns_all,
        seed=spec.seed,
    )


def check(candidate: Candidate, source: Source) -> None:
    """Refuse to train a candidate on another backbone than it names.

    Raises:
        HeadstartError: names what differs.
    """
    for name, value in _identity(source.trunk).items():
        if getattr(candidate, name) != value:
            raise HeadstartError(
                f"The candidate's {name} is {getattr(candidate, name)!r}, but the backbone that "
                f"was loaded has {value!r}."
            )


def _identity(trunk: Trunk) -> dict[str, Any]:
    """What names a backbone and how it looks at items."""
    backbone, images = trunk.backbone, trunk.backbone.preprocessing
    size, crop = None, None
    if isinstance(images, ImagePreprocessing):
        size, crop = images.height, images.crop_fraction
    return {
        "backbone": backbone.name,
        "fingerprint": backbone.fingerprint,
        "size": size,
        "crop": crop,
        "pool": backbone.pool,
    }
