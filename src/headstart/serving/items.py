"""What clients send, as items of a model: raw bodies, JSON, forms and texts.

No item is ever a path or an address: an image is the bytes that were sent, and a text is a text.
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from headstart.data import images
from headstart.data.dataset import Modality, Unusable
from headstart.errors import Unreadable
from headstart.serving.refusal import Refused
from headstart.spec import ServeSpec
from headstart.wording import shown

JSON, FORM, MULTIPART, PLAIN = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
)
RAW = ("", "application/octet-stream", "binary/octet-stream", FORM)
"""Types that clients give to any file; the last is what curl's --data-binary gives."""

KEYS: dict[Modality, tuple[str, str]] = {"image": ("image", "images"), "text": ("text", "texts")}
"""Keys of a JSON body, and fields of a form: of one item, and of several."""

LONGEST_NAME = 200
QUICK = 65_536
"""Bytes that are parsed without a thread."""
_ONE = CapacityLimiter(1)
"""Large bodies are parsed one after another: JSON may take thirty times its size in memory."""
_SPACES = {ord(each): None for each in " \t\r\n"}

Result = TypeVar("Result")
Many = TypeVar("Many", bound=Sized)


@dataclass(frozen=True)
class Items:
    """The items of a request.

    Attributes:
        values: encoded bytes or an array (images), a string (texts), or an `Unusable`.
        names: as many.
    """

    values: Sequence[object]
    names: Sequence[str]

    @classmethod
    def numbered(cls, values: Sequence[object]) -> "Items":
        """Items without names of their own."""
        return cls(values, [f"item {at}" for at in range(len(values))])


