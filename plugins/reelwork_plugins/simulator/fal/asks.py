"""Reads the input of a model as fal's models write it: a length in many forms, a shape, addresses of pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reelwork_plugins.simulator.asks import LONGEST_PROMPT, Ask, possible
from reelwork_plugins.simulator.dialects import OTHERS
from reelwork_plugins.simulator.forms import Upload
from reelwork_plugins.simulator.pictures import MEDIA_TYPES, Picture, read_picture_url
from reelwork_plugins.simulator.refusals import Refused

_LENGTH = re.compile(r"(\d{1,3}(?:\.\d+)?)s?")
_RATIO = re.compile(r"(\d{1,2}):(\d{1,2})")
_HEIGHT = re.compile(r"(\d{3,4})p|([248])k", re.IGNORECASE)
_PICTURES = ("image_url", "start_image_url", "first_frame_url", "end_image_url", "last_frame_url")
_FPS = 24


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault that a model finds in its input, as its result says it."""

    field: str
    message: str
    code: str = "value_error"


def read_input(model: str, given: Mapping[str, Any], uploads: Mapping[str, Upload]) -> tuple[Ask, Wrong | None]:
    """Return a request, and what the model will say is wrong with it."""
    wrong = _wrong(given, uploads)
    sound = {} if wrong is not None else given
    seconds = float(_matched(_LENGTH, sound.get("duration")) or OTHERS["fal"].seconds)
    width, height = _size(sound)
    try:
        width, height = possible(width, height, seconds)
        picture = _picture(sound, uploads)
    except Refused as refused:
        wrong = Wrong(refused.param or "input", refused.message)
        (width, height), seconds, picture = (1280, 720), float(OTHERS["fal"].seconds), None
    fps = given["fps"] if type(given.get("fps")) is int and 1 <= given["fps"] <= 120 else _FPS
    seed = given.get("seed")
    return Ask(
        str(given.get("prompt", "")), model, f"{seconds:g}", width, height, max(round(seconds * fps), 1), fps,
        seed=seed if type(seed) is int else None, negative_prompt=str(given.get("negative_prompt") or ""),
        picture=picture, given=dict(given),
    ), wrong  # fmt: skip


def _wrong(given: Mapping[str, Any], uploads: Mapping[str, Upload]) -> Wrong | None:
    prompt = given.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        return Wrong("prompt", "field required", "missing")
    if len(prompt) > LONGEST_PROMPT:
        return Wrong("prompt", f"ensure this value has at most {LONGEST_PROMPT} characters", "string_too_long")
    forms = (("duration", _LENGTH), ("aspect_ratio", _RATIO), ("resolution", _HEIGHT))
    for name, form in forms:
        if given.get(name) is not None and _matched(form, given[name]) is None:
            return Wrong(name, f"unexpected value: {given[name]!r}", "literal_error")
    for name in _PICTURES:
        url = given.get(name)
        if url is not None and (not isinstance(url, str) or not url.startswith(("http://", "https://", "data:"))):
            return Wrong(name, "invalid or missing URL scheme", "url_scheme")
        if isinstance(url, str) and _our_name(url) and _our_name(url) not in uploads:
            return Wrong(name, "Failed to download the file.", "file_download_error")
    return None


def _matched(form: re.Pattern[str], value: Any) -> str | None:
    found = form.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    return found[1] or found[0] if found else None


def _size(given: Mapping[str, Any]) -> tuple[int, int]:
    ratio = _RATIO.fullmatch(str(given.get("aspect_ratio", "16:9")))
    height = _HEIGHT.fullmatch(str(given.get("resolution", "720p")))
    across, up = (int(ratio[1]) or 16, int(ratio[2]) or 9) if ratio else (16, 9)
    short = (int(height[1]) if height[1] else int(height[2]) * 540) if height else 720
    smaller = min(across, up)
    return round(short * across / smaller / 2) * 2, round(short * up / smaller / 2) * 2


def _our_name(url: str) -> str:
    """Return the name under which an address of ours keeps an uploaded file; empty for any other address."""
    head, _, name = urlsplit(url).path.rpartition("/")
    return name if head.endswith("/uploads") else ""


def _picture(given: Mapping[str, Any], uploads: Mapping[str, Upload]) -> Picture | None:
    url = next((given[name] for name in _PICTURES if isinstance(given.get(name), str)), "")
    kept = uploads.get(_our_name(url)) if url else None
    if kept is not None:
        return Picture(kept.content_type, kept.content) if kept.content_type in MEDIA_TYPES else None
    return read_picture_url(url) if url.startswith("data:") else None
