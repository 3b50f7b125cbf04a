"""Files whose names say their class: a folder without one for each class, or `--label-from`."""

from collections.abc import Callable, Sequence
from typing import Protocol

from headstart.data import groups, name_labels
from headstart.data.cells import interpret
from headstart.data.dataset import Dataset, Modality, Skipped
from headstart.data.reads import Reads, trained
from headstart.data.rows import refuse_first
from headstart.data.split_names import split_above, split_name
from headstart.errors import DataError, Unreadable
from headstart.spec import ReadSpec
from headstart.wording import shown


class _File(Protocol):
    @property
    def path(self) -> str:
        """Where it is."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Its path below the folder, by part."""


def by_names(
    where: str,
    files: Sequence[_File],
    modality: Modality,
    spec: ReadSpec,
    text_of: Callable[[str], str],
) -> Dataset | None:
    """The data set whose labels are in the names of its files; None where they are not.

    They are where `--label-from` says so, or a model was trained so, or else where all files lie
    in the folder itself and share a pattern such as `beagle_12.jpg`.

    Args:
        where: what to call the folder.
        files: the images, or `.txt` files, below it.
        modality: which of the two.
        spec: how to read them.
        text_of: reads a text file, or raises `Unreadable`.

    Raises:
        DataError: `--label-from` matches no name, or together with `--label`.
    """
    names = ["/".join(file.parts) for file in files]
    flat = all(len(file.parts) == 1 for file in files)
    pattern = _pattern(where, names, flat, spec)
    if pattern is None:
        return None
    if spec.label is not None or spec.input is not None:
        raise DataError(
            f"{where} has no columns, its labels are in the names of its files; leave out --input "
            "and --label."
        )
    labels = pattern.labels(names)
    name_labels.refuse_none(pattern, labels, names)
    skipped = name_labels.unmatched([shown(name) for name in names], labels)
    items: list[object] = []
    kept: list[int] = []
    for at, file in enumerate(files):
        if labels[at] is None:
            continue
        try:
            items.append(file.path if modality == "image" else text_of(file.path))
            kept.append(at)
        except Unreadable as reason:
            skipped.append(Skipped(shown(names[at]), str(reason)))
    refuse_first(skipped, spec)
    found = interpret(
        [labels[at] for at in kept],
        spec.task,
        lambda row: shown(names[kept[row]]),
        na_values="",  # whatever a name says is a class: `NA` is Namibia
    )
    splits = [split_above(files[at].parts[:-1]) for at in kept]
    folders = [[n for n in files[at].parts[:-1] if split_name(n) is None] for at in kept]
    return Dataset(
        modality=modality,
        items=items,
        names=[shown(names[at]) for at in kept],
        task=found.task,
        labels=[label for label in found.labels if label is not None],
        splits=splits if any(splits) else (),
        groups=groups.of_files([names[at] for at in kept], folders, spec),
        skipped=tuple(skipped),
        warnings=found.warnings,
        notes=(*pattern.notes, *found.notes),
        reads=Reads(label_from=pattern.expression),
    )


def _pattern(
    where: str, names: Sequence[str], flat: bool, spec: ReadSpec
) -> name_labels.Pattern | None:
    if spec.label_from is not None:
        return name_labels.asked(spec.label_from)
    if not flat or not names:
        return None
    known = trained(spec).label_from
    return name_labels.asked(known) if known else name_labels.guessed(names, where)
