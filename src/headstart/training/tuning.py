"""Every rung above the first: the backbone right of a cut, or all of it, learns with the head."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.evaluation.calibration import calibrate
from headstart.evaluation.spread import centre_and_spread
from headstart.features.trunk import Trunk
from headstart.heads.contract import item_weights, moments
from headstart.heads.linear import LinearHead
from headstart.preprocessing import WHOLE, fixed_views
from headstart.progress import Progress
from headstart.spec import FitSpec
from headstart.training import lora
from headstart.training.checkpoint import Checkpoint
from headstart.training.examples import Examples, Part
from headstart.training.fitted import Fitted, few_to_calibrate_on, judge
from headstart.training.items import Activations, Items, decoded
from headstart.training.loop import Loss, Task, Trained, loss_of, step_seconds, train
from headstart.training.network import Network, Scales, changed, groups, scores, snapshot
from headstart.training.recipe import Recipe, recipe_for
from headstart.training.rungs import Rung
from headstart.training.threads import every_core

MEASURED_ITEMS, MEASURED_TEXTS = 128, 512
"""Items on which a rung is timed. Of texts more, for each batch has a length of its own."""

OVERHEAD = 1.15
"""What a step takes in a long training, checkpoints included, over what it takes alone."""

LEAST_VIEWS, EXTRACTION_SHARE = 2, 0.75
"""Views that are stored in any case, and share of a rung's time after which no more are."""


@dataclass(frozen=True)
class Cost:
    """Seconds: to extract an item in one view, of a training step, to judge an item."""

    extract: float
    step: float
    forward: float


