"""Trainings that are interrupted are compared, bit for bit, with one that was not."""

import functools
import gc
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.learning.loop import Trained
from headstart.learning.objectives import Classification, loss_of
from headstart.training import loop
from headstart.training.checkpoint import Checkpoint
from headstart.training.loop import Task, train, train_mode
from headstart.training.recipe import Recipe

ITEMS, WIDTH, CLASSES = 10, 6, 3
RECIPE = Recipe(epochs=4, batch=3, rate=0.02, patience=9)
STEPS = RECIPE.epochs * RECIPE.steps(ITEMS)
LOSS = loss_of(Classification(CLASSES), 0, weighted=False)
CPU = torch.device("cpu")
PLACES = ("advance", "items", "before a save", "after a save")


@dataclass
class Rows:
    """Rows of numbers, looked at with noise; raises when it is told to."""

    values: torch.Tensor
    before: Callable[[], None] = field(default=lambda: None)
    lengths: Any = None

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, index, random):
        self.before()
        noise = random.normal(0, 0.1, (len(index), *self.values.shape[1:]))
        return (self.values[index] + torch.from_numpy(noise.astype(np.float32)),)

    def plain(self, index):
        return (self.values[index],)


def rows(shape: Sequence[int] = (WIDTH,), count: int = ITEMS) -> torch.Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(7))


def targets(count: int = ITEMS) -> torch.Tensor:
    return functional.one_hot(torch.arange(count) % CLASSES, CLASSES).float()


def dense() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(WIDTH, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.3), nn.Linear(8, CLASSES)
    )


def convolutional() -> nn.Module:
    torch.manual_seed(1)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(8, CLASSES),
    )
    return layers.to(memory_format=torch.channels_last)


def groups(network: nn.Module) -> list[dict[str, Any]]:
    learning = [each for each in network.parameters() if each.requires_grad]
    matrices = [each for each in learning if each.ndim > 1]
    vectors = [each for each in learning if each.ndim == 1]
    return [
        {"params": matrices, "scale": 1.0, "weight_decay": 0.05},
        {"params": vectors, "scale": 0.5, "weight_decay": 0.0},
    ]


def nothing(_: object) -> None:
    pass


def run(
    network: nn.Module,
    recipe: Recipe = RECIPE,
    *,
    values: torch.Tensor | None = None,
    validate: Callable[[], float] | None = None,
    held_out: bool = False,
    bfloat16: bool = False,
    before: Callable[[], None] = lambda: None,
    lengths: Any = None,
    seed: int = 3,
    checkpoint: Checkpoint | None = None,
    advance: Callable[[int], None] = nothing,
    deadline: float | None = None,
) -> Trained:
    values = rows() if values is None else values
    other = values.flip(0) + 0.3

    def loss() -> float:
        network.eval()
        with torch.no_grad():
            return float(functional.cross_entropy(network(other), targets(len(values))))

    task = Task(
        items=Rows(values, before, lengths),
        targets=targets(len(values)),
        loss=loss_of(Classification(CLASSES), recipe.label_smoothing, weighted=False),
        validate=loss if held_out else validate,
        where=CPU,
        bfloat16=bfloat16,
    )
    return train(
        network,
        groups(network),
        task,
        recipe,
        seed=seed,
        checkpoint=checkpoint,
        advance=advance,
        deadline=deadline,
    )


def bits(network: nn.Module) -> dict[str, bytes]:
    return {
        name: value.contiguous().numpy().tobytes() for name, value in network.state_dict().items()
    }


@dataclass(frozen=True)
class Case:
    """A way to train; `moving` validates by how far the weights have come: it stops early."""

    network: Callable[[], nn.Module] = dense
    shape: tuple[int, ...] = (WIDTH,)
    recipe: Recipe = RECIPE
    bfloat16: bool = False
    moving: bool = False
    lengths: tuple[int, ...] | None = None

    def run(self, **how: Any) -> tuple[dict[str, bytes], Trained]:
        network = self.network()
        started = torch.cat([each.detach().flatten() for each in network.parameters()])

        def moved() -> float:
            now = torch.cat([each.detach().flatten() for each in network.parameters()])
            return float((now - started).norm())

        judged = {"validate": moved} if self.moving else {"held_out": True}
        values = rows(self.shape)
        lengths = None if self.lengths is None else np.array(self.lengths)
        options = {
            "values": values, "bfloat16": self.bfloat16, "lengths": lengths, **judged, **how
        }  # fmt: skip
        trained = run(network, self.recipe, **options)
        return bits(network), trained


