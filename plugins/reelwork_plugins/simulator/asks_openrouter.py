"""The creates of OpenRouter: JSON, with a frame in words or in pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

from reelwork_plugins.simulator.asks import Ask, possible, read_prompt, sides
from reelwork_plugins.simulator.dialects import DIALECTS
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.models import HOSTED_MODELS, find_model
from reelwork_plugins.simulator.pictures import Picture, read_picture_url
from reelwork_plugins.simulator.refusals import Refused

ASPECT_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
SHORT_SIDES: Mapping[str, int] = {
    "360p": 360, "480p": 480, "720p": 720, "768p": 768, "1080p": 1080, "1K": 1024, "2K": 1440, "4K": 2160,
}  # fmt: skip
"""Pixels of each resolution. Those of `1K`, `2K` and `4K` differ from model to model; these are assumed."""


def read_openrouter(form: Form, models: tuple[str, ...]) -> Ask:
    """Read a create. Fields that are not known are ignored, as OpenRouter does. Raises `Refused`."""
    fields, dialect = form.fields, DIALECTS["openrouter"]
    name = fields.get("model")
    if not isinstance(name, str) or not name:
        raise Refused(400, "model: Required")
    if models and name not in models:
        raise Refused(400, f"{name} is not a valid model ID")
    prompt, model = read_prompt(form), find_model(name, HOSTED_MODELS)
    seconds = str(_whole(fields, "duration", int(model.seconds[0] if model.seconds else dialect.seconds)))
    if model.seconds and seconds not in model.seconds:
        raise Refused(400, f"duration: {name} makes {', '.join(model.seconds)} seconds, not {seconds}")
    width, height = possible(*_frame(fields), float(seconds))
    if model.sizes and f"{width}x{height}" not in model.sizes:
        raise Refused(400, f"resolution: {name} makes {', '.join(model.sizes)}, not {width}x{height}")
    callback = _callback(fields.get("callback_url"))
    return Ask(
        prompt, name, seconds, width, height, int(seconds) * dialect.fps, dialect.fps,
        seed=_whole(fields, "seed"), picture=_first_frame(fields.get("frame_images")),
        callback=callback,
    )  # fmt: skip


def _whole(fields: Mapping[str, Any], name: str, default: int | None = None) -> int | None:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(400, f"{name}: Expected an integer")
    return value


def _frame(fields: Mapping[str, Any]) -> tuple[int, int]:
    if fields.get("size") is not None:
        return sides(str(fields["size"]))
    resolution, ratio = fields.get("resolution", "720p"), fields.get("aspect_ratio", "16:9")
    if resolution not in SHORT_SIDES:
        raise Refused(400, f"resolution: Expected one of {', '.join(SHORT_SIDES)}")
    if ratio not in ASPECT_RATIOS:
        raise Refused(400, f"aspect_ratio: Expected one of {', '.join(ASPECT_RATIOS)}")
    return frame_of(resolution, ratio)


def frame_of(resolution: str, ratio: str) -> tuple[int, int]:
    """Return width and height in pixels, each even."""
    short, shape = SHORT_SIDES[resolution], Fraction(*map(int, ratio.split(":")))
    long = round(short * max(shape, 1 / shape) / 2) * 2
    return (long, short) if shape >= 1 else (short, long)


def _callback(url: Any) -> str:
    """Return the address that a request wants to be called at. Raises `Refused` if it is not https."""
    # The simulator calls `--webhook` only: else it would reach out to whatever a request names.
    if url is None:
        return ""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme != "https" or not re.fullmatch(r"[^\s/]+", parts.netloc):
        raise Refused(400, "callback_url: Must be a valid HTTPS URL")
    return str(url)


def _first_frame(images: Any) -> Picture | None:
    if images is None:
        return None
    first = None
    for image in images if isinstance(images, list) else [None]:
        known = image if isinstance(image, dict) and image.get("type") == "image_url" else {}
        link, frame = known.get("image_url"), known.get("frame_type")
        url = link.get("url") if isinstance(link, dict) else None
        if not isinstance(url, str) or frame not in ("first_frame", "last_frame"):
            raise Refused(400, "frame_images: Expected type, image_url.url and frame_type of each image")
        picture = read_picture_url(url)
        first = picture if frame == "first_frame" else first
    return first