def kind_of(headers: Headers) -> str:
    """The media type of a body, in lower case and without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def aside(body: bytes, work: Callable[[], Result]) -> Result:
    """Do work on a body; on a thread where it is large, so that others are answered meanwhile."""
    return await to_thread.run_sync(work, limiter=_ONE) if len(body) > QUICK else work()


async def read(headers: Headers, body: bytes, modality: Modality, limits: ServeSpec) -> Items:
    """The items in the body of a request to `/predict`.

    Raises:
        Refused: there are none, too many, or the body is nothing that is read.
    """
    kind = kind_of(headers)
    if kind == MULTIPART:
        return await _of_form(headers, body, modality, limits)
    if kind == JSON or kind.endswith("+json"):
        return Items.numbered(await aside(body, lambda: _of_json(parsed(body), modality, limits)))
    if modality == "image":
        return Items.numbered([_raw_image(kind, body)])
    return Items.numbered(await aside(body, lambda: _of_text(kind, headers, body, limits)))


def within(values: Many, limits: ServeSpec) -> Many:
    """What is to become items, if a request may have so many: before they are made.

    Raises:
        Refused: there are none, or too many.
    """
    if not len(values):
        raise Refused(422, "There are no items in the request.")
    if len(values) > limits.max_items:
        raise _too_many(f"{len(values):,}", limits)
    return values


def _too_many(number: str, limits: ServeSpec) -> Refused:
    return Refused(
        413,
        f"The request has {number} items, more than the {limits.max_items:,} allowed; "
        "send several requests.",
    )


def parsed(body: bytes) -> Any:
    """A JSON body.

    Raises:
        Refused: it is not JSON: NaN and infinity are not, nor is what is nested too deeply.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise Refused(400, "The JSON is nested too deeply.") from error
    except ValueError as error:
        raise Refused(400, f"The body is not JSON: {shown(str(error))[:200]}.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _of_json(given: Any, modality: Modality, limits: ServeSpec) -> list[object]:
    one, several = KEYS[modality]
    if not isinstance(given, dict) or (one in given) == (several in given):
        raise Refused(
            422, f'Send a JSON object with one of the keys "{one}" (one) and "{several}" (a list).'
        )
    unknown = next((key for key in given if key not in (one, several)), None)
    if unknown is not None:
        raise Refused(422, f'The key "{shown(unknown)[:80]}" means nothing here; leave it out.')
    listed = given[several] if several in given else [given[one]]
    if not isinstance(listed, list):
        raise Refused(422, f'"{several}" is not a list.')
    return [item_of(each, modality) for each in within(listed, limits)]


def item_of(value: Any, modality: Modality) -> object:
    """A value of JSON as an item: a text, or an encoded image in base64."""
    if not isinstance(value, str):
        what = "a text" if modality == "text" else "an image in base64"
        return Unusable(f"it is not {what}, which would be a string")
    if modality == "text":
        return value
    head, comma, rest = value[:200].partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        value = rest + value[200:]
    try:
        # Some programs wrap lines; whatever else is no base64 is refused.
        return base64.b64decode(value.translate(_SPACES), validate=True)
    except (binascii.Error, ValueError):
        return Unusable("it is not base64")


def _raw_image(kind: str, body: bytes) -> object:
    if not (kind.startswith("image/") or kind in RAW):
        raise Refused(
            415,
            f"The body is {shown(kind)[:80]!r}, but the model answers for images; send an image, "
            'a form with files, or JSON such as {"images": ["BASE64"]}.',
        )
    return body


def _of_text(kind: str, headers: Headers, body: bytes, limits: ServeSpec) -> list[object]:
    if kind == FORM:
        if body.count(b"&") > limits.max_items:
            raise _too_many(f"{body.count(b'&') + 1:,}", limits)
        fields = parse_qs(body.decode("utf-8", "replace"))
        found: list[object] = [
            each for key in KEYS["text"] for each in fields.get(key, ()) if isinstance(each, str)
        ]
        if found:
            return within(found, limits)
        raise Refused(
            422, "The form has no field 'text'; or send the text alone as text/plain, or JSON."
        )
    if kind not in ("", PLAIN):
        raise Refused(
            415,
            f"The body is {shown(kind)[:80]!r}, but the model answers for texts; send text/plain "
            'or JSON such as {"texts": ["..."]}.',
        )
    return [_decoded(body, headers.get("content-type", ""))]


def _decoded(raw: bytes, content_type: str) -> object:
    parameters = content_type.lower().replace(" ", "").replace('"', "").split(";")
    charset = next((p[8:] for p in parameters if p.startswith("charset=")), "utf-8")
    try:
        return raw.decode(charset if charset in ("latin-1", "iso-8859-1") else "utf-8-sig")
    except ValueError:
        return Unusable("it is not a text in UTF-8")


async def _of_form(headers: Headers, body: bytes, modality: Modality, limits: ServeSpec) -> Items:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    parser = MultiPartParser(
        headers,
        stream(),  # type: ignore[arg-type]
        max_files=limits.max_items + 1,
        max_fields=limits.max_items + 1,
        max_part_size=len(body),
    )
    parser.spool_max_size = len(body) + 1  # nothing goes to the disk
    try:
        form = await parser.parse()
    except MultiPartException as error:
        status = 413 if error.message.startswith("Too many") else 400
        raise Refused(status, f"The form cannot be read: {shown(error.message)[:200]}") from error
    except (ValueError, LookupError, AssertionError) as error:
        raise Refused(400, "The form cannot be read.") from error
    try:
        return await _of_fields(form, modality, limits)
    finally:
        await form.close()


async def _of_fields(form: FormData, modality: Modality, limits: ServeSpec) -> Items:
    values: list[object] = []
    names: list[str] = []
    for key, value in form.multi_items():
        if isinstance(value, UploadFile):
            raw = await value.read()
            values.append(raw if modality == "image" else _decoded(raw, ""))
            names.append(shown(value.filename or "")[:LONGEST_NAME] or f"item {len(names)}")
        elif key in KEYS[modality]:
            values.append(item_of(value, modality))
            names.append(f"item {len(names)}")
        else:
            one = KEYS[modality][0]
            raise Refused(
                422, f"The field {shown(key)[:80]!r} means nothing here; name it {one!r}."
            )
    return Items(within(values, limits), names)


def allowed(item: object, limits: ServeSpec) -> object:
    """The item, or why it is not looked at; called where items are prepared."""
    if isinstance(item, str) and len(item) > limits.max_characters:
        return Unusable(
            f"its {len(item):,} characters are more than the {limits.max_characters:,} allowed"
        )
    if isinstance(item, bytes) and item:
        try:
            width, height, _ = images.header(item)
        except Unreadable as error:
            return Unusable(str(error))
        if width * height > limits.max_pixels:
            return Unusable(
                f"{width:,} x {height:,} pixels are more than the {limits.max_pixels:,} allowed"
            )
    return item
