"""One image: its raw content, its digest, and the pixels a network takes."""

import hashlib
import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from headstart.data import arrays, files, heif, jpeg
from headstart.data.colour import Mismatch, eight_bits, to_rgb
from headstart.data.dataset import Unusable
from headstart.data.quiet import quiet
from headstart.data.resize import LARGE, resized
from headstart.data.room import free_memory
from headstart.errors import Unreadable
from headstart.preprocessing import WHOLE, ImagePreprocessing, View
from headstart.types import Array
from headstart.wording import shown
from headstart.wording import size as size_of

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
"""Formats that Pillow decodes, whatever the file is called; a phone's MPO opens as JPEG, its HEIC
is read by `heif`."""

EXTENSIONS = frozenset(
    f".{extension}"
    for extension in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "gif", "bmp", "dib"),
        *("tif", "tiff", "webp", "avif", "avifs", "ppm", "pgm", "pbm", "pnm"),
        *heif.EXTENSIONS,
    )
)
"""File names that are taken for images in a folder."""

MAX_PIXELS = 178_956_970
"""Width times height, checked before decoding: where Pillow itself refuses."""

_RESAMPLE = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
"""Bytes of a pixel as Pillow keeps it; four in other modes."""
_TWICE = ("WEBP", "AVIF", "HEIF", "GIF")
"""Formats that are decoded outside of Pillow first."""
_SHARE_OF_FREE = 0.8
_one_large = Lock()
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image.

    Attributes:
        pixels: uint8 (height, width, 3), sRGB.
        warning: what a person should know about it, such as "the first frame of an animation".
    """

    pixels: NDArray[np.uint8]
    warning: str | None = None


class Header(NamedTuple):
    """What an image says of itself: its size in pixels as stored, and Pillow's name of its format.

    `pixels` is the format of what is decoded already.
    """

    width: int
    height: int
    format: str


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


def load(source: object) -> bytes | NDArray[np.uint8]:
    """The raw content of an image: encoded bytes, or an array for what is already decoded.

    Args:
        source: a path (`str` or path-like), encoded `bytes`, a `PIL.Image.Image`, or an array
            (height, width[, 1, 3 or 4]); see `headstart.data.arrays.pixels` for its values.

    Raises:
        Unreadable: not a regular file (a FIFO or device is never waited for), empty, too large,
            or of a type that is not an image.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _not_empty(bytes(source))
    if isinstance(source, np.ndarray):
        return _checked_array(source)
    if isinstance(source, Image.Image):
        return _array_of(source)
    if isinstance(source, (str, os.PathLike)):
        return _not_empty(files.content(os.fspath(source)))
    if isinstance(source, Unusable):
        raise Unreadable(source.reason)
    if source is None:
        raise Unreadable("there is no image")
    raise Unreadable(f"a {type(source).__name__} is not an image")


def digest(content: bytes | NDArray[np.uint8]) -> bytes:
    """16 bytes that name what `load` gave: equal for identical content alone."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()[:16]
    start = f"array {content.dtype.str} {content.shape} ".encode()
    return hashlib.sha256(start + np.ascontiguousarray(content).tobytes()).digest()[:16]


def header(content: bytes | NDArray[np.uint8]) -> Header:
    """The size and format of what `load` gave; nothing is decoded.

    Raises:
        Unreadable: it is no image.
    """
    if isinstance(content, np.ndarray):
        return Header(content.shape[1], content.shape[0], "pixels")
    try:
        with quiet(), _opened(content) as image:
            return Header(image.width, image.height, image.format or "pixels")
    except Exception as error:
        raise Unreadable(_reason(error)) from error


def decode(
    content: bytes | NDArray[np.uint8], preprocessing: ImagePreprocessing, view: View = WHOLE
) -> Picture:
    """Decode, resize and centre crop in one pass.

    The answer is that of timm's evaluation transform (the shorter side resized to
    `size / crop_fraction`, then a centre crop), but a JPEG is decoded at the smallest scale that
    is enough: the mean difference is about one level in 255. A preprocessing that does not keep
    the aspect ratio has all of the image, or its middle, resized to its size. May be called from
    many threads.

    Raises:
        Unreadable: with the reason; damaged and unsupported images alike.
    """
    # Pillow answers damage with whatever its plugins happen to raise, so everything is caught.
    try:
        with quiet():
            if isinstance(content, np.ndarray):
                return _fit(Image.fromarray(_checked_array(content)), preprocessing, view)
            return _decoded(content, preprocessing, view)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_reason(error)) from error


def thumbnail(content: bytes | NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """All of an image made small, in its own aspect ratio: uint8 (height, width, 3), sRGB.

    Args:
        content: what `load` gave.
        longest: its longer side, in pixels; an image that is smaller stays as it is.

    Raises:
        Unreadable: as `decode`.
    """
    size = upright_size(content)
    scale = min(1.0, longest / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return decode(content, all_at(width, height)).pixels


def all_at(width: int, height: int) -> ImagePreprocessing:
    """All of an image at a size in pixels, whatever its aspect ratio, from 0 to 255."""
    black, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return ImagePreprocessing(height, width, 1.0, "bilinear", black, one, keep_aspect_ratio=False)


def upright_size(content: bytes | NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height of what `load` gave, turned upright; its pixels are not decoded.

    Raises:
        Unreadable: it is no image.
    """
    if isinstance(content, np.ndarray):
        height, width = _checked_array(content).shape[:2]
        return width, height
    try:
        with quiet(), _opened(content) as image:
            _check_size(image)
            orientation, _ = _orientation(image)
            if image.format == "TIFF":  # Pillow says its size as it is when turned upright.
                orientation = 1
            width, height = image.size
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_reason(error)) from error
    return (height, width) if orientation >= 5 else (width, height)


