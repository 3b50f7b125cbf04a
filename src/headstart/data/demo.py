"""DATA for the demo, written from packages: no network, nothing but files in one folder."""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from headstart.errors import DataError

_TOPICS = (
    "ai", "botprofile", "coding", "computers", "emotion", "food", "history", "literature",
    "money", "movies", "politics", "psychology", "science", "sports", "trivia",
)  # fmt: skip
_LEAST_PER_TOPIC = 20


def solar_cells(folder: str | Path, *, seed: int | None = None) -> Path:
    """Write the 2,624 electroluminescence photographs of solar cells as a table of images.

    Columns: `image` (a copy beside the table), `label` (defective where the experts' probability
    `p` is over 0.5, else functional), `p` and `type` (mono- or polycrystalline); with `seed` also
    `split`, 75% train and 25% test, stratified by `p` and `type` as in the published comparison
    (Deitsch et al., "Automatic classification of defective photovoltaic module cells in
    electroluminescence images", Solar Energy 185, 2019). The data is CC BY-NC-SA 4.0.

    Args:
        folder: where `solar_cells.csv` and `images/` go; made where needed.
        seed: of the split; None leaves the split to headstart.

    Returns:
        The table.

    Raises:
        DataError: the package is not installed, or the folder cannot be written.
    """
    source = _package("elpv_dataset") / "data"
    rows = [line.split() for line in (source / "labels.csv").read_text("ascii").splitlines()]
    table = [
        {"image": path, "label": "defective" if float(p) > 0.5 else "functional", "p": p, "type": t}
        for path, p, t in rows
    ]
    if seed is not None:
        for row, split in zip(table, _split([f"{p} {t}" for _, p, t in rows], seed), strict=True):
            row["split"] = split
    target = Path(folder)
    try:
        (target / "images").mkdir(parents=True, exist_ok=True)
        for row in table:
            _write(target / row["image"], (source / row["image"]).read_bytes())
    except OSError as error:
        raise _unwritable(target, error) from error
    return _write_table(target / "solar_cells.csv", table)


def sentences(folder: str | Path) -> Path:
    """Write what people say to a chat bot, by topic, as a table of texts.

    The texts are the opening lines of the English conversations in `chatterbot-corpus` (BSD), the
    label is the file they are in. The answers are left out: they are a few stock phrases, the
    same in train and test. So are the files that are a kind of talk rather than a topic (greetings,
    gossip, humor, conversations), or hold too few different openings to be tested (health,
    tech_support), and openings that are in two topics. Texts that differ only in case, white
    space or final punctuation are one. Topics with fewer than 20 openings are left out.

    Args:
        folder: where `sentences.csv` goes; made where needed.

    Returns:
        The table, with columns `text` and `label`.

    Raises:
        DataError: a package is not installed, or the folder cannot be written.
    """
    source = _package("chatterbot_corpus") / "data" / "english"
    _package("yaml")
    topics: dict[str, dict[str, str]] = {}
    for topic in _TOPICS:
        topics[topic] = {}
        for text in _openings(source / f"{topic}.yml"):
            topics[topic].setdefault(" ".join(text.casefold().split()).rstrip(" .?!"), text)
    seen = Counter(key for openings in topics.values() for key in openings)
    table = []
    for topic, openings in topics.items():
        own = [text for key, text in openings.items() if key and seen[key] == 1]
        if len(own) >= _LEAST_PER_TOPIC:
            table += [{"text": text, "label": topic} for text in own]
    return _write_table(Path(folder) / "sentences.csv", table)


def _openings(path: Path) -> Iterable[str]:
    import yaml

    conversations = yaml.safe_load(path.read_text("utf-8"))["conversations"]
    return [" ".join(str(lines[0]).split()) for lines in conversations if lines]


def _split(strata: Sequence[str], seed: int) -> list[str]:
    from sklearn.model_selection import train_test_split

    rows = range(len(strata))
    _, test = train_test_split(rows, test_size=0.25, stratify=strata, random_state=seed)
    chosen = set(test)
    return ["test" if row in chosen else "train" for row in rows]


def _package(name: str) -> Path:
    found = find_spec(name)
    if found is None or found.origin is None:
        raise DataError(
            f"The demo needs the package {name}: pip install 'headstart[demo]' brings it."
        )
    return Path(found.origin).parent


def _write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    return path


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.stat().st_size == len(content):
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"The demo cannot be written to {str(folder)!r} ({error.strerror}); choose another folder."
    )
