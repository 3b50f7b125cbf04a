"""`python -m bench.gpu`: what a GPU does, in less than ten minutes on a card like an H100.

python -m bench.gpu                     every section, in order of worth; what time is left decides
python -m bench.gpu --photos FOLDER     JPEGs of your own, where scikit-image is not installed
python -m bench.gpu --quick             tiny sizes, on a CPU where there is no GPU: that it runs

It needs PyTorch 2.11 or newer and timm, and no network; OpenVINO and Lance need not be installed.
Agreement with the CPU comes first: speed is worth nothing where the features are others.
"""

import argparse
import copy
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.machine import scratch
from bench.photos import write_photos
from bench.result import Figure, Result

SECONDS, COMPILING = 520, 200
"""After so long no section begins; so much earlier not the one that compiles most."""

COSINE = 0.999
"""Least agreement of a photo's features with those of the CPU in float32."""

NETWORKS = ("tf_efficientnet_lite0", "resnet50", "vit_base_patch16_224")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    photos: int = 512
    repeats: int = 20
    checked: int = 200
    networks: tuple[str, ...] = NETWORKS
    batches: tuple[int, ...] = (64, 256, 1024)
    side: int | None = None
    forwards: int = 20
    steps: int = 40
    rows: int = 4096


TINY = Sizes(6, 2, 4, NETWORKS[:1], (2, 4), 64, 2, 2, 16)


