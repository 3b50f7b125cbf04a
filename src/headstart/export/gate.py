"""The one parity gate: an export is asked about real items, and refused where it answers otherwise.

The reference is the saved predictor in 32-bit floats, which no export has a part in. It is held
beside the export twice: on images that have the network's size already, or on tokens, where only
the network and what follows it can differ; and on the items as a program without headstart reads
them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from headstart.evaluation.decisions import HALF, LabelThresholds
from headstart.evaluation.intervals import share
from headstart.export.items import Items
from headstart.export.precision import Precision
from headstart.export.reference import decided
from headstart.export.replay import Replayed, replay
from headstart.export.written import Written
from headstart.heads.contract import centre_of
from headstart.predictors import Model
from headstart.progress import Progress
from headstart.types import Array, Floats, Unchecked
from headstart.wording import items as items_of
from headstart.wording import shown

LEADS = 2e-3
"""By how much a class has to lead for it to be the same from the same input."""
CLOSE = 0.05
"""Largest difference of two values that are the same answer, as they were read."""
WORST = 5
"""Items that are named."""
FASTER = 1.05
"""Times as fast as in 32 bits, at least: less is within what the clock can tell."""


@dataclass(frozen=True)
class Limits:
    """How far an export may be from the model.

    Attributes:
        network: largest difference of a probability, of the same pixels or tokens.
        changed: largest share of items whose top class is another one there.
        median: largest difference of the median item, as it was read.
        same: least share of items whose answer is the same, as they were read.
        accuracy: largest difference of the share of right answers, as they were read; None: as far
            as the 95% interval of the model's reaches below it.
        batches: largest difference between an item alone and in a batch.
        unusual: largest difference of a probability for items of unusual sizes, beside what a level
            of brightness here and there changes the model's own answer by.
    """

    network: float = 1e-3
    changed: float = 0.0
    median: float = 5e-3
    same: float = 0.995
    accuracy: float | None = 0.005
    batches: float = 1e-3
    unusual: float = 0.02


LIMITS: Mapping[Precision, Limits] = {
    "float32": Limits(),
    # What rounding its weights does, which is less than bfloat16 does to the model itself.
    "float16": Limits(network=0.05, changed=0.005, unusual=0.05),
    # Its probabilities are others; its answers have to be the same.
    "int8": Limits(network=1, changed=0.005, median=1, accuracy=None, batches=1, unusual=1),
}


@dataclass(frozen=True)
class Gate:
    """How far an export is from the model. Differences are of probabilities, or of values as a
    share of the largest distance of one from their mean, at least one spread.

    Attributes:
        items: how many were asked about.
        source: what they are.
        network: the largest difference, of the same pixels or tokens.
        changed: items whose top class is another one there, though it led by `LEADS`.
        median, largest: differences of the items as a program without headstart reads them.
        same: the share whose answer is the same then: the class, all classes of an item, or a
            value within `CLOSE`.
        accuracy, expected: the share of right answers then, and the model's; None without labels.
        doubt: how far the 95% interval of the model's share reaches below it.
        unread: items that such a program cannot read.
        skipped: items that the model cannot read either; nothing else is said of them.
        undecided: items whose answer is not what the model decides of the same probabilities.
        batches: the largest difference between an item alone and in a batch.
        unusual: differences of items of unusual sizes, by what they are.
        rounding: by how much the model's own answers to them change where its pixels are a level
            brighter or darker, by chance.
        worst: the items that are furthest, by name, the furthest first.
        faster: how many times as fast it is as in 32-bit floats; None where it need not be faster.
        precision: of the export.
    """

    items: int
    source: str
    network: float
    changed: int
    median: float
    largest: float
    same: float
    accuracy: float | None
    expected: float | None
    doubt: float
    unread: int
    skipped: int
    undecided: int
    batches: float
    unusual: Mapping[str, float]
    rounding: Mapping[str, float]
    worst: Mapping[str, float]
    faster: float | None
    precision: Precision

    @property
    def limits(self) -> Limits:
        """How far such an export may be from the model."""
        return LIMITS[self.precision]

    def failures(self) -> list[str]:
        """What is not within the limits; nothing where the export may be written."""
        return list(self._failures())

    def _failures(self) -> Iterator[str]:
        limits = self.limits
        if not self.network <= limits.network:
            yield f"from the same input, probabilities differ by up to {self.network:.2g}"
        if self.changed > limits.changed * self.items:
            yield f"from the same input, {self.changed:,} of {self.items:,} top classes differ"
        if self.unread == self.items:
            yield "a program without headstart can read none of the items"
            return
        if not self.median <= limits.median:
            yield f"from the files, the median item differs by {self.median:.2g}"
        if not np.isfinite(self.largest):
            yield "from the files, there is not always a finite answer"
        if self.same < limits.same:
            yield f"from the files, {1 - self.same:.1%} of the answers differ"
        if self.accuracy is not None and self.expected is not None:
            most = self.doubt if limits.accuracy is None else limits.accuracy
            if abs(self.accuracy - self.expected) > most:
                yield (
                    f"from the files, {self.accuracy:.1%} of the answers are right, and "
                    f"{self.expected:.1%} of the model's"
                )
        if self.undecided:
            yield f"{self.undecided:,} answers are not what the model decides"
        if not self.batches <= limits.batches:
            yield f"an item in a batch differs by up to {self.batches:.2g} from the same alone"
        for name, difference in self.unusual.items():
            if not difference <= limits.unusual + self.rounding[name]:
                yield f"{name} differs by {difference:.2g}"
        if self.faster is not None and self.faster < FASTER:
            yield f"on this machine it is {self.faster:.2f} times as fast as in 32-bit floats"

    def sentences(self) -> list[str]:
        """What was checked, for a person."""
        like = "answers like the model" if self.precision == "float32" else "was held to the model"
        lines = [
            f"Asked about {items_of(self.items, 'item')} ({self.source}), the export {like}: from "
            f"the same input to {self.network:.1g}, and from the files as a program without "
            f"headstart reads them to {self.largest:.1g} (median {self.median:.1g}), with the same "
            f"answer for {self.same:.1%}.",
        ]
        if self.precision != "float32":
            lines.append(f"The precision of its network is {self.precision}.")
        if self.unread:
            lines.append(f"Such a program cannot read {self.unread:,} of them.")
        if self.skipped:
            lines.append(
                f"{items_of(self.skipped, 'item')} cannot be read at all, and were left out."
            )
        if self.accuracy is not None and self.expected is not None:
            lines.append(
                f"Right answers: {self.accuracy:.1%} of the export's, {self.expected:.1%} of the "
                "model's (in 32-bit floats)."
            )
        if self.faster is not None:
            lines.append(
                f"On this machine it is {self.faster:.1f} times as fast as in 32-bit floats."
            )
        return lines

    def furthest(self) -> str:
        """The items that are furthest, for a person."""
        return ", ".join(f"{shown(name)} ({far:.2g})" for name, far in self.worst.items())

    def to_json(self) -> Unchecked:
        """A JSON object."""
        limits = asdict(self.limits) | {"close": CLOSE}
        return {**asdict(self), "limits": limits}


def gate(
    model: Model,
    written: Written,
    items: Items,
    progress: Progress,
    precision: Precision = "float32",
) -> Gate:
    """Ask an export and the model about the same items.

    Args:
        model: the saved model.
        written: the export.
        items: what both are asked about.
        progress: shows items done.
        precision: of the export, which says how far it may be from the model.
    """
    done = replay(model, written, items.data, progress)
    scale = _scale(model, done.expected)
    network = _far(done.network, done.same, scale)
    read = done.read
    files = _far(done.files, done.expected, scale)
    both = (done.files, done.expected) if model.classes else ()
    answers = [decided(model, each[read]) for each in both]
    same = _rows_equal(*answers) if answers else files[read] <= CLOSE
    right = _right(items, done, read, answers)
    accuracy, expected = (None, None) if right is None else map(share, right)
    furthest = np.where(read, np.fmax(files, network), network)
    unusual = done.unusual.items()
    worst = np.argsort(-furthest, kind="stable")[:WORST].tolist()
    return Gate(
        items=len(done.names),
        source=items.source,
        network=float(network.max()),
        changed=_changed(model, done),
        median=float(np.median(files[read])) if read.any() else float("inf"),
        largest=float(files[read].max(initial=0)),
        same=float(same.mean()) if read.any() else 0.0,
        accuracy=None if accuracy is None else accuracy.value,
        expected=None if expected is None else expected.value,
        doubt=0.0 if expected is None else expected.value - expected.low,
        unread=int((~read).sum()),
        skipped=len(items.data) - len(done.names),
        undecided=done.undecided,
        batches=float(_far(*done.batches, scale).max(initial=0)),
        unusual={name: _far_apart(found, wanted, scale) for name, (found, wanted, _) in unusual},
        rounding={name: _far_apart(nudged, wanted, scale) for name, (_, wanted, nudged) in unusual},
        worst={done.names[at]: float(furthest[at]) for at in worst},
        faster=done.faster,
        precision=precision,
    )


def _scale(model: Model, expected: Array) -> float:
    """What differences are divided by: 1 for probabilities."""
    if model.classes:
        return 1.0
    centre, spread = centre_of(model.head.name, model.head.settings)
    return max(spread, float(np.abs(expected - centre).max()))


def _far(found: Array, expected: Array, scale: float) -> Floats:
    """The largest difference of each item, (n,); infinite where there is no finite answer."""
    if found.shape != expected.shape:
        return np.full(len(expected), np.inf)
    away = np.abs(found.astype(np.float64) - expected) / scale
    rows = away.reshape(len(away), -1).max(axis=1, initial=0)
    return np.where(np.isfinite(rows), rows, np.inf)


def _far_apart(found: Array, expected: Array, scale: float) -> float:
    return float(_far(found[None], expected[None], scale)[0])


def _rows_equal(found: Array, expected: Array) -> Array:
    return np.asarray((found == expected).all(axis=tuple(range(1, found.ndim))))


def _changed(model: Model, done: Replayed) -> int:
    """Items whose answer from the same input differs, though it is not a close one."""
    if not model.classes or done.network.shape != done.same.shape:
        return 0
    if model.task == "multilabel":
        decision = model.decision
        least = decision.values if isinstance(decision, LabelThresholds) else HALF
        clear = np.abs(done.same - np.array(least)) > LEADS
        differs = decided(model, done.network) != decided(model, done.same)
        return int((differs & clear).any(axis=1).sum())
    top = np.sort(done.same, axis=1)
    leads = top[:, -1] - top[:, -2] > LEADS if top.shape[1] > 1 else np.ones(len(top), bool)
    differs = done.network.argmax(axis=1) != done.same.argmax(axis=1)
    return int((differs & leads).sum())


def _right(
    items: Items, done: Replayed, read: Array, answers: Sequence[Array]
) -> tuple[Array, Array] | None:
    """Which items with a known label are answered rightly: by the export, and by the model."""
    if items.targets is None or not answers:
        return None
    targets = items.targets[done.kept][read]
    known = targets >= 0 if targets.ndim == 1 else np.ones(len(targets), bool)
    if not known.any():
        return None
    found, expected = (
        _rows_equal(each[known], targets[known].astype(each.dtype)) for each in answers
    )
    return found, expected
