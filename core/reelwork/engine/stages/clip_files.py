"""The files of a clip, as they lie on the disk."""

from __future__ import annotations

from reelwork_hooks.models import Asset, Clip


def files_of(clip: Clip) -> tuple[Asset, ...]:
    """Return the video and the files that belong to it."""
    return (clip.video, *clip.assets)


def spoilt(clip: Clip, *, apart_from: Clip | None = None) -> str:
    """Return the problem of a file that is unreadable or has another size than when it was made; empty if none."""
    known = files_of(apart_from) if apart_from is not None else ()
    for asset in files_of(clip):
        if asset in known:
            continue
        try:
            size = asset.path.stat().st_size
        except OSError as error:
            return f"{asset.path} cannot be read: {error.strerror}"
        if size != asset.bytes:
            return f"{asset.path} has {size:,} bytes, not the {asset.bytes:,} it was made with"
    return ""