def part_seen(
    size: tuple[float, float], preprocessing: ImagePreprocessing
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what the network sees of an upright image (width, height)."""
    return _window(size, 1, preprocessing, WHOLE)[0]


def _decoded(content: bytes, preprocessing: ImagePreprocessing, view: View) -> Picture:
    try:
        with _opened(content) as image:
            return _fit(image, preprocessing, view)
    except OSError:
        whole = jpeg.completed(content)
        if whole is None:
            raise
    with _opened(whole) as image:
        picture = _fit(image, preprocessing, view)
    return Picture(picture.pixels, "; ".join(filter(None, (picture.warning, jpeg.SAID))))


def _opened(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        if not heif.is_heif(content):
            raise
        return heif.open_heif(content)


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise Unreadable("it is empty (zero bytes)")
    return content


def _checked_array(array: Array) -> NDArray[np.uint8]:
    if array.size <= 4 * MAX_PIXELS:
        image = arrays.pixels(array)
        if image.shape[0] * image.shape[1] <= MAX_PIXELS:
            return image
    raise Unreadable(f"an array of {array.shape} has more than the {MAX_PIXELS:,} pixels allowed")


def _array_of(image: Image.Image) -> NDArray[np.uint8]:
    try:
        with quiet():
            _check_size(image)
            image.load()
            orientation, _ = _orientation(image)
            rgb, _ = to_rgb(eight_bits(image), image.info.get("icc_profile"))
            return np.asarray(_turn(rgb, orientation))
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(_reason(error)) from error


def _fit(image: Image.Image, preprocessing: ImagePreprocessing, view: View) -> Picture:
    _check_size(image)
    warnings: list[str | None] = []
    # The second image of a phone's MPO is a depth or gain map: nothing is lost.
    if getattr(image, "is_animated", False) and image.format not in ("MPO", "JPEG"):
        warnings.append("only the first frame (or page) is used")
    drafted = _draft(image, preprocessing, view)
    with _turn_of_large(image):
        return _shrunk(image, drafted, preprocessing, view, warnings)


def _shrunk(
    image: Image.Image,
    drafted: tuple[float, float] | None,
    preprocessing: ImagePreprocessing,
    view: View,
    warnings: list[str | None],
) -> Picture:
    image.load()
    # Pillow turns a TIFF upright as it loads, so its orientation and size are known only now.
    orientation, warning = _orientation(image)
    warnings.append(warning)
    full = drafted or (float(image.width), float(image.height))
    box, _ = _window(full, orientation, preprocessing, view)
    box = _Box(*np.clip(box, 0, [image.width, image.height] * 2).tolist())
    target = (preprocessing.width, preprocessing.height)
    small = resized(
        image,
        target[::-1] if orientation >= 5 else target,
        _RESAMPLE[preprocessing.interpolation],
        box,
    )
    rgb, warning = to_rgb(small, image.info.get("icc_profile"))
    warnings.append(warning)
    pixels = np.array(_turn(rgb, orientation))
    if view.flip:
        pixels = pixels[:, ::-1]
    square = preprocessing.height == preprocessing.width
    pixels = np.rot90(pixels, view.turns if square else view.turns // 2 * 2)
    pixels = np.ascontiguousarray(pixels)
    return Picture(pixels, "; ".join(filter(None, warnings)) or None)


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Unreadable(f"{width:,} x {height:,} pixels are more than the {MAX_PIXELS:,} allowed")
    if not width * height:
        raise Unreadable("it has no pixels")


@contextmanager
def _turn_of_large(image: Image.Image) -> Iterator[None]:
    """Large images are decoded one at a time, and not at all where there is no memory for one."""
    pixels = image.width * image.height
    if pixels < LARGE:
        yield
        return
    with _one_large:
        needed = pixels * _BYTES.get(image.mode, 4) * (2 if image.format in _TWICE else 1)
        free = free_memory()
        if free is not None and needed > free * _SHARE_OF_FREE:
            raise Unreadable(
                f"decoding its {image.width:,} x {image.height:,} pixels takes {size_of(needed)} "
                f"of memory, and {size_of(free)} is free"
            )
        yield


def _draft(
    image: Image.Image, preprocessing: ImagePreprocessing, view: View
) -> tuple[float, float] | None:
    """Have a JPEG decoded at the smallest scale that is enough; its exact size at that scale."""
    if image.format not in ("JPEG", "MPO"):
        return None
    orientation, _ = _orientation(image)
    size = (float(image.width), float(image.height))
    _, (width, height) = _window(size, orientation, preprocessing, view)
    # The mode is not asked for: a colour JPEG stays in colour.
    drafted = image.draft(None, (math.ceil(width), math.ceil(height)))
    return (drafted[1][2], drafted[1][3]) if drafted else None


def _orientation(image: Image.Image) -> tuple[int, str | None]:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1, "its EXIF block cannot be read, so it is taken to be upright"
    return (orientation, None) if orientation in _UPRIGHT else (1, None)


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _window(
    size: tuple[float, float], orientation: int, preprocessing: ImagePreprocessing, view: View
) -> tuple[_Box, tuple[float, float]]:
    """Which part of the stored image the network sees, and the size all of it is resized to.

    Both are in the axes of the stored image, before it is turned upright; so the image can
    be turned after it is small.
    """
    swapped = orientation >= 5
    width, height = size[::-1] if swapped else size
    if not preprocessing.keep_aspect_ratio:
        box, resized = _stretched(width, height, preprocessing, view)
    elif view.scale is None:
        box, resized = _upright_window(width, height, preprocessing)
    else:
        box, resized = _part(width, height, preprocessing, view.scale, view)
    left, top, right, bottom = box
    if swapped:
        left, top, right, bottom = top, left, bottom, right
        resized = resized[::-1]
    if orientation in (2, 3, 7, 8):
        left, right = size[0] - right, size[0] - left
    if orientation in (3, 4, 6, 7):
        top, bottom = size[1] - bottom, size[1] - top
    return _Box(left, top, right, bottom), resized


def _upright_window(
    width: float, height: float, preprocessing: ImagePreprocessing
) -> tuple[_Box, tuple[float, float]]:
    # The rounding is timm's (transforms_imagenet_eval), so that both see the same pixels.
    crop = (preprocessing.width, preprocessing.height)
    scaled = [math.floor(side / preprocessing.crop_fraction) for side in crop]
    ratio = min(width / scaled[0], height / scaled[1])
    slack, to_whole = (1e-6, int) if crop[0] == crop[1] else (0.0, round)
    resized = [
        max(to_whole(side / ratio + slack), least)
        for side, least in zip((width, height), crop, strict=True)
    ]
    left, top = (round((side - kept) / 2) for side, kept in zip(resized, crop, strict=True))
    across, down = width / resized[0], height / resized[1]
    box = _Box(left * across, top * down, (left + crop[0]) * across, (top + crop[1]) * down)
    return box, (float(resized[0]), float(resized[1]))


def _stretched(
    width: float, height: float, preprocessing: ImagePreprocessing, view: View
) -> tuple[_Box, tuple[float, float]]:
    share = preprocessing.crop_fraction if view.scale is None else view.scale
    left, top = view.x * (1 - share) * width, view.y * (1 - share) * height
    box = _Box(left, top, left + share * width, top + share * height)
    return box, (preprocessing.width / share, preprocessing.height / share)


def _part(
    width: float, height: float, preprocessing: ImagePreprocessing, scale: float, view: View
) -> tuple[_Box, tuple[float, float]]:
    crop = (preprocessing.width, preprocessing.height)
    ratio = scale * min(width / crop[0], height / crop[1])
    left, top = view.x * (width - ratio * crop[0]), view.y * (height - ratio * crop[1])
    box = _Box(left, top, left + ratio * crop[0], top + ratio * crop[1])
    return box, (width / ratio, height / ratio)


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is not an image in a format that is read (JPEG, PNG, WebP, HEIC, ...)"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"its header claims more than the {MAX_PIXELS:,} pixels allowed"
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    if isinstance(error, Mismatch):
        return str(error)
    said = shown(str(error)).strip().rstrip(".")
    return f"it is damaged: {said or type(error).__name__}"[:200]