@dataclass
class Bench:
    """What a section finds, printed as it is found.

    Attributes:
        where: the device.
        photos: the content of JPEG files.
    """

    where: str
    sizes: Sizes
    photos: list[bytes]
    folder: Path
    began: float = field(default_factory=time.monotonic)
    figures: list[Figure] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    engines: dict[str, Any] = field(default_factory=dict)

    def tell(self, name: str, value: float, unit: str = "", **bar: float) -> None:
        """Keep a figure, and print it."""
        figure = Figure(name, float(value), unit, **bar)
        self.figures.append(figure)
        met = "" if figure.met is None else f"  ({figure.bar}: {'yes' if figure.met else 'NO'})"
        print(f"  {name}: {value:.5g} {unit}{met}", flush=True)

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU."""
        return self.where != "cpu"

    def wait(self) -> None:
        """Until the device has done what it was given: a clock means nothing before."""
        import torch

        if self.on_gpu:
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], Any]) -> float:
        """How long work takes, until the device is done."""
        self.wait()
        began = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - began

    def engine(self, trunk: Any) -> Any:
        """What extraction runs on the device, compiled once; without a GPU it is plain PyTorch."""
        from headstart.runtime.torch_engine import TorchEngine

        name = trunk.backbone.name
        if name not in self.engines:
            precision = "bfloat16" if self.on_gpu else "float32"
            self.engines[name] = TorchEngine(trunk.module, self.where, precision=precision)
        return self.engines[name]


def run(quick: bool = False, photos: Path | None = None) -> Result:
    """Every section for which there is time; on a CPU where there is no GPU, which is said."""
    import torch

    there = torch.cuda.is_available()
    sizes = TINY if quick else Sizes()
    with scratch() as folder:
        source = photos or folder / "photos"
        if photos is None:
            write_photos(source, sizes.photos)
        contents = [path.read_bytes() for path in sorted(source.glob("*.jp*g"))[: sizes.photos]]
        bench = Bench("cuda" if there else "cpu", sizes, contents, folder)
        bench.settings |= _machine(there)
        for key, value in bench.settings.items():
            print(f"{key}: {value}", flush=True)
        for section in (agreement, extraction, forward, training, memory, compile_modes):
            latest = SECONDS - COMPILING * (section is compile_modes)
            if time.monotonic() - bench.began > latest:
                print(f"{section.__name__}: left out, there is no time", flush=True)
                continue
            print(f"{section.__name__}: {section.__doc__}", flush=True)
            section(bench)
    title = "a GPU" if there else "no GPU was found: the figures are of a CPU, and mean nothing"
    return Result("gpu", title, tuple(bench.figures), bench.settings)


def _machine(there: bool) -> dict[str, Any]:
    import torch

    from headstart.installed import installed, version_of

    card = torch.cuda.get_device_properties(0) if there else None
    return {
        "card": f"{card.name}, {card.total_memory / 2**30:.0f} GiB" if card else "no GPU was found",
        "torch": torch.__version__,
        "timm": version_of("timm"),
        "cores": len(os.sched_getaffinity(0)),
        "OpenVINO": "installed" if installed("openvino") else "not installed",
        "Lance": "installed" if installed("lance") else "not installed",
    }


def _trunk(bench: Bench, name: str) -> Any:
    """A network with its features after the last stage; random weights where none are shipped."""
    import timm
    import torch
    from safetensors.torch import save_file

    from headstart.features.trunk import Trunk

    file = bench.folder / f"{name}.safetensors"
    if not file.exists():
        torch.manual_seed(0)
        weights = timm.create_model(name).state_dict()
        if name == NETWORKS[0]:
            from headstart.backbones.shipped import lite0_weights
            from headstart.errors import InputError

            try:
                weights = lite0_weights()
            except (ImportError, InputError):
                bench.settings["Lite0"] = "with random weights: its package is not installed"
        save_file({key: value.contiguous() for key, value in weights.items()}, file)
    return Trunk.load(
        f"timm:{name}@{file}", "image", cut=None, offline=True, size=bench.sizes.side, device="cpu"
    )


def agreement(bench: Bench) -> None:
    """features of the same pixels, from this device and from the CPU in float32."""
    import torch

    from headstart.runtime.torch_engine import TorchEngine

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    for name in bench.sizes.networks:
        trunk = _trunk(bench, name)
        pixels = _pixels(bench, trunk)[: bench.sizes.checked]
        expected = _features(TorchEngine(trunk.module, "cpu", 16, "float32"), pixels)
        found = _features(bench.engine(trunk), pixels)
        lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(found, axis=1)
        cosines = (expected * found).sum(1) / lengths
        bench.tell(f"{name}: cosine with the CPU, least", cosines.min(), at_least=COSINE)
        bench.tell(f"{name}: cosine with the CPU, mean", cosines.mean())


def extraction(bench: Bench) -> None:
    """photos to features, which are not stored; decoding alone; a plain recipe beside it."""
    from headstart.data import images

    threads = len(os.sched_getaffinity(0))
    preprocessing = _trunk(bench, bench.sizes.networks[0]).backbone.preprocessing
    decode = partial(images.decode, preprocessing=preprocessing)
    for count in sorted({1, min(8, threads), threads}):
        with ThreadPoolExecutor(count) as pool:
            began = time.perf_counter()
            list(pool.map(decode, bench.photos))
            took = time.perf_counter() - began
        bench.tell(f"decoding alone, {count} threads", len(bench.photos) / took, "photos/s")
    for name in bench.sizes.networks:
        trunk = _trunk(bench, name)
        ours = _extracted(bench, trunk)
        bench.tell(f"{name}: extraction", ours, "photos/s")
        plain = _plain(bench, name)
        bench.tell(f"{name}: timm, DataLoader and autocast", plain, "photos/s")
        bench.tell(f"{name}: extraction against that", ours / plain, "x")


def forward(bench: Bench) -> None:
    """the network alone, from pixels that are on the device, and the copy of pixels to it."""
    import torch

    for name in bench.sizes.networks:
        trunk = _trunk(bench, name)
        preprocessing = trunk.backbone.preprocessing
        for batch in bench.sizes.batches:
            shape = (batch, preprocessing.height, preprocessing.width, 3)
            host = torch.randint(0, 256, shape, dtype=torch.uint8)
            if bench.on_gpu:
                host = host.pin_memory()
            took = bench.seconds(lambda host=host: host.to(bench.where, non_blocking=True))
            if name == bench.sizes.networks[0]:
                bench.tell(f"copy of {batch} photos", host.nbytes / took / 1e9, "GB/s")
            device = host.to(bench.where)
            took = _forward_seconds(bench, bench.engine(trunk)._trunk, device)
            bench.tell(f"{name}: forward, {batch} at once", batch / took, "photos/s")


def training(bench: Bench) -> None:
    """a step of a tail, the last two stages, from stored activations."""
    import torch

    from headstart.learning.objectives import Classification, loss_of
    from headstart.training.loop import Task, step_seconds
    from headstart.training.network import Network, Scales, groups
    from headstart.training.recipe import Recipe

    name = bench.sizes.networks[min(1, len(bench.sizes.networks) - 1)]
    trunk = _trunk(bench, name)
    stages = [stage.name for stage in trunk.backbone.stages]
    tail = trunk.at(stages[-3] if len(stages) > 3 else stages[0])
    shape, rows = tail.cut.shape, bench.sizes.rows
    where, recipe = torch.device(bench.where), Recipe(epochs=1, batch=64)
    bench.settings["training"] = f"{name} after {tail.cut.stage}, 64 items a step"
    values = torch.randn(rows, *shape).to(torch.float16)
    targets = torch.nn.functional.one_hot(torch.arange(rows) % 2, 2).float()
    for words, held in (("from the CPU's memory", "cpu"), ("from the device's", bench.where)):
        scales = Scales.none(trunk.backbone.features)
        network = Network(copy.deepcopy(tail.cut.tail), 2, 0.1, scales).to(where)
        task = Task(
            items=_Held(values.to(held)),
            targets=targets,
            loss=loss_of(Classification(2), 0.1, weighted=False),
            validate=None,
            where=where,
            bfloat16=bench.on_gpu,
        )
        took = step_seconds(network, groups(network, {}, recipe), task, recipe, seed=0)
        bench.tell(f"a step of the tail, activations {words}", 1000 * took, "ms")


def memory(bench: Bench) -> None:
    """memory while extracting; and with little of it free, batches in halves, nothing lost."""
    import torch

    trunk = _trunk(bench, bench.sizes.networks[-1])
    pixels = _pixels(bench, trunk)
    if not bench.on_gpu:
        print("  no GPU: its memory is not measured", flush=True)
        return
    torch.cuda.reset_peak_memory_stats()
    expected = _features(bench.engine(trunk), pixels)
    bench.tell("memory, most", torch.cuda.max_memory_allocated() / 2**30, "GiB")
    engine = bench.engine(trunk)
    engine.batch = 1024
    with _little_memory(2 << 30):
        found = _features(engine, pixels)
    bench.tell("rows at once with 2 GiB free", engine._limit.most or 1024, "")
    close = np.allclose(found, expected, rtol=0.1, atol=0.1 * np.abs(expected).max())
    bench.tell("the same features then", float(close), "", at_least=1)


def compile_modes(bench: Bench) -> None:
    """other modes of torch.compile, for the smallest network."""
    import torch

    if not bench.on_gpu:
        print("  no GPU: nothing is compiled for one", flush=True)
        return
    trunk = _trunk(bench, bench.sizes.networks[0])
    preprocessing = trunk.backbone.preprocessing
    batch = bench.sizes.batches[1]
    shape = (batch, preprocessing.height, preprocessing.width, 3)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device=bench.where)
    for mode in ("reduce-overhead", "max-autotune-no-cudagraphs"):
        network = copy.deepcopy(trunk.module).to(bench.where).eval()
        network.to(memory_format=torch.channels_last)
        network = torch.compile(network, mode=mode)
        began = time.perf_counter()
        took = _forward_seconds(bench, network, pixels)
        bench.tell(f"{mode}: forward, {batch} at once", batch / took, "photos/s")
        bench.tell(f"{mode}: compiling and measuring", time.perf_counter() - began, "s")


@dataclass(frozen=True)
class _Held:
    """Activations in one tensor, as items of a training; on the device if that is where it is."""

    values: Any
    lengths: None = None

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, index: NDArray[np.int64], random: np.random.Generator) -> Any:  # noqa: ARG002
        return self.plain(index)

    def plain(self, index: NDArray[np.int64]) -> Any:
        return (self.values[index].float(),)


@contextmanager
def _little_memory(free: int) -> Iterator[None]:
    """Take the device's memory but for so many bytes."""
    import torch

    torch.cuda.empty_cache()
    left, _ = torch.cuda.mem_get_info()
    ballast = torch.empty(max(1, left - free), dtype=torch.uint8, device="cuda")
    try:
        yield
    finally:
        del ballast
        torch.cuda.empty_cache()


