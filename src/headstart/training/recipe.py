"""How a network is trained: the numbers, for a hundred items and for a hundred thousand."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headstart.spec import FitSpec

if TYPE_CHECKING:
    from headstart.training.strategies.contract import Strategy

STEPS = 650
"""Steps that a hundred items and a hundred thousand are both given, within `_LEAST` and `_MOST`."""

TEXT_STEPS = 1500
"""The same for an encoder of texts, which knows much already: it takes in what is new at once, and
later passes mostly fit noise."""

_LEAST, _MOST = 4, 20
_TEXT_LEAST, _TEXT_MOST = 2, 4
_TEXT_RATE, _TEXT_WIDTH = 1.5e-4, 384
_TEXT_DECAY = 0.95
_TEXT_RATE_LEAST = 1e-5
_WRITER_RATE = 3e-5
_AFTERWARDS, _GENTLER = 0.25, 0.3

_ENOUGH_FOR_BATCHNORM = 32
"""Items of a step whose statistics are worth following, where a budget leaves the choice."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of the loop.

    Attributes:
        epochs: most passes over the training items.
        batch: items of a step.
        rate: learning rate (AdamW) of the head and of the last stage.
        depth_decay: every stage further left learns slower by this factor (Howard & Ruder 2018,
            "Universal Language Model Fine-tuning for Text Classification").
        weight_decay: of every weight matrix; biases and normalisations have none.
        warmup: share of the steps in which the rate rises; a cosine lowers it after.
        label_smoothing: share of the target spread over all classes.
        mixup: Beta parameter of mixed pairs of items (Zhang et al. 2018, "mixup"); 0 mixes none.
        clip: longest gradient.
        dropout: before the head.
        patience: epochs without a better validation loss, in the second half of the epochs, before
            stopping; the best is kept. In the first half the rate is high, and what it breaks at
            first is mended later.
        share: of the training items that an epoch passes over, where a budget does not hold a
            whole one; which they are is another each epoch.
        views: ways that each image is looked at, where its activations are stored.
        train_batchnorm: whether BatchNorm statistics follow the data; else they stay frozen.
    """

    epochs: int
    batch: int = 32
    rate: float = 1e-3
    depth_decay: float = 0.8
    weight_decay: float = 0.05
    warmup: float = 0.1
    label_smoothing: float = 0.1
    mixup: float = 0.0
    clip: float = 1.0
    dropout: float = 0.2
    patience: int = 5
    share: float = 1.0
    views: int = 8
    train_batchnorm: bool = False

    @property
    def settled(self) -> int:
        """The epoch from which patience counts."""
        return self.epochs // 2

    def passed(self, items: int) -> int:
        """How many of `items` an epoch passes over: its share, but a whole batch at least."""
        return min(items, max(self.batch, round(self.share * items)))

    def steps(self, items: int) -> int:
        """Steps of an epoch over `items`; one may be short.

        An item that would be alone in it goes with the step before: BatchNorm needs two.
        """
        return max(1, (self.passed(items) - 2) // self.batch + 1)

    def afterwards(self) -> "Recipe":
        """For the best weights and all items, validation items too: fewer epochs, a lower rate.

        Nothing judges them any more, so they must not go far.
        """
        epochs = max(1, round(_AFTERWARDS * self.epochs))
        share = min(self.share, 1.0 if self.epochs > 1 else 2 * _AFTERWARDS)
        return replace(self, epochs=epochs, share=share, rate=_GENTLER * self.rate)

    def cost(self, items: int) -> int:
        """Steps of all epochs over `items`."""
        return self.epochs * self.steps(items)

    def eased(self, effort: float) -> "Recipe":
        """With a share of the views and epochs, for a budget that the usual ones do not fit.

        Less than one epoch is a part of one.
        """
        if effort == 1:
            return self
        epochs = effort * self.epochs
        return replace(
            self,
            epochs=max(1, round(epochs)),
            share=min(1.0, epochs),
            views=max(min(2, self.views), round(effort * self.views)),
        )

    def rate_at(self, step: int, steps: int) -> float:
        """The factor on every learning rate at `step` of `steps`."""
        rising = max(1.0, self.warmup * steps)
        if step < rising:
            return (step + 1) / (rising + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1.0, steps - rising)))


@dataclass(frozen=True)
class Size:
    """What a recipe depends on besides the strategy.

    Attributes:
        modality: of the items.
        items: how many are trained on.
        width: of the features of a network that reads texts; its rate follows from it. None for
            images, and for a model that writes.
        most: items that a step may have.
    """

    modality: str
    items: int
    width: int | None = None
    most: int = 32


def recipe_for(strategy: "Strategy", size: Size, spec: FitSpec) -> Recipe:
    """The defaults of a strategy for so many training items, with what the user asked for."""
    recipe = strategy.recipe(_usual(size, spec), size)
    return recipe if spec.epochs is None else replace(recipe, epochs=spec.epochs)


def usual_epochs(items: int, batch: int) -> int:
    """Few for many items, and many for few."""
    return min(_MOST, max(_LEAST, STEPS * batch // max(1, items)))


def _usual(size: Size, spec: FitSpec) -> Recipe:
    """What most strategies do."""
    items = size.items
    batch = min(size.most, 32 if items >= 320 else max(4, items // 10))
    follows = spec.train_batchnorm or (spec.strategy == "auto" and batch >= _ENOUGH_FOR_BATCHNORM)
    recipe = Recipe(epochs=usual_epochs(items, batch), batch=batch, train_batchnorm=follows)
    if size.modality == "image":
        return recipe
    recipe = replace(
        recipe, rate=_WRITER_RATE, views=1, dropout=0.1, weight_decay=0.01, label_smoothing=0.0
    )
    if size.width is None:
        return recipe
    epochs = min(_TEXT_MOST, max(_TEXT_LEAST, TEXT_STEPS * batch // max(1, items)))
    rate = _text_rate(size.width)
    return replace(recipe, epochs=epochs, rate=rate, depth_decay=_TEXT_DECAY)


def _text_rate(width: int) -> float:
    """1.5e-4 for the default encoder, 3.75e-5 for one of twice its width (BERT base).

    Wide networks are broken by rates that narrow ones need (Devlin et al. 2018 chose from 2e-5 to
    5e-5 for BERT); the inverse square of the width goes through both.
    """
    return min(_TEXT_RATE, max(_TEXT_RATE_LEAST, _TEXT_RATE * (_TEXT_WIDTH / width) ** 2))
