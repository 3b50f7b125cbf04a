import io
import os
import struct
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from skimage import data as photos

from headstart.data import images
from headstart.data.images import Picture, decode, digest, load
from headstart.errors import Unreadable
from headstart.preprocessing import ImagePreprocessing, View

P224 = ImagePreprocessing(224, 224, 0.875, "bicubic", (0.5,) * 3, (0.5,) * 3)
SMALL = ImagePreprocessing(32, 32, 1.0, "bilinear", (0.5,) * 3, (0.5,) * 3)
STRETCHED = replace(SMALL, keep_aspect_ratio=False)
WIDE = ImagePreprocessing(32, 64, 0.9, "bicubic", (0.5,) * 3, (0.5,) * 3)


def photo(size=(96, 80)) -> Image.Image:
    return Image.fromarray(photos.astronaut()).resize(size, Image.Resampling.LANCZOS)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def timm_pixels(content: bytes, p: ImagePreprocessing) -> np.ndarray:
    from timm.data import create_transform

    transform = create_transform(
        (3, p.height, p.width), interpolation=p.interpolation, crop_pct=p.crop_fraction,
        mean=(0, 0, 0), std=(1, 1, 1),
    )  # fmt: skip
    with Image.open(io.BytesIO(content)) as image:
        return transform(image.convert("RGB")).numpy().transpose(1, 2, 0) * 255


