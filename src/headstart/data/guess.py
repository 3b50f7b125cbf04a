"""Which columns of a table are the input and the labels, where nobody says."""

import re
from collections.abc import Sequence
from pathlib import Path

from headstart.data import pixels
from headstart.data.dataset import Modality
from headstart.data.images import EXTENSIONS
from headstart.data.paths import Finder
from headstart.data.table import Table
from headstart.errors import DataError
from headstart.wording import some

_IMAGE_NAMES = (
    "image", "img", "image_path", "img_path", "image_file", "file_name", "filename", "filepath",
    "file_path", "file", "path", "picture", "photo", "images", "image_name", "img_name",
    "imagename", "image_filename", "image_id", "img_id", "imageid", "pic", "photo_id", "file_id",
)  # fmt: skip
_TEXT_NAMES = (
    "text", "sentence", "review", "content", "comment", "body", "message", "tweet", "question",
    "utterance", "document", "description", "texts", "review_text", "comment_text", "sms", "news",
    "article", "abstract", "post", "query", "phrase", "statement", "headline", "title",
)  # fmt: skip
_LABEL_NAMES = (
    "label", "labels", "class", "category", "target", "y", "class_name", "label_name",
    "class_label", "label_text", "sentiment", "topic", "intent", "emotion", "genre", "species",
    "tag", "tags", "categories", "classes", "rating", "score", "value", "lbl", "cls", "class_id",
    "label_id", "classname", "labelname", "polarity", "breed", "diagnosis", "dx", "stars",
)  # fmt: skip
_INDEX = re.compile(r"unnamed_\d+(_level_\d+)?|index|level_0|row_?(id|num|number)?|id")
_PAIRED = re.compile(r"_?([1-9]|[ab])$")
_PAIR = frozenset(("premise", "hypothesis"))
_YES_NO = frozenset(("0", "1", "-1", "0.0", "1.0", "-1.0", "true", "false", ""))
_SAMPLE = 200
_SENTENCE, _SEVERAL = 3, 6
"""Words of a text that names no class, and rows that are enough to tell."""

_LONGEST_PATH = 1024


def guess_input(
    table: Table, names: Sequence[str], modality: Modality | None, finder: Finder
) -> tuple[str, ...]:
    """The input column among `names`; several where each is a pixel.

    Raises:
        DataError: none looks like it.
    """
    pictures = None if modality == "text" else _pictures(table, names)
    if pictures:
        return pictures
    wanted = {"image": _IMAGE_NAMES, "text": _TEXT_NAMES}
    known = wanted[modality] if modality else (*_IMAGE_NAMES, *_TEXT_NAMES)
    texts = [name for name in names if _is_text(table, name)]
    named = [name for name in texts if plain(name) in known]
    files = (n for n in names if modality != "text" and _names_images(table, n, finder))
    if named:
        best = _first_of(table, named, known, "--input")
        if plain(best) in _TEXT_NAMES or not are_ids(sample(table.columns[best])):
            return (best,)
        return (next(files, best),)
    if (found := next(files, None)) is not None:
        return (found,)
    if not texts:
        raise DataError(
            f"No column of {table.name} looks like the input; name one of "
            f"{some(table.columns, 20)} with --input."
        )
    best = max(texts, key=lambda name: _mean_length(table, name))
    _refuse_pair(table, best, texts)
    return (best,)


