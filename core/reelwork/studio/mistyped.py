"""Tells a prompt from a mistyped file name, which must not be made into a video."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

from reelwork.errors import WorkflowInvalid
from reelwork.settings.paths import BATCHES

FILE_SUFFIXES = (".toml", *BATCHES)
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")
_PATH = re.compile(r"(\.{0,2}|~[\w-]*|[A-Za-z]:)[/\\]")
# A folder of downloads may hold millions of files. An error message is not worth reading them all.
MOST_LISTED = 2000
"""Entries of a folder that are compared with a mistyped name."""


def looks_like_file(text: str) -> bool:
    """Return whether a text is written as a path, ends like a file, or names a file without its ending.

    A text with spaces does so only if its name and ending are close to those of a real workflow or batch.
    """
    if any(map(str.isspace, text)):
        # Prompts have spaces, and may end like a file ("… in the style of a1.png"). Only a real file beside it
        # makes it one.
        return _near_ending(text) and bool(near_file(text))
    return bool(_PATH.match(text) or _ENDING.search(text)) or _is_stem(text)


def _near_ending(text: str) -> bool:
    from difflib import get_close_matches

    ending = _ENDING.search(text)
    return ending is not None and bool(get_close_matches(ending[0].lower(), FILE_SUFFIXES, n=1, cutoff=0.6))


def _is_stem(text: str) -> bool:
    """Return whether a workflow or batch has this name, apart from its ending."""
    try:
        return any(Path(text + suffix).is_file() for suffix in FILE_SUFFIXES)
    except (OSError, ValueError):
        return False


def near_file(text: str) -> str:
    """Return a workflow or batch in the same folder with nearly this name; empty if there is none."""
    from difflib import get_close_matches

    path = Path(text)
    try:
        entries = list(islice(os.scandir(path.parent), MOST_LISTED))
    except (OSError, ValueError):
        return ""
    names = [entry.name for entry in entries if entry.name.lower().endswith(FILE_SUFFIXES)]
    near = [name for name in names if Path(name).stem == path.name]
    near = near or get_close_matches(path.name, names, n=1, cutoff=0.7)
    return str(path.parent / near[0]) if near else ""


def no_such_file(text: str, *, otherwise: str) -> WorkflowInvalid:
    """Return the error for a text that looks like a missing file. `otherwise` says how to mean a prompt."""
    near = near_file(text)
    guess = f"Did you mean {near!r}? " if near else ""
    return WorkflowInvalid(
        f"There is no file {text}.",
        money="It was not made as a prompt: nothing was sent.",
        hint=f"{guess}{otherwise}",
    )
