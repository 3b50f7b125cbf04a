"""The options of `headstart.spec` as keywords; written by docs/make_reference.py."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict


class ItemOptions(TypedDict, total=False):
    """See `headstart.spec.ItemSpec`."""

    input: str | int | Sequence[str | int] | None
    root: str | PathLike[str] | None
    allow_root: str | PathLike[str] | None
    offline: bool
    strict: bool


class LabelledOptions(ItemOptions, total=False):
    """See `headstart.spec.LabelledSpec`."""

    label: str | int | Sequence[str | int] | None
    label_from: str | None
    decimal: Literal["auto", "point", "comma"]
    na_values: str | Iterable[str] | None
    separator: str | None
    group: str | int | None
    group_by: str | None


class ReadOptions(LabelledOptions, total=False):
    """See `headstart.spec.ReadSpec`."""

    task: Literal["auto", "classification", "multilabel", "regression", "generation"]


class BackboneOptions(TypedDict, total=False):
    """See `headstart.spec.BackboneSpec`."""

    backbone: str | PathLike[str] | None
    crop: float | None
    size: int | None
    pool: Literal["auto", "mean", "max", "flatten", "first", "last"]
    device: str


class CheckOptions(BackboneOptions, ReadOptions, total=False):
    """See `headstart.spec.CheckSpec`."""

    seed: int
    test: str | PathLike[str] | None


class EmbedOptions(BackboneOptions, ItemOptions, total=False):
    """See `headstart.spec.EmbedSpec`."""

    cut: str | None


class DecisionOptions(TypedDict, total=False):
    """See `headstart.spec.DecisionSpec`."""

    threshold: float | None
    target: str | None
    costs: str | Mapping[Any, Mapping[Any, float]] | None
    abstain: float | None


class FitOptions(BackboneOptions, LabelledOptions, DecisionOptions, total=False):
    """See `headstart.spec.FitSpec`."""

    prompt: str | int | Sequence[str | int] | None
    completion: str | int | Sequence[str | int] | None
    strategy: Literal[
        "auto", "feature-extraction", "fine-tuning", "full-fine-tuning", "lora", "from-scratch"
    ]
    budget: str | None
    cut: str | None
    head: str
    epochs: int | None
    train_batchnorm: bool
    flip: Literal["horizontal", "any", "none"]
    store_limit: str | None
    objective: Literal["auto", "huber"]
    baseline: Literal["none", "from-scratch"]
    balance: Literal["none", "balanced"]
    class_weights: str | Mapping[Any, float] | None
    corrections: str | PathLike[str] | None
    seed: int
    test: str | PathLike[str] | None
    test_size: float
    track: Literal["none", "mlflow"]
    time: str | int | None
    folds: int | None
    near_duplicates: Literal["group", "report", "ignore"]
    by: str | None
    learning_curve: bool


class GenerateOptions(TypedDict, total=False):
    """See `headstart.spec.GenerateSpec`."""

    length: int
    temperature: float
    top_p: float
    seed: int
