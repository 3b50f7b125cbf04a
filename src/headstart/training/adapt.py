"""Adapt a copy of a backbone: the part right of a cut, or all of it, learns with the head."""

import time
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from headstart.evaluation import judge
from headstart.learning.loop import Trained
from headstart.progress import Progress, Silent
from headstart.training.adapted import Adapted, few_to_calibrate_on
from headstart.training.candidate import Candidate, Source, check
from headstart.training.checkpoint import Checkpoint
from headstart.training.examples import Part
from headstart.training.learner import Learner
from headstart.training.loop import Task, train
from headstart.training.network import Copy, changed, groups, trained_parameters
from headstart.training.threads import every_core

LEAST_VIEWS, EXTRACTION_SHARE = 2, 0.75
"""Views that are stored in any case, and share of a training's time after which no more are."""


@every_core()
def adapt(
    candidate: Candidate,
    source: Source,
    *,
    checkpoint: Checkpoint | None = None,
    progress: Progress | None = None,
    deadline: float | None = None,
) -> Adapted:
    """Train on the training items, judged by the validation items; then a little on both.

    Nothing of `source` changes: several candidates can be trained at once. What is `judged` is the
    network before it learnt from validation items.

    Args:
        candidate: what to train.
        source: what it learns from.
        checkpoint: where the state goes; None keeps none.
        progress: shows what is going on.
        deadline: by `time.monotonic`; the training is shortened to end by then.

    Raises:
        InputError: the backbone cannot be adapted so, or an item cannot be used.
    """
    began = time.monotonic()
    check(candidate, source)
    learner = Learner(candidate, source)
    training = _Training(learner, checkpoint, progress or Silent(), deadline)
    return training.run(began)


def learn(
    candidate: Candidate,
    network: nn.Module,
    copied: Copy,
    task: Task,
    progress: Progress,
    checkpoint: Checkpoint | None,
    *,
    deadline: float | None = None,
    title: str = "",
) -> Trained:
    """Train a copy in place, and leave the best weights in it, in evaluation mode.

    Args:
        candidate: says how.
        network: the copy, with its head.
        copied: the copy.
        task: what is learnt.
        progress: shows what is going on.
        checkpoint: where the state goes; None keeps none.
        deadline: by `time.monotonic`; the training is shortened to end by then.
        title: what to say of it beside the candidate's name.
    """
    recipe = candidate.recipe
    items = recipe.passed(len(task.items)) * recipe.epochs
    with progress.stage(f"Training: {candidate.words}{title}", items) as advance:
        return train(
            network,
            groups(network, copied.depths, recipe),
            task,
            recipe,
            seed=candidate.seed,
            checkpoint=checkpoint,
            advance=advance,
            deadline=deadline,
        )


@dataclass
class _Training:
    """What goes along while a candidate is trained."""

    learner: Learner
    checkpoint: Checkpoint | None
    progress: Progress
    deadline: float | None

    def run(self, began: float) -> Adapted:
        examples = self.learner.source.examples
        train_part, validation = examples.parts["train"], examples.parts["validation"]
        self.limit_views(train_part)
        learner, recipe = self.learner, self.learner.candidate.recipe
        items = learner.items(train_part.positions, self.progress)
        held_out = learner.items(validation.positions, self.progress, measured=True)
        copied = learner.copy()
        network = learner.network(copied)
        validate = learner.validate(network, held_out, validation)
        trained = learn(
            learner.candidate,
            network,
            copied,
            learner.task(items, train_part, validate),
            self.progress,
            self.checkpoint,
            deadline=self.deadline,
        )
        logits = np.empty((0, 1), np.float32)
        if len(validation):
            logits = learner.answers(network, held_out)
        start = learner.head(network)
        earlier = trained.before
        if len(validation) and trained.best_epoch:
            both = train_part.joined(validation)
            after = recipe.afterwards()
            made = trained.epochs * recipe.steps(len(train_part))  # patience may end it early
            if self.has_time(trained, trained.seconds / made * after.cost(len(both))):
                everything = learner.items(both.positions, self.progress)
                earlier += learn(
                    replace(learner.candidate, recipe=after),
                    network,
                    copied,
                    learner.task(everything, both, None),
                    self.progress,
                    self.checkpoint.beside("afterwards") if self.checkpoint else None,
                    title=", with the validation items",
                ).before
        parameters = trained_parameters(network)
        network.cpu()
        learner.strategy.finish(copied.module)
        return Adapted(
            strategy=learner.candidate.strategy,
            cut=learner.candidate.cut,
            head=learner.head(network),
            start=start,
            judged=judge(
                examples.task,
                logits,
                validation.targets,
                examples.classes,
                learner.candidate.seed,
            ),
            trained_parameters=parameters,
            seconds=earlier + time.monotonic() - began,
            trunk=learner.source.trunk,
            examples=examples,
            candidate=learner.candidate,
            weights=changed(copied.module, copied.names, learner.source.trunk.backbone.module),
            warnings=few_to_calibrate_on(len(validation), examples.task),
            losses=tuple(trained.losses[1:]) if len(validation) else (),
        )

    def limit_views(self, part: Part) -> None:
        """Extract view by view, fewer where more would leave training too little time."""
        learner, deadline = self.learner, self.deadline
        if deadline is None or learner.candidate.cut is None:
            return
        kept = self.checkpoint.decisions().get("views") if self.checkpoint else None
        began, views = time.monotonic(), learner.views
        data = learner.source.data.select(part.positions)
        for number, view in enumerate(views, start=1):
            if number <= LEAST_VIEWS or kept is not None:
                count = min(number, kept or number)
            else:
                each = (time.monotonic() - began) / (number - 1)
                ends = time.monotonic() + each - began
                count = number if ends < EXTRACTION_SHARE * (deadline - began) else number - 1
            if count < number:
                if self.checkpoint is not None and kept is None:
                    self.checkpoint.decide("views", count)
                self.learner = learner.with_views(count)
                return
            learner.trunk.extract(data, self.progress, view)

    def has_time(self, trained: Trained, seconds: float) -> bool:
        """Whether what follows the training, of so many seconds, still fits."""
        if not self.learner.candidate.learns_all or trained.shortened:
            return False
        if self.deadline is None:
            return True
        kept = self.checkpoint.decisions().get("afterwards") if self.checkpoint else None
        if kept is None:
            kept = time.monotonic() + seconds <= self.deadline
            if self.checkpoint is not None:
                self.checkpoint.decide("afterwards", kept)
        return bool(kept)
