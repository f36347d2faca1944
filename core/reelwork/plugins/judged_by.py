"""The files by which a plugin judges: those that its settings name, such as lists of words, and its own code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reelwork.plugins.pipeline import Pipeline


def files_of(pipeline: Pipeline, instance: str) -> list[str]:
    """Return the hashes of the files by which an instance judges; empty for one that cannot be read. Blocks."""
    return [_hash(path) for path in _paths(pipeline, instance)]


def _paths(pipeline: Pipeline, instance: str) -> Iterator[Path]:
    found, definition = pipeline.instances.get(instance), pipeline.definitions.get(instance)
    config = getattr(found, "config", None)
    for path in _named_in(dict(config) if config is not None else {}):
        yield pipeline.loaded.base_dir / path.expanduser()
    # A file has no version that could tell that it was changed.
    if definition is not None and definition.origin.endswith(".py"):
        yield Path(definition.origin)


def _named_in(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _named_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _named_in(item)


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