def _pixels(bench: Bench, trunk: Any) -> NDArray[np.uint8]:
    from headstart.data import images

    preprocessing = trunk.backbone.preprocessing
    return np.stack([images.decode(each, preprocessing).pixels for each in bench.photos])


def _features(engine: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features of any number of items, in batches that are filled up."""
    found: list[NDArray[np.float32]] = []
    for at in range(0, len(pixels), engine.batch):
        rows = np.minimum(np.arange(at, at + engine.batch), len(pixels) - 1)
        engine.start((pixels[rows],), found.append)
        engine.wait()
    return np.concatenate(found)[: len(pixels)]


def _forward_seconds(bench: Bench, network: Any, pixels: Any) -> float:
    """Of one batch, after a few that are not counted."""
    import torch

    def forwards(count: int) -> None:
        with (
            torch.inference_mode(),
            torch.autocast(pixels.device.type, torch.bfloat16, enabled=bench.on_gpu),
        ):
            for _ in range(count):
                network(pixels)

    forwards(3)
    return bench.seconds(lambda: forwards(bench.sizes.forwards)) / bench.sizes.forwards


def _extracted(bench: Bench, trunk: Any) -> float:
    """Photos a second through the pipeline; each of them new, by a number in its comment."""
    from headstart.data.dataset import Dataset
    from headstart.features import pipeline

    items = [
        _marked(content, number)
        for number in range(bench.sizes.repeats)
        for content in bench.photos
    ]
    engine = bench.engine(trunk)

    def extract(some: Sequence[bytes]) -> int:
        data = Dataset("image", list(some), [str(at) for at in range(len(some))])
        outcome = pipeline.run(
            data,
            trunk.backbone.preprocessing,
            lambda: engine,
            known=pipeline.none_known,
            emit=lambda _: None,
            advance=lambda _: None,
        )
        return outcome.computed

    extract(items[: 2 * engine.batch])  # What is new to the device takes longer.
    computed: list[int] = []
    took = bench.seconds(lambda: computed.append(extract(items)))
    if computed != [len(items)]:
        raise AssertionError(f"{computed[0]} of {len(items)} photos were computed")
    return len(items) / took


def _marked(content: bytes, number: int) -> bytes:
    comment = f"number {number}".encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return content[:2] + segment + content[2:]


def _plain(bench: Bench, name: str) -> float:
    """Photos a second as tutorials do it: timm in eager mode, a DataLoader, autocast."""
    import timm
    import torch
    from torch.utils.data import DataLoader

    side = bench.sizes.side
    size = {} if side is None else {"input_size": (3, side, side)}
    model = timm.create_model(name, num_classes=0).eval().to(bench.where)
    config = timm.data.resolve_data_config(size, model=model)
    photos = _Photos(bench.photos * bench.sizes.repeats, timm.data.create_transform(**config))
    workers = len(os.sched_getaffinity(0)) if bench.on_gpu else 0
    loader = DataLoader(photos, 128, num_workers=workers, pin_memory=bench.on_gpu)

    def extract() -> None:
        with (
            torch.inference_mode(),
            torch.autocast(bench.where, torch.bfloat16, enabled=bench.on_gpu),
        ):
            for batch in loader:
                model(batch.to(bench.where, non_blocking=True)).float().cpu()

    return len(photos) / bench.seconds(extract)


@dataclass(frozen=True)
class _Photos:
    """JPEGs as a data set of torch's."""

    contents: Sequence[bytes]
    transform: Any

    def __len__(self) -> int:
        return len(self.contents)

    def __getitem__(self, at: int) -> Any:
        from PIL import Image

        return self.transform(Image.open(io.BytesIO(self.contents[at])).convert("RGB"))


def main(arguments: list[str] | None = None) -> None:
    """Measure, print as it goes on, and end with everything as one line of JSON."""
    parser = argparse.ArgumentParser(
        "bench.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes; figures mean nothing")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="JPEGs to measure with")
    options = parser.parse_args(arguments)
    result = run(options.quick, options.photos)
    print(json.dumps(result.to_json()), flush=True)


if __name__ == "__main__":
    main()
