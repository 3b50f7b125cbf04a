"""Every option once: its name, help, range and default.

The command line, the Python functions and the reference are all made from these dataclasses.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args

from headstart.errors import InputError
from headstart.quantity import bytes_of, seconds_of
from headstart.registry import HEADS, STRATEGIES, Registry
from headstart.values import value_of

S = TypeVar("S")

TASKS = ("auto", "classification", "multilabel", "regression", "generation")
NOT_OF_WRITERS = (
    "label", "label_from", "na_values", "separator", "decimal", "budget", "crop", "size", "pool",
    "head", "train_batchnorm", "flip", "baseline", "balance", "class_weights",
)  # fmt: skip
BASELINES = ("none", "from-scratch")
POOLS = ("auto", "mean", "max", "flatten", "first", "last")
FLIPS = ("horizontal", "any", "none")
BALANCE = ("none", "balanced")
COLUMNS = ("input", "label", "prompt", "completion")
"""Options that name columns of a table."""
_SIMPLE = frozenset((str, int, float, bool, type(None)))
DECIMALS = ("auto", "point", "comma")
DATA, BACKBONE, TRAINING, EVALUATION, OUTPUT = GROUPS = (
    "Data",
    "Backbone",
    "Training",
    "Evaluation",
    "Output",
)
"""Of options, in the order in which help and reference list them."""


def option(
    default: Any,
    help: str,
    *,
    group: str | None = DATA,
    choices: tuple[str, ...] | None = None,
    registry: Registry | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field with what a person needs to know about it.

    `group` is where help lists it; `choices` lists the allowed words, and `registry` has those of
    other packages; `low` and `high` bound a number, both inclusive.
    """
    bounds = {"choices": choices, "registry": registry, "low": low, "high": high}
    return field(default=default, metadata={"help": help, "group": group, **bounds})


