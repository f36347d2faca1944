"""How a server that lies writes down what it was asked for: pure functions from one field to another."""

from __future__ import annotations

import hashlib
import html
import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

SPECIAL = frozenset("\"'&<>\n\t«»“”’…")

PROMPTS: Mapping[str, Callable[[str], Any]] = {
    "exact": lambda text: text,
    "cut to 20 with an ellipsis": lambda text: text if len(text) <= 20 else text[:20] + "…",
    "cut to 40": lambda text: text[:40],
    "cut to 64 with dots": lambda text: text if len(text) <= 64 else text[:61] + "...",
    "lower case": str.lower,
    "upper case": str.upper,
    "HTML entities": lambda text: html.escape(text),
    "white space collapsed": lambda text: " ".join(text.split()),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "curly quotes": lambda text: text.replace('"', "”").replace("'", "’"),
    "percent encoded": lambda text: quote(text),
    "JSON string": lambda text: json.dumps(text),
    "no emoji": lambda text: "".join(one for one in text if ord(one) < 0x2190),
    "prefixed": lambda text: f"Cinematic, 35 mm, soft light: {text}",
    "suffixed": lambda text: f"{text} --ar 16:9 --seed 42",
    "reworded a little": lambda text: f"{text.replace(' a ', ' one ').replace('A ', 'One ')}, highly detailed",
    "reworded wholly": lambda text: f"A professional shot, number {digest(text) % 97}, of what was asked for.",
    "empty": lambda text: "",
    "first line only": lambda text: text.splitlines()[0] if text else "",
    "wrapped in an object": lambda text: {"text": text},
}
SECONDS: Mapping[str, Callable[[float], Any]] = {
    "exact": lambda value: f"{value:g}",
    "zero": lambda value: 0,
    "at least 5": lambda value: str(max(int(value), 5)),
    "always 8": lambda value: "8",
    "real frames": lambda value: round(value + 0.0417, 4),
    "with an s": lambda value: f"{value:g}s",
    "milliseconds": lambda value: int(value * 1000),
    "null text": lambda value: "null",
}
SIZES: Mapping[str, Callable[[str], Any]] = {
    "exact": lambda size: size,
    "real frame": lambda size: "832x480",
    "swapped": lambda size: "x".join(reversed(size.split("x"))),
    "720p": lambda size: "720p",
    "with a star": lambda size: size.replace("x", "*"),
    "rounded to 64": lambda size: "x".join(str(int(part) // 64 * 64) for part in size.split("x")),
    "always 1280x720": lambda size: "1280x720",
    "4K": lambda size: "3840x2160",
}
MODELS: Mapping[str, Callable[[str], Any]] = {
    "exact": lambda name: name,
    "dated": lambda name: f"{name}-2026-09-30",
    "a path": lambda name: f"/models/{name}",
    "upper case": str.upper,
    "another name": lambda name: "default-video-model",
    "empty": lambda name: "",
}
STATUS: Mapping[str, Mapping[str, Any]] = {
    "upper case": {"queued": "QUEUED", "in_progress": "IN_PROGRESS", "completed": "COMPLETED", "failed": "FAILED"},
    "numbers": {"queued": 0, "in_progress": 1, "completed": 2, "failed": 3},
    "of its own": {"queued": "waiting", "in_progress": "rendering", "completed": "ready", "failed": "fail"},
}
DATES: Mapping[str, Callable[[float], str | None]] = {
    "left out": lambda now: None,
    "garbage": lambda now: "yesterday, about noon",
    "without a zone": lambda now: http_date(now).removesuffix(" GMT"),
    "3 min behind": lambda now: http_date(now - 180),
    "9 h ahead": lambda now: http_date(now + 32400),
}


def moment(form: str, when: float) -> Any:
    """A time in one of the forms of `created_at`."""
    here = datetime.fromtimestamp(when, UTC)
    forms: Mapping[str, Callable[[], Any]] = {
        "epoch": lambda: int(when),
        "zero": lambda: 0,
        "ISO without a zone": lambda: here.replace(tzinfo=None).isoformat(timespec="seconds"),
        "ISO in another zone": lambda: here.astimezone(timezone(timedelta(hours=9))).isoformat(timespec="seconds"),
        "ISO with Z": lambda: here.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z",
        "milliseconds": lambda: int(when * 1000),
        "text": lambda: str(int(when)),
        "fraction": lambda: when,
        "words": lambda: "a moment ago",
    }
    return forms[form]()


def http_date(when: float) -> str:
    """A time as headers write it."""
    return datetime.fromtimestamp(when, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def digest(text: str) -> int:
    """A number that looks random and is the same each time."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
