"""The loop for networks: batches read ahead, checkpoints, a deadline that it keeps.

Why not the Trainer of transformers: its checkpoints are pickles, and it shuffles with state that
must be saved; here each random choice follows from the seed and the step, so that a killed run
goes on bit for bit from a few plain tensors.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.learning.loop import Trained, Training
from headstart.learning.objectives import Loss
from headstart.progress import Advance
from headstart.randomness import seeded
from headstart.runtime.device import synchronise
from headstart.runtime.halved import RowLimit
from headstart.training import memory
from headstart.training.checkpoint import Checkpoint, Saved, Tensors
from headstart.training.items import Inputs, Items
from headstart.training.network import Group, computing, on
from headstart.training.order import batches
from headstart.training.recipe import Recipe

Batch = tuple[NDArray[np.int64], Inputs, np.random.Generator]
"""Items by their index, what the network takes of them, and what their step draws from."""

CHECKPOINT_SECONDS = 30.0
PACE = 1.0
"""Seconds between two looks at the clock."""

RECENT, LEAST_SEEN, LEFT_OUT = 32, 5, 2
"""Steps that the time of the next ones is predicted from, at most and at least; those left out."""

SLACK = 0.04
"""Share of the steps by which a plan may be wrong before it is changed."""

MOST_MEASURED = 4.0
"""Seconds in which the time of a step is measured; the step under way is finished."""


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
        count: how many the loss is the mean of, of the targets of a batch or of a part of it.
    """

    items: Items
    targets: torch.Tensor
    loss: Loss
    validate: Callable[[], float] | None
    where: torch.device
    bfloat16: bool
    count: Callable[[torch.Tensor], int] = len


