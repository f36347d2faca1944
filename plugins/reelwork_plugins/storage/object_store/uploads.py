"""Puts one clip's files into a bucket so that each object is whole, right, and written once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from reelwork_hooks import Asset, Job
from reelwork_plugins.storage.object_store.bucket import (
    Answered,
    Bucket,
    Exists,
    Labels,
    NotStored,
    Progress,
    Stored,
)
from reelwork_plugins.storage.object_store.facts import RECORD_ENDING, claimed_by, record


class Taken(NotStored):
    """A key is taken by other content, which was not touched."""


@dataclass(frozen=True)
class Manner:
    """Options for writing objects."""

    verify: Literal["head", "read"] = "head"
    overwrite: bool = False


def claim(bucket: Bucket, key: str, job: Job, video: Asset, manner: Manner) -> None:
    """Claim a key for a video's bytes by writing the record beside it, create-only.

    Raises `Taken`, and `NotStored`.
    """
    # An upload in parts cannot be create-only in every store; a small record can. The first writer owns the key,
    # and only an upload of the same bytes may follow.
    name = key + RECORD_ENDING
    kept = bucket.read(name)
    if kept is None:
        try:
            bucket.write(name, record(job, video), "application/json", replace=manner.overwrite)
            return
        except Exists:
            # Another process was faster between the two lines.
            kept = bucket.read(name)
    owner = claimed_by(kept or b"")
    if owner is not None and owner[0] == video.sha256:
        return
    if not manner.overwrite:
        how = f"is claimed by the job {owner[1]} for another video" if owner else "has no record of Reelwork's"
        raise _taken(bucket, key, f"{how} (see {bucket.address(name)})")
    bucket.write(name, record(job, video), "application/json", replace=True)


def check_free(bucket: Bucket, key: str, asset: Asset, manner: Manner) -> bool:
    """Return whether the object must still be uploaded: False when it is there. Raises `Taken` and `NotStored`."""
    found = bucket.head(key)
    if found is None:
        return True
    if _is_same(bucket, key, found, asset, manner):
        return False
    if not manner.overwrite:
        raise _taken(bucket, key, "holds other content")
    return True


def store(bucket: Bucket, key: str, asset: Asset, labels: Labels, manner: Manner, progress: Progress) -> bool:
    """Upload a file and check that it arrived, unless it is there. Return whether it was uploaded.

    Raises `Taken`, and `NotStored`.
    """
    if not check_free(bucket, key, asset, manner):
        return False
    try:
        bucket.upload(key, asset, labels, replace=manner.overwrite, progress=progress)
    except Exists:
        # Another process was faster, or an answer was lost and the request was repeated.
        return check_free(bucket, key, asset, manner)
    except Answered:
        # Of two uploads to Azure, the first that ends drops the blocks of the other.
        with suppress(NotStored):
            if not check_free(bucket, key, asset, manner):
                return False
        raise
    found = bucket.head(key)
    if found is None or not _is_same(bucket, key, found, asset, manner):
        raise NotStored(
            f"storage: {bucket.address(key)} is not what was uploaded: its size or SHA-256 differs",
            hint="Find out what else writes there. Delete that object, then resume the job.",
        )
    return True


def _is_same(bucket: Bucket, key: str, found: Stored, asset: Asset, manner: Manner) -> bool:
    if found.bytes != asset.bytes:
        return False
    kept = found.sha256
    # Another program's object has no hash of ours: then its bytes decide.
    if kept is None or (manner.verify == "read" and kept == asset.sha256):
        kept = bucket.digest(key)
    return kept == asset.sha256


def _taken(bucket: Bucket, key: str, how: str) -> Taken:
    return Taken(
        f"storage: {bucket.address(key)} {how}; nothing was overwritten",
        hint="Move or delete what is there, then resume the job. For later runs give `key` a field that differs "
        "between jobs, such as {job}, or set overwrite = true.",
    )


def percent(total: int, report: Callable[[float], None]) -> Progress:
    """Return a progress that reports whole per cents of `total` bytes."""
    last = -1

    def progress(uploaded: int) -> None:
        nonlocal last
        now = uploaded * 100 // max(total, 1)
        if now != last:
            last = now
            report(float(now))

    return progress
