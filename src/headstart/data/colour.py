"""Pixels of every kind to 8-bit sRGB: bit depth, transparency, palettes and colour profiles."""

import io
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
from PIL import Image, ImageCms


class Mismatch(ValueError):
    """The pixel values have no agreed meaning as brightness."""


def eight_bits(image: Image.Image) -> Image.Image:
    """The image in a mode that can be resized smoothly: L, RGB or CMYK, on white.

    16-bit values are scaled to 8 bits, never clipped. Float pixels count from 0 to 1.

    Raises:
        Mismatch: float or 32-bit values outside the range that has one meaning.
    """
    convert = to_eight_bits(image)
    return image if convert is None else convert(image)


def to_eight_bits(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """What `eight_bits` does to the image, and to any part of it; None where that is nothing."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        bits = getattr(image, "tag_v2", {}).get(258)
        # A greyscale PNG may name one value as transparent.
        see_through = image.info.get("transparency")
        return partial(
            _from_deep,
            white=4095 if bits == (12,) else 65_535,
            see_through=see_through if isinstance(see_through, int) else None,
        )
    if image.has_transparency_data:
        return _on_white
    if image.mode in ("L", "RGB", "CMYK"):
        return None
    return lambda part: part.convert("L" if part.mode == "1" else "RGB")


def check_depth(image: Image.Image) -> None:
    """Refuse float and 32-bit values outside the range that has one meaning.

    Raises:
        Mismatch: says which.
    """
    if image.mode == "F":
        values = np.asarray(image)
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise Mismatch("its pixels are floating-point numbers outside 0 to 1")
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise Mismatch("its pixels are 32-bit integers outside 0 to 65,535")


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def to_rgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Convert an L, RGB or CMYK image to sRGB, through its embedded ICC profile if it has one.

    Returns:
        The RGB image, and a warning where a profile could not be followed.
    """
    if profile:
        try:
            mode, transform = _to_srgb(profile)
            if transform is None:
                return image.convert("RGB"), None
            if (mode == "CMYK") == (image.mode == "CMYK"):
                converted = ImageCms.applyTransform(image.convert(mode), transform)
                return converted or image.convert("RGB"), None
        except (ImageCms.PyCMSError, OSError, ValueError, KeyError, TypeError):
            pass
        return image.convert("RGB"), "its colour profile cannot be used and is ignored"
    return image.convert("RGB"), None


@lru_cache(maxsize=32)
def _to_srgb(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """The mode a profile describes, and the way from it to sRGB (None: it is sRGB)."""
    parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}[parsed.profile.xcolor_space]
    if "sRGB" in (parsed.profile.profile_description or ""):
        return mode, None
    srgb = ImageCms.createProfile("sRGB")
    return mode, ImageCms.buildTransform(parsed, srgb, mode, "RGB")


def _from_deep(image: Image.Image, white: int, see_through: int | None) -> Image.Image:
    check_depth(image)
    values = np.asarray(image)
    if image.mode == "F":
        return Image.fromarray(np.round(values * 255).astype(np.uint8))
    grey = (values.astype(np.uint32) * 255 + white // 2) // white
    if see_through is not None:
        grey = np.where(values == see_through, 255, grey)
    return Image.fromarray(grey.astype(np.uint8))