CASES = {
    "dense": Case(),
    "batchnorm": Case(recipe=replace(RECIPE, batch=4, train_batchnorm=True)),
    "channels last": Case(convolutional, (3, 5, 5)),
    "bfloat16": Case(bfloat16=True),
    "many lengths": Case(
        lengths=(3, 1, 4, 1, 5, 9, 2, 6, 5, 3), recipe=replace(RECIPE, batch=2, share=0.9)
    ),
    "early": Case(moving=True, recipe=replace(RECIPE, patience=1)),
}


@functools.cache
def undisturbed(case: str) -> tuple[dict[str, bytes], Trained]:
    return CASES[case].run()


class Interrupted(Checkpoint):
    """Ctrl-C as the n-th save begins, or as it ends."""

    def __init__(self, folder: Path, at: int, *, saved: bool) -> None:
        super().__init__(folder)
        self.__dict__.update(left=at, saved=saved)

    def save(self, tensors, counters) -> None:
        self.__dict__["left"] -= 1
        if self.left == -1 and self.saved:
            super().save(tensors, counters)
        if self.left == -1:
            raise KeyboardInterrupt
        super().save(tensors, counters)


def countdown(moment: int) -> Callable[..., None]:
    left = moment

    def tick(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == -1:
            raise KeyboardInterrupt

    return tick


def interrupt(case: str, folder: Path, place: str, moment: int) -> bool:
    """Train until Ctrl-C; whether it came."""
    how: dict[str, Any] = {"checkpoint": Checkpoint(folder)}
    if place == "advance":
        how["advance"] = countdown(moment)
    elif place == "items":
        how["before"] = countdown(moment)
    else:
        how["checkpoint"] = Interrupted(folder, moment, saved=place == "after a save")
    try:
        CASES[case].run(**how)
    except KeyboardInterrupt:
        return True
    return False


def goes_on_to_the_same(case: str, folder: Path) -> None:
    weights, trained = CASES[case].run(checkpoint=Checkpoint(folder))
    expected, as_expected = undisturbed(case)
    assert trained.losses == as_expected.losses
    assert (trained.epochs, trained.best_epoch) == (as_expected.epochs, as_expected.best_epoch)
    assert trained.finished
    assert weights == expected


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    case=st.sampled_from(["dense", "batchnorm", "channels last", "bfloat16", "many lengths"]),
    every_step=st.booleans(),
    interruptions=st.lists(
        st.tuples(st.sampled_from(PLACES), st.integers(0, STEPS)), min_size=1, max_size=3
    ),
)
def test_a_training_that_was_interrupted_ends_as_if_it_was_not(
    tmp_path_factory, monkeypatch, case, every_step, interruptions
):
    folder = tmp_path_factory.mktemp("unfinished") / "rung"
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0 if every_step else 1e9)
    for place, moment in interruptions:
        interrupt(case, folder, place, moment)
    goes_on_to_the_same(case, folder)


@pytest.mark.slow
@pytest.mark.parametrize("every_step", [True, False])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", ["dense", "batchnorm", "channels last", "bfloat16"])
def test_at_every_single_step(tmp_path, monkeypatch, case, place, every_step):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0 if every_step else 1e9)
    moment = 0
    while interrupt(case, tmp_path / str(moment), place, moment):
        goes_on_to_the_same(case, tmp_path / str(moment))
        moment += 1
    assert moment >= RECIPE.epochs


def test_early_stopping_is_not_forgotten_when_interrupted(tmp_path):
    _, trained = undisturbed("early")
    assert trained.epochs == 3
    for place in PLACES:
        moment = 0
        while interrupt("early", tmp_path / f"{place} {moment}", place, moment):
            goes_on_to_the_same("early", tmp_path / f"{place} {moment}")
            moment += 1


def test_a_checkpoint_is_written_after_every_epoch_and_as_time_passes(tmp_path, monkeypatch):
    def saves(seconds: float) -> int:
        monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", seconds)
        counting = Interrupted(tmp_path / str(seconds), 10**6, saved=True)
        run(dense(), checkpoint=counting)
        return 10**6 - counting.left

    assert saves(1e9) == RECIPE.epochs
    assert saves(-1.0) == STEPS


