"""What a data set was read from, as a model remembers it."""

from dataclasses import asdict, dataclass, fields
from typing import Literal

from headstart.spec import ReadSpec

KINDS = ("unknown", "texts", "paths", "images", "pixels")


@dataclass(frozen=True)
class Reads:
    """The columns and files that a model was trained on.

    Attributes:
        kind: what the cells of the input column are: texts, paths of images, encoded images, or
            the values of pixels; unknown where the data was no table.
        input: the input column; several of texts that are joined, or of a pixel each.
        label: the label column; several of a class each.
        root: `--root`, as it was given.
        label_from: `--label-from`, as it was given or guessed.
        decimal: the decimal sign of the labels, where it was given or recognised.
        scale: what the values of pixels are multiplied with.
        na_values: of the labels, as they were given.
        separator: of the labels, as it was given or recognised.
    """

    kind: str = "unknown"
    input: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    root: str | None = None
    label_from: str | None = None
    decimal: str = "auto"
    scale: int = 1
    na_values: str | None = None
    separator: str | None = None

    @property
    def modality(self) -> Literal["image", "text"] | None:
        """What an item is; None where that is not known from the table."""
        if self.kind == "unknown":
            return None
        return "text" if self.kind == "texts" else "image"

    def to_json(self) -> dict[str, object]:
        """As model.json holds it."""
        return {**asdict(self), "input": list(self.input), "label": list(self.label)}


_TEXTS = ("root", "label_from", "na_values", "separator")

UNKNOWN = Reads()
"""Of what was no table, and of a model that does not say."""


def reads_from_json(saved: object) -> Reads:
    """What model.json holds; of an older model, which holds nothing, what is unknown.

    Raises:
        ValueError: it is not what `Reads.to_json` gives.
    """
    if saved is None:
        return UNKNOWN
    names = {each.name for each in fields(Reads)}
    if not isinstance(saved, dict) or not saved.keys() <= names:
        raise ValueError("what it says of its data is not understood")
    made = Reads(**{**saved, **{key: _names(saved.get(key, ())) for key in ("input", "label")}})
    texts = (made.kind, made.decimal, *(getattr(made, name) or "" for name in _TEXTS))
    if not all(isinstance(text, str) for text in texts) or made.kind not in KINDS:
        raise ValueError("what it says of its data is not understood")
    if made.decimal not in ("auto", "point", "comma") or made.scale not in (1, 255):
        raise ValueError("what it says of its data is not understood")
    return made


def _names(saved: object) -> tuple[str, ...]:
    if not isinstance(saved, list | tuple) or not all(isinstance(name, str) for name in saved):
        raise ValueError("the columns it names are not understood")
    return tuple(saved)


@dataclass(frozen=True, kw_only=True)
class TrainedSpec(ReadSpec):
    """How data is read for a model: where nothing is asked for, as what it was trained on."""

    trained: Reads = UNKNOWN


def trained(spec: ReadSpec) -> Reads:
    """What the model was trained on for which `spec` reads; nothing where it is for none."""
    return spec.trained if isinstance(spec, TrainedSpec) else UNKNOWN
