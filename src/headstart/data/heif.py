"""HEIC, the format of phones' photos: decoded by pillow-heif, where that is installed.

Its wheels hold x265, which is under the GPL, so it is an extra and not a dependency.
"""

import io
from typing import TYPE_CHECKING

from headstart.errors import Unreadable

if TYPE_CHECKING:
    from PIL import Image

EXTENSIONS = ("heic", "heif", "heics", "heifs", "hif")

_CODED = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_CONTAINERS = frozenset((b"mif1", b"msf1", b"mif2"))


def is_heif(content: bytes) -> bool:
    """Whether it begins as an image coded in HEVC does."""
    if content[4:8] != b"ftyp":
        return False
    brand, length = content[8:12], min(int.from_bytes(content[:4], "big"), 4096)
    compatible = {content[at : at + 4] for at in range(16, length, 4)}
    return brand in _CODED or (brand in _CONTAINERS and not _CODED.isdisjoint(compatible))


def open_heif(content: bytes) -> "Image.Image":
    """The image, not decoded yet.

    Raises:
        Unreadable: pillow-heif is not installed.
        SyntaxError: the file is damaged.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise Unreadable(
            "it is a HEIC image, which needs an extra: pip install 'headstart[heic]'"
        ) from None
    image: Image.Image = HeifImageFile(io.BytesIO(content))
    return image