def test_no_thread_is_left_behind_by_ctrl_c():
    with pytest.raises(KeyboardInterrupt):
        run(dense(), advance=countdown(2))
    gc.collect()
    assert not [each for each in threading.enumerate() if each.name.startswith("batches")]


@settings(max_examples=30, deadline=None)
@given(
    losses=st.lists(st.integers(0, 5), min_size=9, max_size=9),
    epochs=st.integers(1, 8),
    patience=st.integers(1, 4),
)
def test_the_best_weights_are_kept_and_patience_ends(losses, epochs, patience):
    network, seen = dense(), []

    def validate() -> float:
        seen.append(bits(network))
        return float(losses[len(seen) - 1])

    recipe = replace(RECIPE, batch=10, epochs=epochs, patience=patience)
    trained = run(network, recipe, validate=validate)
    best, last = 0, 0
    for last in range(1, epochs + 1):
        best = last if losses[last] < losses[best] else best
        if last - max(best, epochs // 2) >= patience:
            break
    assert (trained.epochs, trained.best_epoch) == (last, best)
    assert trained.losses == losses[: last + 1]
    assert bits(network) == seen[best]
    assert not network.training


def test_a_loss_that_is_not_a_number_is_never_the_best():
    losses = iter([2.0, float("nan"), 1.0, float("nan"), float("nan")])
    trained = run(dense(), validate=lambda: next(losses))
    assert trained.best_epoch == 2


def test_without_validation_it_trains_to_the_end_and_keeps_the_last():
    steps = []
    trained = run(dense(), replace(RECIPE, patience=1), advance=steps.append)
    assert (trained.epochs, trained.best_epoch) == (4, 4)
    assert (len(steps), trained.planned, trained.shortened) == (STEPS, STEPS, False)


def test_a_deadline_that_is_far_changes_nothing():
    one, two = dense(), dense()
    run(one, held_out=True)
    trained = run(two, held_out=True, deadline=time.monotonic() + 3600)
    assert not trained.shortened
    assert bits(one) == bits(two)


def test_a_deadline_that_is_past_ends_it_after_a_step(monkeypatch):
    monkeypatch.setattr(loop, "PACE", 0.0)
    steps = []
    trained = run(dense(), held_out=True, advance=steps.append, deadline=time.monotonic())
    assert len(steps) == 1
    assert (trained.planned, trained.epochs) == (1, 1)
    assert trained.finished
    assert trained.shortened


def test_a_slow_first_step_shortens_nothing(monkeypatch):
    """The first batch may be read from a cold disk."""
    monkeypatch.setattr(loop, "PACE", 0.0)
    slow = iter([0.5])
    trained = run(
        dense(),
        replace(RECIPE, epochs=20),
        before=lambda: time.sleep(next(slow, 0.0)),
        deadline=time.monotonic() + 30,
    )
    assert not trained.shortened


def test_a_training_gets_its_steps_back_when_the_machine_is_free_again(monkeypatch):
    """Ten slow steps in the middle of many fast ones."""
    monkeypatch.setattr(loop, "PACE", 0.0)
    recipe = replace(RECIPE, epochs=50)
    plans, made = [], []
    decide = loop.NetworkTraining.decide

    def noted(self, planned, most):
        plans.append(planned)
        decide(self, planned, most)

    def wait():
        made.append(1)
        time.sleep(0.1 if 20 < len(made) < 31 else 0.0)

    monkeypatch.setattr(loop.NetworkTraining, "decide", noted)
    trained = run(dense(), recipe, before=wait, deadline=time.monotonic() + 3)
    whole = recipe.cost(ITEMS)
    assert min(plans) < (1 - loop.SLACK) * whole <= trained.planned


def test_what_is_shortened_ends_with_a_low_rate(monkeypatch):
    """The schedule is that of the steps which are left, so that the last ones are small."""
    rates = []
    stepped = loop.NetworkTraining.stepped

    def noted(self, *step):
        rates.append(self.optimiser.param_groups[0]["lr"])
        stepped(self, *step)

    monkeypatch.setattr(loop.NetworkTraining, "stepped", noted)
    monkeypatch.setattr(loop.Pace, "keep", shortening(at=4, to=8))
    run(dense(), held_out=True)
    assert len(rates) == 8
    assert rates[-1] < 0.1 * max(rates)


def shortening(at: int, to: int) -> Callable[[loop.Pace], None]:
    """Stands for a clock that is found to be late once."""

    def keep(pace: loop.Pace) -> None:
        run = pace._run
        if run.step in run.kept:
            run.plan(run.kept[run.step], STEPS)
        elif run.step == at:
            run.decide(to, STEPS)

    return keep


@pytest.mark.parametrize("killed_at", [5, 6, 7])
def test_a_resumed_training_is_shortened_where_it_was(tmp_path, monkeypatch, killed_at):
    """Bit for bit, though the clock that shortened it is not asked again."""
    whole = dense()
    with monkeypatch.context() as patch:
        patch.setattr(loop.Pace, "keep", shortening(at=4, to=9))
        run(whole, held_out=True, checkpoint=Checkpoint(tmp_path / "whole"))
    done = []

    def killed(_: int) -> None:
        done.append(1)
        if len(done) == killed_at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.Pace, "keep", shortening(at=4, to=9))
        with pytest.raises(KeyboardInterrupt):
            run(dense(), held_out=True, checkpoint=Checkpoint(tmp_path / "killed"), advance=killed)
    again = dense()
    trained = run(again, held_out=True, checkpoint=Checkpoint(tmp_path / "killed"))
    assert (trained.planned, trained.shortened) == (9, True)
    assert bits(again) == bits(whole)


