"""The name of an object, made from a template such as `{date}/{job}/{platform}.mp4`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches

from reelwork_hooks import Asset, Job, Role

DEFAULT_KEY = "{date}/{job}/{platform}.mp4"
# A SHA-256 just fits.
LONGEST_FIELD = 64
"""Characters."""
# S3 and Google Cloud Storage take 1024, and the names of files beside the video are longer than the video's.
LONGEST_KEY = 1000
"""Bytes."""

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
"""The fields of a template with their meanings."""

_VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".ts", ".gif", ".video")
_FIELD = re.compile(r"\{([^{}]*)\}")
_LITERAL = re.compile(r"[A-Za-z0-9._/-]*")


def check_template(template: str) -> str:
    """Return the template as it is. Raises `ValueError` that says what is wrong with it."""
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            raise ValueError(_unknown(name))
    shape = _FIELD.sub("x", template)
    if not _LITERAL.fullmatch(shape):
        wrong = "".join(dict.fromkeys(re.sub(r"[A-Za-z0-9._/-]", "", shape)))
        raise ValueError(f"key may hold letters, digits, `.`, `_`, `-`, `/` and {{fields}}, not {wrong!r}")
    if shape.startswith("/") or shape.endswith("/") or "//" in shape:
        raise ValueError("key must not begin or end with `/`, nor hold `//`")
    # In a folder, `..` would lead out of it.
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
    """Return the key of a job's video. The same job and video always give the same key.

    Raises `ValueError` when it is too long for a store.
    """
    values = _values(job, video)
    key = _of_its_kind(_of_its_target(_FIELD.sub(lambda match: values[match[1]], template), job), video)
    if len(key) > LONGEST_KEY:
        raise ValueError(f"the key has {len(key)} characters, and stores take {LONGEST_KEY}: {key[:80]}…")
    return key


def _of_its_target(key: str, job: Job) -> str:
    """Return a key that no other video of the job has: `…/tiktok.9x16.mp4` for one that was made for a target."""
    if not job.target.label:
        return key
    folder, slash, name = key.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{folder}{slash}{stem or ending}.{safe(job.target.label)}{f'.{ending}' if stem and dot else ''}"


def _of_its_kind(key: str, video: Asset) -> str:
    """Return a key that ends like a video's with the ending of this video."""
    # The template says `.mp4`, and a provider may deliver WebM.
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
    """Return the text with all but `A-Z a-z 0-9 . _ -` turned into hyphens, never empty and never only dots."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", plain))
    return kept[:LONGEST_FIELD].strip(".-") or "none"


def title_slug(text: str) -> str:
    """Return the first words in lower case, joined by hyphens; `video` when there is no Latin letter or digit."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    kept = ""
    for word in re.findall(r"[a-z0-9]+", plain):
        longer = f"{kept}-{word}" if kept else word[:40]
        if len(longer) > 40:
            break
        kept = longer
    return kept or "video"


def keys_beside(key: str, job: Job, assets: tuple[Asset, ...]) -> list[tuple[Asset, str]]:
    """Return each file that belongs to the video with its key: the video's, with the file's own ending."""
    # Jobs that made the same bytes may share a key. A sidecar is about one job, so its key always names the job.
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
