"""Exports: how far each is from its model, for hostile images too; and what smaller numbers bring.

Networks are small and have random weights, but for the last two parts, which are those that are
installed along.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from bench.families import keras_network, timm_network, transformers_network
from bench.machine import alone, scratch
from bench.photos import write_photos
from bench.result import Figure, Result

ITEMS = 120
HOSTILE = 1000
TIMED = 100
"""Items that are asked one at a time, to see how fast an export is."""

SMALL = {
    "bert": {
        **{"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4},
        "intermediate_size": 128,
    },
    "gpt2": {"n_embd": 64, "n_layer": 3, "n_head": 4},
}
"""Sizes of the networks of texts."""

GAP = 1e-3
"""Of a probability, from the same pixels or tokens."""


class Case(NamedTuple):
    """What is exported."""

    family: str
    network: str
    strategy: str = "feature-extraction"
    task: str = "classification"
    head: str = "linear"


CASES = (
    *(Case("timm", "test_efficientnet", each) for each in ("feature-extraction", "fine-tuning")),
    *(Case("timm", "test_efficientnet", each) for each in ("full-fine-tuning", "from-scratch")),
    *(Case("timm", "test_efficientnet", task=each) for each in ("multilabel", "regression")),
    *(Case("timm", "test_efficientnet", head=each) for each in ("mlp:16", "knn")),
    *(Case("timm", "test_vit", each) for each in ("feature-extraction", "full-fine-tuning")),
    Case("timm", "test_vit", "lora"),
    *(Case("transformers", "bert", each) for each in ("feature-extraction", "fine-tuning")),
    *(Case("transformers", "bert", each) for each in ("full-fine-tuning", "lora")),
    *(Case("transformers", "bert", task=each) for each in ("multilabel", "regression")),
    *(Case("transformers", "gpt2", each) for each in ("feature-extraction", "full-fine-tuning")),
    Case("transformers", "gpt2", "lora"),
    *(Case("keras", "MobileNetV2", each) for each in ("feature-extraction", "full-fine-tuning")),
)

Found = dict[str, Any]


def run(quick: bool = False) -> Result:
    """Each model in a process of its own, as onnx and as openvino."""
    figures: list[Figure] = []
    settings: dict[str, Any] = {}
    for case in CASES[:1] if quick else CASES:
        with scratch() as folder:
            found = alone(exported, case, folder, 40 if quick else ITEMS)
        for format, gate in found.items():
            name = f"{' '.join(case)}: {format}"
            figures.append(Figure(f"{name}, same input", gate["network"], at_most=GAP))
            settings[name] = (
                f"from the files at most {gate['largest']:.2g}, median {gate['median']:.2g}, the "
                f"same answer for {gate['same']:.1%}"
            )
    with scratch() as folder:
        for format, gate in alone(hostile, folder, 40 if quick else HOSTILE).items():
            name = f"{gate['items']} hostile images: {format}"
            figures += [
                Figure(f"{name}, largest gap", gate["largest"]),
                Figure(f"{name}, the same answer", gate["same"]),
            ]
            settings[name] = f"{gate['unread']} that Pillow cannot read, {gate['skipped']} skipped"
    for data in ("sentences",) if quick else ("solar cells", "sentences"):
        with scratch() as folder:
            for name, found in alone(smaller, data, folder).items():
                label = f"{data}: {name}"
                figures += [
                    Figure(f"{label}, one item at a time", found["rate"], "items/s"),
                    Figure(f"{label}, the same answer", found["same"]),
                    Figure(f"{label}, right answers", found["accuracy"]),
                ]
                settings[label] = found["said"]
    title = "exports beside their models, in 32-bit floats"
    return Result("export", title, tuple(figures), settings)


def exported(case: Case, folder: Path, items: int) -> Found:
    """What the gate says of a model, by format."""
    import headstart

    weights = folder / "weights"
    weights.mkdir()
    writers = {"timm": timm_network, "keras": keras_network, "transformers": transformers_network}
    backbone = writers[case.family](weights, case.network, **SMALL.get(case.network, {}))
    modality = "text" if case.family == "transformers" else "image"
    given, labels = (_texts if modality == "text" else _images)(folder, items, case.task)
    headstart.fit(
        given,
        labels,
        task=case.task,
        backbone=backbone,
        strategy=case.strategy,
        head=case.head,
        epochs=None if case.strategy == "feature-extraction" and case.head != "mlp:16" else 2,
        out=folder / "model",
        offline=True,
    )
    return _gates(folder / "model", folder, given)


def hostile(folder: Path, images: int) -> Found:
    """The same of a model with the default network, for images of every kind that is valid."""
    import headstart

    given, labels = _images(folder, ITEMS, "classification")
    headstart.fit(given, labels, out=folder / "model", offline=True)
    return _gates(folder / "model", folder, list(_hostile(folder / "hostile", images)))


def smaller(data: str, folder: Path) -> Found:
    """Rate and answers of an export in each precision; of OpenVINO's in bfloat16 too."""
    import headstart
    from headstart.data.demo import sentences, solar_cells

    table = (solar_cells if data == "solar cells" else sentences)(folder)
    what = "image" if data == "solar cells" else "text"
    out = folder / "model"
    headstart.fit(table, input=what, label="label", out=out, offline=True)
    return dict(_precisions(out, folder))