def test_measuring_steps_takes_what_a_training_takes(monkeypatch):
    """Each batch twice; and a rate of nought leaves the weights where they are."""
    network = dense()
    before = {name: each.clone() for name, each in network.named_parameters()}
    task = Task(
        Rows(rows()),
        targets(),
        LOSS,
        None,
        CPU,
        bfloat16=False,
    )
    waited: list[torch.device] = []
    monkeypatch.setattr(loop, "synchronise", waited.append)
    seconds = loop.step_seconds(network, groups(network), task, RECIPE, seed=0)
    assert waited == [CPU] * (2 * RECIPE.steps(ITEMS))
    assert seconds > 0
    assert all(torch.equal(each, before[name]) for name, each in network.named_parameters())


class Small(nn.Module):
    """A network on a device that holds so many rows of a training."""

    def __init__(self, most: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Linear(WIDTH, 8), nn.GELU(), nn.Linear(8, CLASSES))
        self.most, self.refused = most, 0

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if len(values) > self.most:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.layers(values)


def test_a_batch_that_memory_does_not_hold_is_learnt_in_parts():
    recipe = replace(RECIPE, batch=7)
    large, small = Small(ITEMS), Small(2)
    assert run(large, recipe).losses == run(small, recipe).losses
    assert (large.refused, small.refused) == (0, 2)  # of 7 rows, then of 3; then one at a time
    for name, value in large.named_parameters():
        found = dict(small.named_parameters())[name]
        torch.testing.assert_close(found, value, rtol=1e-3, atol=1e-3)


class Dropping(Small):
    """What it drops depends on the parts that a batch is learnt in."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.layers.insert(2, nn.Dropout(0.3))


def test_a_resumed_training_learns_in_the_parts_that_it_learnt_in(tmp_path, monkeypatch):
    """Bit for bit, though memory has become free again; and whole where it had been."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 1e9)
    recipe, made = replace(RECIPE, batch=5, epochs=3), 4

    class Shrinking(Dropping):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            self.made = getattr(self, "made", 0) + 1
            self.most = ITEMS if self.made < made else 2
            return super().forward(values)

    whole, killed, again = Shrinking(ITEMS), Shrinking(ITEMS), Dropping(ITEMS)
    run(whole, recipe)
    with pytest.raises(KeyboardInterrupt):  # in the step in which memory was too small
        run(killed, recipe, checkpoint=Checkpoint(tmp_path), advance=countdown(made - 1))
    assert killed.refused
    run(again, recipe, checkpoint=Checkpoint(tmp_path))
    assert bits(again) == bits(whole)


