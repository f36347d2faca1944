"""Commands that other distributions bring, through the entry-point group `reelwork.commands`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

import click

GROUP = "reelwork.commands"

_METADATA = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-.*)?\.(?:dist-info|egg-info)\Z")
_LINE = re.compile(r"\s*([^=#;\[\s][^=]*?)\s*=\s*\S")


def origins() -> dict[str, str]:
    """The names of installed commands, each with its distribution.

    Reads the metadata files itself: `importlib.metadata` takes longer to import than a help page may take. Only
    what it finds in folders is listed; `load` also finds the rest.
    """
    found: dict[str, str] = {}
    for path, origin in _metadata_files():
        for name in _names_in(path):
            found.setdefault(name, origin)
    return dict(sorted(found.items()))


def fingerprint() -> str:
    """Another text whenever a distribution was installed, changed or removed."""
    from hashlib import sha256

    return sha256("\n".join(f"{path} {origin}" for path, origin in _metadata_files()).encode()).hexdigest()


def _metadata_files() -> Iterator[tuple[str, str]]:
    for folder in dict.fromkeys(sys.path):
        try:
            entries = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in sorted(entries):
            parts = _METADATA.match(entry)
            if parts:
                yield os.path.join(folder, entry, "entry_points.txt"), f"{parts['name']} {parts['version']}"


def _names_in(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return
    if GROUP not in text:
        return
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip() == f"[{GROUP}]"
        elif inside and (match := _LINE.match(line)):
            yield match[1]


def load(name: str) -> click.Command | None:
    """An installed command; None when there is none of that name.

    Raises `PluginInvalid` when two distributions bring it, or when it cannot be imported.
    """
    import importlib.metadata

    from reelwork_hooks.errors import PluginInvalid

    entries = {}
    for entry in importlib.metadata.entry_points(group=GROUP, name=name):
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        entries[origin, entry.value] = entry
    if not entries:
        return None
    if len(entries) > 1:
        both = " and ".join(origin for origin, _ in entries)
        raise PluginInvalid(f"The command {name!r} comes from {both}.", hint="Uninstall one of them.")
    [((origin, _), entry)] = entries.items()
    where = f"The command {name!r} ({origin})"
    try:
        command = entry.load()
    except Exception as error:
        extra = getattr(error, "reelwork_extra", None)
        hint = f'Install what it needs with: pip install "reelwork[{extra}]"' if extra else "Fix or uninstall it."
        problem = f"{where} could not be loaded: {type(error).__name__}: {error}"
        raise PluginInvalid(problem, hint=hint) from error
    if not isinstance(command, click.Command):
        raise PluginInvalid(f"{where} is no click command but a {type(command).__name__}.")
    return command
