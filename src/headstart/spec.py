"""Every option once: its name, help, range and default.

The command line, the Python functions and the reference are all made from these dataclasses.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from headstart.errors import InputError
from headstart.quantity import bytes_of, seconds_of

TASKS = ("auto", "classification", "multilabel", "regression", "generation")
STRATEGIES = (
    "auto",
    "feature-extraction",
    "fine-tuning",
    "full-fine-tuning",
    "lora",
    "from-scratch",
)
CUTTABLE = ("fine-tuning", "lora")
WRITERS = ("auto", "lora", "fine-tuning", "full-fine-tuning")
"""Strategies of `--task generation`; auto is lora."""
NOT_OF_WRITERS = (
    "label", "budget", "crop", "size", "pool", "head", "train_batchnorm", "symmetry", "baseline",
    "balance", "class_weights",
)  # fmt: skip
BASELINES = ("none", "from-scratch")
HEADS = ("linear", "mlp", "knn")
POOLS = ("auto", "mean", "max", "flatten", "first", "last")
SYMMETRIES = ("mirror", "any", "none")
BALANCE = ("none", "balanced")


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field with what a person needs to know about it.

    `choices` lists the allowed words; `low` and `high` bound a number, both inclusive.
    """
    return field(
        default=default, metadata={"help": help, "choices": choices, "low": low, "high": high}
    )