def guess_labels(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """The label column among `names`; several where each says yes or no of a class.

    Raises:
        DataError: none is surely the label.
    """
    names = [name for name in names if name not in table.encoded_images]
    if not names:
        raise DataError(
            f"{table.name} has no column for the label: it has {some(table.columns, 20)}; add one, "
            "or check that commas, semicolons, tabs or vertical bars are between its columns."
        )
    named = [name for name in names if plain(name) in _LABEL_NAMES]
    if named:
        return (_first_of(table, named, _LABEL_NAMES, "--label"),)
    useful = [name for name in names if not _INDEX.fullmatch(plain(name))] or names
    if len(useful) == 1 and not _are_sentences(table.columns[useful[0]]):
        return (useful[0],)
    repeating = [name for name in useful if _repeats(table.columns[name])] or useful
    if len(repeating) == 1 < len(useful):
        return (repeating[0],)
    if _are_classes(table, repeating):
        return tuple(repeating)
    raise DataError(
        f"{table.name} has no column that is surely the label; name it with --label "
        f"(the columns are {some(table.columns, 20)})."
    )


def refuse_missing_header(table: Table, found: str, label: str) -> None:
    """A first line of data taken for column names would lose a row and name the rest wrongly.

    Raises:
        DataError: the names of the columns look like data.
    """
    if plain(label) in _LABEL_NAMES or plain(found) in (*_LABEL_NAMES, *_IMAGE_NAMES, *_TEXT_NAMES):
        return
    image_name = Path(found).suffix.lower() in EXTENSIONS
    if image_name or label in {str(cell) for cell in table.columns[label]}:
        raise DataError(
            f"{table.name}, line 1: {found[:60]!r}, {label[:60]!r} looks like data; "
            "the first line must name the columns (or name them with --input and --label)."
        )


def refuse_ids(table: Table, name: str, cells: Sequence[object]) -> None:
    """Ids that name no file are no texts, unless somebody says so.

    Raises:
        DataError: asks what they are.
    """
    if plain(name) not in _TEXT_NAMES and are_ids(cells):
        raise DataError(
            f"Column {name!r} of {table.name} holds ids such as {some(cells[:1])}, but no images "
            f"of these names are beside it; say where they are with --root, or that the ids are "
            f"texts with --input {name}."
        )


def is_label_name(name: str) -> bool:
    """Whether a column is called as label columns are."""
    return plain(name) in _LABEL_NAMES


def plain(name: str) -> str:
    """The name of a column in lower case, with underscores between its words."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def sample(cells: Sequence[object]) -> list[object]:
    """Some cells that are not empty, evenly taken."""
    step = max(1, len(cells) // _SAMPLE)
    return [cell for cell in cells[::step] if cell is not None]


def looks_like_image(cell: str) -> bool:
    """Whether a text ends as the name of an image does."""
    stem, dot, extension = cell.strip().rpartition(".")
    return len(cell) < _LONGEST_PATH and bool(stem) and dot + extension.lower() in EXTENSIONS


def are_ids(cells: Sequence[object]) -> bool:
    """Whether cells are single words, nearly all different and most with a digit in them."""
    words = [str(cell).strip() for cell in cells if isinstance(cell, str | int)]
    if len(words) < max(5, 0.9 * len(cells)) or any(re.search(r"\s", word) for word in words):
        return False
    digits = sum(any(c.isdigit() for c in word) for word in words)
    return len(set(words)) >= 0.9 * len(words) and 2 * digits >= len(words)


def _pictures(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """A column of encoded images, one whose cells are pixels, or a column for each pixel."""
    encoded = [name for name in names if name in table.encoded_images]
    if encoded:
        return (min(encoded, key=lambda name: _rank(name, _IMAGE_NAMES)),)
    wide = pixels.columns_of(names)
    if wide and all(_is_number(cell) for name in wide for cell in table.columns[name][:3]):
        return wide
    cells = ((name, sample(table.columns[name])[:20]) for name in names)
    return next(((name,) for name, some_cells in cells if pixels.are_pixels(some_cells)), ())


def _names_images(table: Table, name: str, finder: Finder) -> bool:
    """Whether a column holds paths of images, or ids of images that are there."""
    if name in table.encoded_images:
        return False
    cells = sample(table.columns[name])
    strings = [cell for cell in cells if isinstance(cell, str)]
    if strings and 10 * sum(map(looks_like_image, strings)) >= 9 * len(cells):
        return True
    if any(isinstance(cell, float | list | dict | bool) for cell in cells) or _repeats(cells):
        return False
    return finder.holds(cells) or finder.names_files(cells)


def _are_classes(table: Table, names: Sequence[str]) -> bool:
    """Whether every column says yes or no: of one class in each row, or there are three at least.

    Two columns of yes and no that are no classes of each other may be anything.
    """
    columns = []
    for name in names:
        said = [("" if c is None else str(c).strip().lower()) for c in table.columns[name]]
        if not _YES_NO.issuperset(said):
            return False
        columns.append(said)
    if len(columns) > 2:
        return True
    rows = zip(*columns, strict=True)
    return all(sum(word in ("1", "1.0", "true") for word in row) == 1 for row in rows)


def _is_number(cell: object) -> bool:
    if isinstance(cell, str):
        return cell.strip().replace(".", "", 1).isdecimal()
    return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))


def _is_text(table: Table, name: str) -> bool:
    if name in table.encoded_images:
        return False
    cells = sample(table.columns[name])
    return any(isinstance(cell, str) and not _is_number(cell) for cell in cells)


def _mean_length(table: Table, name: str) -> float:
    lengths = [len(cell) for cell in sample(table.columns[name]) if isinstance(cell, str)]
    return sum(lengths) / max(1, len(lengths))


def _repeats(cells: Sequence[object]) -> bool:
    kept = [str(cell) for cell in cells if cell is not None]
    return 2 <= len(set(kept)) <= len(kept) / 2


def _first_of(table: Table, named: Sequence[str], known: Sequence[str], flag: str) -> str:
    """Of columns with known names the one that comes first.

    Raises:
        DataError: two have that name but for case.
    """
    best = min(named, key=lambda name: _rank(name, known))
    alike = [name for name in named if plain(name) == plain(best)]
    if len(alike) > 1:
        raise DataError(f"{table.name} has the columns {some(alike)}; name one with {flag}.")
    return best


def _are_sentences(cells: Sequence[object]) -> bool:
    """Whether each cell says something of its own, in several words: no class does."""
    said = [cell for cell in cells if cell is not None]
    texts = [cell for cell in said if isinstance(cell, str) and len(cell.split()) >= _SENTENCE]
    return 2 * len(texts) > len(said) >= _SEVERAL and len({*map(str, said)}) == len(said)


def _refuse_pair(table: Table, best: str, texts: Sequence[str]) -> None:
    """Half of a pair of texts, such as `sentence1` of `sentence2`, is no input.

    Raises:
        DataError: asks which is meant.
    """
    stem = _PAIRED.sub("", plain(best))
    pair = [
        name
        for name in texts
        if not _repeats(table.columns[name])  # one of them may be the label: v1, v2
        and ({plain(name), plain(best)} <= _PAIR or _PAIRED.sub("", plain(name)) == stem)
    ]
    if len(pair) > 1:
        raise DataError(
            f"{table.name} has the texts {some(pair)}; say --input {','.join(pair)} for all of "
            "them joined, or name one with --input."
        )


def _rank(name: str, known: Sequence[str]) -> int:
    word = plain(name)
    return known.index(word) if word in known else len(known)
