"""Pixels of every kind to 8-bit sRGB: bit depth, transparency, palettes and colour profiles."""

import io
from functools import lru_cache

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
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _from_deep(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


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


def _from_deep(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F":
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise Mismatch("its pixels are floating-point numbers outside 0 to 1")
        grey = np.round(values * 255)
    else:
        if image.mode == "I" and (values.min() < 0 or values.max() > 65_535):
            raise Mismatch("its pixels are 32-bit integers outside 0 to 65,535")
        bits = getattr(image, "tag_v2", {}).get(258)
        white = 4095 if bits == (12,) else 65_535
        grey = (values.astype(np.uint32) * 255 + white // 2) // white
        # A greyscale PNG may name one value as transparent.
        if isinstance(see_through := image.info.get("transparency"), int):
            grey = np.where(values == see_through, 255, grey)
    return Image.fromarray(grey.astype(np.uint8))