class Tuning:
    """A rung, ready to be measured and trained.

    The backbone's own modules learn; when the training is done they are put back as they were,
    and what they had become is in the answer.

    Args:
        rung: what to do.
        data: every item.
        trunk: of the whole backbone.
        examples: targets and positions by split; pooled features.
        start: the linear head that the frozen backbone got from the training split alone; not
            used from scratch.
        spec: the options.

    Attributes:
        recipe: the settings of the training; may be eased before it.
        learns_all: whether it learns from the validation items too in the end; may be set to False
            before.
    """

    def __init__(
        self,
        rung: Rung,
        data: Dataset,
        trunk: Trunk,
        examples: Examples,
        start: LinearHead | None,
        spec: FitSpec,
    ) -> None:
        self.rung = rung
        self.data = data
        self.backbone = trunk.backbone
        self.whole = trunk
        self.trunk = trunk if rung.cut is None else trunk.at(rung.cut)
        self.examples = examples
        self.start = start
        self.spec = spec
        train = examples.parts["train"]
        width = self.backbone.features if data.modality == "text" else None
        self.recipe = recipe_for(rung.strategy, data.modality, len(train), spec, width=width)
        self.learns_all = True
        self.where = torch.device(trunk.where)
        self._scales = self._scales_of(train)

    def disk(self) -> int:
        """Bytes of stored activations that the rung needs, at most."""
        if self.rung.cut is None:
            return 0
        train, validation = (len(self.examples.parts[name]) for name in ("train", "validation"))
        tokens = self._tokens() if None in self.trunk.cut.shape else 1
        return int(2 * self.trunk.size * tokens * (train + validation) * self.recipe.views)

    @every_core()
    def measure(self, progress: Progress) -> Cost:
        """What a few items and steps take; the items are not lost."""
        texts = self.data.modality == "text"
        most = MEASURED_TEXTS if texts else MEASURED_ITEMS
        part = self.examples.parts["train"].spread(most)
        per_item = 0.0
        if self.rung.cut is not None:
            some = self.data.select(part.spread(MEASURED_ITEMS // 2).positions)
            per_item = self.trunk.seconds_of_item(some, self._views()[-1])
        items = self._items(part.positions, progress, measured=True)
        with _Borrowed(self, snapshot(self.backbone.module)) as network:
            task = self._task(items, part, None)
            step = step_seconds(
                network, self._groups(network), task, self.recipe, seed=self.spec.seed
            )
            began = time.monotonic()
            scores(network, items, self.where)
            forward = (time.monotonic() - began) / len(items)
        return Cost(per_item, step, forward)

    def seconds(self, cost: Cost) -> float:
        """What the rung will take, from what a few items and steps took."""
        train, validation = (len(self.examples.parts[name]) for name in ("train", "validation"))
        recipe = self.recipe
        extraction = cost.extract * len(self._views()) * (train + validation)
        judging = cost.forward * validation * (recipe.epochs + 2)
        steps = recipe.cost(train)
        if validation and self.learns_all:
            steps += recipe.afterwards().cost(train + validation)
        return extraction + judging + OVERHEAD * cost.step * steps

    @every_core()
    def fit(
        self,
        checkpoint: Checkpoint | None,
        progress: Progress,
        deadline: float | None,
    ) -> Fitted:
        """Train it: on the training items, judged by the validation items; then a little on both.

        What is `judged` is the network before it learnt from validation items.

        Args:
            checkpoint: where the state goes; None keeps none.
            progress: shows what is going on.
            deadline: by `time.monotonic`; the training is shortened to end by then.
        """
        began = time.monotonic()
        examples = self.examples
        train_part, validation = examples.parts["train"], examples.parts["validation"]
        self._limit_views(train_part, progress, checkpoint, deadline)
        recipe = self.recipe
        items = self._items(train_part.positions, progress)
        held_out = self._items(validation.positions, progress, measured=True)
        before = snapshot(self.backbone.module)
        with _Borrowed(self, before) as network:
            trained = self._learn(
                network,
                items,
                train_part,
                recipe,
                validate=self._validate(network, held_out, validation),
                checkpoint=checkpoint,
                progress=progress,
                deadline=deadline,
            )
            logits = (
                self._answers(network, held_out)
                if len(validation)
                else np.empty((0, 1), np.float32)
            )
            start = self._head(network)
            earlier = trained.before
            if len(validation) and trained.best_epoch:
                both = train_part.joined(validation)
                after = recipe.afterwards()
                made = trained.epochs * recipe.steps(len(train_part))  # patience may end it early
                seconds = trained.seconds / made * after.cost(len(both))
                if self._has_time(trained, seconds, checkpoint, deadline):
                    earlier += self._learn(
                        network,
                        self._items(both.positions, progress),
                        both,
                        after,
                        validate=None,
                        checkpoint=checkpoint.beside("afterwards") if checkpoint else None,
                        progress=progress,
                    ).before
            learning = self._learning(network)
            if self.rung.strategy == "lora":
                lora.merge(network.tail)
            weights = changed(self.backbone.module, before)
            head = self._head(network)
        return Fitted(
            strategy=self.rung.strategy,
            cut=self.rung.cut,
            head=head,
            start=start,
            judged=judge(
                examples.task, logits, validation.targets, examples.classes, self.spec.seed
            ),
            trained_parameters=learning,
            seconds=earlier + time.monotonic() - began,
            trunk=self.whole,
            examples=examples,
            weights=weights,
            warnings=few_to_calibrate_on(len(validation), examples.task),
        )

    def _limit_views(
        self,
        part: Part,
        progress: Progress,
        checkpoint: Checkpoint | None,
        deadline: float | None,
    ) -> None:
        """Extract view by view, fewer where more would leave training too little time."""
        if deadline is None or self.rung.cut is None:
            return
        kept = checkpoint.decisions().get("views") if checkpoint else None
        began, data, views = time.monotonic(), self.data.select(part.positions), self._views()
        for number, view in enumerate(views, start=1):
            if number <= LEAST_VIEWS or kept is not None:
                count = min(number, kept or number)
            else:
                each = (time.monotonic() - began) / (number - 1)
                ends = time.monotonic() + each - began
                count = number if ends < EXTRACTION_SHARE * (deadline - began) else number - 1
            if count < number:
                if checkpoint is not None and kept is None:
                    checkpoint.decide("views", count)
                self.recipe = replace(self.recipe, views=count)
                return
            self.trunk.extract(data, progress, view)

    def _has_time(
        self,
        trained: Trained,
        seconds: float,
        checkpoint: Checkpoint | None,
        deadline: float | None,
    ) -> bool:
        """Whether what follows the training, of so many seconds, still fits."""
        if not self.learns_all or trained.shortened:
            return False
        if deadline is None:
            return True
        kept = checkpoint.decisions().get("afterwards") if checkpoint else None
        if kept is None:
            kept = time.monotonic() + seconds <= deadline
            if checkpoint is not None:
                checkpoint.decide("afterwards", kept)
        return bool(kept)

    def _head(self, network: Network) -> LinearHead:
        settings: dict[str, Any] = {"task": self.examples.task}
        if self.examples.task == "regression":
            settings |= {"centre": self._scales.centre, "spread": self._scales.spread}
        return LinearHead(arrays=network.arrays(), settings=settings)

    def _learn(
        self,
        network: Network,
        items: Items,
        part: Part,
        recipe: Recipe,
        *,
        validate: Callable[[], float] | None,
        checkpoint: Checkpoint | None,
        progress: Progress,
        deadline: float | None = None,
    ) -> Trained:
        title = f"Training: {self.rung.words}"
        if validate is None and len(self.examples.parts["validation"]):
            title += ", with the validation items"
        task = self._task(items, part, validate)
        with progress.stage(title, recipe.passed(len(items)) * recipe.epochs) as advance:
            return train(
                network,
                self._groups(network),
                task,
                recipe,
                seed=self.spec.seed,
                checkpoint=checkpoint,
                advance=advance,
                deadline=deadline,
            )

    def _task(self, items: Items, part: Part, validate: Callable[[], float] | None) -> Task:
        return Task(
            items=items,
            targets=self._targets(part),
            loss=self._loss(),
            validate=validate,
            where=self.where,
            bfloat16=self.trunk.precision == "bfloat16",
        )

    @property
    def tail(self) -> nn.Module:
        """What learns of the backbone."""
        return self.backbone.module if self.rung.cut is None else self.trunk.cut.tail

    def network(self) -> Network:
        """What is trained, on its device; shares the backbone's modules."""
        recipe, rung = self.recipe, self.rung
        tail = self.tail
        if rung.strategy == "from-scratch":
            self.backbone.module.load_state_dict(self.backbone.random_weights(self.spec.seed))
        if rung.strategy == "lora":
            lora.adapt(tail, self.backbone.name, dropout=recipe.dropout, seed=self.spec.seed)
        outputs = max(1, len(self.examples.classes))
        network = Network(tail, outputs, recipe.dropout, self._scales)
        if rung.strategy != "from-scratch" and self.start is not None:
            network.start_from(self.start)
        network = network.to(self.where)
        return network.to(memory_format=torch.channels_last)

    def _scales_of(self, train: Part) -> Scales:
        scales = Scales.none(self.backbone.features)
        if self.rung.strategy != "from-scratch":
            scales = Scales(*moments(train.features))
        if self.examples.task == "regression":
            centre, spread = centre_and_spread(train.targets)
            scales = replace(scales, centre=centre, spread=spread)
        return scales

    def _views(self) -> tuple[Any, ...]:
        if self.data.modality != "image":
            return (WHOLE,)
        return fixed_views(self.recipe.views, self.spec.seed, self.spec.flip)

    def _items(
        self, positions: NDArray[np.int64], progress: Progress, *, measured: bool = False
    ) -> Items:
        data = self.data.select(positions)
        if self.rung.cut is None:
            return decoded(data, self.backbone.preprocessing, self.spec.flip)
        views = (WHOLE,) if measured else self._views()
        found = [self.trunk.extract(data, progress, view) for view in views]
        for features in found:
            if features.skipped:
                first = features.skipped[0]
                raise InputError(
                    f"{first.item}: {first.reason} after {self.rung.cut!r}, though it could be "
                    "used before; leave it out, name another --cut, or run the command again if "
                    "the file has changed."
                )
        return Activations(found)

    def _tokens(self) -> float:
        """Tokens of a text, on average."""
        some = self.examples.parts["train"].spread(MEASURED_ITEMS).positions
        tokens = decoded(self.data.select(some), self.backbone.preprocessing)
        return sum(int(tokens.plain(np.array([at]))[1].sum()) for at in range(len(some))) / len(
            some
        )

    def _groups(self, network: Network) -> list[dict[str, Any]]:
        names = [stage.name for stage in self.backbone.stages]
        return groups(network, names, self.backbone.module, self.recipe)

    def _learning(self, network: Network) -> int:
        """How many numbers are trained."""
        head = sum(each.numel() for each in network.head.parameters())
        if self.rung.strategy == "lora":
            return head + sum(p.numel() for p in network.tail.parameters() if p.requires_grad)
        if self.rung.cut is None:
            return head + self.backbone.parameters
        names = [stage.name for stage in self.backbone.stages]
        right = self.backbone.stages[names.index(self.rung.cut) + 1 :]
        return head + sum(stage.parameters for stage in right)

    def _loss(self) -> Loss:
        weights = None
        train = self.examples.parts["train"]
        if self.spec.balance == "balanced":
            classes = len(self.examples.classes)
            each = item_weights(train.targets, classes)
            weights = torch.zeros(classes)
            weights[torch.from_numpy(train.targets.astype(np.int64))] = torch.from_numpy(
                each
            ).float()
            weights = weights.to(self.where)
        return loss_of(
            self.examples.task,
            self.recipe.label_smoothing,
            weights,
            weighted=train.weights is not None,
        )

    def _targets(self, part: Part) -> torch.Tensor:
        """Float (items, outputs), and one more column for weights of mean one."""
        targets = self._plain_targets(part)
        if part.weights is None:
            return targets
        weights = torch.from_numpy(part.weights / (part.weights.mean() or 1)).float()
        return torch.cat([targets, weights[:, None]], dim=1)

    def _plain_targets(self, part: Part) -> torch.Tensor:
        targets = torch.from_numpy(np.asarray(part.targets))
        if self.examples.task == "classification":
            return nn.functional.one_hot(targets.long(), len(self.examples.classes)).float()
        if self.examples.task == "regression":
            return ((targets - self._scales.centre) / self._scales.spread).float()[:, None]
        return targets.float()

    def _answers(self, network: Network, items: Items) -> NDArray[Any]:
        """Logits (items, classes), or float64 values (items,) in their own unit."""
        found = scores(network, items, self.where)
        if self.examples.task != "regression":
            return found
        return found[:, 0].astype(np.float64) * self._scales.spread + self._scales.centre

    def _validate(
        self, network: Network, items: Items, validation: Part
    ) -> Callable[[], float] | None:
        """The loss that calibration cannot repair, as for the linear probe."""
        if not len(validation):
            return None
        task = self.examples.task

        def loss() -> float:
            answers = self._answers(network, items)
            if task == "regression":
                return float(np.mean((answers - validation.targets.astype(np.float64)) ** 2))
            return calibrate(task, answers, validation.targets)[1]

        return loss


class _Borrowed:
    """The network of a tuning; at the end the backbone is as it was `before`."""

    def __init__(self, tuning: Tuning, before: dict[str, torch.Tensor]) -> None:
        self._tuning = tuning
        self._before = before
        module = tuning.backbone.module
        self._learning = {name: each.requires_grad for name, each in module.named_parameters()}

    def __enter__(self) -> Network:
        return self._tuning.network()

    def __exit__(self, *_: object) -> None:
        if self._tuning.rung.strategy == "lora":
            lora.remove(self._tuning.tail)
        module = self._tuning.backbone.module
        module.cpu().to(memory_format=torch.contiguous_format)
        module.load_state_dict(self._before)
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(self._learning[name])
        module.zero_grad(set_to_none=True)
        module.eval()
