"""How a program without headstart reads an image, beside how headstart does."""

import io

import numpy as np
import pytest
from PIL import Image

from headstart.data import images
from headstart.export import client

RAMP = np.linspace(0, 1, 48 * 64).reshape(48, 64)


def encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


DEEP = (RAMP * 65_535).astype(np.uint16)
PLANES = ((each * 255).astype(np.uint8) for each in (RAMP, RAMP[::-1], RAMP[:, ::-1]))
COLOURS = Image.merge("RGB", [Image.fromarray(each) for each in PLANES])
CASES = {
    "16 bits": encoded(Image.fromarray(DEEP), "PNG"),
    "16 bits, PGM": b"P5 64 48 65535\n" + DEEP.astype(">u2").tobytes(),
    "32-bit integers": encoded(Image.fromarray(DEEP.astype(np.int32)), "TIFF"),
    "floats": encoded(Image.fromarray(RAMP.astype(np.float32)), "TIFF"),
    "CMYK": encoded(COLOURS.convert("CMYK"), "JPEG"),
    "palette": encoded(COLOURS.convert("P"), "PNG", transparency=3),
    "grey and alpha": encoded(COLOURS.convert("LA"), "PNG"),
    **{f"TIFF, turned {at}": encoded(COLOURS, "TIFF", exif=turned(at)) for at in (3, 6, 8)},
    **{f"PNG, turned {at}": encoded(COLOURS, "PNG", exif=turned(at)) for at in (2, 5, 7)},
}


@pytest.mark.parametrize("name", CASES)
def test_it_reads_what_headstart_reads(name):
    found = client.pixels(io.BytesIO(CASES[name]))[0].astype(int)
    width, height = images.upright_size(CASES[name])
    wanted = images.decode(CASES[name], images.all_at(width, height)).pixels
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 2
