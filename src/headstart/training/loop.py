"""One loop for every network: items in, the best weights out.

Why not the Trainer of transformers: its checkpoints are pickles, and it shuffles with state that
must be saved; here each random choice follows from the seed and the step, so that a killed run
goes on bit for bit from a few plain tensors.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.features.halved import Rows
from headstart.progress import Advance
from headstart.randomness import seeded
from headstart.training import memory
from headstart.training.checkpoint import Checkpoint, Tensors
from headstart.training.items import Inputs, Items
from headstart.training.network import computing, on
from headstart.training.objectives import Loss
from headstart.training.order import batches
from headstart.training.recipe import Recipe

CHECKPOINT_SECONDS = 30.0
PACE = 1.0
"""Seconds between two looks at the clock."""

RECENT, LEAST_SEEN, LEFT_OUT = 32, 5, 2
"""Steps that the time of the next ones is predicted from, at most and at least; those left out."""

SLACK = 0.04
"""Share of the steps by which a plan may be wrong before it is changed."""

MOST_MEASURED = 4.0
"""Seconds in which the time of a step is measured; the step under way is finished."""


@dataclass
class Trained:
    """How the training went.

    Attributes:
        epochs: passes over the items that were made.
        best_epoch: the one whose weights were kept; 0 are those at the start.
        losses: on validation items, at the start and after each epoch.
        seconds: of training, over every time it was resumed; before: until the last resume.
        planned: steps until the end; 0 before the first.
        shortened: whether a deadline made those fewer.
        finished: whether it came to its end.
    """

    epochs: int = 0
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    before: float = 0.0
    planned: int = 0
    shortened: bool = False
    finished: bool = False


@dataclass(frozen=True)
class Task:
    """What is learnt.

    Attributes:
        items: to learn from.
        targets: float (items, outputs).
        loss: of scores and targets, a mean.
        validate: the loss on validation items, lower is better; None where there are none.
        where: the device of the network.
        bfloat16: whether to compute in it where that is safe and faster.
    """

    items: Items
    targets: torch.Tensor
    loss: Loss
    validate: Callable[[], float] | None
    where: torch.device
    bfloat16: bool


def train(
    network: nn.Module,
    groups: Sequence[dict[str, Any]],
    task: Task,
    recipe: Recipe,
    *,
    seed: int,
    checkpoint: Checkpoint | None,
    advance: Advance,
    deadline: float | None = None,
) -> Trained:
    """Train `network` in place and leave the best weights in it, in evaluation mode.

    Args:
        network: takes what the items give, returns scores (items, outputs).
        groups: optimiser groups: `params`, `weight_decay`, and the factor `scale` on the rate.
        task: what is learnt.
        recipe: the settings.
        seed: every random choice follows from it.
        checkpoint: where the state goes; None keeps none.
        advance: receives the number of items done.
        deadline: by `time.monotonic`. A training that would end later is shortened, its rates
            too; each such choice is kept before it acts, and made again by a resumed training.
    """
    run = _Run(network, groups, recipe, checkpoint)
    run.trained.planned = recipe.cost(len(task.items))
    run.resume(advance, task.items, seed)
    if not run.trained.finished:
        pace = Pace(run, deadline)
        if not run.trained.losses:
            pace.judged(run.judge(task.validate))
        with memory.kept():
            _epochs(run, task, seed, advance, pace)
    network.load_state_dict(run.best, strict=False)
    network.eval()
    return run.trained


def _epochs(run: "_Run", task: Task, seed: int, advance: Advance, pace: "Pace") -> None:
    recipe, trained = run.recipe, run.trained
    steps = recipe.steps(len(task.items))
    began = saved = time.monotonic()
    while not trained.finished:
        train_mode(run.network, recipe)
        pace.start()
        for index, inputs, random in _batches(task.items, recipe, seed, run.step):
            rate = recipe.rate_at(run.step, trained.planned)
            wanted = task.targets[index].to(task.where)
            run.take_step(task, inputs, wanted, random, rate)
            advance(len(index))
            trained.seconds = trained.before + time.monotonic() - began
            pace.keep()
            if run.step >= trained.planned:
                break
            if time.monotonic() - saved > CHECKPOINT_SECONDS and run.step % steps:
                run.save()
                saved = time.monotonic()
        trained.epochs += 1
        pace.judged(run.judge(task.validate))
        trained.seconds = trained.before + time.monotonic() - began
        trained.finished = (
            run.step >= trained.planned
            or trained.epochs - max(trained.best_epoch, recipe.settled) >= recipe.patience
        )
        run.save()
        saved = time.monotonic()


class Pace:
    """Keeps a training to its deadline, by what its steps take while it runs.

    The first steps after a pause are left out: they wait for the first batch, and libraries
    prepare themselves in them.
    """

    def __init__(self, run: "_Run", deadline: float | None) -> None:
        self._run = run
        # What was spent before a kill counts too.
        self._deadline = None if deadline is None else deadline - run.trained.before
        self._most = run.trained.planned
        self._judging = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._left_out = 0
        self._since = self._checked = time.monotonic()

    def start(self) -> None:
        """Steps follow."""
        self._since = time.monotonic()
        self._left_out = LEFT_OUT

    def judged(self, seconds: float) -> None:
        """Take in how long judging took."""
        self._judging = seconds

    def keep(self) -> None:
        """After a step: plan fewer where those that are planned would end too late.

        And as many as before, at most, where the machine has become free again.
        """
        now = time.monotonic()
        if self._left_out:
            self._left_out -= 1
        else:
            self._recent.append(now - self._since)
        self._since = now
        run, step = self._run, self._run.step
        if step in run.kept:
            run.plan(run.kept[step], self._most)
            return
        if self._deadline is None or step <= run.decided or now - self._checked < PACE:
            return
        if len(self._recent) < LEAST_SEEN and now < self._deadline:
            return
        self._checked = now
        each = float(np.mean(self._recent)) if self._recent else 0.0
        left = self._deadline - now - self._judging
        fit = step + (int(left / each) if each and left > 0 else 0)
        planned = run.trained.planned
        late, early = fit < (1 - SLACK) * planned, planned < (1 - SLACK) * min(fit, self._most)
        if late or early or left <= 0:
            run.decide(min(fit, self._most), self._most)


def step_seconds(
    network: nn.Module,
    groups: Sequence[dict[str, Any]],
    task: Task,
    recipe: Recipe,
    *,
    seed: int,
) -> float:
    """Seconds that a step of a training takes, from a few; `network` is changed.

    Each is made twice, and the faster counts: another process may have been in the way. Steps are
    of many lengths where texts are, of which the mean counts, and else alike.
    """
    run = _Run(network, groups, recipe, None)
    train_mode(network, recipe)
    seconds = []
    spent = time.monotonic()
    with memory.kept():
        for index, inputs, random in _batches(task.items, replace(recipe, share=1.0), seed, 0):
            tries: list[float] = []
            while len(tries) < 2 and sum(tries) < MOST_MEASURED / 2:
                began = time.monotonic()
                run.take_step(task, inputs, task.targets[index].to(task.where), random, 0.0)
                if task.where.type == "cuda":
                    torch.cuda.synchronize(task.where)
                tries.append(time.monotonic() - began)
            seconds.append(min(tries))
            if time.monotonic() - spent > MOST_MEASURED:
                break
    return float(np.mean(seconds))


def _batches(
    items: Items, recipe: Recipe, seed: int, step: int
) -> Iterator[tuple[NDArray[np.int64], Inputs, np.random.Generator]]:
    """From `step` to the end of its epoch; each batch is read while the one before is learnt."""
    steps = recipe.steps(len(items))
    epoch, first = divmod(step, steps)
    order = _order(items, recipe, seed, epoch)

    def read(here: int) -> tuple[NDArray[np.int64], Inputs, np.random.Generator]:
        random = np.random.default_rng([seed, 1, epoch * steps + here])
        return order[here], items.batch(order[here], random), random

    with ThreadPoolExecutor(1, "batches") as pool:
        ahead: Future[tuple[NDArray[np.int64], Inputs, np.random.Generator]]
        ahead = pool.submit(read, first)
        for here in range(first, steps):
            batch = ahead.result()
            if here + 1 < steps:
                ahead = pool.submit(read, here + 1)
            yield batch


def _order(items: Items, recipe: Recipe, seed: int, epoch: int) -> Sequence[NDArray[np.int64]]:
    return batches(len(items), items.lengths, recipe, seed=seed, epoch=epoch)


class _Run:
    """Everything that changes while training."""

    def __init__(
        self,
        network: nn.Module,
        groups: Sequence[dict[str, Any]],
        recipe: Recipe,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.network = network
        self.recipe = recipe
        # One kernel for all parameters: an eighth of the time on a CPU (MiniLM, two cores).
        self.optimiser = torch.optim.AdamW(
            [{**group, "lr": recipe.rate} for group in groups], fused=True
        )
        self.step = 0
        self._rows = Rows()
        self.trained = Trained()
        self.best = self._weights()
        self._checkpoint = checkpoint
        # Step: what was planned from then on, in a training that is resumed.
        kept = checkpoint.decisions().get("steps", {}) if checkpoint else {}
        self.kept = {int(step): int(planned) for step, planned in kept.items()}
        self.decided = max(self.kept, default=0)

    def decide(self, planned: int, most: int) -> None:
        """Make it shorter or longer from now on, having kept that."""
        self.kept[self.step] = planned
        if self._checkpoint is not None:
            self._checkpoint.decide("steps", self.kept)
        self.plan(planned, most)

    def plan(self, planned: int, most: int) -> None:
        """Make it shorter or longer from now on, but not longer than `most`."""
        self.trained.planned = max(self.step, planned)
        self.trained.shortened = planned < most

    def take_step(
        self,
        task: Task,
        inputs: Inputs,
        wanted: torch.Tensor,
        random: np.random.Generator,
        rate: float,
    ) -> None:
        recipe = self.recipe
        drawn = int(random.integers(2**62))
        inputs = on(task.where, inputs)
        if recipe.mixup and len(wanted) > 1:
            inputs, wanted = _mixed(inputs, wanted, recipe.mixup, random)
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate * group["scale"] * rate
        self.optimiser.zero_grad(set_to_none=True)
        cheaper = task.items.lengths is not None and task.where.type == "cpu"
        texts = drawn if cheaper else None

        def learn(part: slice) -> None:
            exact = computing(self.network, task.where, bfloat16=task.bfloat16, texts=texts)
            with seeded(drawn + part.start):
                with exact:
                    scores = self.network(*(each[part] for each in inputs))
                loss = task.loss(scores.float(), wanted[part])
            share = len(wanted[part]) / len(wanted)
            (loss if share == 1 else share * loss).backward()  # type: ignore[no-untyped-call]

        self._rows.each(len(wanted), learn, lambda: self.optimiser.zero_grad(set_to_none=True))
        nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimiser.step()
        self.step += 1

    def judge(self, validate: Callable[[], float] | None) -> float:
        """Take in how good the weights are now; keep them where they are the best.

        Returns:
            The seconds that this took.
        """
        began = time.monotonic()
        loss = validate() if validate else 0.0
        loss = math.inf if math.isnan(loss) else loss
        trained = self.trained
        if validate is None or not trained.losses or loss < min(trained.losses):
            self.best = self._weights()
            trained.best_epoch = trained.epochs
        trained.losses.append(loss)
        return time.monotonic() - began

    def save(self) -> None:
        if self._checkpoint is None:
            return
        tensors: Tensors = {f"weights/{k}": v for k, v in self._weights().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{number}/{key}": value for key, value in state.items()}
        self._checkpoint.save(tensors, {"step": self.step, "trained": asdict(self.trained)})

    def resume(self, advance: Advance, items: Items, seed: int) -> None:
        saved = self._checkpoint.load() if self._checkpoint else None
        if saved is None:
            return
        parts: dict[str, Tensors] = {"weights": {}, "best": {}, "optimiser": {}}
        for name, tensor in saved.tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = tensor
        self.network.load_state_dict(parts["weights"], strict=False)
        self.best = parts["best"]
        states: dict[int, Tensors] = {}
        for name, tensor in parts["optimiser"].items():
            number, _, key = name.partition("/")
            states.setdefault(int(number), {})[key] = tensor
        whole = self.optimiser.state_dict()
        parameters = [each for group in self.optimiser.param_groups for each in group["params"]]
        for at, state in states.items():
            # The fused kernel goes through memory in order: all must lie as the parameter does.
            for key, value in state.items():
                if value.shape == parameters[at].shape:
                    state[key] = torch.empty_like(parameters[at], device="cpu").copy_(value)
        self.optimiser.load_state_dict({**whole, "state": states})
        self.step = int(saved.counters["step"])
        self.trained = Trained(**saved.counters["trained"])
        self.trained.before = self.trained.seconds
        epochs, steps = divmod(self.step, self.recipe.steps(len(items)))
        begun = _order(items, self.recipe, seed, epochs)[:steps]
        advance(epochs * self.recipe.passed(len(items)) + sum(map(len, begun)))

    def _weights(self) -> Tensors:
        """What may change: parameters that learn, and buffers that follow the data."""
        learning = {name for name, each in self.network.named_parameters() if each.requires_grad}
        if self.recipe.train_batchnorm:
            learning |= {name for name, _ in self.network.named_buffers()}
        return {
            name: value.detach().cpu().clone()
            for name, value in self.network.state_dict().items()
            if name in learning
        }


def _mixed(
    inputs: Inputs, targets: torch.Tensor, strength: float, random: np.random.Generator
) -> tuple[Inputs, torch.Tensor]:
    share = float(random.beta(strength, strength))
    other = torch.from_numpy(random.permutation(len(targets))).to(targets.device)
    mixed = tuple(share * each + (1 - share) * each[other] for each in inputs)
    return mixed, share * targets + (1 - share) * targets[other]


def train_mode(network: nn.Module, recipe: Recipe) -> None:
    """The architecture's own dropout and stochastic depth; BatchNorm as the recipe says."""
    network.train()
    if recipe.train_batchnorm:
        return
    for module in network.modules():
        follows_data = getattr(module, "follows_data", False)  # of a Keras layer
        if follows_data or isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
