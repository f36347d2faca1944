"""Settings and options of `youtube`."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from reelwork_hooks import Config

NOTHING_POSTED = "Nothing was posted; the video is kept."


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
