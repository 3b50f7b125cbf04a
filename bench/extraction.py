"""Features of photos, decoding included: headstart, the plain recipe, and the bare engine."""

import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.machine import CORES, OtherWork, processor_seconds, scratch
from bench.photos import write_photos
from bench.result import Figure, Result

ROUNDS = 3

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Network:
    """What is measured, and its bars.

    Attributes:
        short: what the table calls it.
        backbone: headstart's name for it; `{weights}` is a file with `weights()` in it.
        ratio, share: bars, against the plain recipe and the bare engine.
    """

    short: str
    architecture: str
    backbone: str
    weights: Callable[[], dict[str, Any]]
    photos: int
    ratio: float
    share: float


@dataclass(slots=True)
class Rates:
    """Photos a second, one number a round.

    Attributes:
        plain_cpu, headstart_cpu: the same, a second of processor time.
        others: share of the cores that other work took during the round; it slows the plain
            recipe, whose threads wait for each other, more than headstart.
    """

    plain: list[float] = field(default_factory=list)
    plain_cpu: list[float] = field(default_factory=list)
    headstart: list[float] = field(default_factory=list)
    headstart_cpu: list[float] = field(default_factory=list)
    forward: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


def run(quick: bool = False) -> Result:
    """Measure EfficientNet-Lite0 and ResNet-50."""
    figures: list[Figure] = []
    settings: dict[str, Any] = {}
    with scratch() as folder:
        networks = (
            Network("Lite0", "tf_efficientnet_lite0", "efficientnet-lite0", _lite0, 600, 8, 0.60),
            Network("ResNet-50", "resnet50", "timm:resnet50@{weights}", _resnet50, 200, 4, 0.85),
        )
        photos = write_photos(folder / "photos", 40 if quick else 600)
        settings["photos"] = f"500x375, {_kilobytes(photos):.0f} KB on average"
        for network in networks:
            found, more = _measure(
                network, photos[: network.photos], folder, 1 if quick else ROUNDS
            )
            figures += found
            settings |= more
    return Result(
        "extraction", "features of 500x375 JPEGs, decoding included", tuple(figures), settings
    )


def _measure(
    network: Network, photos: Sequence[Path], folder: Path, rounds: int
) -> tuple[list[Figure], dict[str, Any]]:
    from headstart import data
    from headstart.data import images
    from headstart.features.trunk import Trunk
    from headstart.runtime.engine import CPU_BATCH
    from headstart.runtime.openvino_engine import OpenVINOEngine
    from headstart.spec import ReadSpec

    name, weights = network.architecture, network.weights()
    once: dict[str, float] = {}
    backbone = network.backbone.format(weights=_save(weights, folder / f"{name}.safetensors"))
    # What a fit runs: the network with the features of its stages, the plain recipe's first.
    trunk = _timed(
        once, "load", lambda: Trunk.load(backbone, "image", cut=None, offline=True).staged()
    )
    graph = _timed(once, "convert", lambda: trunk.graph.model)
    engine = _timed(
        once, "compile", lambda: OpenVINOEngine(graph, CPU_BATCH["image"], trunk.precision)
    )
    from bench import plain

    model, transform = _timed(once, "plain load", lambda: plain.network(name, weights))
    dataset = data.read_inputs([str(path) for path in photos], "image", ReadSpec())
    preprocessing: Any = trunk.backbone.preprocessing
    contents = [images.load(path) for path in photos]
    warm = dataset.select(np.arange(min(64, len(photos))))
    pixels = [images.decode(content, preprocessing).pixels for content in contents[:64]]
    _extract(warm, trunk, engine, folder / "warm")
    _plain_features(model, transform, photos[:32])
    _forward(engine, pixels, len(pixels))

    rates = Rates()
    for each in range(rounds):
        other_work = OtherWork()
        began, used = time.perf_counter(), processor_seconds()
        expected = _plain_features(model, transform, photos)
        rates.plain.append(len(photos) / (time.perf_counter() - began))
        rates.plain_cpu.append(len(photos) / (processor_seconds() - used))
        used = processor_seconds()
        answer = _extract(dataset, trunk, engine, folder / f"{name}-{each}")
        rates.headstart_cpu.append(len(photos) / (processor_seconds() - used))
        if answer.misses != len(photos):
            raise AssertionError(f"{answer.misses} of {len(photos)} photos were computed")
        rates.headstart.append(len(photos) / answer.seconds)
        rates.forward.append(_forward(engine, pixels, len(photos)))
        rates.decode.append(_decode(contents, preprocessing))
        rates.others.append(other_work.share())
    alike = _cosines(expected, answer.vectors()[:, : expected.shape[1]])
    return _figures(network, rates, once, alike), {
        f"{network.short}, precision": engine.precision,
        **{
            f"{network.short}, {key}, by round": [round(each, 2) for each in getattr(rates, key)]
            for key in Rates.__slots__
        },
    }


