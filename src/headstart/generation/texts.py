"""What a language model learns from: documents, each of them on one side of every split.

A document is a file of a folder, a row of a table, or, where there is one text alone, a part of
it that ends where a line does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from headstart import data as reading
from headstart.data import texts
from headstart.data.dataset import Dataset, Skipped, joined
from headstart.data.folder import text_of
from headstart.data.images import EXTENSIONS
from headstart.data.rows import refuse_first
from headstart.data.split_names import split_name
from headstart.data.table import is_table
from headstart.data.walk import walk
from headstart.errors import InputError, Unreadable
from headstart.spec import FitSpec, ItemSpec, ReadSpec
from headstart.wording import shown, some

PART = 2_000
"""Characters of a part of one long text, about; shorter where there would be few parts."""

PARTS = 50
"""Parts that a text is divided into, at least, where it is long enough."""

LEAST_PART = 200


@dataclass(frozen=True, slots=True)
class Document:
    """A text to learn from.

    Attributes:
        text: what is learnt; after a prompt, what is to be written.
        prompt: what is given; nothing is learnt from it alone. Empty for a whole text.
        ends: whether the text ends here; not so where the next part goes on.
    """

    text: str
    prompt: str = ""
    ends: bool = True

    @property
    def digest(self) -> bytes:
        """16 bytes that name it."""
        return texts.digest(f"{self.prompt}\0{self.text}")

    @property
    def given(self) -> bytes:
        """16 bytes that name the prompt; none where there is none."""
        return texts.digest(self.prompt) if self.prompt else b""


def read(data: str | Path | Dataset, spec: FitSpec) -> Dataset:
    """Documents from a text file, a folder of them, a table, a hub data set, or memory.

    Args:
        data: what the user named.
        spec: which columns, and what else to test on.

    Returns:
        A data set whose items are `Document`s.

    Raises:
        InputError: what is wrong, where, and what to do.
    """
    found = _documents(data, spec)
    if spec.test is None:
        return found
    return joined(found, _documents(spec.test, spec))


def _documents(data: str | Path | Dataset, spec: FitSpec) -> Dataset:
    if isinstance(data, Dataset):
        if spec.input is not None or spec.prompt is not None:
            raise _no_columns("What is in memory")
        return _checked(_from_memory(data, spec))
    path = Path(data)
    if str(data) and path.exists() and not path.is_dir() and not is_table(path):
        if spec.input is not None or spec.prompt is not None:
            raise _no_columns(shown(str(path)))
        return _divided(_text(path), shown(path.name))
    if spec.prompt is not None:
        return _pairs(data, spec)
    if path.is_dir() and not any(_readable(path)):
        raise InputError(
            f"There are no .txt files in {shown(str(path))}, and no table; --task generation "
            "learns from those."
        )
    found = _checked(reading.read(data, _read_spec(spec, spec.input), labelled=False))
    found = replace(found, items=[Document(text) for text in found.items])
    return _of_folder(path, found, spec) if _is_folder(path, found) else found


def _readable(folder: Path) -> Iterator[Path]:
    suffixes = {".txt", *EXTENSIONS}  # images have a sentence of their own
    paths = (Path(file.path) for file in walk(folder)[0])
    return (e for e in paths if e.suffix.lower() in suffixes or is_table(e))


def _read_spec(spec: FitSpec, column: str | None) -> ReadSpec:
    same = {each.name: getattr(spec, each.name) for each in fields(ItemSpec)}
    return ReadSpec(**{**same, "input": column})


def _from_memory(data: Dataset, spec: FitSpec) -> Dataset:
    items, kept, skipped = [], [], list(data.skipped)
    for at, item in enumerate(data.items):
        try:
            items.append(Document(texts.clean(item)))
            kept.append(at)
        except Unreadable as reason:
            skipped.append(Skipped(data.names[at], str(reason)))
            refuse_first(skipped, spec)
    names = [data.names[at] for at in kept]
    splits = [data.splits[at] for at in kept] if data.splits else ()
    return replace(
        data,
        items=items,
        names=names,
        splits=splits,
        skipped=tuple(skipped),
        task=None,
        labels=None,
    )


def _checked(data: Dataset) -> Dataset:
    if data.modality != "text":
        raise InputError(
            "The data holds images, but --task generation learns from texts; give a text file, a "
            "folder of .txt files, or a table whose column of texts --input names."
        )
    return data


def _text(path: Path) -> str:
    try:
        return text_of(str(path))
    except Unreadable as reason:
        raise InputError(
            f"{shown(str(path))} cannot be read: {reason}; give a text file in UTF-8."
        ) from reason


def _no_columns(what: str) -> InputError:
    return InputError(f"{what} has no columns; leave out --input, --prompt and --completion.")


def _is_folder(path: Path, found: Dataset) -> bool:
    """Whether the items are files of a folder, not rows of the tables in it."""
    return path.is_dir() and all(name.lower().endswith(".txt") for name in found.names)


def _of_folder(folder: Path, found: Dataset, spec: FitSpec) -> Dataset:
    """A file each, in the splits that the folders above them name."""
    if spec.input is not None:
        raise _no_columns(shown(str(folder)))
    if len(found) == 1:
        divided = _divided(found.items[0].text, found.names[0])
        return replace(divided, skipped=found.skipped)
    tops = [name.partition("/")[0] if "/" in name else "" for name in found.names]
    looks = [split_name(top) for top in tops]
    splits = [look.split if look is not None and look.sure else None for look in looks]
    if not any(splits):
        return found
    strays = [name for name, split in zip(found.names, splits, strict=True) if split is None]
    if strays:
        named = dict.fromkeys(top for top, split in zip(tops, splits, strict=True) if split)
        raise InputError(
            f"In {shown(str(folder))}, {some(named)} look like splits, but {some(strays)} "
            f"{'is' if len(strays) == 1 else 'are'} in none; put every text in a split, or none."
        )
    note = f"The splits are those of the folders in {shown(folder.name)}."
    return replace(found, splits=splits, notes=(*found.notes, note))


def _pairs(data: str | Path, spec: FitSpec) -> Dataset:
    """Rows of a table with a prompt and what follows it; a row that lacks one is skipped."""
    prompts, completions = (
        _column(data, spec, name, column)
        for name, column in (("--prompt", spec.prompt), ("--completion", spec.completion))
    )
    if _is_folder(Path(data), completions):
        raise _no_columns(shown(str(data)))
    given = dict(zip(prompts.names, prompts.items, strict=True))
    kept = [at for at, name in enumerate(completions.names) if name in given]
    missing = {each.item: each for each in (*prompts.skipped, *completions.skipped)}
    if not kept:
        raise InputError(
            f"No row has both {spec.prompt!r} (--prompt) and {spec.completion!r} (--completion)."
        )
    names = [completions.names[at] for at in kept]
    return replace(
        completions,
        items=[
            Document(completions.items[at], given[name])
            for at, name in zip(kept, names, strict=True)
        ],
        names=names,
        splits=[completions.splits[at] for at in kept] if completions.splits else (),
        skipped=tuple(missing.values()),
        notes=tuple(dict.fromkeys((*prompts.notes, *completions.notes))),
    )


def _column(data: str | Path, spec: FitSpec, option: str, column: str | None) -> Dataset:
    try:
        return _checked(reading.read(data, _read_spec(spec, column), labelled=False))
    except InputError as error:
        raise InputError(str(error).replace("--input", option)) from error


def _divided(text: str, name: str) -> Dataset:
    """Parts of one text, at blank lines where there are enough, else at the ends of lines."""
    wanted = max(LEAST_PART, min(PART, len(text) // PARTS))
    parts = list(_parts(text.splitlines(keepends=True), wanted))
    return Dataset(
        modality="text",
        items=[
            Document(part, ends=number == len(parts)) for number, part in enumerate(parts, start=1)
        ],
        names=[f"{name}, part {number}" for number in range(1, len(parts) + 1)],
        notes=()
        if len(parts) < 2
        else (
            f"{name} is one text: it was divided into {len(parts):,} parts of about {wanted:,} "
            "characters, where a line ends. A part is in one split as a whole, but the parts "
            "before and after it may be in others.",
        ),
    )


def _parts(lines: Sequence[str], wanted: int) -> list[str]:
    parts, current, size = [], [], 0
    for line in lines:
        current.append(line)
        size += len(line)
        if size >= 2 * wanted or (size >= wanted and not line.strip()):
            parts.append("".join(current))
            current, size = [], 0
    parts.append("".join(current))
    return [part for part in parts if part.strip()]