def train(
    network: nn.Module,
    groups: Sequence[Group],
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
    training = NetworkTraining(network, groups, task, recipe, seed, checkpoint, advance)
    training.resume()
    if deadline is not None:
        training.keep_to(deadline)
    if not training.trained.losses:
        training.judge()
    return training.run()


class Pace:
    """Keeps a training to its deadline, by what its steps take while it runs.

    The first steps after a pause are left out: they wait for the first batch, and libraries
    prepare themselves in them.
    """

    def __init__(self, run: "NetworkTraining", deadline: float | None) -> None:
        self._run = run
        # What was spent before a kill counts too.
        self._deadline = None if deadline is None else deadline - run.trained.before
        self._most = run.whole
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._left_out = 0
        self._since = self._checked = time.monotonic()

    def start(self) -> None:
        """Steps follow."""
        self._since = time.monotonic()
        self._left_out = LEFT_OUT

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
        left = self._deadline - now - run.judging
        fit = step + (int(left / each) if each and left > 0 else 0)
        planned = run.trained.planned
        late, early = fit < (1 - SLACK) * planned, planned < (1 - SLACK) * min(fit, self._most)
        if late or early or left <= 0:
            run.decide(min(fit, self._most), self._most)


def step_seconds(
    network: nn.Module,
    groups: Sequence[Group],
    task: Task,
    recipe: Recipe,
    *,
    seed: int,
) -> float:
    """Seconds that a step of a training takes, from a few; `network` is changed.

    Each is made twice, and the faster counts: another process may have been in the way. Steps are
    of many lengths where texts are, of which the mean counts, and else alike.
    """
    standing = replace(recipe, share=1.0, rate=0.0)
    training = NetworkTraining(network, groups, task, standing, seed, None, lambda _: None)
    training.mode()
    seconds = []
    spent = time.monotonic()
    with memory.kept():
        for batch in _batches(task.items, standing, seed, 0):
            tries: list[float] = []
            while len(tries) < 2 and sum(tries) < MOST_MEASURED / 2:
                began = time.monotonic()
                training.take(batch)
                synchronise(task.where)
                tries.append(time.monotonic() - began)
            seconds.append(min(tries))
            if time.monotonic() - spent > MOST_MEASURED:
                break
    return float(np.mean(seconds))


def _batches(items: Items, recipe: Recipe, seed: int, step: int) -> Iterator[Batch]:
    """From `step` to the end of its epoch; each batch is read while the one before is learnt."""
    steps = recipe.steps(len(items))
    epoch, first = divmod(step, steps)
    order = _order(items, recipe, seed, epoch)

    def read(here: int) -> Batch:
        random = np.random.default_rng([seed, 1, epoch * steps + here])
        return order[here], items.batch(order[here], random), random

    with ThreadPoolExecutor(1, "batches") as pool:
        ahead: Future[Batch] = pool.submit(read, first)
        for here in range(first, steps):
            batch = ahead.result()
            if here + 1 < steps:
                ahead = pool.submit(read, here + 1)
            yield batch


def _order(items: Items, recipe: Recipe, seed: int, epoch: int) -> Sequence[NDArray[np.int64]]:
    return batches(len(items), items.lengths, recipe, seed=seed, epoch=epoch)


class NetworkTraining(Training[Batch]):
    """See the module.

    Attributes:
        kept: by step, how many were planned from then on, where a deadline changed that.
        decided: the last of those steps.
        held: by step, how many rows the memory held from then on, where it did not hold a batch.
        judging: seconds that judging took, the last time.
    """

    def __init__(
        self,
        network: nn.Module,
        groups: Sequence[Group],
        task: Task,
        recipe: Recipe,
        seed: int,
        checkpoint: Checkpoint | None,
        advance: Advance,
    ) -> None:
        # One kernel for all parameters: an eighth of the time on a CPU (MiniLM, two cores).
        optimiser = torch.optim.AdamW(
            [{**group, "lr": recipe.rate} for group in groups], fused=True
        )
        super().__init__(
            network,
            optimiser,
            planned=recipe.cost(len(task.items)),
            patience=recipe.patience,
            settled=recipe.settled,
            clip=recipe.clip,
        )
        self._task, self._recipe, self._seed = task, recipe, seed
        self._checkpoint, self._advance = checkpoint, advance
        self._limit = RowLimit(task.where, least=2 if recipe.train_batchnorm else 1)
        self.kept = _decided(checkpoint, "steps")
        self.held = _decided(checkpoint, "rows")
        self.decided = max(self.kept, default=0)
        self.judging = 0.0
        self._pace = Pace(self, None)
        self._began = self._saved = 0.0

    def keep_to(self, deadline: float) -> None:
        """End by then."""
        self._pace = Pace(self, deadline)

    def run(self) -> Trained:
        """See `Training.run`."""
        self._began = self._saved = time.monotonic()
        with memory.kept():
            return super().run()

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

    def mode(self) -> None:
        """See `train_mode`."""
        train_mode(self.network, self._recipe)

    def batches(self) -> Iterator[Batch]:
        """See `Training.batches`."""
        self._pace.start()
        return _batches(self._task.items, self._recipe, self._seed, self.step)

    def take(self, batch: Batch) -> torch.Tensor:
        """See `Training.take`: with the rates of this step."""
        share = self._recipe.rate_at(self.step, self.trained.planned)
        for group in self.optimiser.param_groups:
            group["lr"] = self._recipe.rate * group["scale"] * share
        return super().take(batch)

    def backward(self, batch: Batch) -> torch.Tensor:
        """See `Training.backward`: in parts, where the memory does not hold all rows at once."""
        index, inputs, random = batch
        task, recipe = self._task, self._recipe
        answers = task.targets[index]
        counted, wanted = task.count(answers), answers.to(task.where)
        drawn = int(random.integers(2**62))
        inputs = on(task.where, inputs)
        if recipe.mixup and len(wanted) > 1:
            inputs, wanted = _mixed(inputs, wanted, recipe.mixup, random)
        cheaper = task.items.lengths is not None and task.where.type == "cpu"
        texts = drawn if cheaper else None

        def learn(part: slice) -> torch.Tensor:
            count = task.count(answers[part])
            if not count:
                return torch.zeros((), device=task.where)
            exact = computing(self.network, task.where, bfloat16=task.bfloat16, texts=texts)
            with seeded(drawn + part.start):
                with exact:
                    scores = self.network(*(each[part] for each in inputs))
                loss = task.loss(scores.float(), wanted[part])
            share = count / counted
            loss = loss if share == 1 else share * loss
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            return loss.detach()

        follows = self.network.buffers() if recipe.train_batchnorm else ()
        before = [(buffer, buffer.clone()) for buffer in follows]

        def again() -> None:
            self._hold()
            self.optimiser.zero_grad(set_to_none=True)
            for buffer, value in before:
                buffer.copy_(value)

        self._limit.most = min((self.held[at] for at in self.held if at <= self.step), default=None)
        return torch.stack(self._limit.each(len(wanted), learn, again)).sum()

    def _hold(self) -> None:
        """Keep how many rows the memory holds, before it acts: they change what is drawn."""
        assert self._limit.most is not None
        self.held[self.step] = self._limit.most
        if self._checkpoint is not None:
            self._checkpoint.decide("rows", self.held)

    def validate(self) -> float | None:
        """See `Training.validate`."""
        began = time.monotonic()
        loss = self._task.validate() if self._task.validate else None
        self.judging = time.monotonic() - began
        return loss

    def stepped(self, batch: Batch, loss: torch.Tensor) -> None:  # noqa: ARG002
        """Keep to the deadline, and now and then the state."""
        index, *_ = batch
        self._advance(len(index))
        self._count()
        self._pace.keep()
        if self.step >= self.trained.planned or not self.step % self._steps:
            return  # the end of the epoch
        if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
            self.save()

    def ended(self) -> None:
        """Keep the state."""
        self._count()
        self.save()

    def _count(self) -> None:
        self.trained.seconds = self.trained.before + time.monotonic() - self._began

    @property
    def whole(self) -> int:
        """Steps until the end, where no deadline makes them fewer."""
        return self._recipe.cost(len(self._task.items))

    @property
    def _steps(self) -> int:
        return self._recipe.steps(len(self._task.items))

    def save(self) -> None:
        """Keep where it stands."""
        if self._checkpoint is None:
            return
        tensors: Tensors = {f"weights/{k}": v for k, v in self.weights().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{number}/{key}": value for key, value in state.items()}
        self._checkpoint.save(tensors, {"step": self.step, "trained": asdict(self.trained)})
        self._saved = time.monotonic()

    def resume(self) -> None:
        """Go on from what was kept, where anything was."""
        saved = self._checkpoint.load() if self._checkpoint else None
        if saved is None or self._checkpoint is None:
            return
        with self._checkpoint.understood():
            self._restore(saved)
        self.trained.before = self.trained.seconds
        items = self._task.items
        epochs, steps = divmod(self.step, self._steps)
        begun = _order(items, self._recipe, self._seed, epochs)[:steps]
        self._advance(epochs * self._recipe.passed(len(items)) + sum(map(len, begun)))

    def _restore(self, saved: Saved) -> None:
        """The weights, the optimiser and the counters of a checkpoint."""
        parts: dict[str, Tensors] = {"weights": {}, "best": {}, "optimiser": {}}
        for name, tensor in saved.tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = tensor
        shapes = {name: each.shape for name, each in self.weights().items()}
        for part in ("weights", "best"):
            if {name: each.shape for name, each in parts[part].items()} != shapes:
                raise ValueError("other weights than the network has")
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

    def weights(self) -> Tensors:
        """See `Training.weights`; also buffers, where they follow the data."""
        found = super().weights()
        if self._recipe.train_batchnorm:
            known = self.network.state_dict()
            buffers = {name for name, _ in self.network.named_buffers()} & known.keys()
            found |= {name: known[name].detach().cpu().clone() for name in buffers}
        return found


def _decided(checkpoint: Checkpoint | None, name: str) -> dict[int, int]:
    """What was decided under a name, by step."""
    if checkpoint is None:
        return {}
    decisions = checkpoint.decisions()
    with checkpoint.understood():
        return {int(step): int(each) for step, each in dict(decisions.get(name, {})).items()}


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