def _precisions(out: Path, folder: Path) -> Iterator[tuple[str, Found]]:
    import openvino

    import headstart
    from headstart.export import gate, items, replay
    from headstart.export.precision import PRECISIONS
    from headstart.export.written import Answers
    from headstart.progress import Silent
    from headstart.registry import EXPORTERS
    from headstart.runtime.engine import native_precision

    model = headstart.load(out)
    found = items.own(model, out)
    untested = found.data.select(np.flatnonzero(~found.tested))
    given = replay.inputs(model, untested)
    read = replay.reader(model, resizes=True)
    asked = [read(each).same for each in found.data.items[:TIMED]]
    for format in ("openvino", "onnx"):
        for precision in PRECISIONS:
            with TemporaryDirectory(dir=folder) as place:
                options = {"precision": precision, "given": given}
                made = Path(place) / format
                written = EXPORTERS.resolve(format)(model, made, offline=True, **options)
                done = gate.gate(model, written, found, Silent(), precision)
                yield (
                    f"{format}, {precision}",
                    {
                        "rate": _rate(written.answer, asked),
                        "same": done.same,
                        "accuracy": done.accuracy,
                        "said": "; ".join(done.failures()) or "written",
                    },
                )
                if (format, precision) != ("openvino", "float32"):
                    continue
                if native_precision() == "bfloat16":
                    usual = openvino.compile_model(made / "model.xml", "CPU")
                    rate = _rate(lambda x, usual=usual: Answers(*usual(list(x)).values()), asked)
                    same, accuracy = float("nan"), float("nan")
                    said = "as OpenVINO computes where nobody asks for 32 bits"
                    yield (
                        "openvino, bfloat16",
                        {**{"rate": rate, "same": same, "accuracy": accuracy, "said": said}},
                    )


def _rate(ask: Any, asked: Sequence[Any]) -> float:
    least = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for each in asked:
            ask(each)
        least = min(least, time.perf_counter() - began)
    return len(asked) / least


def _gates(model: Path, folder: Path, data: Any) -> Found:
    import headstart
    from headstart.export import gate, items
    from headstart.progress import Silent
    from headstart.registry import EXPORTERS

    loaded, made = headstart.load(model), {}
    found = items.named(loaded, data)
    for format in ("onnx", "openvino"):
        with TemporaryDirectory(dir=folder) as place:
            written = EXPORTERS.resolve(format)(loaded, Path(place) / format, offline=True)
            made[format] = gate.gate(loaded, written, found, Silent()).to_json()
    return made


def _images(folder: Path, items: int, task: str) -> tuple[list[str], list[Any]]:
    """Photographs and negatives of photographs."""
    paths = write_photos(folder / "photos", items, size=(200, 150))
    for path in paths[1::2]:
        ImageOps.invert(Image.open(path)).save(path, quality=90)
    return [str(path) for path in paths], _labels(items, task)


def _texts(folder: Path, items: int, task: str) -> tuple[list[str], list[Any]]:  # noqa: ARG001
    """Words of the first half of a vocabulary, or of the second."""
    random = np.random.default_rng(0)
    lines = [
        " ".join(f"word{word}" for word in random.integers(1000 * (n % 2), 1000 * (n % 2 + 1), 12))
        for n in range(items)
    ]
    return lines, _labels(items, task)


def _labels(items: int, task: str) -> list[Any]:
    if task == "regression":
        return [10.0 * (n % 2) + n % 3 for n in range(items)]
    if task == "multilabel":
        return [["odd" if n % 2 else "even", *(["third"] if n % 3 else [])] for n in range(items)]
    return ["odd" if n % 2 else "even" for n in range(items)]


def _hostile(folder: Path, images: int) -> Iterator[str]:
    """Files of many modes, sizes and encodings, each valid."""
    photos = write_photos(folder / "base", 40, size=(320, 240))
    random = np.random.default_rng(0)
    for number in range(images):
        image: Any = Image.open(photos[number % len(photos)])
        side = int(random.integers(1, 900))
        sizes = ((320, 240), (1, 240), (320, 1), (side, side), (900, 7), (5, 700), (640, 480))
        image = image.resize((4000, 3000) if number % 50 == 7 else sizes[number % len(sizes)])
        yield str(_written(image, folder, number))


def _written(image: Any, folder: Path, number: int) -> Path:
    kind = number % 12
    if kind < 3:  # turned by its EXIF block
        turned = Image.Exif()
        turned[0x0112] = 1 + number % 8
        path = folder / f"{number}.jpg"
        image.save(path, exif=turned, quality=(60, 80, 95)[kind], progressive=kind == 1)
    elif kind == 3:
        path = folder / f"{number}.jpg"
        image.convert("CMYK").save(path, quality=90)
    elif kind == 4:
        path = folder / f"{number}.png"
        grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
        Image.fromarray(grey).save(path)
    elif kind == 5:
        path = folder / f"{number}.webp"
        image.save(path, quality=80)
    else:
        modes = ("P", "RGBA", "LA", "L", "1", "RGB")
        mode, ending = modes[kind - 6], ("gif", "png", "png", "bmp", "png", "tiff")[kind - 6]
        path = folder / f"{number}.{ending}"
        image = image.convert(mode)
        if mode in ("RGBA", "LA"):
            image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(path)
    return path
