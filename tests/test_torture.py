"""Bad input, whole command lines: each case gets what it should, in one sentence or one row."""

import hashlib
import io
import json
import os
import pickle
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

import headstart
from headstart.sealed import seal_of
from tests.runs import COLOURS, Place, picture, pictures

BMP_WITHOUT_HEADER = b"BM" + b"\0" * 24


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def bad_pictures(folder: Path, good: Path) -> dict[str, str]:
    """Pictures that cannot be read, and a part of the reason that is given for each."""
    folder.mkdir(parents=True)
    image, raw = Image.open(good).convert("RGB"), good.read_bytes()
    png = _saved(image, "PNG")
    huge = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = _chunk(b"zTXt", b"comment\0\0" + zlib.compress(b"a" * (70 << 20), 9))
    contents = {
        "zero.jpg": (b"", "zero bytes"),
        "truncated.jpg": (raw[: len(raw) // 2], "truncated"),
        "truncated.png": (png[: len(png) // 2], "truncated"),
        "text.jpg": (b"hello\n", "not an image"),
        "header alone.png": (b"\x89PNG\r\n\x1a\n", "image"),
        "bmp.bmp": (BMP_WITHOUT_HEADER, "damaged"),
        "huge.png": (png[:8] + _chunk(b"IHDR", huge) + png[33:], "pixels"),
        "text bomb.png": (png[:33] + bomb + png[33:], "too large"),
        "fits.jpg": (b"SIMPLE  =                    T".ljust(2880), "not an image"),
        "psd.png": (b"8BPS\0\1".ljust(60, b"\0"), "not an image"),
        "eps.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        "svg.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
        "ico.png": (_saved(image, "ICO"), "not an image"),
        "pdf.jpg": (_saved(image, "PDF"), "not an image"),
        "flat.tif": (_saved(Image.fromarray(np.full((8, 8), 2.5, np.float32)), "TIFF"), "floating"),
        "picture.svg": (b"<svg/>", "extension"),
        "notes.txt": (b"notes", "extension"),
        "raw.fits": (b"SIMPLE", "extension"),
    }
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "fifo.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    said = {name: reason for name, (_, reason) in contents.items()}
    regular = "not a regular file"
    said |= dict.fromkeys(("folder.jpg", "fifo.jpg", "device.jpg"), regular)
    return said | {"dangling.jpg": "no such file"}


def odd_pictures(folder: Path, good: Path) -> list[str]:
    """Pictures that are unusual and fine, and their names as they are shown."""
    folder.mkdir(parents=True)
    image, raw = Image.open(good).convert("RGB"), good.read_bytes()
    deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
    see_through = image.convert("RGBA")
    see_through.putalpha(128)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = Image.Exif()
    turned[0x112] = 6
    more = {"save_all": True, "append_images": [image.rotate(90)]}
    contents = {
        "png.jpg": _saved(image, "PNG"),
        "cmyk.jpg": _saved(image.convert("CMYK"), "JPEG"),
        "icc.jpg": _saved(image, "JPEG", icc_profile=srgb),
        "bad icc.png": _saved(image, "PNG", icc_profile=b"nonsense"),
        "deep.png": _saved(Image.fromarray(deep), "PNG"),
        "deep.tif": _saved(Image.fromarray(deep), "TIFF"),
        "palette.png": _saved(image.quantize(8), "PNG", transparency=0),
        "rgba.webp": _saved(see_through, "WEBP"),
        "exif.jpg": _saved(image, "JPEG", exif=turned),
        "moving.gif": _saved(image, "GIF", **more),
        "moving.webp": _saved(image, "WEBP", **more),
        "1x1.png": _saved(image.resize((1, 1)), "PNG"),
        "1x5000.png": _saved(image.resize((1, 5000)), "PNG"),
        "3x700.png": _saved(image.resize((3, 700)), "PNG"),
        "CAPS.JPG": raw,
        "ünï ☃.jpg": raw,
        "-dash.jpg": raw,
        "[red]x[bold].jpg": raw,
        "new\nline.jpg": raw,
        "escape\x1b[31m.jpg": raw,
        "backwards\u202e.jpg": raw,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.jpg")).write_bytes(raw)
    escaped = {"\n": "\\n", "\x1b": "\\x1b", "\u202e": "\\u202e"}
    names = [*contents, "\\udcff\\udcfe.jpg"]
    for character, instead in escaped.items():
        names = [name.replace(character, instead) for name in names]
    return names


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, warm):
    """`good`, and `mixed`: the same and all that is bad or odd; a model of each.

    Also what is said of the bad ones, the odd ones' names, and the reports.
    """
    place = Place(tmp_path_factory.mktemp("mixed"), warm)
    pictures(place.folder / "good", 24)
    shutil.copytree(place.folder / "good", place.folder / "mixed")
    example = place.folder / "good" / "blue" / "0-0.jpg"
    place.bad = bad_pictures(place.folder / "mixed" / "blue" / "bad", example)
    place.odd = odd_pictures(place.folder / "mixed" / "blue" / "odd", example)
    for data in ("good", "mixed"):
        done = place.run("fit", data, "--out", f"of {data}", "--offline")
        assert done.code == 0, done.err
    return place


def test_every_bad_picture_is_named_with_its_reason(mixed):
    skipped = {each["item"]: each["reason"] for each in mixed.report("of mixed")["skipped"]}
    assert set(skipped) == {f"blue/bad/{name}" for name in mixed.bad}
    for name, reason in mixed.bad.items():
        assert reason in skipped[f"blue/bad/{name}"], name


def test_every_odd_picture_is_used(mixed):
    report = mixed.report("of mixed")
    used = sum(report["counts"][part] for part in ("train", "validation", "test"))
    assert used == 48 + len(mixed.odd)
    assert any("only the first frame" in warning for warning in report["warnings"])
    assert any("colour profile" in warning for warning in report["warnings"])
    assert report["test"]["accuracy"]["value"] > 0.9


def test_good_pictures_have_the_features_that_they_have_alone(mixed, warm, tmp_path):
    fresh = Place(tmp_path, warm)
    features = {}
    for data in ("good", "mixed"):
        path = mixed.folder / data
        assert fresh.run("embed", str(path), "--out", f"{data}.npz").code == 0
        shutil.rmtree(fresh.cache / "features")
        with np.load(tmp_path / f"{data}.npz") as found:
            features[data] = dict(zip(found["item"], found["feature"], strict=True))
    assert len(features["good"]) == 48
    for name, feature in features["good"].items():
        assert np.array_equal(features["mixed"][name], feature), name


def test_predict_answers_for_good_ones_as_if_the_bad_were_not_there(mixed):
    alone = mixed.run("predict", "of good", "good", "--json").json["predictions"]
    among = mixed.run("predict", "of good", "mixed", "--json").json
    of = {each["item"]: each for each in among["predictions"]}
    assert [of[each["item"]] for each in alone] == alone
    assert {each["item"] for each in among["skipped"]} == {f"blue/bad/{n}" for n in mixed.bad}
    assert {f"blue/odd/{name}" for name in mixed.odd} <= set(of)


def test_a_name_cannot_write_to_the_terminal(mixed):
    said = mixed.run("predict", "of good", "mixed").out
    lines = [line for line in said.splitlines() if "/odd/" in line]
    assert len(lines) == len(mixed.odd)
    assert not {"\x1b", "\u202e"} & set(said)


def test_strict_names_the_first_bad_picture(mixed):
    done = mixed.run("fit", "mixed", "--out", "strict", "--strict", "--offline")
    assert done.code == 2
    assert "blue/bad/" in done.err
    assert not (mixed.folder / "strict").exists()


@pytest.mark.slow
def test_the_same_in_a_process_of_its_own(mixed):
    done = mixed.process("fit", "mixed", "--out", "process", "--offline", "--json")
    assert done.code == 0, done.err
    assert done.json["counts"] == mixed.report("of mixed")["counts"]
    assert done.json["test"] == mixed.report("of mixed")["test"]
    done = mixed.process("predict", "process", "mixed/blue/bad/fifo.jpg", "mixed/red/0-0.jpg")
    assert done.code == 0
    assert "not a regular file" in done.out.splitlines()[1]
    assert "red" in done.out.splitlines()[2]


@pytest.fixture(scope="module")
def rows(tmp_path_factory, warm):
    """Tables that are wrong, and a model of texts and one of pictures."""
    place = Place(tmp_path_factory.mktemp("rows"), warm)
    folder = place.folder
    pictures(folder / "photos", 12)
    place.texts("good.csv", 12)
    good = (folder / "good.csv").read_text()
    for name, content in {
        "utf16.csv": good.encode("utf-16"),
        "bare utf16.csv": good.encode("utf-16-le"),
        "latin1.csv": good.replace("cat", "caté").encode("latin-1"),
        "semicolons.csv": good.replace(",", ";").encode(),
        "tabs.csv": good.replace(",", "\t").encode(),
        "old mac.csv": good.replace("\n", "\r").encode(),
        "ragged.csv": f"{good}a,b,c\n".encode(),
        "twice.csv": good.replace("text,label", "text,text").encode(),
        "no header.csv": good.split("\n", 1)[1].encode(),
        "open quote.csv": f'{good}"never closed,car\n'.encode(),
        "no columns.csv": b"",
        "no rows.csv": b"text,label\n",
        "no labels.csv": b"text,label\nhello there,\ngood bye,\n",
        "one class.csv": b"text,label\n" + b"".join(b"text %d,car\n" % n for n in range(9)),
        "same text.csv": b"text,label\n" + b"one text,car\none text,animal\n" * 9,
        "three.csv": b"text,label\none,car\ntwo,animal\nthree,car\n",
        "all different.csv": b"text,label\n" + b"".join(b"t %d,c%d\n" % (n, n) for n in range(9)),
        "links.csv": b"image,label\nhttp://example.org/a.jpg,car\n",
        "outside.csv": b"image,label\n../photo.jpg,car\n",
        "absolute.csv": b"image,label\n/etc/hostname,car\n/etc/passwd,animal\n",
        "gone.csv": b"image,label\ngone.jpg,car\nnor this.jpg,animal\n",
        "broken.jsonl": b'{"text": "a", "label": "b"}\n{"text": \n',
        "not.parquet": b"hello",
        "sheet.xlsx": b"PK",
        "numbers.csv": good.replace("animal", "1").replace("car\n", "2\n").encode(),
    }.items():
        (folder / name).write_bytes(content)
    pictures(folder / "one class", 9, classes={"blue": COLOURS["blue"]})
    pictures(folder / "one each", 1)
    for name in ("empty", "a file's/folder", "blank/red", "blank/blue"):
        (folder / name).mkdir(parents=True)
    for number in range(4):
        for label in COLOURS:
            (folder / "blank" / label / f"{number}.jpg").touch()
    shutil.copytree(folder / "photos", folder / "half blank")
    for path in (folder / "half blank" / "red").iterdir():
        path.write_bytes(b"")
    for split in ("train", "test"):
        shutil.copytree(folder / "photos", folder / "leak" / split)
    shutil.copytree(folder / "photos" / "blue", folder / "untaught" / "train" / "blue")
    shutil.copytree(folder / "photos", folder / "untaught" / "test")
    (folder / "taken").write_text("mine")
    os.mkfifo(folder / "fifo.csv")
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("mine")
    assert place.run("fit", "good.csv", "--out", "of texts", "--offline").code == 0
    assert place.run("fit", "photos", "--out", "of photos", "--offline").code == 0
    shutil.copytree(folder / "of photos", folder / "annotated")
    (folder / "annotated" / "thesis.tex").write_text("mine")
    return place


FIT = [
    ("'no columns.csv'", "line 1"),
    ("'no rows.csv'", "line 1: the table has no rows"),
    ("ragged.csv", "line 26: the row has 3 values, but the header has 2"),
    ("twice.csv", "line 1: column 'text' is there twice"),
    ("'no header.csv'", "line 1"),
    ("'no labels.csv'", "it has no label"),
    ("'one class.csv'", "only one class, 'car'"),
    ("'same text.csv'", "only 1 distinct item"),
    ("three.csv", "only 3 distinct items"),
    ("'all different.csv'", "a class needs at least 3"),
    ("links.csv", "URLs such as 'http://example.org/a.jpg'"),
    ("outside.csv", "outside.csv:2: '../photo.jpg': there is no such file"),
    ("absolute.csv", "No item of 'absolute.csv' can be read (absolute.csv:2: "),
    ("gone.csv", "gone.csv:2: 'gone.jpg': there is no such file"),
    ("broken.jsonl", "broken.jsonl, line 2"),
    ("not.parquet", "not a Parquet file"),
    ("sheet.xlsx", "not a spreadsheet that can be read"),
    ("nowhere.csv", "no file or folder 'nowhere.csv'"),
    ("nowhere", "no file or folder 'nowhere'; a data set of the hub is named hf:nowhere"),
    ("fotos", "is it 'photos'?"),
    ("hf:owner/name", "--offline forbids"),
    ("hf:no/such/name", "no name of a hub data set"),
    ("http://example.org/a.csv", "no file or folder 'http://example.org/a.csv'"),
    ("''", "DATA is empty"),
    ("/dev/null", "/dev/null is not a folder or a table"),
    ("fifo.csv", "nor any regular file"),
    ("good.csv --test fifo.csv", "nor any regular file"),
    ("empty", "empty has no folder per class"),
    ("photos/blue", "no folder per class"),
    ("photos/blue/0-0.jpg", "not a folder or a table"),
    ("'one class'", "only one class, 'blue'"),
    ("'one each'", "only 2 distinct items"),
    ("blank", "No item of 'blank' can be read (blue/0.jpg: it is empty (zero bytes))"),
    ("'half blank'", "Skipped were 12, the first red/0-0.jpg"),
    ("leak", "also in the test or validation split"),
    ("untaught", "only one class, 'blue'"),
    ("good.csv --label kind", "good.csv has no column 'kind' (--label); it has 'text', 'label'"),
    ("good.csv --input body", "good.csv has no column 'body' (--input)"),
    ("good.csv --input text --label text", "cannot be both"),
    ("good.csv --task regression", "good.csv:2: 'animal' is not a number"),
    ("good.csv --task guess", "--task is 'guess'"),
    ("good.csv --test nowhere.csv", "no file or folder 'nowhere.csv'"),
    ("good.csv --test photos", "The data holds texts, but --test holds images"),
    ("good.csv --test-size 2", "--test-size is 2.0"),
    ("good.csv --test-size nan", "--test-size is nan"),
    ("good.csv --seed -1", "--seed is -1"),
    ("good.csv --head forest", "--head is 'forest'"),
    ("good.csv --head mlp:0", "--head is 'mlp:0'"),
    ("good.csv --backbone vgg99", "No backbone is called 'vgg99'"),
    ("good.csv --backbone efficientnet-lite0", "reads images, but the data holds texts"),
    ("photos --label kind", "leave out --input and --label"),
    ("photos --colour", "no such option: --colour"),
]


def _words(line: str) -> list[str]:
    import shlex

    return shlex.split(line)


def _one_sentence(done, said: str) -> None:
    assert done.code == 2, done
    assert done.out == ""
    assert done.err.startswith("headstart: ")
    assert done.err.count("\n") == 1, done.err
    assert "fault in headstart" not in done.err
    assert said.replace("\\\\", "\\") in done.err
    assert done.err.rstrip().endswith((".", "?"))


@pytest.mark.parametrize(("line", "said"), FIT, ids=[line for line, _ in FIT])
def test_fit_refuses_in_one_sentence_and_writes_nothing(rows, line, said):
    before = sorted(each.name for each in rows.folder.iterdir())
    _one_sentence(rows.run("fit", *_words(line), "--out", "never", "--offline"), said)
    assert sorted(each.name for each in rows.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("utf16.csv", "read as UTF-16"),
        ("bare utf16.csv", "read as UTF-16-LE"),
        ("latin1.csv", "read as Windows-1252, with words such as 'caté'"),
        ("semicolons.csv", "separated by semicolons"),
        ("tabs.csv", "separated by tabs"),
        ("old mac.csv", ""),
        ("open quote.csv", "line 26) a quotation mark is taken as a character"),
    ],
)
def test_tables_as_they_are(rows, name, said):
    done = rows.run("evaluate", "of texts", name, "--json")
    assert done.code == 0, done.err
    assert done.json["counts"]["measured"] == 24 + (name == "open quote.csv")
    assert said in " ".join(done.json["notes"] + done.json["warnings"])


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("taken", "'taken', which is a file"),
        ("taken/deeper", "no folder can be made in"),
        (".", "'.' holds"),
        ("x" * 256, "too long"),
        ("full", "'full' holds 'mine.txt'"),
        ("annotated", "'annotated' holds 'thesis.tex'"),
        ("photos", "'photos' holds 'blue' and 1 more"),
        ("", "--out is empty"),
    ],
)
def test_fit_never_writes_over_what_is_not_a_model(rows, out, said):
    _one_sentence(rows.run("fit", "good.csv", "--out", out, "--offline"), said)
    assert (rows.folder / "taken").read_text() == "mine"
    assert (rows.folder / "full" / "mine.txt").read_text() == "mine"
    assert (rows.folder / "annotated" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("predict 'of photos' empty", "no images in empty"),
        ("predict 'of photos' blank", "none of 8 items can be read; the first, blue/0.jpg"),
        ("predict 'of photos' good.csv", "No row of good.csv can be used"),
        ("predict 'of photos' gone.jpg", "gone.jpg cannot be read: no such file"),
        ("predict 'of photos' /dev/zero", "/dev/zero cannot be read: it is not a regular file"),
        ("predict 'of texts' photos", "no .txt files in photos"),
        ("predict 'of texts' photos/red/0-0.jpg", "line 1 is not UTF-8"),
        ("predict 'of texts' nowhere.csv", "no file 'nowhere.csv'"),
        ("predict 'of texts' ' '", "the text is empty or blank"),
        ("predict nowhere photos", "'nowhere' is not a headstart model"),
        ("predict photos photos", "'photos' is not a headstart model"),
        ("predict taken photos", "'taken/model.json' cannot be read"),
        ("evaluate 'of photos' good.csv", "answers for images, but the data holds texts"),
        ("evaluate 'of texts' numbers.csv", "numbers.csv:2: its label '1' is not among"),
        ("evaluate 'of texts' 'no labels.csv'", "it has no label"),
        ("evaluate 'of photos' blank", "blue/0.jpg: it is empty"),
        ("evaluate nowhere photos", "'nowhere' is not a headstart model"),
        ("embed photos --out a.txt", "it must end with .lance, .parquet or .npz"),
        ("embed photos --out no/where.npz", "the folder 'no' is not there"),
        ("embed photos --out a.npz --cut nowhere", "has no stage 'nowhere'"),
        ("embed blank --out a.npz", "No item of 'blank' can be read"),
        ("embed empty --out a.npz", "no folder per class"),
    ],
)
def test_other_commands_refuse_in_one_sentence(rows, line, said):
    before = sorted(each.name for each in rows.folder.iterdir())
    _one_sentence(rows.run(*_words(line)), said)
    assert sorted(each.name for each in rows.folder.iterdir()) == before


