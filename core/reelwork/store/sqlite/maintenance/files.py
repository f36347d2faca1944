"""The files beside a store: those that jobs still need, those left over, and their sizes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.retention import own_files
from reelwork.store.sqlite.sql_list import sql_list
from reelwork.store.statuses import FINAL, GOES_ON

# A file is written before the job that refers to it is committed.
DAY = 86_400.0
"""Seconds for which a file is left alone after it was last written."""


@dataclass(frozen=True)
class Needed:
    """The files, hashes and ids that the jobs and renders in a store refer to."""

    paths: frozenset[str]
    """From the store's folder on, such as `assets/3f/3f9a….mp4`."""
    hashes: frozenset[str]
    """Of the videos jobs have downloaded."""
    names: frozenset[str]
    """Job ids and remote ids, which plugins name files after."""
    open_renders: frozenset[str]
    """Renders whose download may still continue."""


def needed(db: sqlite3.Connection) -> Needed:
    """Collect the files, hashes and ids that the jobs and renders in a store refer to."""
    paths: set[str] = set()
    for (document,) in db.execute("SELECT data FROM jobs UNION ALL SELECT details FROM renders"):
        paths.update(own_files(document))
    downloaded = "SELECT json_extract(details, '$.sha256') FROM events WHERE name = 'downloaded'"
    names = "SELECT id FROM jobs UNION SELECT remote_id FROM renders"
    open_renders = f"SELECT render_id FROM jobs WHERE render_id IS NOT NULL AND status IN {sql_list(GOES_ON)}"
    return Needed(
        frozenset(paths),
        frozenset({Path(path).stem for path in paths} | {str(row[0]) for row in db.execute(downloaded)}),
        frozenset(row[0] for row in db.execute(names)),
        frozenset(row[0] for row in db.execute(open_renders)),
    )


@dataclass(frozen=True)
class Video:
    """A file that a job refers to."""

    job: str
    ended: bool
    path: Path
    bytes: int | None


def referenced(db: sqlite3.Connection) -> Iterator[Video]:
    """Yield the files of every job's clips, wherever they are."""
    for job, status, document in db.execute("SELECT id, status, data FROM jobs ORDER BY seq"):
        data = json.loads(document)
        clips = (data.get("clip"), *(shape.get("clip") for shape in data.get("shapes") or ()))
        assets = [asset for clip in clips if clip for asset in (clip.get("video"), *(clip.get("assets") or ()))]
        # Several targets may share a file, and the clip in work may be one of those that are finished.
        known = {asset["path"]: asset.get("bytes") for asset in assets if asset and asset.get("path")}
        for path, size in known.items():
            yield Video(job, status in FINAL, Path(path), size)


def unneeded(store: Path, wanted: Needed, now: float) -> Iterator[Path]:
    """Yield files that nothing refers to or will resume, and that nobody has touched for a day.

    These are downloads, whole and in part, frames shown to moderation, and what plugins were writing when they were
    killed.
    """
    folder = files_of(store)
    for path in folder.glob("assets/*/*"):
        if path.stem not in wanted.hashes and _is_old(path, now, DAY):
            yield path
    for path in folder.glob("work/*/.*.part"):
        if _is_old(path, now, DAY):
            yield path
    for path in folder.glob("frames/*/*"):
        if _is_old(path, now, DAY):
            yield path
    for path in folder.glob("partial/*"):
        if path.name.partition(".")[0] not in wanted.open_renders and _is_old(path, now, DAY):
            yield path


def left_over(store: Path, wanted: Needed, pattern: str, now: float) -> Iterator[Path]:
    """Yield the files that a removed job leaves behind and that no other job needs."""
    folder = files_of(store)
    for path in folder.glob(pattern):
        relative = path.relative_to(folder).as_posix()
        still = relative in wanted.paths or path.name.partition(".")[0] in wanted.names
        if not still and path.stem not in wanted.hashes and not path.is_symlink() and _is_old(path, now, DAY):
            yield path


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(size for path in folder.rglob("*") if (size := _size(path)) is not None)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _is_old(path: Path, now: float, age: float) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime < now - age
    except OSError:
        return False
