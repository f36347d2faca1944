"""The keys that posts were sent with, noted by their uploads: networks list a post's uploads, and not the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reelwork_hooks import State


async def note_key(state: State, upload: str, key: str) -> None:
    """Note with which key an upload is about to be posted."""
    # A post that was refused and is tried again may have the same upload, and a key of its own.
    known = await state.get(_noted(upload))
    if known != key:
        await state.set(_noted(upload), key, expect=known)


async def ref_of(uploads: Sequence[str], state: State, ours: Mapping[str, str]) -> str | None:
    """Return the key that a listed post was sent with, words that name another upload, or None if it has no upload.

    `ours` has keys by their uploads that need no note.
    """
    for upload in uploads:
        key = ours.get(upload) or await state.get(_noted(upload))
        if isinstance(key, str):
            return key
    # An upload is of one effect, and each of ours has one.
    return f"another upload: {uploads[0][:100]}" if uploads else None


def _noted(upload: str) -> str:
    return f"upload {''.join(filter(str.isprintable, upload))[:180]}"
