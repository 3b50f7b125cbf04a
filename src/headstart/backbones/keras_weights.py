"""Weights of keras.applications from an HDF5 file: arrays alone are read, nothing is run."""

import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from headstart.backbones.keras_graph import layer_names, snake_case
from headstart.errors import BackboneError, InputError
from headstart.types import Unchecked

# What h5py raises for a file that is cut short, or is something else.
_DAMAGE = (
    *(OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError),
    zipfile.BadZipFile,
)
_MOST_OF_A_TOP = 3
_SHOWN = 4
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
Arrays = list[Any]


def fill(model: Any, file: Path, architecture: str) -> None:
    """Put the weights of a file in a network without its top; those of a top are left out.

    Args:
        model: a functional model of keras.applications.
        file: of `save_weights` (`.weights.h5`), of `save` (`.keras`; the configuration in it is
            not read), or one that keras.applications downloads (`.h5`).
        architecture: what `model` is.

    Raises:
        BackboneError: the file is missing, damaged, or holds the weights of another network.
    """
    wanted = {name: layer for name, layer in layer_names(model).items() if _weights(layer)}
    with _opened(file) as opened:
        if "layer_names" in opened.attrs:
            found = _in_order(opened, wanted)
            divided = architecture.startswith("EfficientNet") and not _made_without(opened)
        else:
            groups = _groups(opened)
            found, divided = _by_class(groups, model, wanted), "rescaling_1" in groups
        _check(file, architecture, wanted, found)
        for name, layer in wanted.items():
            for variable, array in zip(_weights(layer), found[name], strict=True):
                values = np.asarray(array[()])
                if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
                    raise BackboneError(
                        f"The weights {str(file)!r} hold what is no finite number, in {name!r}; "
                        "give another file."
                    )
                variable.assign(values)
    for layer in wanted.values():
        if isinstance(layer, keras.layers.Normalization):
            if divided:
                # With weights="imagenet", keras.applications adds a second Rescaling, which
                # divides by the root of this once more, and has no weights to show for it.
                layer.adapt_variance.assign(layer.adapt_variance * _DEVIATION)
            layer.finalize_state()


def _made_without(opened: Any) -> bool:
    """Whether a whole model was saved there whose network was not made with ImageNet's weights."""
    scaling = [each for each in opened.attrs["layer_names"] if _text(each).startswith("rescaling")]
    return str(opened.name) != "/" and len(scaling) < 2


def _weights(layer: Any) -> list[Any]:
    return list(layer.weights) if isinstance(layer, keras.layers.Layer) else []


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    if not file.is_file():
        raise BackboneError(f"The weights {str(file)!r} are not there, or not a file.")
    try:
        with h5py.File(_inside(file), "r") as opened:
            # `save` wrote the weights of a whole model there, before `.keras`.
            yield opened.get("model_weights", opened)
    except InputError:
        raise
    except _DAMAGE as error:
        raise BackboneError(
            f"The weights {str(file)!r} cannot be read as HDF5 ({type(error).__name__}); give a "
            ".weights.h5 file of save_weights, a .keras file, or a .h5 file of keras.applications."
        ) from None


def _inside(file: Path) -> Any:
    """What of a file is HDF5: all of it, or a member of the archive that `.keras` is."""
    if file.suffix != ".keras":
        return file
    with zipfile.ZipFile(file) as archive:
        return io.BytesIO(archive.read("model.weights.h5"))


def _in_order(opened: Any, wanted: Unchecked) -> dict[str, Arrays]:
    """The published format: layers in order, whatever they are called."""
    layers = {}
    for name in map(_text, opened.attrs["layer_names"]):
        names = [_text(each) for each in opened[name].attrs["weight_names"]]
        if names:
            layers[name] = [opened[name][each] for each in names]
    known = dict(zip(wanted, layers.values(), strict=False))
    return known | dict(list(layers.items())[len(known) :])


def _groups(opened: Any) -> Any:
    """Keras 3: what belongs to each layer; a network inside another is looked into."""
    layers = opened["layers"]
    return layers["functional"]["layers"] if "functional" in layers else layers


def _by_class(layers: Any, model: Any, wanted: Unchecked) -> dict[str, Arrays]:
    """Keras 3: layers by their class and number."""
    held = {name: list(_numbered(layers[name]["vars"])) for name in layers}
    seen: Counter[str] = Counter()
    group = {}
    for layer in model.layers:
        base = snake_case(type(layer).__name__)
        group[id(layer)] = f"{base}_{seen[base]}" if seen[base] else base
        seen[base] += 1
    known = {name: held.pop(group[id(layer)], []) for name, layer in wanted.items()}
    return known | {name: arrays for name, arrays in held.items() if arrays}


def _numbered(group: Any) -> Iterator[Any]:
    return (group[str(number)] for number in range(len(group)))


def _check(file: Path, architecture: str, wanted: Unchecked, found: Mapping[str, Arrays]) -> None:
    wrong = []
    for name, layer in wanted.items():
        shapes = [tuple(each.shape) for each in _weights(layer)]
        there = [tuple(each.shape) for each in found.get(name, [])]
        if shapes != there:
            wrong.append(f"{name} has {_listed(there)} in the file, not {_listed(shapes)}")
    extra = [name for name in found if name not in wanted]
    if not wrong and len(extra) > _MOST_OF_A_TOP:
        wrong.append(f"{len(extra)} layers are left over, such as {extra[0]}")
    if wrong:
        raise BackboneError(
            f"The weights {str(file)!r} are not those of {architecture!r} (without its top): "
            f"{'; '.join(wrong[:2])}; {len(wrong)} layers differ."
        )


def _listed(shapes: list[tuple[int, ...]]) -> str:
    said = [" x ".join(map(str, each)) or "a number" for each in shapes[:_SHOWN]]
    more = [f"{len(shapes) - _SHOWN} more"] if len(shapes) > _SHOWN else []
    return ", ".join([*said, *more]) or "nothing"


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
