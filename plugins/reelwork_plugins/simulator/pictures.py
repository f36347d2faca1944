"""Reads the reference picture of a create, from a file or an address."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass

from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.refusals import Refused

MEDIA_TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_NAME = "input_reference"
_SUPPORTED = "Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."


@dataclass(frozen=True, slots=True)
class Picture:
    """A reference picture that was accepted."""

    media_type: str
    content: bytes


def read_picture(form: Form, size: tuple[int, int] | None) -> Picture | None:
    """Return the reference picture, if one was given as bytes. `size`: its required sides.

    An address on the web is accepted and not fetched. Raises `Refused`.
    """
    # OpenAI took JPEG, PNG and WebP of exactly the video's size (openai/skills), and refused a part without a file
    # name or a media type (openai/openai-java#640).
    upload = form.files.get(_NAME)
    if upload is not None:
        if upload.content_type not in MEDIA_TYPES:
            raise _bad_type(upload.content_type or "application/octet-stream")
        return _checked(Picture(upload.content_type, upload.content), size)
    value = form.fields.get(_NAME)
    if value is None:
        return None
    if isinstance(value, dict):
        return _from_object(value, size)
    message = f"Invalid type for '{_NAME}': expected a file, but got a string instead."
    raise Refused(400, message, param=_NAME, code="invalid_type")


def read_picture_url(url: str, size: tuple[int, int] | None = None) -> Picture | None:
    """Return the picture in a `data:` address; None for an address on the web. Raises `Refused`."""
    if url.startswith(("http://", "https://")):
        return None
    head, _, data = url.partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    if not head.startswith("data:") or not head.endswith(";base64"):
        raise Refused(400, f"Invalid '{_NAME}': no http(s) or data address.", param=_NAME, code="invalid_value")
    if media_type not in MEDIA_TYPES:
        raise _bad_type(media_type)
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise Refused(400, f"Invalid '{_NAME}': no base64.", param=_NAME, code="invalid_value") from None
    return _checked(Picture(media_type, content), size)


def _from_object(value: dict[str, object], size: tuple[int, int] | None) -> Picture | None:
    url = value.get("image_url")
    if set(value) != {"image_url"} or not isinstance(url, str):
        message = f"Invalid '{_NAME}': give exactly one of 'image_url' and 'file_id'; no file is known here."
        raise Refused(400, message, param=_NAME, code="invalid_value")
    return read_picture_url(url, size)


def _bad_type(media_type: str) -> Refused:
    message = f"Invalid file '{_NAME}': unsupported mimetype ('{media_type}'). {_SUPPORTED}"
    return Refused(400, message, param=_NAME, code="unsupported_file_mimetype")


def _checked(picture: Picture, size: tuple[int, int] | None) -> Picture:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(picture.content), formats=list(MEDIA_TYPES.values())) as image:
            found, kind = image.size, image.format
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        message = f"Invalid file '{_NAME}': it is no picture."
        raise Refused(400, message, param=_NAME, code="invalid_image") from None
    if kind != MEDIA_TYPES[picture.media_type]:
        message = f"Invalid file '{_NAME}': it is {kind}, not '{picture.media_type}'."
        raise Refused(400, message, param=_NAME, code="invalid_image")
    if size is not None and found != size:
        message = f"The reference picture is {found[0]}x{found[1]}; it must match the size {size[0]}x{size[1]}."
        raise Refused(400, message, param=_NAME, code="invalid_image_size")
    return picture
