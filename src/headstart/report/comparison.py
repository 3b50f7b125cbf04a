"""What a comparison of models has to say: the content of `headstart compare --json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from headstart.data.dataset import Skipped, Task
from headstart.evaluation.comparison import Comparison, Pair, Slice
from headstart.evaluation.statistics import FIRST
from headstart.report.jsonable import jsonable, metrics_to_json
from headstart.report.notebook import Showable
from headstart.types import Json, JsonObject, Unchecked
from headstart.wording import shown

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Example:
    """An item on which two models differ.

    Attributes:
        item: its name; label: what is true of it.
        new, old: what each model answers.
        digest: of its content, 32 hexadecimal digits; empty where no model says it.
    """

    item: str
    label: str
    new: str
    old: str
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class ComparisonReport(Showable):
    """Models compared on the same items.

    Attributes:
        models: what they are called; tables and keys call them A, B, C, in this order.
        dataset: what the data is called; None: the test items saved with the models.
        task, classes: what is predicted.
        counts: items `compared`; `trained_on`, which were left out; and `skipped`.
        compared: metrics of each, and every two compared.
        examples: of each pair, items on which the two differ most.
        by: the column of the slices.
        page: the page that was written; None: none was asked for.
        options, versions, skipped, warnings, notes, seconds: as in `Report`.
    """

    models: tuple[str, ...]
    dataset: str | None
    task: Task
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    compared: Comparison
    examples: tuple[tuple[Example, ...], ...] = ()
    by: str | None = None
    page: str | None = None
    options: Unchecked = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def letters(self) -> tuple[str, ...]:
        """`A`, `B`, `C`, ...: how tables and keys call the models."""
        return tuple(letter(at) for at in range(len(self.models)))

    def show_on(self, console: Console) -> None:
        """See `Showable.show_on`."""
        from headstart.report.compared import show_comparison

        show_comparison(self, console)

    def __repr__(self) -> str:
        pair = self.compared.pairs[0]
        main = pair.tests[FIRST[self.task]]
        found = main.difference
        return (
            f"<Comparison of {len(self.models)} models on {self.counts['compared']:,} items: "
            f"{found.metric} {found.value:+.4g} ({found.low:.4g} to {found.high:.4g}) from "
            f"{shown(self.models[pair.old])!r} to {shown(self.models[pair.new])!r}>"
        )

    def to_json(self) -> JsonObject:
        """What `headstart compare --json` prints; NaN is null there."""
        letters = self.letters
        compared = self.compared
        return {
            "models": dict(zip(letters, self.models, strict=True)),
            "dataset": self.dataset,
            "task": self.task,
            "classes": list(self.classes),
            "counts": dict(self.counts),
            "metrics": {
                each: metrics_to_json(found.metrics)
                for each, found in zip(letters, compared.evaluations, strict=True)
            },
            "pairs": [self._pair(at) for at in range(len(compared.pairs))],
            "per_class": self._slices(compared.per_class),
            "by": self.by,
            "slices": self._slices(compared.slices),
            "skipped": [jsonable(asdict(each)) for each in self.skipped],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "seconds": jsonable(self.seconds),
            "page": self.page,
            "options": jsonable(self.options),
            "versions": jsonable(self.versions),
        }

    def _pair(self, at: int) -> Json:
        from headstart.report.compared import in_words

        pair = self.compared.pairs[at]
        return {
            **self.named(pair),
            "sentence": in_words(self, pair),
            "tests": [test.to_json() for test in pair.tests.values()],
            "agreement": dict(pair.agreement),
            "examples": [jsonable(asdict(each)) for each in self.examples[at]],
        }

    def named(self, pair: Pair) -> dict[str, str]:
        """The letters of a pair: differences are `new` less `old`."""
        return {"new": self.letters[pair.new], "old": self.letters[pair.old]}

    def _slices(self, slices: tuple[Slice, ...]) -> list[Json]:
        pairs = self.compared.pairs
        return [
            {
                "name": each.name,
                "items": each.items,
                "values": jsonable(dict(zip(self.letters, each.values, strict=True))),
                "tests": [
                    {**self.named(pair), **test.to_json()}
                    for pair, test in zip(pairs, each.tests, strict=True)
                ],
            }
            for each in slices
        ]


def letter(at: int) -> str:
    """`A`, `B`, ..., `Z`, `A1`, `B1`, ..."""
    return chr(ord("A") + at % 26) + (str(at // 26) if at >= 26 else "")