@pytest.mark.parametrize("preprocessing", [P224, SMALL, WIDE])
@pytest.mark.parametrize("size", [(500, 375), (375, 500), (97, 301), (224, 224), (20, 30)])
def test_png_equals_timm(size, preprocessing):
    content = encoded(photo(size), "PNG")
    difference = decode(content, preprocessing).pixels - timm_pixels(content, preprocessing)
    # Reducing by whole factors first (reducing_gap) is where large shrinks may differ.
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize("size", [(500, 375), (700, 1000), (2000, 1500)])
def test_jpeg_is_close_to_timm(size):
    smooth = photo((64, 48)).resize(size, Image.Resampling.BICUBIC)
    content = encoded(smooth, "JPEG", quality=95)
    difference = np.abs(decode(content, P224).pixels - timm_pixels(content, P224))
    assert difference.mean() < 1
    assert difference.max() <= 8


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(500, 375), (96, 304), (160, 90)])
def test_stretched_is_all_of_it_whatever_its_proportions(size, kind):
    smooth = photo((12, 10)).resize(size, Image.Resampling.BICUBIC)
    content = encoded(smooth, kind, **({"quality": 95} if kind == "JPEG" else {}))
    for side in (STRETCHED.width, 48):
        preprocessing = replace(STRETCHED, width=side)
        whole = np.asarray(smooth.resize((side, STRETCHED.height), Image.Resampling.BILINEAR))
        found = decode(content, preprocessing).pixels
        assert np.abs(found.astype(int) - whole).mean() < 1
    middle = smooth.crop((size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4))
    expected = np.asarray(middle.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    for preprocessing, view in (
        (replace(STRETCHED, crop_fraction=0.5), View()),
        (STRETCHED, View(scale=0.5)),
    ):
        found = decode(content, preprocessing, view).pixels
        assert np.abs(found - expected).mean() < 3
    corner = decode(content, STRETCHED, View(scale=0.5, x=1.0, y=0.0, flip=True)).pixels
    part = smooth.crop((size[0] // 2, 0, size[0], size[1] // 2))
    expected = np.asarray(part.resize((32, 32), Image.Resampling.BILINEAR))[:, ::-1].astype(int)
    assert np.abs(corner - expected).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("preprocessing", [SMALL, WIDE, STRETCHED])
def test_all_orientations_give_one_answer(kind, preprocessing):
    upright = photo((300, 200))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    expected = decode(encoded(upright, kind, **options), preprocessing).pixels.astype(int)
    for orientation, method in undo.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encoded(upright.transpose(method), kind, exif=exif, **options)
        assert np.abs(decode(content, preprocessing).pixels - expected).mean() < 1.5, orientation


def test_corrupt_exif_still_decodes():
    content = encoded(photo(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    assert isinstance(decode_or_reason(content), Picture)


def decode_or_reason(content):
    try:
        return decode(content, SMALL)
    except Unreadable as reason:
        return str(reason)


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    assert (decode(encoded(clear, "PNG"), SMALL).pixels == 255).all()
    half = Image.new("LA", (40, 40), (0, 128))
    assert np.abs(decode(encoded(half, "PNG"), SMALL).pixels.astype(int) - 127).max() <= 1
    palette = Image.new("P", (40, 40), 1)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    assert (decode(encoded(palette, "PNG", transparency=1), SMALL).pixels == 255).all()
    assert (decode(encoded(palette, "PNG"), SMALL).pixels == 9).all()
    keyed = Image.new("RGB", (40, 40), (1, 2, 3))
    assert (decode(encoded(keyed, "PNG", transparency=(1, 2, 3)), SMALL).pixels == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled(kind):
    ramp = np.linspace(0, 65_535, 32 * 32).reshape(32, 32).astype(np.uint16)
    pixels = decode(encoded(Image.fromarray(ramp), kind), SMALL).pixels
    assert np.abs(pixels[:, :, 0] - ramp / 257).max() <= 1


def test_sixteen_bit_colour_png_is_scaled():
    ramp = np.linspace(0, 65_535, 32 * 32).reshape(32, 32, 1).astype(">u2").repeat(3, axis=2)
    raw = b"".join(b"\0" + row.tobytes() for row in ramp)
    pixels = decode(png(32, 32, 16, 2, raw), SMALL).pixels
    assert np.abs(pixels - ramp.astype(float) / 257).max() <= 1


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def png(width: int, height: int, depth: int, colour: int, raw: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
        + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )  # fmt: skip


def test_float_and_wide_integers():
    ramp = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    pixels = decode(encoded(Image.fromarray(ramp), "TIFF"), SMALL).pixels
    assert np.abs(pixels[:, :, 0] - ramp * 255).max() <= 1
    with pytest.raises(Unreadable, match="outside 0 to 1"):
        decode(encoded(Image.fromarray(ramp * 7), "TIFF"), SMALL)
    wide = np.full((32, 32), 70_000, np.int32)
    with pytest.raises(Unreadable, match="outside 0 to 65,535"):
        decode(encoded(Image.fromarray(wide), "TIFF"), SMALL)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_close_to_the_original(kind):
    original = photo((16, 16)).resize((96, 96), Image.Resampling.BICUBIC)
    expected = decode(encoded(original, "PNG"), SMALL).pixels.astype(int)
    pixels = decode(encoded(original.convert("CMYK"), kind), SMALL).pixels
    assert np.abs(pixels - expected).mean() < 6


def test_colour_profile_is_followed():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A profile in which red and blue have changed places.
    swapped = profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"????", b"bXYZ", 1)
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    red = Image.new("RGB", (64, 64), (200, 30, 30))
    for kind in ("PNG", "JPEG"):
        pixel = decode(encoded(red, kind, icc_profile=swapped), SMALL).pixels[5, 5]
        assert pixel[2] > 180
        assert pixel[0] < 60
        same = decode(encoded(red, kind, icc_profile=profile), SMALL)
        assert same.pixels[5, 5, 0] > 180
        assert same.warning is None
    broken = decode(encoded(red, "PNG", icc_profile=b"no profile"), SMALL)
    assert broken.pixels[5, 5, 0] == 200
    assert "colour profile" in broken.warning


def test_cmyk_profile_is_followed():
    cyan = Image.new("CMYK", (64, 64), (255, 0, 0, 0))
    content = encoded(cyan, "JPEG", icc_profile=cmyk_profile(), quality=95)
    decoded = decode(content, SMALL)
    assert decoded.warning is None
    # By the profile this ink is grey, and as dark as any: without it, it would be (0, 255, 255).
    assert np.ptp(decoded.pixels[5, 5].astype(int)) <= 3
    assert decoded.pixels[5, 5, 0] < 20


def cmyk_profile() -> bytes:
    """An ICC v2 profile whose table makes paper white and all else L*=50."""
    grey, white = (128, 128, 128), (255, 128, 128)
    corners = bytes(v for n in range(16) for v in (white if n == 0 else grey))
    identity = struct.pack(">9i", *(65536 if n % 4 == 0 else 0 for n in range(9)))
    line = bytes(range(256))
    a2b = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + line * 4 + corners + line * 3
    xyz = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    text = b"text\0\0\0\0none\0"
    tags = [(b"desc", name), (b"cprt", text), (b"wtpt", xyz), (b"A2B0", a2b)]
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for key, content in tags:
        padded = content + bytes(-len(content) % 4)
        table += key + struct.pack(">2I", offset + len(body), len(content))
        body += padded
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def test_animation_gives_its_first_frame_and_a_warning():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        picture = decode(content, SMALL)
        assert "first frame" in picture.warning
        assert picture.pixels[5, 5, 0] > 240
        assert picture.pixels[5, 5, 2] < 20


def test_phone_pictures_with_a_second_image_are_not_animations():
    content = encoded(photo(), "MPO", save_all=True, append_images=[photo()])
    assert decode(content, SMALL).warning is None


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 700)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_odd_shapes(size, kind):
    for preprocessing in (P224, WIDE):
        pixels = decode(encoded(Image.new("RGB", size, "red"), kind), preprocessing).pixels
        assert pixels.shape == (preprocessing.height, preprocessing.width, 3)
        assert pixels[..., 0].min() > 240


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGBA", "I;16"])
def test_modes(mode):
    if mode == "I;16":
        content = encoded(Image.fromarray(np.full((9, 9), 65_535, np.uint16)), "PNG")
    elif mode == "PA":
        content = encoded(Image.new("RGBA", (9, 9), "white").quantize(), "PNG")
    else:
        content = encoded(Image.new("RGB", (9, 9), "white").convert(mode), "PNG")
    assert (decode(content, SMALL).pixels == 255).all()


def test_bombs_are_refused_from_the_header():
    with pytest.raises(Unreadable, match="pixels"):
        decode(png(50_000, 50_000, 8, 2, b""), SMALL)
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 * 2**20)))
    with pytest.raises(Unreadable):
        decode(png(1, 1, 8, 2, b"\0\0\0\0", bomb), SMALL)


def test_damage_is_named():
    whole = encoded(photo((200, 200)), "JPEG")
    for content in (whole[: len(whole) // 2], whole[:300], b"hello, I am no picture", b"\0"):
        with pytest.raises(Unreadable) as error:
            decode(content, SMALL)
        assert len(str(error.value)) > 10
    whole = encoded(photo((200, 200)), "PNG")
    with pytest.raises(Unreadable):
        decode(whole[: len(whole) // 2], SMALL)
    with pytest.raises(Unreadable):
        decode(b"SIMPLE  =                    T" + bytes(2850), SMALL)
    with pytest.raises(Unreadable, match="format"):
        decode(b"<svg xmlns='http://www.w3.org/2000/svg'/>", SMALL)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "AVIF"])
def test_flipped_bytes_never_escape(kind):
    content = encoded(photo((40, 30)), kind)
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[position] ^= int(rng.integers(1, 256))
        first, second = decode_or_reason(bytes(damaged)), decode_or_reason(bytes(damaged))
        if isinstance(first, str):
            assert first == second
        else:
            assert (first.pixels == second.pixels).all()


def test_extension_does_not_matter(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(photo(), "PNG"))
    assert decode(load(str(path)), SMALL).pixels.shape == (32, 32, 3)


def test_load_never_waits(tmp_path):
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to("nowhere")
    (tmp_path / "empty.jpg").touch()
    for name in ("fifo.jpg", "folder.jpg", "link.jpg", "empty.jpg", "absent.jpg", "a\0b"):
        with pytest.raises(Unreadable):
            load(str(tmp_path / name))
    with pytest.raises(Unreadable, match="regular"):
        load("/dev/zero")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(Unreadable):
        load(tmp_path / "folder.jpg")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_in_memory():
    array = np.asarray(photo())
    assert (decode(load(array), SMALL).pixels == decode(load(photo()), SMALL).pixels).all()
    grey = decode(load(array[:, :, :1]), SMALL).pixels
    assert (grey[..., 0] == grey[..., 2]).all()
    for wrong in (array.astype(float) - 1, array[0, 0], np.zeros((0, 4), np.uint8), None, 7):
        with pytest.raises(Unreadable):
            load(wrong)
    rotated = photo().transpose(Image.Transpose.ROTATE_90)
    rotated.getexif()[0x0112] = 6
    assert load(rotated).shape == array.shape


def test_digests():
    array = np.zeros((4, 6, 3), np.uint8)
    found = {digest(b"a"), digest(b"b"), digest(array), digest(array.reshape(6, 4, 3))}
    assert {len(each) for each in found} == {16}
    assert len(found) == 4
    assert digest(array) == digest(array.copy(order="F"))


def test_threads_agree():
    content = encoded(photo((600, 500)), "JPEG")
    expected = decode(content, P224).pixels
    results = []
    workers = [
        threading.Thread(target=lambda: results.append(decode(content, P224).pixels))
        for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 8
    assert all((pixels == expected).all() for pixels in results)


def test_truncated_images_are_never_completed():
    from PIL import ImageFile

    assert images.FORMATS
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


VIEWS = st.builds(
    View,
    scale=st.none() | st.floats(0.7, 1),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    flip=st.booleans(),
    turns=st.integers(0, 3),
)
PARTS = (View(0.7, 0, 0), View(0.83, 0.2, 1, flip=True), View(1.0, 0.9, 0.1), View(flip=True))


def random_picture(width: int, height: int, seed: int = 0) -> Image.Image:
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8))


def test_a_view_of_all_of_a_square_picture_shows_all_of_it():
    square = random_picture(32, 32)
    for x in (0, 0.5, 1):
        assert (decode(encoded(square, "PNG"), SMALL, View(1.0, x, x)).pixels == square).all()
    # A crop fraction belongs to evaluation: a view says itself how much it shows.
    cropping = ImagePreprocessing(32, 32, 0.5, "bilinear", (0.5,) * 3, (0.5,) * 3)
    assert (decode(encoded(square, "PNG"), cropping, View(1.0)).pixels == square).all()


def test_a_view_shows_its_own_part():
    content = encoded(random_picture(320, 320), "PNG")
    whole = np.asarray(random_picture(320, 320))
    half = ImagePreprocessing(160, 160, 1.0, "nearest", (0.5,) * 3, (0.5,) * 3)
    for x, y in ((0, 0), (1, 0), (0, 1), (0.5, 0.25)):
        left, top = round(160 * x), round(160 * y)
        shown = decode(content, half, View(0.5, x, y)).pixels
        assert (shown == whole[top : top + 160, left : left + 160]).all()


def test_a_turned_view_is_the_picture_turned():
    content = encoded(random_picture(64, 64), "PNG")
    upright = decode(content, SMALL).pixels
    for turns in range(4):
        for flip in (False, True):
            shown = decode(content, SMALL, View(flip=flip, turns=turns)).pixels
            assert (shown == np.rot90(upright[:, ::-1] if flip else upright, turns)).all()
            assert shown.flags.c_contiguous
    wide = replace(SMALL, width=64)
    upright = decode(content, wide).pixels
    for turns, shown in ((1, upright), (2, upright[::-1, ::-1]), (3, upright[::-1, ::-1])):
        assert (decode(content, wide, View(turns=turns)).pixels == shown).all()


@pytest.mark.parametrize(("size", "box"), [((64, 32), (16, 0)), ((32, 64), (0, 16))])
def test_a_view_of_a_picture_that_is_not_square_keeps_its_proportions(size, box):
    picture = random_picture(*size)
    left, top = box
    shown = decode(encoded(picture, "PNG"), SMALL, View(1.0)).pixels
    assert (shown == np.asarray(picture)[top : top + 32, left : left + 32]).all()


def test_a_view_for_a_network_that_is_not_square():
    picture = random_picture(128, 32)
    shown = decode(encoded(picture, "PNG"), WIDE, View(1.0, 1, 0)).pixels
    assert (shown == np.asarray(picture)[:, 64:]).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@settings(max_examples=15, deadline=None)
@given(view=VIEWS, size=st.tuples(st.integers(20, 300), st.integers(20, 300)))
def test_a_flip_mirrors_exactly(kind, view, size):
    content = encoded(random_picture(*size), kind)
    one = decode(content, SMALL, View(view.scale, view.x, view.y, flip=False)).pixels
    other = decode(content, SMALL, View(view.scale, view.x, view.y, flip=True)).pixels
    assert (other == one[:, ::-1]).all()
    assert other.flags.c_contiguous


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("preprocessing", [SMALL, WIDE])
@settings(max_examples=8, deadline=None)
@given(view=VIEWS, size=st.tuples(st.integers(30, 120), st.integers(30, 120)))
def test_turning_upright_and_viewing_commute(kind, preprocessing, view, size):
    # Too small to be reduced by whole factors first, which is not the same from either end; of
    # little contrast, so that bicubic overshoots between the two passes are not clipped.
    upright = photo(size).point(lambda level: 64 + level // 2)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    expected = decode(encoded(upright, kind), preprocessing, view).pixels.astype(int)
    for orientation, method in undo.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encoded(upright.transpose(method), kind, exif=exif)
        difference = np.abs(decode(content, preprocessing, view).pixels - expected)
        # Rows and columns are resized one after the other, each rounded.
        assert difference.max() <= 2, orientation
        assert difference.mean() < 0.3, orientation


@pytest.mark.parametrize("view", PARTS, ids=lambda view: view.name)
@pytest.mark.parametrize("size", [(500, 375), (1000, 1500)])
def test_a_view_of_a_jpeg_is_that_of_the_same_picture_without_loss(view, size):
    smooth = photo((64, 48)).resize(size, Image.Resampling.BICUBIC)
    expected = decode(encoded(smooth, "PNG"), P224, view).pixels.astype(int)
    undo = {1: None, 6: 2, 3: 3}
    for orientation, method in undo.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = smooth if method is None else smooth.transpose(method)
        content = encoded(turned, "JPEG", quality=95, exif=exif)
        difference = np.abs(decode(content, P224, view).pixels - expected)
        assert difference.mean() < 1, orientation
        assert difference.max() <= 10, orientation


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_every_view_of_an_odd_shape(size, kind):
    content = encoded(Image.new("RGB", size, "red"), kind)
    grid = [View(scale, x, y) for scale in (0.7, 0.9, 1.0) for x in (0, 0.4, 1) for y in (0, 1)]
    for view in (*PARTS, *grid):
        for preprocessing in (P224, WIDE):
            pixels = decode(content, preprocessing, view).pixels
            assert pixels.shape == (preprocessing.height, preprocessing.width, 3)
            assert pixels[..., 0].min() > 240


def heic(image: Image.Image, **options) -> bytes:
    from pillow_heif import as_plugin

    file = io.BytesIO()
    image.encoderinfo = options
    as_plugin._save_heif(image, file, "")
    return file.getvalue()


def test_photos_of_phones(tmp_path):
    smooth = photo((16, 12)).resize((320, 240), Image.Resampling.BICUBIC)
    expected = decode(encoded(smooth, "PNG"), SMALL).pixels.astype(int)
    for name, content in (
        ("a.heic", heic(smooth, quality=95)),
        ("b.avif", encoded(smooth, "AVIF", quality=95)),
        ("c.jpg", heic(smooth, quality=95)),
    ):
        (tmp_path / name).write_bytes(content)
        found = decode(load(str(tmp_path / name)), SMALL)
        assert np.abs(found.pixels - expected).mean() < 3, name
        assert found.warning is None
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    for content in (heic(clear), encoded(clear, "AVIF")):
        assert decode(content, SMALL).pixels.min() > 250
    assert {".heic", ".heif", ".avif"} <= images.EXTENSIONS


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
def test_phones_turn_photos_in_their_own_way(kind):
    upright = photo((16, 12)).resize((320, 240), Image.Resampling.BICUBIC)
    expected = decode(encoded(upright, "PNG"), SMALL).pixels.astype(int)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    for orientation, method in undo.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = upright.transpose(method)
        if kind == "HEIC":
            content = heic(turned, quality=95, exif=exif.tobytes())
        else:
            content = encoded(turned, "AVIF", quality=95, exif=exif)
        assert np.abs(decode(content, SMALL).pixels - expected).mean() < 3, orientation


def test_damaged_photos_of_phones():
    content = heic(photo((64, 48)))
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[position] ^= int(rng.integers(1, 256))
        decode_or_reason(bytes(damaged))
    for length in (4, 11, 12, 40, len(content) // 2):
        with pytest.raises(Unreadable):
            decode(content[:length], SMALL)


def test_without_pillow_heif_the_extra_is_named(monkeypatch):
    import sys

    content = heic(photo((64, 48)))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(Unreadable, match=r"headstart\[heic\]"):
        decode(content, SMALL)


JPEGS = [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}]


@pytest.mark.parametrize("options", JPEGS, ids=str)
@pytest.mark.parametrize("size", [(64, 64), (300, 200)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_last_bytes(options, size, mode):
    noisy = Image.fromarray(
        np.asarray(photo(size)) // 2 + np.asarray(random_picture(*size)) // 4
    ).convert(mode)
    if mode != "RGB":
        options = {key: value for key, value in options.items() if key != "subsampling"}
    content = encoded(noisy, "JPEG", quality=90, **options)
    whole = decode(content, SMALL)
    assert whole.warning is None
    for missing in (1, 2):
        found = decode(content[:-missing], SMALL)
        assert (found.pixels == whole.pixels).all()
        # Pillow itself may be content, where nothing but the marker is missing.
        assert found.warning is None or "end of the file" in found.warning
    if (mode, options) != ("CMYK", {"progressive": True}):  # its last scans are of a few bytes
        little = decode(content[:-4], SMALL)
        assert "end of the file" in little.warning
        assert np.abs(little.pixels.astype(int) - whole.pixels).mean() < 8
    for share in (0.5, 0.3, 0.05):
        with pytest.raises(Unreadable, match="truncated|damaged"):
            decode(content[: int(share * len(content))], SMALL)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), options=st.sampled_from(JPEGS))
def test_a_jpeg_that_is_completed_lacks_little(data, options):
    from headstart.data import jpeg

    size = data.draw(st.tuples(st.integers(16, 120), st.integers(16, 120)))
    content = encoded(random_picture(*size, seed=1), "JPEG", quality=80, **options)
    length = data.draw(st.integers(0, len(content) - 1))
    completed = jpeg.completed(content[:length])
    assert jpeg.completed(content) is None
    if completed is None:
        assert length < len(content) - 2
        return
    with Image.open(io.BytesIO(content)) as image, Image.open(io.BytesIO(completed)) as other:
        differs = (np.asarray(image) != np.asarray(other)).any(axis=2)
    # The last block may have lost detail that does not show in its mean.
    lines = differs.sum() / size[0]
    assert lines <= max(8, size[1] / 20) + 16 * 16 / size[0] + 2


DEEP = [
    ("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("I;16", "PNG"), ("I;16", "TIFF"), ("1", "PNG"),
    ("F", "TIFF"), ("RGB key", "PNG"), ("P alpha", "PNG"),
]  # fmt: skip


def in_mode(mode: str, size: tuple[int, int]) -> tuple[Image.Image, dict]:
    pixels = random_picture(*size)
    if mode == "I;16":
        return Image.fromarray(np.asarray(pixels)[..., 0].astype(np.uint16) * 257), {}
    if mode == "F":
        return Image.fromarray(np.asarray(pixels)[..., 0].astype(np.float32) / 255), {}
    if mode == "RGB key":
        return pixels, {"transparency": tuple(np.asarray(pixels)[3, 3].tolist())}
    if mode == "P alpha":
        return pixels.quantize(16), {"transparency": bytes(range(0, 256, 16))}
    if mode in ("RGBA", "LA"):
        pixels.putalpha(random_picture(*size, seed=2).convert("L"))
        return pixels.convert(mode), {}
    return (pixels.quantize(16) if mode == "P" else pixels.convert(mode)), {}


@pytest.mark.parametrize(("mode", "kind"), DEEP)
@pytest.mark.parametrize("preprocessing", [SMALL, WIDE, replace(SMALL, interpolation="nearest")])
def test_a_large_image_is_what_it_would_be_in_one_piece(monkeypatch, mode, kind, preprocessing):
    from headstart.data import resize

    for size in ((301, 203), (97, 640), (40, 30)):
        image, options = in_mode(mode, size)
        content = encoded(image, kind, **options)
        for view in (View(), View(0.7, 0.3, 0.9), View(0.83, 1, 0, flip=True)):
            whole = decode(content, preprocessing, view).pixels
            with monkeypatch.context() as patched:
                patched.setattr(resize, "LARGE", 0)
                patched.setattr(resize, "_BAND", 5000)
                assert (decode(content, preprocessing, view).pixels == whole).all()


def test_an_image_that_does_not_fit_in_memory_is_refused(monkeypatch):
    content = encoded(photo(), "PNG")
    monkeypatch.setattr(images, "LARGE", 1000)
    assert decode(content, SMALL).pixels.shape == (32, 32, 3)
    monkeypatch.setattr(images, "free_memory", lambda: 20_000)
    with pytest.raises(Unreadable, match="of memory"):
        decode(content, SMALL)


def test_no_library_writes_to_the_terminal(capfd):
    import warnings

    raw = encoded(photo((200, 200)).convert("L"), "TIFF", compression="tiff_lzw")
    rng = np.random.default_rng(0)
    contents = [encoded(photo(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")]
    for _ in range(60):
        damaged = bytearray(raw)
        for position in rng.integers(0, len(raw), 3):
            damaged[position] ^= int(rng.integers(1, 256))
        contents.append(bytes(damaged))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        before = list(warnings.filters)
        workers = [
            threading.Thread(target=lambda: [decode_or_reason(each) for each in contents])
            for _ in range(3)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert list(warnings.filters) == before
    assert capfd.readouterr() == ("", "")