def _figures(
    network: Network, rates: Rates, once: dict[str, float], alike: NDArray[np.float64]
) -> list[Figure]:
    plain, whole, forward, decode = (
        median(getattr(rates, key)) for key in ("plain", "headstart", "forward", "decode")
    )
    ratio = median(a / b for a, b in zip(rates.headstart, rates.plain, strict=True))
    cpu = median(a / b for a, b in zip(rates.headstart_cpu, rates.plain_cpu, strict=True))
    share = median(a / b for a, b in zip(rates.headstart, rates.forward, strict=True))
    ideal = 1 / (1 / forward + 1 / decode)
    figures = (
        Figure("plain recipe", plain, "photos/s"),
        Figure("headstart", whole, "photos/s"),
        Figure("engine alone, pixels ready", forward, "photos/s"),
        Figure(f"decoding alone, {CORES} threads", decode, "photos/s"),
        Figure("headstart / plain", ratio, "x", at_least=network.ratio),
        Figure("the same, by processor time", cpu, "x"),
        Figure("headstart / engine alone", share, at_least=network.share),
        Figure("headstart / (decoding, then engine)", whole / ideal),
        Figure("cosine with plain features, mean", float(alike.mean())),
        Figure("cosine with plain features, least", float(alike.min())),
        Figure("once: load, stages", once["load"], "s"),
        Figure("once, then cached: graph conversion", once["convert"], "s"),
        Figure("once a run: compilation", once["compile"], "s"),
        Figure("plain, once: load", once["plain load"], "s"),
    )
    return [replace(each, name=f"{network.short}: {each.name}") for each in figures]


def _plain_features(model: Any, transform: Any, photos: Sequence[Path]) -> NDArray[np.float32]:
    from bench import plain

    with warnings.catch_warnings():
        # Lance, which is not used in the loader's workers, warns whenever a process forks.
        warnings.filterwarnings("ignore", "lance is not fork-safe")
        features: NDArray[np.float32] = plain.features(model, transform, photos).numpy()
    return features


def _lite0() -> dict[str, Any]:
    from headstart.backbones.shipped import lite0_weights

    return lite0_weights()


def _resnet50() -> dict[str, Any]:
    import timm
    import torch

    torch.manual_seed(0)
    return dict(timm.create_model("resnet50").state_dict())


def _save(weights: dict[str, Any], path: Path) -> Path:
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    return path


def _extract(dataset: Any, trunk: Any, engine: Any, root: Path) -> Any:
    """One extraction into a fresh store, with the engine open already."""
    from headstart.features.extract import extract
    from headstart.features.store import Store, StoreKey
    from headstart.progress import Silent

    key = StoreKey(
        backbone=trunk.backbone.name,
        pool=trunk.backbone.pool,
        fingerprint=trunk.backbone.fingerprint,
        function=trunk.backbone.function,
        cut=trunk.cut.stage,
        preprocessing=repr(trunk.backbone.preprocessing),
        view="whole",
        dtype=trunk.precision,
        made_by="bench",
    )
    store = Store(root, key, trunk.cut.shape)
    return extract(dataset, trunk.backbone.preprocessing, lambda: engine, store, Silent())


def _forward(engine: Any, pixels: Sequence[NDArray[np.uint8]], count: int) -> float:
    """Photos a second of the engine, given pixels that are decoded already."""
    ready = [array[None] for array in pixels]
    began = time.perf_counter()
    for number in range(count):
        engine.start((ready[number % len(ready)],), lambda _: None)
    engine.wait()
    return count / (time.perf_counter() - began)


def _decode(contents: Sequence[Any], preprocessing: Any) -> float:
    from headstart.data import images

    began = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        for _ in pool.map(lambda content: images.decode(content, preprocessing), contents):
            pass
    return len(contents) / (time.perf_counter() - began)


def _cosines(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    first, second = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (first, second))
    cosines: NDArray[np.float64] = (first * second).sum(axis=1)
    return cosines


def _timed(seconds: dict[str, float], name: str, make: Callable[[], Made]) -> Made:
    began = time.perf_counter()
    made = make()
    seconds[name] = time.perf_counter() - began
    return made


def _kilobytes(paths: Sequence[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / len(paths) / 1000