@dataclass(frozen=True, kw_only=True)
class ItemSpec:
    """How items are read."""

    input: str | None = option(None, "Column with the text or the path of the image.")
    allow_root: str | None = option(
        None, "A folder outside the data from which a table may name images."
    )
    offline: bool = option(False, "Open no socket; use what is on this machine.")
    strict: bool = option(False, "An item that cannot be read is an error, not skipped.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class LabelledSpec(ItemSpec):
    """How items are read whose labels have a known meaning."""

    label: str | None = option(None, "Column with the label.")


@dataclass(frozen=True, kw_only=True)
class ReadSpec(LabelledSpec):
    """How data is read."""

    task: str = option("auto", "What is predicted; generation: texts are continued.", choices=TASKS)


@dataclass(frozen=True, kw_only=True)
class FitSpec(ReadSpec):
    """A whole `fit`."""

    backbone: str | None = option(
        None, "Pretrained network; by default one that fits the data and is installed."
    )
    prompt: str | None = option(
        None, "generation: column with what is given; --completion names what follows it."
    )
    completion: str | None = option(
        None, "generation: column with what is to be written after --prompt."
    )
    strategy: str = option("auto", "How to adapt the backbone.", choices=STRATEGIES)
    budget: str | None = option(
        None,
        "Time for `auto` to climb the ladder, such as 5m: more of the network is trained as far as "
        "that fits, and kept where validation items say that it is better; without it the first "
        "rung, feature extraction, is all.",
    )
    cut: str | None = option(
        None,
        "Stage after which training begins; `headstart backbones NAME` lists them.",
    )
    crop: float | None = option(
        None,
        "Share of a picture's shorter side that is looked at, around its centre; by default what "
        "the backbone was pretrained with, 0.875 for many.",
        low=0.1,
        high=1,
    )
    size: int | None = option(
        None,
        "Height and width that pictures are resized to; by default what the backbone was "
        "pretrained with, 224 for many. Twice as many show finer detail, and cost four times the "
        "work and memory; of a vision transformer more.",
        low=16,
        high=2048,
    )
    pool: str = option(
        "auto",
        "How what the last stage gives becomes one vector; by default as the backbone does it. "
        "flatten and max are for pictures, first and last (token) for transformers.",
        choices=POOLS,
    )
    head: str = option("linear", "linear, knn, mlp, or mlp:WIDTH such as mlp:256.")
    epochs: int | None = option(
        None,
        "Most epochs of what is trained by gradient steps. An mlp makes exactly so many, as "
        "tutorials train it: plain features, Adam, batches of 32, the last weights.",
        low=1,
        high=100_000,
    )
    train_batchnorm: bool = option(
        False, "Let BatchNorm statistics follow the data while fine-tuning."
    )
    symmetry: str = option(
        "mirror",
        "How pictures are turned about while more than the head is trained, as it leaves labels as "
        "they are: mirror (left to right); any (also upside down and by quarter turns: cells, "
        "satellites); none (letters, left against right).",
        choices=SYMMETRIES,
    )
    store_limit: str | None = option(
        None,
        "Most disk for stored activations, such as 5GB; by default a quarter of what is free.",
    )
    baseline: str = option(
        "none",
        "A network to train besides, for comparison; not counted in the budget.",
        choices=BASELINES,
    )
    balance: str = option(
        "none", "Weigh the classes equally, whatever their size.", choices=BALANCE
    )
    class_weights: str | None = option(
        None,
        "Weights of the classes in training, such as ham=1,spam=5, or a .json, .csv or .tsv file "
        "of them; a class that is not named weighs 1.",
    )
    seed: int = option(0, "Every random choice follows from it.", low=0, high=2**32 - 1)
    test: str | None = option(None, "Data to test on; by default a part of DATA.")
    test_size: float = option(
        0.2, "Share of DATA to test on, when it has no test split.", low=0.01, high=0.9
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.class_weights
        if isinstance(given, Mapping):  # from Python
            weights = {str(name): weight for name, weight in given.items()}
            object.__setattr__(self, "class_weights", json.dumps(weights, default=float))
        if self.class_weights is not None and self.balance != "none":
            raise InputError("--balance and --class-weights both weigh the classes; leave one out.")
        head, _ = head_of(self.head)
        if self.budget is not None:
            seconds_of(self.budget, "--budget")
        if self.store_limit is not None:
            bytes_of(self.store_limit, "--store-limit")
        self._check_task()
        self._check_together(head)

    def _check_task(self) -> None:
        if self.task != "generation":
            for name in ("prompt", "completion"):
                if getattr(self, name) is not None:
                    raise InputError(f"{flag(name)} is for --task generation; leave it out.")
            return
        if self.strategy not in WRITERS:
            raise InputError(
                f"--strategy is {self.strategy!r}, but --task generation adapts a language model "
                f"by one of {', '.join(WRITERS)}."
            )
        if (self.prompt is None) != (self.completion is None):
            raise InputError("--prompt and --completion go together; name both columns.")
        if self.prompt is not None and self.input is not None:
            raise InputError("--input names whole texts, --prompt and --completion two parts.")
        for each in fields(self):
            if each.name in NOT_OF_WRITERS and getattr(self, each.name) != each.default:
                raise InputError(f"{flag(each.name)} means nothing to --task generation.")

    def _check_together(self, head: str) -> None:
        if self.budget is not None and self.strategy != "auto":
            raise InputError(
                f"--budget is for --strategy auto, which chooses what fits; {self.strategy} takes "
                "the time it takes (--epochs makes it shorter)."
            )
        cuts = self.strategy in CUTTABLE
        cuts = cuts or (self.task, self.strategy) == ("generation", "auto")
        if self.cut is not None and not cuts:
            raise InputError(
                f"--cut is for --strategy {' and '.join(CUTTABLE)}; --strategy {self.strategy} "
                "chooses for itself."
            )
        if self.store_limit is not None and not (self.budget is not None or cuts):
            raise InputError(
                "--store-limit bounds the activations that fine-tuning, lora and --budget store; "
                f"--strategy {self.strategy} stores none."
            )
        deeper = self.budget is not None or self.strategy not in ("auto", "feature-extraction")
        if self.train_batchnorm and not deeper:
            raise InputError(
                "--train-batchnorm is for what trains part of the backbone; --strategy "
                f"{self.strategy} trains the head alone."
            )
        if self.symmetry != "mirror" and not (deeper or self.baseline == "from-scratch"):
            raise InputError(
                "--symmetry is for what trains more than the head; --strategy "
                f"{self.strategy} looks at each picture once, as it is."
            )
        if self.baseline == self.strategy:
            raise InputError("--baseline is from-scratch, and so is --strategy; leave one out.")
        if head != "linear" and (self.budget or self.strategy not in ("auto", STRATEGIES[1])):
            raise InputError(
                f"--head is {self.head!r}, but what is trained with the backbone is a linear head; "
                "leave --head out, or say --strategy feature-extraction."
            )


@dataclass(frozen=True, kw_only=True)
class GenerateSpec:
    """How a text is continued."""

    length: int = option(100, "Most tokens to write.", low=1, high=1_000_000)
    temperature: float = option(
        0.8, "How much is left to chance; 0 always takes the likeliest token.", low=0, high=10
    )
    top_p: float = option(
        0.95,
        "Choose among the likeliest tokens that together have this probability.",
        low=0.01,
        high=1,
    )
    seed: int = option(0, "Every random choice follows from it.", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        check(self)


def head_of(text: str) -> tuple[str, int | None]:
    """Split `mlp:256` into its name and width; the width is None where none was given.

    Raises:
        InputError: not a head that headstart has.
    """
    name, colon, width = text.partition(":")
    known = name in HEADS and (not colon or name == "mlp")
    if known and not colon:
        return name, None
    if known and width.isascii() and width.isdigit() and 1 <= int(width) <= 65_536:
        return name, int(width)
    raise InputError(f"--head is {text!r}, but it must be linear, knn, mlp or mlp:WIDTH.")


def flag(name: str) -> str:
    """The command-line spelling of an option: `test_size` is `--test-size`."""
    return "--" + name.replace("_", "-")


def check(spec: Any) -> None:
    """Check every field of a spec against its declared choices and range.

    Raises:
        InputError: names the option, what it was and what it may be.
    """
    for each in fields(spec):
        _check_one(each, getattr(spec, each.name))


def _check_one(each: Field[Any], value: Any) -> None:
    choices, low, high = (each.metadata.get(key) for key in ("choices", "low", "high"))
    if choices is not None and value not in choices:
        raise InputError(
            f"{flag(each.name)} is {value!r}, but it must be one of {', '.join(choices)}."
        )
    if low is None or high is None or (value is None and each.default is None):
        return
    whole = int in (each.type, *get_args(each.type))
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        what = "a whole number" if whole else "a number"
        raise InputError(
            f"{flag(each.name)} is {value!r}, but it must be {what} from {low:,} to {high:,}."
        )


def cache_folder() -> Path:
    """Where stored features live: HEADSTART_CACHE, or headstart/ in the user's cache folder."""
    chosen = os.environ.get("HEADSTART_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headstart"
