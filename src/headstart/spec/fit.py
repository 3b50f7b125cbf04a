"""A whole `fit`: what is trained, how it is measured, and which options go together."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from headstart.errors import InputError
from headstart.quantity import bytes_of, seconds_of
from headstart.registry import HEADS, OBJECTIVES, STRATEGIES, TRACKERS
from headstart.spec.backbone import BackboneSpec, check_device
from headstart.spec.data import ReadSpec
from headstart.spec.decision import DECISIONS, DecisionSpec
from headstart.spec.option import EVALUATION, OUTPUT, TRAINING, flag, option

if TYPE_CHECKING:
    from headstart.types import JsonObject

NOT_OF_WRITERS = (
    "label", "label_from", "na_values", "separator", "decimal", "budget", "crop", "size", "pool",
    "head", "train_batchnorm", "flip", "objective", "baseline", "balance", "class_weights",
    "group", "group_by", "time", "folds", "near_duplicates",
    "corrections",
    "by", "learning_curve",
    *DECISIONS,
)  # fmt: skip
BASELINES = ("none", "from-scratch")
FLIPS = ("horizontal", "any", "none")
BALANCE = ("none", "balanced")
NEAR_DUPLICATES = ("group", "report", "ignore")


@dataclass(frozen=True, kw_only=True)
class FitSpec(BackboneSpec, ReadSpec, DecisionSpec):
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
    objective: str = option(
        "auto",
        "What is minimised while more than the head is trained; by default the usual loss of the "
        "task. huber is for regression, where a few values are far out or wrong.",
        choices=("auto", "huber"),
        registry=OBJECTIVES,
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
    corrections: str | None = option(
        None,
        "Table that `headstart check --out` wrote, with corrected labels and items to leave out "
        "filled in.",
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
    track: str = option(
        "none",
        "A tracker that records the finished run: its options, metrics and the saved model.",
        choices=("none", *TRACKERS.ours),
        registry=TRACKERS,
        group=OUTPUT,
    )

    time: str | None = option(
        None,
        "Column with dates or numbers that divides DATA by time: what came last is tested on, what "
        "came before that validates, and the rest is trained on; items of one time stay together.",
        group=EVALUATION,
    )
    folds: int | None = option(
        None,
        "Test on every item in turn: so many parts of DATA are held out one after another, and the "
        "figures are of all of them. The saved model is trained on every item.",
        group=EVALUATION,
        low=2,
        high=100,
    )
    near_duplicates: str = option(
        "group",
        "Images that are copies but for compression, size, brightness, a mirror or a small crop, "
        "and texts with the same words but for order and typos: group keeps them on one side of "
        "the split, report only says how many there are, ignore does not look for them.",
        choices=NEAR_DUPLICATES,
        group=EVALUATION,
    )
    by: str | None = option(
        None,
        "Column of DATA (of the --test data, where there is any) within each value of which the "
        "test items are measured too.",
        group=EVALUATION,
    )
    learning_curve: bool = option(
        False,
        "Always fit heads on parts of the training items, and say what more labels would buy; "
        "without it that is done where it is little work beside the features.",
        group=EVALUATION,
    )

    def __post_init__(self) -> None:
        given: object = self.class_weights
        if isinstance(given, Mapping):  # from Python
            weights = {str(name): weight for name, weight in given.items()}
            if len(weights) < len(given):
                raise InputError(
                    "--class-weights names a class twice, as text and as a number; name it once."
                )
            object.__setattr__(self, "class_weights", json.dumps(weights, default=_number))
        self.normalise_costs()
        super().__post_init__()
        if self.class_weights is not None and self.balance != "none":
            raise InputError("--balance and --class-weights both weigh the classes; leave one out.")
        head, _ = head_of(self.head)
        check_device(self.device)
        if self.budget is not None:
            seconds_of(self.budget, "--budget")
        if self.store_limit is not None:
            bytes_of(self.store_limit, "--store-limit")
        self._check_strategy()
        self._check_task()
        self._check_together(head)
        self.check_decision(deeper=self._trains_backbone, folds=self.folds is not None)
        self._check_alone(head)

    def _check_strategy(self) -> None:
        trains = _trains(self.strategy)
        if self.strategy in STRATEGIES.ours or trains in (None, "tail", "all"):
            return
        raise InputError(
            f"--strategy is {self.strategy!r} of another package, which says that it trains "
            f"{trains!r}, but it must be 'tail' or 'all'; for the head alone say --strategy "
            "feature-extraction, with a --head."
        )

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
        if self.learning_curve and self.folds is not None:
            raise InputError(
                "--learning-curve measures on the test split, and --folds has none; leave one out."
            )
        if self.learning_curve and self.strategy not in ("auto", "feature-extraction"):
            raise InputError(
                "--learning-curve is of heads on the features of the frozen network; --strategy "
                f"{self.strategy} trains more than that, so leave one out."
            )
        if self.test is not None and self.test_size != type(self).test_size:
            raise InputError(
                "--test names the data to test on, so --test-size does nothing; leave one out."
            )
        self._check_division()
        if self.balance != "none" and self.task not in ("auto", "classification"):
            raise InputError(not_balanced(self.task))

    def _check_division(self) -> None:
        """Refuse two ways to divide the data."""
        for name in ("test", "folds", "group", "group_by"):
            if self.time is not None and getattr(self, name) is not None:
                raise InputError(
                    f"--time and {flag(name)} divide the data in two ways; leave one of them out."
                )
        if self.folds is None:
            return
        if self.test is not None or self.test_size != type(self).test_size:
            other = "--test" if self.test is not None else "--test-size"
            raise InputError(
                f"--folds tests on every item of DATA in turn, so {other} does nothing; leave one "
                "of them out."
            )
        if self.baseline != "none":
            raise InputError(
                "--folds does not train the --baseline from scratch in each fold; leave one out."
            )

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
        if self.objective != "auto" and not (deeper or self.baseline == "from-scratch"):
            raise InputError(
                "--objective is for what trains more than the head; --strategy "
                f"{self.strategy} fits the head as always."
            )
        if self.baseline == self.strategy:
            raise InputError("--baseline is from-scratch, and so is --strategy; leave one out.")
        if head != "linear" and deeper:
            raise InputError(
                f"--head is {self.head!r}, but what is trained with the backbone is a linear head; "
                "leave --head out, or say --strategy feature-extraction."
            )


def _trains(strategy: str) -> str | None:
    """What of the backbone a strategy trains; None of `auto`, which chooses."""
    return None if strategy == "auto" else str(STRATEGIES.resolve(strategy).trains)


def _adapts(strategy: str) -> bool:
    """Whether it trains a pretrained backbone."""
    return _trains(strategy) != "head" and bool(STRATEGIES.resolve(strategy).pretrained)


def head_of(text: str) -> tuple[str, "JsonObject"]:
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


def _number(weight: Any) -> float | str:
    """A number of another library as JSON has it; what is none is refused where it is read."""
    try:
        return float(weight)
    except (TypeError, ValueError):
        return str(weight)
