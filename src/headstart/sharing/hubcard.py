"""The model card with the metadata that the hub reads: library, tags, licence, figures."""

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from headstart.backbones import entry_of, hub
from headstart.card import card, writer_card
from headstart.types import Unchecked

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_PIPELINES = {
    ("image", "classification"): "image-classification",
    ("image", "multilabel"): "image-classification",
    ("text", "classification"): "text-classification",
    ("text", "multilabel"): "text-classification",
    ("text", "generation"): "text-generation",
}
"""What the hub calls a task; it has no name for a number from an image or a text."""
_METRICS = {
    "accuracy": ("accuracy", "Accuracy"),
    "macro_f1": ("f1", "Macro F1"),
    "micro_f1": ("f1", "Micro F1"),
    "roc_auc": ("roc_auc", "ROC AUC"),
    "map": ("mean_average_precision", "Mean average precision"),
    "log_loss": ("log_loss", "Log loss"),
    "ece": ("expected_calibration_error", "Expected calibration error"),
    "pearson_r": ("pearsonr", "Pearson r"),
    "r2": ("r_squared", "R2"),
    "mae": ("mae", "Mean absolute error"),
    "perplexity": ("perplexity", "Perplexity per token"),
}
"""What the hub calls a metric, and its name for people."""
_SPDX = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def readme(about: Unchecked, repository: str) -> str:
    """README.md of a repository.

    Args:
        about: what model.json says, in its public form.
        repository: `OWNER/NAME`.
    """
    from huggingface_hub import ModelCard, ModelCardData

    writes = about["task"] == "generation"
    page: Callable[[Unchecked, str], str] = writer_card if writes else card
    made = ModelCard(page(about, f"hf:{repository}"))
    figures = _figures(about)
    licence, named = _licence(about["backbone"].get("licence"))
    made.data = ModelCardData(
        license=licence,
        license_name=named,
        library_name="transformers" if writes else "headstart",
        pipeline_tag=_PIPELINES.get((about["modality"], about["task"])),
        tags=["headstart", "transfer-learning", f"{about['modality']}-{about['task']}"],
        base_model=_base(str(about["backbone"].get("name"))),
        model_name=repository.partition("/")[2] if figures else None,
        eval_results=figures or None,
    )
    # Without the order of the card that it was made from, which puts what is new last.
    return f"---\n{made.data.to_yaml()}\n---\n{made.text}"


def _licence(licence: str | None) -> tuple[str, str | None]:
    """The hub's name of a licence; of one that it has no name for, `other` and the name."""
    named = (licence or "unknown").lower()
    if _SPDX.fullmatch(named):
        return named, None
    return "other", re.sub(r"[^a-z0-9.+-]+", "-", named).strip("-")


def _base(name: str) -> str | None:
    """The repository of the pretrained network, where it has one."""
    entry = entry_of(name)
    family, _, reference = (entry.reference if entry else name).partition(":")
    reference = reference.partition("@")[0]
    if family == "hf" and hub.is_name(reference):
        return reference
    # timm's weights of a certain training are on the hub under its own names.
    return f"timm/{reference}" if family == "timm" and "." in reference else None


def _figures(about: Unchecked) -> "list[EvalResult]":
    from huggingface_hub import EvalResult

    folds = about.get("folds")
    split = "test" if folds is None else f"{folds}-fold cross-validation"
    task = _PIPELINES.get((about["modality"], about["task"]), "other")
    return [
        EvalResult(
            task_type=task,
            dataset_type="private",
            dataset_name="held-out items of the data it was trained on",
            dataset_split=split,
            metric_type=_METRICS[name][0],
            metric_name=_METRICS[name][1],
            metric_value=each["value"],
        )
        for name, each in about.get("metrics", {}).items()
        if name in _METRICS and each["value"] is not None and math.isfinite(each["value"])
    ]
