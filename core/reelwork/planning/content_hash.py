"""The hash of what moderation was shown: an approval is bound to it."""

from __future__ import annotations

import hashlib

from reelwork.ids import fingerprint
from reelwork_hooks.models import Content


def content_hash(content: Content) -> str:
    """Return the hash of everything moderation was shown, pictures by their bytes. An approval is bound to it."""
    # By their bytes: another picture under the same path has not been approved.
    pictures = [hashlib.sha256(path.read_bytes()).hexdigest() for path in content.images]
    shown: list[object] = [content.stage, content.text, content.negative_text, content.destination, pictures]
    if content.clip is not None:
        files = (content.clip.video, *content.clip.assets)
        shown.append(sorted((file.role, file.sha256) for file in files))
    return fingerprint(shown)