@dataclass(frozen=True, kw_only=True)
class ItemSpec:
    """How items are read."""

    input: str | None = option(
        None,
        "Column with the text or the path of the image; several columns of texts, separated by "
        "commas, are joined.",
    )
    root: str | None = option(
        None,
        "Folder that the paths or ids in a table start from; by default the table's own folder.",
    )
    allow_root: str | None = option(None, "The same as --root, which is its name now.")
    offline: bool = option(False, "Open no socket; use what is on this machine.")
    strict: bool = option(False, "An item that cannot be read is an error, not skipped.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class LabelledSpec(ItemSpec):
    """How items are read whose labels have a known meaning."""

    label: str | None = option(
        None, "Column with the label; several with 0 and 1, separated by commas, are a class each."
    )
    label_from: str | None = option(
        None,
        "Regular expression that finds the class in the name of each file, as its first group, "
        r"such as '([^/]+)_\d+\.jpg$'.",
    )
    decimal: str = option(
        "auto", "Decimal sign in labels that are numbers, such as 1,234.", choices=DECIMALS
    )
    na_values: str | None = option(
        None,
        "Words that mean that a label is missing, separated by commas; by default NA, N/A, NaN, "
        "null, None and the like. An empty text keeps such words as classes.",
    )
    separator: str | None = option(
        None, "multilabel: what is between the classes of one cell; by default it is guessed."
    )

    def __post_init__(self) -> None:
        given: Any = self.na_values
        if isinstance(given, (list, tuple, set, frozenset)):  # from Python
            object.__setattr__(self, "na_values", ",".join(map(str, given)))
        elif isinstance(given, (int, float)) and not isinstance(given, bool):
            object.__setattr__(self, "na_values", str(given))
        super().__post_init__()
        if self.separator == "":
            raise InputError("--separator is empty; name what is between two classes, such as ','.")


@dataclass(frozen=True, kw_only=True)
class ReadSpec(LabelledSpec):
    """How data is read."""

    task: str = option(
        "auto",
        "What is predicted; generation: a language model learns to write such texts.",
        choices=TASKS,
    )


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


@dataclass(frozen=True, kw_only=True)
class EmbedSpec(BackboneSpec, ItemSpec):
    """What features are computed of."""

    cut: str | None = option(None, "Stop after this stage, not after the last.", group=BACKBONE)


@dataclass(frozen=True, kw_only=True)
class FitSpec(BackboneSpec, ReadSpec):
    """A whole `fit`."""

    prompt: str | None = option(
        None, "generation: column with the prompt; --completion names what follows it."
    )
    completion: str | None = option(
        None, "generation: column with the text to write after the prompt."
    )
    strategy: str = option(
        "auto",
        "How to adapt the backbone.",
        choices=("auto", *STRATEGIES.ours),
        registry=STRATEGIES,
        group=TRAINING,
    )
    budget: str | None = option(
        None,
        "Time for `auto` to climb the ladder, such as 5m: more of the network is trained as far as "
        "that fits, and kept where validation items say that it is better; without it the first "
        "rung, feature extraction, is all.",
        group=TRAINING,
    )
    cut: str | None = option(
        None,
        "Stage after which training begins; `headstart backbones NAME` lists them.",
        group=TRAINING,
    )
    head: str = option("linear", "linear, knn, mlp, or mlp:WIDTH such as mlp:256.", group=TRAINING)
    epochs: int | None = option(
        None,
        "Most epochs of what is trained by gradient steps. An mlp makes exactly so many, as "
        "tutorials train it: plain features, Adam, batches of 32, the last weights.",
        low=1,
        high=100_000,
        group=TRAINING,
    )
    train_batchnorm: bool = option(
        False, "Let BatchNorm statistics follow the data while fine-tuning.", group=TRAINING
    )
    flip: str = option(
        "horizontal",
        "Flips of images while more than the head is trained, which must leave the label as it is: "
        "horizontal; any (also vertical, and rotations by 90 degrees: cells, satellite images); "
        "none (handwriting, hands).",
        choices=FLIPS,
        group=TRAINING,
    )
    store_limit: str | None = option(
        None,
        "Most disk for stored activations, such as 5GB; by default a quarter of what is free.",
        group=TRAINING,
    )
    baseline: str = option(
        "none",
        "A network to train for comparison as well; not counted in the budget.",
        choices=BASELINES,
        group=EVALUATION,
    )
    balance: str = option(
        "none", "Weigh the classes equally, whatever their size.", choices=BALANCE, group=TRAINING
    )
    class_weights: str | None = option(
        None,
        "Weights of the classes in training, such as ham=1,spam=5, or a .json, .csv or .tsv file "
        "of them; a class that is not named weighs 1.",
        group=TRAINING,
    )
    seed: int = option(
        0, "Every random choice follows from it.", group=TRAINING, low=0, high=2**32 - 1
    )
    test: str | None = option(None, "Data to test on; by default a part of DATA.", group=EVALUATION)
    test_size: float = option(
        0.2,
        "Share of DATA to test on, when it has no test split.",
        low=0.01,
        high=0.9,
        group=EVALUATION,
    )

    def __post_init__(self) -> None:
        given: Any = self.class_weights
        if isinstance(given, Mapping):  # from Python
            weights = {str(name): weight for name, weight in given.items()}
            if len(weights) < len(given):
                raise InputError(
                    "--class-weights names a class twice, as text and as a number; name it once."
                )
            object.__setattr__(self, "class_weights", json.dumps(weights, default=_number))
        super().__post_init__()
        if self.class_weights is not None and self.balance != "none":
            raise InputError("--balance and --class-weights both weigh the classes; leave one out.")
        head, _ = head_of(self.head)
        if self.budget is not None:
            seconds_of(self.budget, "--budget")
        if self.store_limit is not None:
            bytes_of(self.store_limit, "--store-limit")
        self._check_task()
        self._check_together(head)
        self._check_alone(head)

    def _check_task(self) -> None:
        if self.task != "generation":
            for name in ("prompt", "completion"):
                if getattr(self, name) is not None:
                    raise InputError(f"{flag(name)} is for --task generation; leave it out.")
            return
        if self.strategy != "auto" and not _adapts(self.strategy):
            able = ", ".join(("auto", *filter(_adapts, STRATEGIES)))
            raise InputError(
                f"--strategy is {self.strategy!r}, but --task generation adapts a language model "
                f"by one of {able}."
            )
        if (self.prompt is None) != (self.completion is None):
            raise InputError("--prompt and --completion go together; name both columns.")
        if self.prompt is not None and self.input is not None:
            raise InputError("--input names whole texts, --prompt and --completion two parts.")
        for each in fields(self):
            if each.name in NOT_OF_WRITERS and getattr(self, each.name) != each.default:
                raise InputError(f"{flag(each.name)} means nothing to --task generation.")

    def _check_alone(self, head: str) -> None:
        """Refuse what does nothing beside the other options."""
        deeper = self._trains_backbone or self.task == "generation"
        others = deeper or self.baseline != "none"
        if self.epochs is not None and not others and not HEADS.resolve(head).in_epochs:
            raise InputError(
                f"--epochs is for what is trained in epochs; --head {head} is solved in one go, so "
                "leave --epochs out, or use --head mlp, a --budget or another --strategy."
            )
        if self.train_batchnorm and self.strategy != "auto" and not _adapts(self.strategy):
            raise InputError(
                f"--train-batchnorm changes nothing for --strategy {self.strategy}, which always "
                "trains it; leave it out."
            )
        if self.test is not None and self.test_size != type(self).test_size:
            raise InputError(
                "--test names the data to test on, so --test-size does nothing; leave one out."
            )
        if self.balance != "none" and self.task not in ("auto", "classification"):
            raise InputError(not_balanced(self.task))

    @property
    def _trains_backbone(self) -> bool:
        return self.budget is not None or _trains(self.strategy) in ("tail", "all")

    def _check_together(self, head: str) -> None:
        if self.budget is not None and self.strategy != "auto":
            raise InputError(
                f"--budget is for --strategy auto, which chooses what fits; {self.strategy} takes "
                "the time it takes (--epochs makes it shorter)."
            )
        cuts = _trains(self.strategy) == "tail"
        cuts = cuts or (self.task, self.strategy) == ("generation", "auto")
        if self.cut is not None and not cuts:
            cuttable = [name for name in STRATEGIES if _trains(name) == "tail"]
            raise InputError(
                f"--cut is for --strategy {' and '.join(cuttable)}; --strategy {self.strategy} "
                "chooses for itself."
            )
        if self.store_limit is not None and not (self.budget is not None or cuts):
            raise InputError(
                "--store-limit bounds the activations that fine-tuning, lora and --budget store; "
                f"--strategy {self.strategy} stores none."
            )
        deeper = self._trains_backbone
        if self.train_batchnorm and not deeper:
            raise InputError(
                "--train-batchnorm is for what trains part of the backbone; --strategy "
                f"{self.strategy} trains the head alone."
            )
        if self.flip != "horizontal" and not (deeper or self.baseline == "from-scratch"):
            raise InputError(
                "--flip is for what trains more than the head; --strategy "
                f"{self.strategy} sees each image once, as it is."
            )
        if self.baseline == self.strategy:
            raise InputError("--baseline is from-scratch, and so is --strategy; leave one out.")
        if head != "linear" and deeper:
            raise InputError(
                f"--head is {self.head!r}, but what is trained with the backbone is a linear head; "
                "leave --head out, or say --strategy feature-extraction."
            )


@dataclass(frozen=True, kw_only=True)
class GenerateSpec:
    """How a text is continued."""

    length: int = option(100, "Most tokens to write.", low=1, high=1_000_000, group=None)
    temperature: float = option(
        0.8,
        "How much is left to chance; 0 always takes the likeliest token.",
        low=0,
        high=10,
        group=None,
    )
    top_p: float = option(
        0.95,
        "Choose among the likeliest tokens that together have this probability.",
        low=0.01,
        high=1,
        group=None,
    )
    seed: int = option(0, "Every random choice follows from it.", low=0, high=2**32 - 1, group=None)

    def __post_init__(self) -> None:
        check(self)
        for name in ("top_p", "seed"):
            if self.temperature == 0 and getattr(self, name) != getattr(type(self), name):
                raise InputError(
                    f"{flag(name)} does nothing at --temperature 0, which leaves nothing to "
                    "chance; leave one of them out."
                )


def _trains(strategy: str) -> str | None:
    """What of the backbone a strategy trains; None of `auto`, which chooses."""
    return None if strategy == "auto" else str(STRATEGIES.resolve(strategy).trains)


def _adapts(strategy: str) -> bool:
    """Whether it trains a pretrained backbone."""
    return _trains(strategy) != "head" and bool(STRATEGIES.resolve(strategy).pretrained)


def head_of(text: str) -> tuple[str, dict[str, Any]]:
    """Split `mlp:256` into the name of a kind of head and the options that it makes of the rest.

    Raises:
        InputError: there is no such head, or not with these options.
    """
    name, colon, rest = text.partition(":")
    if name not in HEADS:
        *most, last = HEADS
        raise InputError(f"--head is {text!r}, but it must be {', '.join(most)} or {last}.")
    try:
        return name, HEADS.resolve(name).options(rest) if colon else {}
    except ValueError as error:
        raise InputError(f"--head is {text!r}, but {error}.") from error


def not_balanced(task: str) -> str:
    """The sentence that refuses to weigh the classes of a task that has none, or several."""
    return f"--balance is for classification alone, but the task is {task}; leave it out."


def spec_of(kind: type[S], options: Mapping[str, Any]) -> S:
    """The spec that keywords from Python make.

    Raises:
        InputError: there is no option of a name, and which is nearest; or a value is wrong.
    """
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    for name in options:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
            raise InputError(f"There is no option {name!r}; {hint}")
    return kind(**options)


def _number(weight: Any) -> Any:
    """A number of another library as JSON has it; what is none is refused where it is read."""
    try:
        return float(weight)
    except (TypeError, ValueError):
        return str(weight)


def flag(name: str) -> str:
    """The command-line spelling of an option: `test_size` is `--test-size`."""
    return "--" + name.replace("_", "-")


def check(spec: Any) -> None:
    """Check every field of a spec against its declared type, choices and range.

    What Python code gives in another form, a path or a scalar of numpy, becomes what it stands for.

    Raises:
        InputError: names the option, what it was and what it may be.
    """
    for each in fields(spec):
        value = getattr(spec, each.name)
        kinds = get_args(each.type) or (each.type,)
        if _SIMPLE.issuperset(kinds) and not (each.metadata.get("choices") and _no_text(value)):
            columns = each.name in COLUMNS
            value = value_of(flag(each.name), value, kinds, columns=columns)
            object.__setattr__(spec, each.name, value)
        _check_one(each, value)


def _no_text(value: Any) -> bool:
    return not isinstance(value, str)


def _check_one(each: Field[Any], value: Any) -> None:
    choices, low, high = (each.metadata.get(key) for key in ("choices", "low", "high"))
    others = each.metadata.get("registry") or ()
    if choices is not None and (_no_text(value) or (value not in choices and value not in others)):
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
    """Where stored features live: HEADSTART_CACHE, or headstart/ in the user's cache folder.

    Raises:
        InputError: there is no such folder, as for a user without a home, or its path is not UTF-8.
    """
    chosen = os.environ.get("HEADSTART_CACHE")
    try:
        folder = Path(chosen) if chosen else _user_cache() / "headstart"
        str(folder).encode("utf-8")
    except RuntimeError:
        raise InputError(
            "There is no home folder to keep features in; set HEADSTART_CACHE to a folder for them."
        ) from None
    except UnicodeEncodeError:
        raise InputError(
            f"The cache folder {os.fsencode(folder)!r} is not UTF-8; set HEADSTART_CACHE to one "
            "that is."
        ) from None
    return folder


def _user_cache() -> Path:
    """The folder for all caches; the standard says that a path which is not absolute is none."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".cache"
