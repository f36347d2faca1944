"""The name of an object, made from a template such as `{date}/{job}/{platform}.mp4`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches

from reelwork_hooks import Asset, Job, Role

DEFAULT_KEY = "{date}/{job}/{platform}.mp4"
LONGEST_FIELD = 64
"""Characters. A SHA-256 just fits."""
LONGEST_KEY = 1000
"""Bytes. S3 and Google Cloud Storage take 1024, and names of files beside the video need some of them."""

FIELDS: Mapping[str, str] = {
    "date": "the day the job was made (UTC), as 2026-11-20",
    "year": "its year",
    "month": "its month, two digits",
    "day": "its day of the month, two digits",
    "job": "the job's id",
    "run": "the run's id",
    "workflow": "the workflow's name",
    "platform": "the platform's name, `any` without one",
    "take": "the number of the take",
    "row": "the row's id or number in a batch file, `none` outside of one",
    "sha256": "the SHA-256 of the video",
    "title-slug": "the first words of the title, or of the prompt",
}
"""The fields of a template, and what each stands for."""

_VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".ts", ".gif", ".video")
_FIELD = re.compile(r"\{([^{}]*)\}")
_LITERAL = re.compile(r"[A-Za-z0-9._/-]*")


def check_template(template: str) -> str:
    """The template as it is. Raises `ValueError` that says what is wrong with it."""
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            raise ValueError(_unknown(name))
    shape = _FIELD.sub("x", template)
    if not _LITERAL.fullmatch(shape):
        wrong = "".join(dict.fromkeys(re.sub(r"[A-Za-z0-9._/-]", "", shape)))
        raise ValueError(f"key may hold letters, digits, `.`, `_`, `-`, `/` and {{fields}}, not {wrong!r}")
    if shape.startswith("/") or shape.endswith("/") or "//" in shape:
        raise ValueError("key must not begin or end with `/`, nor hold `//`")
    if ".." in shape or "." in shape.split("/"):
        raise ValueError("key must not hold `..`, nor a part that is only `.`")
    if not shape:
        raise ValueError("key must not be empty")
    return template


def _unknown(name: str) -> str:
    near = get_close_matches(name, FIELDS, n=1)
    meant = f"did you mean {{{near[0]}}}? " if near else ""
    known = ", ".join(f"{{{field}}}" for field in FIELDS)
    return f"key has no field {{{name}}}: {meant}It knows {known}"


def object_key(template: str, job: Job, video: Asset) -> str:
    """The key of a job's video. The same job and video always give the same key.

    Raises `ValueError` when it is too long for a store.
    """
    values = _values(job, video)
    key = _of_its_kind(_FIELD.sub(lambda match: values[match[1]], template), video)
    if len(key) > LONGEST_KEY:
        raise ValueError(f"the key has {len(key)} characters, and stores take {LONGEST_KEY}: {key[:80]}…")
    return key


def _of_its_kind(key: str, video: Asset) -> str:
    """A key that ends like a video's, with the ending of what the video really is."""
    stem, dot, named = key.rpartition(".")
    is_ = video.path.suffix.lower()
    return f"{stem}{is_}" if dot and f".{named.lower()}" in _VIDEOS and is_ in _VIDEOS else key


def _values(job: Job, video: Asset) -> dict[str, str]:
    made = job.created_at
    title = (job.prompt.title if job.prompt else "") or job.brief.title or job.brief.prompt
    return {
        "date": f"{made:%Y-%m-%d}",
        "year": f"{made:%Y}",
        "month": f"{made:%m}",
        "day": f"{made:%d}",
        "job": safe(job.id),
        "run": safe(job.run),
        "workflow": safe(job.workflow),
        "platform": safe(job.platform.name) if job.platform else "any",
        "take": str(job.take),
        "row": safe(job.row) if job.row else "none",
        "sha256": video.sha256,
        "title-slug": title_slug(title),
    }


def safe(text: str) -> str:
    """The text with everything but `A-Z a-z 0-9 . _ -` turned into hyphens, never empty and never only dots."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", plain))
    return kept[:LONGEST_FIELD].strip(".-") or "none"


def title_slug(text: str) -> str:
    """The text's first words in lower case, joined by hyphens; `video` when it has no Latin letter or digit."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    kept = ""
    for word in re.findall(r"[a-z0-9]+", plain):
        longer = f"{kept}-{word}" if kept else word[:40]
        if len(longer) > 40:
            break
        kept = longer
    return kept or "video"


def keys_beside(key: str, job: Job, assets: tuple[Asset, ...]) -> list[tuple[Asset, str]]:
    """Each file that belongs to the video with its key: the video's, with the file's own ending.

    A sidecar tells of one job: its key names the job even where the video's does not.
    """
    folder, slash, name = key.rpartition("/")
    stem = f"{folder}{slash}{name.rpartition('.')[0] or name}"
    owned = stem if safe(job.id) in key else f"{stem}.{safe(job.id)}"
    taken, placed = {key}, []
    for asset in assets:
        chosen = _free_key(owned if asset.role is Role.SIDECAR else stem, _ending(asset), taken)
        taken.add(chosen)
        placed.append((asset, chosen))
    return placed


def _free_key(stem: str, ending: str, taken: set[str]) -> str:
    numbered = (f"{stem}.{number}{ending}" for number in range(2, len(taken) + 3))
    return next(key for key in (f"{stem}{ending}", *numbered) if key not in taken)


def _ending(asset: Asset) -> str:
    ending = asset.path.suffix.lower()
    return ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) else ".bin"
