"""Checks of reference files before anything is sent: that they are there, readable, and of a kind that is taken."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from urllib.parse import urlsplit

from reelwork.errors import WorkflowInvalid
from reelwork.settings.workflow import Loaded
from reelwork_hooks.models import Brief, Reference
from reelwork_hooks.provider import Capabilities

NAMES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP", "image/gif": "GIF", "video/mp4": "MP4"}
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)
# WebP needs the most: its name stands behind `RIFF` and a length.
_HEAD = 12


def local_file(reference: Reference, base_dir: Path) -> Path | None:
    """Return the file a reference names, from the workflow's folder; None when it is on the web."""
    if urlsplit(reference.source).scheme.lower() in ("http", "https"):
        return None
    return base_dir / Path(reference.source).expanduser()


def check_references(brief: Brief, loaded: Loaded, can: Capabilities, provider: str, where: str = "") -> None:
    """Check each file a brief refers to. Raises `WorkflowInvalid` naming the file and where it is named."""
    for reference in brief.references:
        path = local_file(reference, loaded.base_dir)
        if path is not None:
            _check(reference, path, loaded, can, provider, where)


def _check(reference: Reference, path: Path, loaded: Loaded, can: Capabilities, provider: str, where: str) -> None:
    place = _place(reference, loaded, where)
    # `file://…` and `s3://…` would otherwise be looked for as folders of these names.
    if "://" in reference.source:
        raise WorkflowInvalid(
            f"{place}the reference {reference.source!r} is not an http(s) address.",
            hint="Give a file or a web address.",
        )
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        hint = "" if Path(reference.source).is_absolute() else f"The path starts at the folder {loaded.base_dir}."
        raise WorkflowInvalid(f"{place}there is no reference picture {path}.", hint=hint) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise WorkflowInvalid(f"{place}the reference picture {path} cannot be read: {why}.") from error
    if can.reference_types is not None and kind_of(head, path) not in can.reference_types:
        names = [NAMES.get(kind, kind) for kind in can.reference_types]
        listed = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
        raise WorkflowInvalid(
            f"{place}the reference picture {path} is not a {listed} file, and {provider} takes no other.",
            hint="Convert it, or name another.",
        )


def kind_of(head: bytes, path: Path) -> str:
    """Return the media type of a file, by its first bytes where they tell, else by its name."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    # By the name only where the bytes tell nothing: a provider looks at the bytes, and refuses a PNG called .jpg.
    guessed = mimetypes.guess_type(path.name)[0] or ""
    told_by_bytes = {"image/webp", *(kind for _, kind in _STARTS)}
    return "" if guessed in told_by_bytes else guessed


def _place(reference: Reference, loaded: Loaded, where: str) -> str:
    """Return `FILE, line N: ` of the workflow when it names the reference, else of the batch row."""
    for number, line in enumerate(loaded.text.splitlines(), 1):
        if f'"{reference.source}"' in line or f"'{reference.source}'" in line:
            return f"{loaded.source}, line {number}: "
    return f"{where}: " if where else ""
