"""Reads Kling's creates: what is asked for, checked as its documentation says."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from reelwork_plugins.simulator.asks import Ask
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.pictures import Picture
from reelwork_plugins.simulator.refusals import Refused

TEXT, IMAGE = PATHS = ("text2video", "image2video")
FPS = 24
LONGEST_PROMPT, LARGEST, SHORTEST, STEEPEST = 2500, 10 * 1024 * 1024, 300, 2.5
_HEIGHTS = {"std": 720, "pro": 1080}
_RATIOS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)}
_BOTH = frozenset(
    {
        "model_name", "prompt", "negative_prompt", "sound", "cfg_scale", "mode", "duration", "camera_control",
        "watermark_info", "callback_url", "external_task_id",
    }
)  # fmt: skip
_FIELDS = {TEXT: _BOTH | {"aspect_ratio"}, IMAGE: _BOTH | {"image", "image_tail"}}


def read_ask(form: Form, path: str) -> Ask:
    """Read a create at this path. Raises `Refused`."""
    if form.kind != "json" or form.problem:
        raise Refused(400, f"the body is no JSON object {form.problem}".strip(), code="1200")
    fields = form.fields
    for name in fields:
        if name not in _FIELDS[path]:
            raise _invalid(name, "is not a parameter here")
    prompt = _text(fields, "prompt", "")
    if (path == TEXT and not prompt) or len(prompt) > LONGEST_PROMPT:
        raise _invalid("prompt", f"must have 1 to {LONGEST_PROMPT} characters")
    model = _text(fields, "model_name", "kling-v1")
    seconds = _choice(fields, "duration", "5", _durations(model))
    height = _HEIGHTS[_choice(fields, "mode", "std", tuple(_HEIGHTS))]
    _choice(fields, "sound", "off", ("on", "off"))
    pictures = {name: _picture(name, fields[name]) for name in ("image", "image_tail") if name in fields}
    if path == IMAGE and not pictures:
        raise _invalid("image", "and image_tail are both missing")
    picture = next((one for one in pictures.values() if one is not None), None)
    ratio = _RATIOS[_choice(fields, "aspect_ratio", "16:9", tuple(_RATIOS))]
    width, tall = _sides(height, _shape(picture) if picture else ratio)
    return Ask(
        prompt, model, seconds, width, tall, frames=int(seconds) * FPS, fps=FPS,
        negative_prompt=_text(fields, "negative_prompt", ""), picture=picture,
        path=path, ref=_text(fields, "external_task_id", ""),
    )  # fmt: skip


def _durations(model: str) -> tuple[str, ...]:
    return tuple(map(str, range(3, 16))) if model.startswith("kling-v3") else ("5", "10")


def _invalid(name: str, why: str) -> Refused:
    return Refused(400, f"Request parameters are invalid: {name} {why}", code="1201")


def _text(fields: Any, name: str, default: str) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise _invalid(name, "must be a string")
    return value


def _choice(fields: Any, name: str, default: str, choices: tuple[str, ...]) -> str:
    value = _text(fields, name, default)
    if value not in choices:
        raise _invalid(name, f"must be one of {', '.join(choices)}")
    return value


def _picture(name: str, value: Any) -> Picture | None:
    """Return the picture in base64; None for one on the web, which is not fetched."""
    if not isinstance(value, str):
        raise _invalid(name, "must be a string")
    if value.startswith(("http://", "https://")):
        return None
    try:
        content = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise _invalid(name, "is neither an address nor base64 without a prefix") from None
    width, height = _shape(found := Picture(_kind(name, content), content))
    if (
        len(content) > LARGEST
        or min(width, height) < SHORTEST
        or max(width, height) > STEEPEST * min(width, height)
    ):
        raise _invalid(name, "is too large, too small or too narrow")
    return found


def _kind(name: str, content: bytes) -> str:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as picture:
            return "image/png" if picture.format == "PNG" else "image/jpeg"
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise _invalid(name, "is no JPEG or PNG") from None


def _shape(picture: Picture) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(picture.content)) as opened:
        return opened.size


def _sides(short: int, shape: tuple[int, int]) -> tuple[int, int]:
    width, height = shape
    smaller = min(width, height)
    return round(short * width / smaller / 2) * 2, round(short * height / smaller / 2) * 2
