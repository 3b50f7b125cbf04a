"""Near-copies planted among solar cells and sentences: caught, false, and what they do to figures.

A quarter of the items is held out before anything is planted: what a model reaches there is what
its own test figure is compared with. Into the rest go copies of a fifth of it.
"""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from bench.machine import scratch
from bench.result import Figure, Result

SEEDS = 3
SHARE, HELD_OUT = 0.2, 0.25
IMAGE_KINDS = ("resaved", "halved", "cropped", "mirrored", "brightness")
TEXT_KINDS = ("swapped", "typos")
Row = Mapping[str, str]


def run(quick: bool = False) -> Result:
    """Recall by kind of copy, pairs among the originals, and how far accuracy is overstated."""
    seeds = range(1 if quick else SEEDS)
    figures: list[Figure] = []
    with scratch() as folder:
        for name, kinds in (("solar", IMAGE_KINDS), ("sentences", TEXT_KINDS)):
            figures += _measured(name, kinds, folder / name, seeds, quick)
    return Result(
        "near_duplicates",
        "20% planted near-copies: caught, false, and the accuracy that they overstate",
        tuple(figures),
        {"seeds": len(seeds), "planted": SHARE, "held out": HELD_OUT},
    )


def _measured(
    name: str, kinds: Sequence[str], folder: Path, seeds: range, quick: bool
) -> list[Figure]:
    from headstart.data.demo import sentences, solar_cells

    table = (solar_cells if name == "solar" else sentences)(folder)
    column = "image" if name == "solar" else "text"
    rows = _read(table)[:: 8 if quick else 1]
    caught: dict[str, list[bool]] = {kind: [] for kind in kinds}
    false, largest = [], []
    overstated: dict[str, list[float]] = {"ignore": [], "group": []}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(rows))
        held = [rows[at] for at in order[: int(HELD_OUT * len(rows))]]
        known = [rows[at] for at in order[len(held) :]]
        planted = [
            _copy(row, column, kinds[at % len(kinds)], folder, rng)
            for at, row in enumerate(known[: int(SHARE * len(known))])
        ]
        every = [*known, *planted]
        together = _clusters(every, column, folder)
        for at in range(len(planted)):
            same = together[at] >= 0 and together[at] == together[len(known) + at]
            caught[kinds[at % len(kinds)]].append(bool(same))
        pairs, sizes = _pairs_of_originals(known, column, folder)
        false.append(1000 * pairs / len(known))
        largest.append(max([*np.bincount(together[together >= 0]), *sizes, 0]) / len(every))
        for handled in overstated:
            overstated[handled].append(_overstated(every, held, column, handled, seed, folder))
    crops = [*caught.get("cropped", []), *caught.get("mirrored", [])]
    others = [
        each for kind in kinds if kind not in ("cropped", "mirrored") for each in caught[kind]
    ]
    found = [Figure(f"{name}, caught", mean(others), "", at_least=0.95)]
    if crops:
        found.append(Figure(f"{name}, crops and mirrors caught", mean(crops), "", at_least=0.85))
    found += [Figure(f"{name}, {kind} caught", mean(each)) for kind, each in caught.items()]
    plain, ours = (100 * mean(overstated[each]) for each in ("ignore", "group"))
    return [
        *found,
        Figure(f"{name}, pairs among 1,000 originals", mean(false), "", at_most=1),
        Figure(f"{name}, largest group / items", max(largest), "", at_most=0.01),
        Figure(f"{name}, overstated without groups", plain, "points"),
        Figure(f"{name}, overstated with groups", ours, "points", at_most=1),
    ]


def _read(table: Path) -> list[Row]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(rows: Sequence[Row], path: Path, column: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column, "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _copy(row: Row, column: str, kind: str, folder: Path, rng: np.random.Generator) -> Row:
    if column == "text":
        return {**row, "text": text_copy(row["text"], kind, rng)}
    name = f"images/{kind}-{Path(row['image']).stem}.jpg"
    (folder / name).write_bytes(image_copy((folder / row["image"]).read_bytes(), kind, rng))
    return {**row, "image": name}


def image_copy(content: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """A JPEG of an image: `resaved` at quality 50, or changed and saved at 85."""
    from PIL import Image, ImageEnhance

    image = Image.open(io.BytesIO(content)).convert("RGB")
    width, height = image.size
    if kind == "halved":
        image = image.resize((width // 2, height // 2))
    elif kind == "cropped":
        size = round(0.95 * width), round(0.95 * height)
        left, top = rng.integers(0, width - size[0] + 1), rng.integers(0, height - size[1] + 1)
        image = image.crop((left, top, left + size[0], top + size[1]))
    elif kind == "mirrored":
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    elif kind == "brightness":
        image = ImageEnhance.Brightness(image).enhance(float(rng.choice([0.8, 1.2])))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=50 if kind == "resaved" else 85)
    return out.getvalue()


def text_copy(text: str, kind: str, rng: np.random.Generator) -> str:
    """A text with two words in each other's place, or with a typo in one of its longer words."""
    words = text.split()
    if kind == "swapped":
        if len(words) > 1:
            one, other = rng.choice(len(words), 2, replace=False)
            words[one], words[other] = words[other], words[one]
        return " ".join(words)
    long = [at for at, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text + "!"
    at = int(rng.choice(long))
    word = words[at]
    differing = [each for each in range(1, len(word) - 2) if word[each] != word[each + 1]]
    place = int(rng.choice(differing or [0]))
    words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)


def _clusters(rows: Sequence[Row], column: str, folder: Path) -> np.ndarray:
    """The cluster that each item is found to be in."""
    pairs = _pairs(rows, column, folder)
    from headstart.data import near

    return near.clustered(pairs, len(rows)).clusters


def _pairs_of_originals(rows: Sequence[Row], column: str, folder: Path) -> tuple[int, list[int]]:
    """How many pairs are found where nothing was planted, and the sizes of the groups."""
    from headstart.data import near

    pairs = _pairs(rows, column, folder)
    return len(pairs), near.clustered(pairs, len(rows)).sizes.tolist()


def _pairs(rows: Sequence[Row], column: str, folder: Path):
    from headstart.data import images, near
    from headstart.data.near.thumbnails import COARSE, FINE, thumbnail

    if column == "text":
        return near.text_pairs([row["text"] for row in rows])

    def made(which: Sequence[int], side: int):
        paths = (str(folder / rows[at]["image"]) for at in which)
        return np.stack([thumbnail(images.load(path), side) for path in paths])

    return near.image_pairs(
        made(range(len(rows)), COARSE), lambda which: lambda at: made(which[at], FINE)
    )


def _overstated(
    rows: Sequence[Row], held: Sequence[Row], column: str, handled: str, seed: int, folder: Path
) -> float:
    """Accuracy on a model's own test split, less its accuracy on what was held out."""
    import headstart

    table = _write(rows, folder / "planted.csv", column)
    chosen = {"input": column, "label": "label", "seed": seed, "offline": True}
    out = folder / "model"
    shutil.rmtree(out, ignore_errors=True)
    done = headstart.fit(table, out=out, near_duplicates=handled, **chosen)
    judged = headstart.evaluate(
        out, _write(held, folder / "held-out.csv", column), input=column, label="label"
    )
    return done.report.test["accuracy"].value - judged.metrics["accuracy"].value
