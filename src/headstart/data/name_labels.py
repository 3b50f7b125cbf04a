"""Labels out of the names of files: `--label-from`, or a pattern that all names share."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.data.dataset import Skipped
from headstart.errors import DataError
from headstart.wording import shown, some

NUMBERED = r"^(?:.*/)?([^/]*?[^/\W\d_])[\s._-]*\(?\d+\)?(?:\.\w+)?$"
"""`beagle_12.jpg`, `cat.0.jpg`, `great_pyrenees_173.jpg` and `dog (3).jpg`."""

UNMATCHED = "its name does not match --label-from"

_NO_CLASSES = frozenset(
    (
        *("img", "image", "images", "imgp", "dsc", "dscn", "dscf", "dji", "pxl", "mvi", "vid"),
        *("gopr", "p", "photo", "pic", "picture", "frame", "file", "scan", "screenshot", "screen"),
        *("shot", "page", "download", "copy", "untitled", "whatsapp", "signal", "cap", "capture"),
        *("snapshot", "doc", "text", "train", "test", "val", "valid", "validation", "sample"),
        *("item", "data", "raw", "crop", "patch", "tile", "slice", "cam", "camera", "video"),
        *("clip", "wa", "id"),
    )
)
"""What cameras and programs call files, which says nothing of what is in them."""


@dataclass(frozen=True)
class Pattern:
    """How names give labels.

    Attributes:
        expression: the regular expression; its group `label`, its first group, or all of it is
            the class.
        notes: what was guessed, and how to say otherwise.
    """

    expression: str
    notes: tuple[str, ...] = ()

    def labels(self, names: Sequence[str]) -> list[str | None]:
        """The class in each name; None where it does not match."""
        compiled = _compiled(self.expression)
        return [_label(compiled.search(name.replace("\\", "/"))) for name in names]


def asked(expression: str) -> Pattern:
    """The pattern of `--label-from`.

    Raises:
        DataError: it is not a regular expression.
    """
    _compiled(expression)
    return Pattern(expression)


def guessed(names: Sequence[str], where: str) -> Pattern | None:
    """A pattern that nearly all names of a folder without classes share, where it means classes.

    Each class must repeat, and none be what cameras call their files.

    Args:
        names: of the files.
        where: what to call the folder.
    """
    pattern = Pattern(NUMBERED)
    labels = pattern.labels(names)
    counts = Counter(label for label in labels if label is not None)
    plain = {re.split(r"[\W\d_]+", name.lower())[0] for name in counts}
    if sum(counts.values()) < 0.9 * len(names) or len(counts) < 2 or plain & _NO_CLASSES:
        return None
    if min(counts.values()) < 2 or 4 * len(counts) > len(names):
        return None
    first = next(at for at, label in enumerate(labels) if label is not None)
    return Pattern(
        NUMBERED,
        (
            f"{where} has no folder per class; the labels are taken from the names of the files: "
            f"{shown(names[first])!r} is {shown(labels[first] or '')!r}, and there are "
            f"{some(sorted(counts))} (a guess; --label-from says).",
        ),
    )


def refuse_none(pattern: Pattern, labels: Sequence[str | None], names: Sequence[str]) -> None:
    """Refuse a pattern that no name matches.

    Raises:
        DataError: names an example.
    """
    if names and not any(labels):
        raise DataError(
            f"--label-from {pattern.expression!r} matches no name, such as {shown(names[0])!r}; "
            r"it is a regular expression whose first group is the class: '([^/]+)_\d+\.jpg$'."
        )


def unmatched(names: Sequence[str], labels: Sequence[str | None]) -> list[Skipped]:
    """The names that give no label."""
    return [Skipped(n, UNMATCHED) for n, label in zip(names, labels, strict=True) if label is None]


def _label(matched: re.Match[str] | None) -> str | None:
    if matched is None:
        return None
    found = matched.groupdict().get("label") or (matched[1] if matched.re.groups else matched[0])
    return found.strip() or None if found else None


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise DataError(
            f"--label-from is {expression!r}, which is not a regular expression ({error})."
        ) from error
