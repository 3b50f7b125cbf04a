"""What every head is, and what heads share."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from headstart.data.weights import balanced_weights
from headstart.errors import InputError
from headstart.evaluation.spread import centre_and_spread
from headstart.types import Array, Floats, Json, JsonObject

Kind = TypeVar("Kind")
Balance = Literal["none", "balanced"]
Validation = tuple[Array, Array]


class Head(Protocol):
    """A trained head: plain arrays and settings, from which `load` makes it again."""

    @property
    def name(self) -> str:
        """Of its kind, in `headstart.registry.HEADS`."""
        ...

    @property
    def arrays(self) -> dict[str, Array]:
        """What was learned."""
        ...

    @property
    def settings(self) -> JsonObject:
        """What was chosen; JSON."""
        ...

    @property
    def trained_parameters(self) -> int:
        """How many numbers were trained."""
        ...

    def scores(self, features: Array) -> Array:
        """Of features (n, d): float32 logits (n, classes), or float64 values (n,) (regression)."""
        ...


class HeadType(Protocol):
    """A class of heads: called, it loads one; `fit` trains one.

    Attributes:
        in_epochs: whether it is trained in epochs, and told how many.
        stops_early: whether it needs its validation items to the end; another head learns from
            them too once every choice is made.
        kept: whether fitting takes longer than reading it from the cache.
        choices: the settings that `fit` chooses, and does not choose again where they are among
            its options.
    """

    in_epochs: bool
    stops_early: bool
    kept: bool
    choices: tuple[str, ...]

    @staticmethod
    def options(text: str) -> JsonObject:
        """The options for `fit` that `--head NAME:TEXT` gives.

        Raises:
            ValueError: what may stand there instead.
        """
        ...

    def __call__(self, *, arrays: dict[str, Array], settings: JsonObject) -> Head:
        """The head whose arrays and settings these are."""
        ...

    def fit(
        self,
        features: npt.NDArray[np.float32],
        targets: Array,
        *,
        task: str,
        classes: int,
        seed: int,
        balance: Balance,
        weights: Array | None,
        together: Array | None,
        validation: Validation | None,
        **options: Json,
    ) -> Head:
        """See `headstart.heads.fit`; `epochs` is among the options of what is trained in epochs."""
        ...


def check_arrays(head: str, arrays: Mapping[str, Array], axes: Mapping[str, str]) -> None:
    """Check that arrays are there and fit together.

    Args:
        head: its name.
        arrays: what was loaded.
        axes: a letter per axis of each array; the same letter is the same length.

    Raises:
        InputError: names the array and its shape.
    """
    lengths: dict[str, int] = {}
    for name, letters in axes.items():
        shape = arrays[name].shape if name in arrays else None
        fits = shape is not None and len(shape) == len(letters)
        for letter, length in zip(letters, shape or (), strict=False):
            fits = fits and lengths.setdefault(letter, length) == length
        if not fits:
            raise InputError(
                f"The array {name!r} of the saved {head} head has the shape {shape}, which does "
                "not fit; save the model again."
            )


def check_width(features: Array, width: int) -> None:
    """Check that features (n, d) have d = `width`, as in training.

    Raises:
        InputError: they have another shape.
    """
    if features.ndim != 2 or features.shape[1] != width:
        raise InputError(
            f"The features have the shape {features.shape}, but the head was trained on "
            f"{width:,} numbers an item; use the backbone and cut it was trained with."
        )


def alike_rows(features: Array) -> npt.NDArray[np.int64]:
    """A number for each row (n, d): that of the first row which it repeats exactly."""
    first: dict[bytes, int] = {}
    found = (
        first.setdefault(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), at)
        for at, row in enumerate(features)
    )
    return np.fromiter(found, np.int64, len(features))


def distinct_rows(features: Array) -> npt.NDArray[np.int64]:
    """Indices, ascending, of the rows (n, d) without those that repeat an earlier one exactly.

    Settings are chosen on these: a copy on the other side of a fold would give its answer away.
    """
    return np.unique(alike_rows(features))


def moments(features: Array) -> tuple[Floats, Floats]:
    """Mean (d,) and one over the standard deviation (d,) of features (n, d).

    A feature that does not vary gets 0, so that it never counts. One that hardly does (a unit
    that a rectifier kept silent in training) is not blown up: its deviation is taken as a
    twentieth of the median, or a new item could be hundreds of deviations out.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    variance = np.zeros_like(mean)
    for start in range(0, len(features), 4096):
        variance += ((features[start : start + 4096] - mean) ** 2).sum(axis=0)
    deviation = np.sqrt(variance / len(features))
    varies = deviation > 1e-6 * np.abs(mean) + 1e-30
    least = np.median(deviation[varies]) / 20 if varies.any() else 1.0
    return mean, np.where(varies, 1 / np.maximum(deviation, least), 0)


def standardised(features: Array, mean: Floats, scale: Floats) -> npt.NDArray[np.float32]:
    """`(features - mean) * scale` (n, d)."""
    result = features - mean.astype(np.float32)
    result *= scale.astype(np.float32)
    return np.asarray(result, np.float32)


def unit_of(targets: Array) -> dict[str, float]:
    """Settings for a head that learns `(targets - centre) / spread`, which fit float32."""
    centre, spread = centre_and_spread(targets)
    return {"centre": centre, "spread": spread}


def in_unit(head: str, settings: Mapping[str, Json], learnt: Array) -> Floats:
    """What a head learnt (n,), as the targets were; heads of schema 2 learnt those as they are.

    Raises:
        InputError: the settings are not those of `unit_of`.
    """
    centre, spread = centre_of(head, settings)
    return np.asarray(learnt, np.float64) * spread + centre


def centre_of(head: str, settings: Mapping[str, Json]) -> tuple[float, float]:
    """The centre and the spread that a head learnt in.

    Raises:
        InputError: the settings are not those of `unit_of`.
    """
    centre, spread = (
        setting(head, settings, name, float) if name in settings else start
        for name, start in (("centre", 0.0), ("spread", 1.0))
    )
    if not (math.isfinite(centre) and math.isfinite(spread)):
        raise InputError(f"The saved {head} head has no finite unit; save the model again.")
    return centre, spread


def weighing(
    targets: Array, classes: int, balance: Balance, weights: Array | None
) -> Floats | None:
    """Weights (n,) of mean one: of the items themselves, and of their classes; None: all alike."""
    of_class = balanced_weights(targets, classes) if balance == "balanced" else None
    if weights is None:
        return of_class
    product = weights if of_class is None else weights * of_class
    return np.asarray(product / product.mean(), np.float64)


def history_of(head: Head) -> dict[str, list[float]]:
    """The losses of each epoch by name, of a head that was asked for epochs; else none."""
    history = head.settings.get("history")
    every = history.items() if isinstance(history, Mapping) else ()
    return {
        name: [each for each in losses if isinstance(each, float)]
        for name, losses in every
        if isinstance(losses, Sequence)
    }


def setting(head: str, settings: Mapping[str, Json], name: str, kind: type[Kind]) -> Kind:
    """A setting of a saved head.

    Raises:
        InputError: it is missing or not of this kind.
    """
    value = settings.get(name)
    if not isinstance(value, kind):
        raise InputError(
            f"The setting {name!r} of the saved {head} head is {value!r}, which is not a "
            f"{kind.__name__}; save the model again."
        )
    return value
