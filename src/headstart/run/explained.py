"""Why a model answers as it does, for the page: of the items most worth a look, as far as cheap."""

from collections.abc import Sequence

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import first_line
from headstart.explanations import Explanation, Unexplained, explain, occlusion, words
from headstart.predictors import Model
from headstart.preprocessing import Preprocessing, TextPreprocessing
from headstart.progress import Progress
from headstart.report.page.keep import Item

MOST = 6
"""Items that are explained."""

SHARE = 0.05
"""Of the work that the features of all items are, that the explanations may be: counted, not timed,
so that the same run has the same page."""

FREE = 200.0
"""Billions of operations that they may take besides: about a second on two cores."""

PARTS = 24
"""Of a text that are left out one by one: fewer than where a person asks why."""

TOKENS = 1.3
"""Of a word, as a rule."""


def explained(
    model: Model, data: Dataset, items: Sequence[Item], gflops: float, progress: Progress
) -> tuple[dict[int, Explanation], tuple[str, ...]]:
    """Explanations of the first of some items, by position; and what to warn of.

    The page does without that of an item that can no longer be read, and without all where
    something goes wrong: the model is saved.

    Args:
        model: it answered.
        data: every item.
        items: those that the page shows.
        gflops: billions of operations of the network for one item, for a text at its longest.
        progress: shows items done.
    """
    try:
        some = items[: _affordable(model.preprocessing, data, items, gflops)]
        if not some:
            return {}, ()
        positions = np.array([each.position for each in some], np.int64)
        wanted = [each.explains for each in some]
        of_them = data.select(positions)
        found = list(explain(model, of_them, wanted, parts=PARTS, progress=progress))
    except Exception as error:
        return {}, (f"The page has no explanations: {first_line(error)}",)
    pairs = zip(some, found, strict=True)
    return {each.position: why for each, why in pairs if not isinstance(why, Unexplained)}, ()


def _affordable(
    preprocessing: Preprocessing, data: Dataset, items: Sequence[Item], gflops: float
) -> int:
    """How many of the items, from the first, are explained."""
    spent = 0.0
    for number, each in enumerate(items[:MOST]):
        questions, share = _questions(preprocessing, data.items[each.position])
        spent += questions / (SHARE * len(data) + FREE / max(gflops * share, 1e-9))
        if spent > 1:
            return number
    return min(len(items), MOST)


def _questions(preprocessing: Preprocessing, item: object) -> tuple[int, float]:
    """About how often the network is asked about an item, and the share of its most work."""
    if not isinstance(preprocessing, TextPreprocessing):
        return occlusion.QUESTIONS, 1.0
    number = len(words.spans(str(item)))
    share = min(1.0, TOKENS * max(number, 1) / preprocessing.max_tokens)
    return min(number, 2 * PARTS) + 1, share
