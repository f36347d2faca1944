"""A post as the `video` resource of YouTube, cut to what YouTube takes."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any

from reelwork_hooks import Post, Rejected
from reelwork_plugins.publishers.youtube.config import NOTHING_POSTED, YoutubeOptions

# The limits of the Data API: a title in characters, a description in bytes, all tags together.
TITLE_LIMIT, DESCRIPTION_BYTES, TAGS_LIMIT = 100, 5000, 500
WORDS = "Made with AI."


def resource(post: Post) -> dict[str, Any]:
    """Return the `video` resource of a post. Raises `Rejected` when YouTube has no way to take it."""
    options = YoutubeOptions.model_validate(dict(post.options))
    status: dict[str, Any] = {
        "privacyStatus": post.privacy,
        "selfDeclaredMadeForKids": options.made_for_kids,
        "containsSyntheticMedia": post.disclosure.ai != "no",
        "embeddable": options.embeddable,
        "license": options.license,
    }
    if post.publish_at is not None:
        if post.privacy != "public":
            problem = f"a time to appear makes a video public, and this post is {post.privacy}"
            raise Rejected(f"youtube: {problem}.", money=NOTHING_POSTED, hint="Leave out publish_at or privacy.")
        # YouTube takes the time for private videos only, and makes them public then.
        at = post.publish_at.astimezone(UTC).isoformat(timespec="seconds")
        status |= {"privacyStatus": "private", "publishAt": at.replace("+00:00", "Z")}
    snippet = {"title": title(post), "description": description(post), "categoryId": options.category}
    if tags := _tags(options.tags or post.hashtags):
        snippet["tags"] = tags  # type: ignore[assignment]
    return {"snippet": snippet, "status": status}


def title(post: Post) -> str:
    """Return the title as YouTube takes it: at most 100 characters, no angle brackets."""
    text = post.title or next(iter(post.caption.splitlines()), "") or "Video"
    text = " ".join(text.replace("<", "‹").replace(">", "›").split())
    return text if len(text) <= TITLE_LIMIT else f"{text[: TITLE_LIMIT - 1].rstrip()}…"


def description(post: Post) -> str:
    """Return the description: caption, words on AI where they are asked for, and hashtags."""
    said = WORDS if post.ai_generated and post.disclosure.label == "caption" else ""
    parts = [post.caption, said, " ".join(f"#{tag}" for tag in post.hashtags)]
    text = "\n\n".join(part for part in parts if part).replace("<", "‹").replace(">", "›")
    return text.encode()[:DESCRIPTION_BYTES].decode(errors="ignore")


def _tags(words: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    left = TAGS_LIMIT
    for word in words:
        # A tag with a space counts with the quotes that YouTube puts around it.
        left -= len(word) + 1 + 2 * (" " in word)
        if left < 0:
            break
        kept.append(word)
    return kept


def body_hash(made: Any, sha256: str) -> str:
    """Return what tells one upload from another: the resource and the video's bytes."""
    return hashlib.sha256(json.dumps([made, sha256], sort_keys=True).encode()).hexdigest()