@pytest.mark.slow
def test_refusals_in_a_process_of_their_own(rows):
    _one_sentence(rows.process("fit", "ragged.csv", "--out", "never"), "line 26")
    _one_sentence(rows.process("predict", "of photos", "gone.jpg"), "gone.jpg")


def test_texts_of_every_kind(rows, warm, tmp_path):
    place = Place(tmp_path, warm)
    place.texts(
        "texts.csv",
        12,
        f'"{"word " * 200_000}",car',
        "🐈🐕 🐎,animal",
        "שלום עולם,animal",
        "a\0b,car",
        '"   ",car',
        ",car",
        "no label,",
    )
    done = place.run("fit", "texts.csv", "--out", "model", "--offline", "--json")
    assert done.code == 0, done.err
    assert [each["item"] for each in done.json["skipped"]] == [
        "texts.csv:30", "texts.csv:31", "texts.csv:32",
    ]  # fmt: skip
    assert any(said.startswith("1 text: truncated") for said in done.json["warnings"])
    answer = rows.run("predict", "of texts", "\ud800 engine oil", "🐈", "\0", "--json")
    assert answer.code == 0, answer.err
    assert len(answer.json["predictions"]) == 2
    assert len(answer.json["skipped"]) == 1


@pytest.mark.parametrize("change", ["line ends", "byte order mark", "quotes", "numbers"])
def test_tables_as_other_programs_write_them(rows, change):
    good = (rows.folder / "good.csv").read_bytes()
    written = {
        "line ends": good.replace(b"\n", b"\r\n"),
        "byte order mark": b"\xef\xbb\xbf" + good,
        "quotes": b"".join(
            b'"' + line.replace(b",", b'","') + b'"\n' for line in good.splitlines()
        ),
        "numbers": good.replace(b"animal", b"1").replace(b"car\n", b"2\n"),
    }[change]
    (rows.folder / f"{change}.csv").write_bytes(written)
    done = rows.run("fit", f"{change}.csv", "--out", change, "--offline", "--json")
    assert done.code == 0, done.err
    assert done.json["classes"] == (["1", "2"] if change == "numbers" else ["animal", "car"])
    assert done.json["test"] == rows.report("of texts")["test"]