class Pooled(nn.Module):
    """BatchNorm over maps of 1 x 1 on a device that holds so many rows, after what it computed."""

    def __init__(self, most: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.norm, self.head = nn.BatchNorm1d(WIDTH), nn.Linear(WIDTH, CLASSES)
        self.most = most

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        scores = self.head(self.norm(values))
        if self.training and len(values) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return scores


def test_batchnorm_learns_in_parts_as_if_nothing_had_failed():
    recipe = replace(RECIPE, batch=ITEMS + 1, epochs=1, train_batchnorm=True)
    network = Pooled(6)
    run(network, recipe, values=rows(count=8))
    assert network.norm.num_batches_tracked == 2  # 4 rows, and 4; not the try of 8


def test_a_plan_that_is_lengthened_again_is_still_shortened_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.decide("steps", {"4": 8, "7": 10})
    with pytest.raises(KeyboardInterrupt):
        run(dense(), held_out=True, checkpoint=checkpoint, advance=countdown(5))
    later = time.monotonic() + 3600
    trained = run(dense(), held_out=True, checkpoint=checkpoint, deadline=later)
    assert (trained.planned, trained.shortened) == (10, True)


def test_what_is_finished_is_not_trained_again(tmp_path):
    first = dense()
    run(first, held_out=True, checkpoint=Checkpoint(tmp_path))
    again = dense()

    def fail() -> None:
        pytest.fail("trained again")

    trained = run(again, validate=fail, before=fail, checkpoint=Checkpoint(tmp_path))
    assert trained.finished
    assert bits(again) == bits(first)


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    run(dense(), checkpoint=Checkpoint(tmp_path))
    state = json.loads((tmp_path / "state.json").read_text())
    state["counters"]["trained"]["passes"] = 4
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(InputError, match="is of another version of headstart"):
        run(dense(), checkpoint=Checkpoint(tmp_path))


def renamed(tensors):
    return {name.replace("weights/4", "weights/head"): each for name, each in tensors.items()}


def reshaped(tensors):
    return {**tensors, "best/4.weight": tensors["best/4.weight"][:2].clone()}


def moved(tensors):
    return {name.replace("optimiser/0", "optimiser/99"): each for name, each in tensors.items()}


def regrouped(tensors):
    return {name.replace("best/", "finest/"): each for name, each in tensors.items()}


@pytest.mark.parametrize("change", [renamed, reshaped, moved, regrouped])
def test_tensors_of_another_version_are_refused(tmp_path, change):
    checkpoint = Checkpoint(tmp_path)
    run(dense(), checkpoint=checkpoint)
    saved = checkpoint.load()
    checkpoint.save(change(saved.tensors), saved.counters)
    with pytest.raises(InputError, match="is of another version of headstart"):
        run(dense(), checkpoint=checkpoint)


@pytest.mark.parametrize("name", ["steps", "rows"])
def test_decisions_of_another_version_are_refused(tmp_path, name):
    Checkpoint(tmp_path).decide(name, {"first": 4})
    with pytest.raises(InputError, match="is of another version of headstart"):
        run(dense(), checkpoint=Checkpoint(tmp_path))


def test_batchnorm_statistics_stay_as_they_were():
    network = dense()
    before = bits(network)
    run(network, held_out=True)
    after = bits(network)
    for name in ("1.running_mean", "1.running_var", "1.num_batches_tracked"):
        assert after[name] == before[name]
    assert after["1.weight"] != before["1.weight"]


def test_batchnorm_statistics_follow_the_data_where_that_is_asked_for():
    network, seen = dense(), []
    losses = iter([4.0, 3.0, 1.0, 2.0, 2.0])

    def validate() -> float:
        seen.append(bits(network))
        return next(losses)

    run(network, replace(RECIPE, batch=5, train_batchnorm=True), validate=validate)
    assert seen[1]["1.running_mean"] != seen[0]["1.running_mean"]
    assert bits(network) == seen[2]


def test_batchnorm_follows_the_data_though_the_last_batch_is_of_one_item():
    assert ITEMS % RECIPE.batch == 1
    trained = run(dense(), replace(RECIPE, train_batchnorm=True))
    assert trained.finished


def test_only_what_requires_a_gradient_changes():
    network = dense()
    network[0].requires_grad_(False)
    before = bits(network)
    run(network, held_out=True)
    after = bits(network)
    assert {name for name in before if before[name] != after[name]} == {
        "1.weight", "1.bias", "4.weight", "4.bias",
    }  # fmt: skip


def test_a_group_of_scale_nothing_stands_still():
    network = dense()
    before = bits(network)
    task = Task(
        Rows(rows()),
        targets(),
        LOSS,
        None,
        CPU,
        bfloat16=False,
    )
    still = [{**each, "scale": 0.0} for each in groups(network)]
    train(
        network, still, task, RECIPE, seed=0, checkpoint=None, advance=nothing
    )  # fmt: skip
    assert bits(network) == before


def test_the_seed_decides_and_nothing_else_does():
    def trained(seed: int, disturbance: int) -> dict[str, bytes]:
        network = dense()
        torch.manual_seed(disturbance)
        np.random.seed(disturbance)  # noqa: NPY002
        run(network, held_out=True, seed=seed)
        return bits(network)

    assert trained(3, 0) == trained(3, 1)
    assert trained(3, 0) != trained(4, 0)


@pytest.mark.parametrize("batch", [4, 10, 99])
def test_every_item_is_learnt_from_once_an_epoch(batch):
    seen = []

    class Seen(Rows):
        def batch(self, index, random):
            seen.append(index.tolist())
            return super().batch(index, random)

    network = dense()
    task = Task(
        Seen(rows()),
        targets(),
        LOSS,
        None,
        CPU,
        bfloat16=False,
    )
    recipe = replace(RECIPE, batch=batch)
    train(
        network, groups(network), task, recipe, seed=0, checkpoint=None, advance=nothing
    )  # fmt: skip
    steps = recipe.steps(ITEMS)
    epochs = [sum(seen[at : at + steps], []) for at in range(0, len(seen), steps)]
    assert [sorted(each) for each in epochs] == [list(range(ITEMS))] * RECIPE.epochs
    assert len({tuple(each) for each in epochs}) == RECIPE.epochs


def test_every_item_is_told_of():
    done = []
    run(dense(), advance=done.append)
    assert sum(done) == RECIPE.epochs * ITEMS


def test_every_item_is_told_of_once_when_it_goes_on(tmp_path):
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        run(dense(), checkpoint=Checkpoint(tmp_path), advance=countdown(RECIPE.steps(ITEMS)))
    run(dense(), checkpoint=Checkpoint(tmp_path), advance=done.append)
    assert sum(done) == RECIPE.epochs * ITEMS


@pytest.mark.parametrize("at", range(1, 6))
def test_items_of_many_lengths_are_told_of_once_when_it_goes_on(tmp_path, monkeypatch, at):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    recipe, lengths = replace(RECIPE, batch=4, epochs=2), np.arange(ITEMS)
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        run(
            dense(), recipe, lengths=lengths, checkpoint=Checkpoint(tmp_path), advance=countdown(at)
        )
    run(dense(), recipe, lengths=lengths, checkpoint=Checkpoint(tmp_path), advance=done.append)
    assert sum(done) == 2 * ITEMS


def test_seconds_are_counted_over_every_time_it_was_resumed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(dense(), checkpoint=Checkpoint(tmp_path), advance=countdown(STEPS - 1))
    before = Checkpoint(tmp_path).load().counters["trained"]["seconds"]
    trained = run(dense(), checkpoint=Checkpoint(tmp_path))
    assert trained.before == before > 0
    assert trained.seconds > before


def test_it_learns():
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % CLASSES
    values = 2 * functional.one_hot(labels, WIDTH) + 0.5 * torch.randn(60, WIDTH, generator=random)
    network = dense()
    run(network, replace(RECIPE, epochs=15), values=values)
    with torch.no_grad():
        assert (network(values).argmax(dim=1) == labels).float().mean() > 0.95


def test_dropout_is_on_and_batchnorm_as_the_recipe_says():
    network = convolutional()
    for follows in (True, False):
        train_mode(network, replace(RECIPE, train_batchnorm=follows))
        modes = {type(each).__name__: each.training for each in network}
        assert modes["Dropout"]
        assert modes["BatchNorm2d"] == follows
        network.eval()


@given(seed=st.integers(0, 99), items=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_mixed_targets_belong_to_the_mixed_inputs(seed, items):
    random = np.random.default_rng(seed)
    inputs, answer = rows(count=items).double(), rows((CLASSES,), WIDTH).double()
    (mixed,), wanted = loop._mixed((inputs,), inputs @ answer, 0.2, random)
    torch.testing.assert_close(wanted, mixed @ answer)


def test_pictures_of_bytes_can_be_mixed():
    pixels = torch.randint(0, 256, (4, 5, 5, 3), dtype=torch.uint8)
    (mixed,), _ = loop._mixed((pixels,), targets(4), 1.0, np.random.default_rng(0))
    assert mixed.is_floating_point()
    assert mixed.max() <= 255
