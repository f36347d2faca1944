"""Settings and options of `youtube`, and what a post becomes there."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from reelwork_hooks import Config, Post, Rejected

NOTHING_POSTED = "Nothing was posted; the video is kept."
# The limits of the Data API: a title in characters, a description in bytes, all tags together.
TITLE_LIMIT, DESCRIPTION_BYTES, TAGS_LIMIT = 100, 5000, 500
WORDS = "Made with AI."


def checked_address(value: str) -> str:
    """Return an address to which the account's token may be sent. Raises `ValueError`."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    its_own = parts.scheme == "https" and host.endswith(".googleapis.com") and parts.username is None
    # The account's token goes there. A workflow from somebody else must not be able to send it to them.
    if not its_own and host not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("give an address of Google's, or one of this machine: the account's token is sent there")
    return value


class YoutubeConfig(Config):
    """Settings of `youtube`."""

    account: str = "youtube"
    """The account that `reelwork accounts add youtube` has stored."""
    base_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+$"), AfterValidator(checked_address)] | None = None
    """The address of the API, for tests; by default the one that the account was signed in at."""
    chunk: Annotated[int, Field(ge=1, le=1024)] = 16
    """Mebibytes of one request of the upload."""


class YoutubeOptions(Config):
    """Options of a post at `youtube`."""

    category: Annotated[str, Field(pattern=r"^\d{1,3}$")] = "22"
    """The id of the category, such as 28 for science and technology."""
    tags: tuple[str, ...] = ()
    """Search words. The hashtags when not given."""
    made_for_kids: bool = False
    """Whether the video is made for children, which the law of some countries asks."""
    notify: bool = True
    """Whether subscribers are notified."""
    embeddable: bool = True
    """Whether other sites may show the video."""
    license: Literal["youtube", "creativeCommon"] = "youtube"
    """YouTube's own licence, or Creative Commons."""


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