def test_labels_that_look_alike_are_kept_apart_and_mentioned(place):
    place.texts("labels.csv", 12, *(f"the dog {n},Animal" for n in range(9)), "a wheel,car ")
    done = place.run("fit", "labels.csv", "--out", "model", "--offline", "--json")
    assert done.json["classes"] == ["Animal", "animal", "car"]
    warnings = " ".join(done.json["warnings"])
    assert "'Animal', 'animal' differ only in case" in warnings


def test_folders_as_people_have_them(place):
    names = {"sp ace 猫": COLOURS["blue"], "[red]x[bold]": COLOURS["red"]}
    folder = pictures(place.folder / "photos", 12, classes=names)
    (folder / "nothing in it").mkdir()
    shutil.copy(folder / "sp ace 猫" / "0-0.jpg", folder / "loose.jpg")
    shutil.copy(folder / "sp ace 猫" / "0-1.jpg", folder / "[red]x[bold]" / "same.jpg")
    done = place.run("fit", "photos", "--out", "model", "--offline")
    assert done.code == 0, done.err
    assert "[red]x[bold] (13), sp ace 猫 (12)" in done.out
    report = place.report()
    assert report["skipped"][0]["item"] == "loose.jpg"
    warnings = " ".join(report["warnings"])
    assert "nothing in 'nothing in it'" in warnings
    assert "1 item is identical to one with another label" in warnings


