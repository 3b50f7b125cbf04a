"""One prediction at a time, as a server makes them: in a session, without one, and bare."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import alone, scratch
from bench.photos import write_photos
from bench.result import Figure, Result
from bench.start import save_model

CALLS = 400
BEYOND = 1.0
"""Milliseconds that a session may take besides decoding and the compiled network."""

SENTENCES = {
    "animal": ("the cat sat on the mat", "dogs like bones", "my bird sings", "horses run far"),
    "car": ("the engine needs oil", "check the brakes", "a new tyre", "the gearbox is broken"),
}

Ask = Callable[[Any], Any]


def run(quick: bool = False) -> Result:
    """One photo of 500x375, and one short text, a few hundred times; the ways take turns."""
    calls = 5 if quick else CALLS
    figures: list[Figure] = []
    with scratch() as folder:
        for what, model, items in models(folder):
            figures += _measure(what, model, items, calls)
    return Result(
        "session",
        "one prediction at a time, in a process that is warm",
        tuple(figures),
        {
            "calls": calls,
            "bare": "decoding or tokenising, then OpenVINO on one thread, as saved",
            "beyond": "median, over calls, of the session's time less that of the bare work",
        },
    )


def models(folder: Path) -> Iterator[tuple[str, Path, list[Any]]]:
    """A model of photos and one of texts: what each is of, its folder, and items to ask about."""
    for number, name in enumerate(("a", "b")):
        photos = write_photos(folder / "photos" / name, 20, seed=number)
    alone(save_model, folder / "photos", folder / "photo model")
    yield "photo", folder / "photo model", [path.read_bytes() for path in photos]
    texts = folder / "texts.csv"
    rows = [f"{text} number {n},{c}" for n in range(5) for c in SENTENCES for text in SENTENCES[c]]
    texts.write_text("\n".join(["text,label", *rows]), "utf-8")
    alone(save_model, texts, folder / "text model")
    yield "text", folder / "text model", [row.partition(",")[0] for row in rows]


def _measure(what: str, folder: Path, items: Sequence[Any], calls: int) -> list[Figure]:
    import headstart

    model = headstart.load(folder)
    with model.session() as session:
        ways: dict[str, Ask] = {
            "decoding and network alone": _bare(model, folder),
            "in a session": session.predict,
            "without a session": model.predict,
        }
        took: dict[str, list[float]] = {way: [] for way in ways}
        for call in range(-len(items), calls):  # Those before 0 are not counted.
            item = items[call % len(items)]
            for turn in range(len(ways)):
                way = list(ways)[(call + turn) % len(ways)]
                began = time.perf_counter()
                ways[way](item)
                if call >= 0:
                    took[way].append(1000 * (time.perf_counter() - began))
        for item in items:
            same = session.predict(item).probabilities, model.predict(item).probabilities
            if not np.array_equal(*same):
                raise AssertionError("a session answered otherwise")
    bare, ready, _ = (np.array(each) for each in took.values())
    return [
        *(
            Figure(f"{what}, {way}: {name}", float(np.quantile(times, share)), "ms")
            for way, times in took.items()
            for name, share in (("median", 0.5), ("95th percentile", 0.95))
        ),
        Figure(
            f"{what}, a session beyond the bare",
            float(np.median(ready - bare)),
            "ms",
            at_most=BEYOND,
        ),
    ]


def _bare(model: Any, folder: Path) -> Ask:
    """What cannot be left out: an item to the network's input, and the network."""
    import openvino as ov

    from headstart.data import images, texts
    from headstart.features.pipeline import LENGTHS
    from headstart.runtime.engine import CPU_BATCH

    graph = ov.Core().read_model(folder / "compiled" / "network.xml")
    batch, preprocessing = CPU_BATCH[model.modality], model.preprocessing
    if model.modality == "image":
        graph.reshape([batch, preprocessing.height, preprocessing.width, 3])
    precision = {"bfloat16": "bf16", "float32": "f32"}[model.engine.precision]
    settings = {
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": 1,
        "INFERENCE_PRECISION_HINT": precision,
    }
    request = ov.Core().compile_model(graph, "CPU", settings).create_infer_request()

    def photo(content: bytes) -> Any:
        return request.infer({0: images.decode(content, preprocessing).pixels[None]})

    def text(given: str) -> Any:
        ids = texts.tokeniser(preprocessing).encode([given]).ids[0]
        length = next(each for each in LENGTHS if len(ids) <= each)
        rows = np.full((batch, length), preprocessing.pad_id, np.int64)
        mask = np.zeros((batch, length), np.int64)
        rows[0, : len(ids)], mask[0, : len(ids)], mask[:, 0] = ids, 1, 1
        return request.infer({0: rows, 1: mask})

    return photo if model.modality == "image" else text
