"""Answers of several models brought to the same items, which none of them was trained on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from headstart.data.dataset import Task
from headstart.data.forms import ordered
from headstart.data.labels import encode
from headstart.data.together import joined, numbered
from headstart.errors import InputError
from headstart.evaluation.comparison import Answers
from headstart.run.answered import Answered
from headstart.types import Indices, Label, Mask, Scores, Targets
from headstart.wording import shown, some

Key = tuple[str, int]


@dataclass(frozen=True)
class Matched:
    """The same items for every model.

    Attributes:
        answers: of each model, in one order of items and classes.
        names, labels, targets: of the items.
        rows: where each item is in the answers of each model.
        trained_on: items that were left out because one of the models learnt from them.
        beside: items that the answers hold beyond those compared on.
        unknown: how many items of each class that no model answers were left out.
        together: int (n,): items of the same number are of one group; None where each is alone.
    """

    answers: tuple[Answers, ...]
    classes: tuple[str, ...]
    names: Sequence[str]
    labels: Sequence[Label]
    targets: Targets
    rows: Sequence[Sequence[int]]
    trained_on: int
    beside: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    together: Indices | None = None


def matched(models: Sequence[Answered], *, wanted: int | None = None) -> Matched:
    """Match the items of answers by content and name.

    Items go by their content where every model says it, and else by name; where two models say
    the content of an item, it must be the same.

    Args:
        models: two or more.
        wanted: which of them has the items that are compared on, where there is DATA; else these
            are the items that one of them did not learn from.

    Raises:
        InputError: the models are for other tasks or classes, or their items or labels differ,
            with how many do; or items that go by their name share one.
    """
    first = models[0]
    for each in models[1:]:
        if each.task != first.task:
            raise InputError(
                f"{_name(first)} answers for {first.task}, {_name(each)} for {each.task}; compare "
                "models of one task."
            )
    classes = _classes(models)
    by_content = all(len(each.digests) for each in models)
    if not by_content:
        _refuse_repeats(models)
    places = [_places(each, by_content=by_content) for each in models]
    learnt = _learnt(models, by_content=by_content)
    if wanted is not None:
        every = dict.fromkeys(places[wanted])
    else:
        every = dict.fromkeys(
            key
            for each, place in zip(models, places, strict=True)
            for key, at in place.items()
            if not each.learnt[at]
        )
    kept = [key for key in every if (key[0] if by_content else key) not in learnt]
    _refuse_missing(models, places, kept)
    if not kept:
        raise InputError(
            f"Nothing is left to compare on: of {len(every):,} items, every one was learnt from by "
            "one of the models; name other DATA behind the models."
        )
    rows = [[place[key] for key in kept] for place in places]
    _refuse_contents(models, rows, by_content=by_content)
    labels = [first.labels[at] for at in rows[0]]
    for each, own in zip(models[1:], rows[1:], strict=True):
        _refuse_labels(first, each, labels, [each.labels[at] for at in own])
    known, unknown = _known(first.task, labels, classes)
    rows = [[own[at] for at in known] for own in rows]
    labels = [labels[at] for at in known]
    return Matched(
        answers=tuple(
            Answers(
                each.name,
                _ordered(each, classes)[own],
                each.probable,
                _answered(each, classes, own),
            )
            for each, own in zip(models, rows, strict=True)
        ),
        classes=classes,
        names=[first.names[at] for at in rows[0]],
        labels=labels,
        targets=encode(labels, classes, first.task),
        rows=rows,
        trained_on=len(every) - len(kept),
        beside=0
        if wanted is None
        else len({key for place in places for key in place} - every.keys()),
        unknown=unknown,
        together=_together(models, rows),
    )


def _known(
    task: Task, labels: Sequence[Label], classes: Sequence[str]
) -> tuple[Sequence[int], Mapping[str, int]]:
    """Which items are of a class that is answered at all; of each other class, how many are.

    Raises:
        InputError: none are.
    """
    if task != "classification":
        return range(len(labels)), {}
    answered = set(classes)
    unknown = Counter(str(each) for each in labels if each not in answered)
    if unknown.total() == len(labels):
        raise InputError(
            f"No item is of a class that the models answer: the labels are {some(unknown)}, the "
            f"classes {some(classes)}."
        )
    return [at for at, each in enumerate(labels) if each not in unknown], unknown


def _together(models: Sequence[Answered], rows: Sequence[Sequence[int]]) -> Indices | None:
    """The group of each item, by what any model says of it; None where each is alone."""
    said = [
        numbered(each.groups[at] for at in own)
        for each, own in zip(models, rows, strict=True)
        if any(each.groups)
    ]
    together = joined(*said) if said else None
    return together if together is not None and len(np.unique(together)) < len(together) else None


def _refuse_repeats(models: Sequence[Answered]) -> None:
    """Refuse to tell items apart by their name where they share it."""
    for each in models:
        names = Counter(each.names)
        repeated = [name for name, times in names.items() if times > 1]
        if repeated:
            number = sum(names[name] for name in repeated)
            raise InputError(
                f"{number:,} items of {_name(each)} share their name with another (first: "
                f"{shown(repeated[0])}), and not every model says the content of its items (column "
                "digest); name each item once, or give digests."
            )


def _places(each: Answered, *, by_content: bool) -> dict[Key, int]:
    """Where the items are: by content and which of the same content it is, or by name."""
    if not by_content:
        return {(name, 0): at for at, name in enumerate(each.names)}
    seen: Counter[str] = Counter()
    found: dict[Key, int] = {}
    # By name, so that the first of two copies is the same for every model.
    for at in sorted(range(len(each.names)), key=lambda at: (each.names[at], at)):
        digest = each.digests[at]
        found[digest, seen[digest]] = at
        seen[digest] += 1
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _learnt(models: Sequence[Answered], *, by_content: bool) -> set[object]:
    """What any of the models learnt from; a copy of such an item is one, where content is known."""
    return {
        each.digests[at] if by_content else (each.names[at], 0)
        for each in models
        for at, was in enumerate(each.learnt)
        if was
    }


def _refuse_missing(
    models: Sequence[Answered], places: Sequence[dict[Key, int]], kept: Sequence[Key]
) -> None:
    lost = [[key for key in kept if key not in place] for place in places]
    if not any(lost):
        return
    counts = "; ".join(
        f"{_name(each)} answers for {len(kept) - len(missing):,}"
        for each, missing in zip(models, lost, strict=True)
    )
    at = next(at for at, missing in enumerate(lost) if missing)
    holder = next(place for place in places if lost[at][0] in place)
    owner = models[places.index(holder)]
    example = owner.names[holder[lost[at][0]]]
    raise InputError(
        f"The models answer for different items: of the {len(kept):,} that none learnt from, "
        f"{counts}; {_name(models[at])} lacks {some([example])}. Name the DATA to compare on "
        "behind the models, or give answers to the same items."
    )


def _refuse_contents(
    models: Sequence[Answered], rows: Sequence[Sequence[int]], *, by_content: bool
) -> None:
    """Two items of one name are one item, unless both models say another content."""
    known = [(each, own) for each, own in zip(models, rows, strict=True) if len(each.digests)]
    if by_content or len(known) < 2:
        return
    (first, own), *others = known
    for each, other in others:
        differ = [
            first.names[a]
            for a, b in zip(own, other, strict=True)
            if first.digests[a] != each.digests[b]
        ]
        if differ:
            raise InputError(
                f"{len(differ):,} of {len(own):,} items are others in {_name(first)} than in "
                f"{_name(each)}, going by their content, under the same name (first: "
                f"{shown(differ[0])}); compare on the same files."
            )


def _refuse_labels(
    first: Answered, each: Answered, labels: Sequence[Label], others: Sequence[Label]
) -> None:
    differ = [at for at, (a, b) in enumerate(zip(labels, others, strict=True)) if not _same(a, b)]
    if differ:
        at = differ[0]
        raise InputError(
            f"{len(differ):,} of {len(labels):,} items have another label in {_name(each)} than in "
            f"{_name(first)} (first: {_said(others[at])} and {_said(labels[at])}); compare on the "
            "same labels."
        )


def _same(a: Label, b: Label) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=1e-6, atol=1e-12))
    return a == b


def _said(label: Label) -> str:
    return some(label) if isinstance(label, tuple) else some([label])


def _classes(models: Sequence[Answered]) -> tuple[str, ...]:
    """The classes of all: those that have probabilities for them must have the same."""
    surest = next((each for each in models if each.probable), None)
    if surest is None:
        return tuple(ordered({name for each in models for name in each.classes}))
    for each in models:
        more = set(each.classes) - set(surest.classes)
        less = set(surest.classes) - set(each.classes) if each.probable else set()
        if more or less:
            which = (
                f"{_name(each)} knows {some(sorted(more))}, which {_name(surest)} does not"
                if more
                else f"{_name(surest)} knows {some(sorted(less))}, which {_name(each)} does not"
            )
            raise InputError(f"The models have other classes: {which}; compare models of the same.")
    return surest.classes


def _ordered(each: Answered, classes: Sequence[str]) -> Scores:
    """The scores with a column for each of `classes`; of one that is never answered, the least."""
    if not classes:
        return each.scores
    own = {name: at for at, name in enumerate(each.classes)}
    scores = np.full((len(each.names), len(classes)), -1.0)
    for at, name in enumerate(classes):
        if name in own:
            scores[:, at] = each.scores[:, own[name]]
    return scores


def _answered(each: Answered, classes: Sequence[str], own: Sequence[int]) -> Indices | Mask | None:
    """What is answered to some items, by the columns of `classes`."""
    if each.predicted is None:
        return None
    rows = each.predicted[list(own)]
    places = [list(classes).index(name) for name in each.classes]
    if rows.ndim == 1:
        return np.asarray(np.array(places, np.int64)[rows], np.int64)
    moved = np.zeros((len(rows), len(classes)), bool)
    moved[:, places] = rows
    return moved


def _name(each: Answered) -> str:
    return shown(each.name)