def test_a_class_of_one_picture(place):
    folder = pictures(place.folder / "photos", 12)
    rare = {"rare": (40, 200, 40)}
    pictures(folder, 1, classes=rare)
    done = place.run("fit", "photos", "--out", "model", "--offline", "--json")
    assert done.json["classes"] == ["blue", "rare", "red"]
    assert "Too few items to test: 'rare'" in " ".join(done.json["warnings"])


def _damage(model: Path, name: str, content: bytes) -> None:
    """Write a file of a model, and make its description agree."""
    (model / name).write_bytes(content)
    about = json.loads((model / "model.json").read_text())
    about["files"][name] = hashlib.sha256(content).hexdigest()
    _describe(model, about)


def _describe(model: Path, about) -> None:
    about["seal"] = seal_of(about)
    (model / "model.json").write_text(json.dumps(about))


def _lying_header() -> bytes:
    entry = {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}
    header = json.dumps({"weight": entry}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 8


class Evil:
    def __reduce__(self):
        return Path("evil").touch, ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", _lying_header()),
        ("model.safetensors", struct.pack("<Q", 2**62) + b"{}"),
        ("model.safetensors", pickle.dumps(Evil())),
        ("compiled/network.xml", b"<net/>"),
        ("compiled/network.bin", b"\0" * 100),
    ],
    ids=["sizes that lie", "header that lies", "pickle", "other network", "short weights"],
)
def test_files_of_a_model_that_lie_are_refused(rows, tmp_path, monkeypatch, name, content):
    model = tmp_path / "model"
    shutil.copytree(rows.folder / "of photos", model)
    _damage(model, name, content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["blue"]},
        {"classes": ["blue", "green", "red"]},
        {"classes": 7},
        {"task": "regression"},
        {"task": "guess"},
        {"modality": "text"},
        {"head": []},
        {"head": {"name": "os:system", "settings": {}}},
        {"preprocessing": "none"},
        {"temperature": 0},
        {"precision": "int4"},
        {"schema": 99},
        {"files": {"../../secret": "0"}},
    ],
    ids=str,
)
def test_a_description_that_does_not_fit_is_refused(rows, tmp_path, change):
    model = tmp_path / "model"
    shutil.copytree(rows.folder / "of photos", model)
    _describe(model, json.loads((model / "model.json").read_text()) | change)
    with pytest.raises(headstart.InputError):
        headstart.load(model)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b"[" * 100_000, b"null"], ids=lambda c: str(c[:5])
)
def test_a_description_that_is_none_is_refused(rows, tmp_path, content):
    model = tmp_path / "model"
    shutil.copytree(rows.folder / "of photos", model)
    (model / "model.json").write_bytes(content)
    with pytest.raises(headstart.InputError, match="model.json"):
        headstart.load(model)


@pytest.mark.parametrize("bit", range(0, 60, 7))
def test_one_flipped_bit_in_a_picture_is_the_same_every_time(rows, bit):
    raw = bytearray((rows.folder / "photos" / "red" / "0-0.jpg").read_bytes())
    raw[len(raw) * bit // 60] ^= 1 << bit % 8
    (rows.folder / "flipped.jpg").write_bytes(raw)
    first, second = (rows.run("predict", "of photos", "flipped.jpg", "--json") for _ in range(2))
    assert first == second
    assert first.code in (0, 2)
    assert "fault" not in first.err


def test_png_text_is_no_way_in(rows):
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "a" * (70 << 20), zip=True)
    picture(np.random.default_rng(0), COLOURS["red"]).save(rows.folder / "b.png", pnginfo=text)
    _one_sentence(rows.run("predict", "of photos", "b.png"), "b.png cannot be read")
