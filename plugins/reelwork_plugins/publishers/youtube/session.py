"""The resumable upload: one session, one video, however often it is continued.

https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from reelwork_hooks import Asset, NotSent, OutcomeUnknown, ResumableUpload, Unavailable, errors_as
from reelwork_plugins.publishers.youtube.api import Api, refusal

# A multiple of 256 KiB, as the protocol asks of all requests but the last.
MEBIBYTE = 1 << 20


async def begin(api: Api, made: Mapping[str, Any], video: Asset, *, notify: bool, repeat: bool) -> str:
    """Begin a session and return its address, which is a credential. Begins nothing that anyone sees.

    Raises what `refusal` returns.
    """
    url = f"{api.base_url}/upload/youtube/v3/videos"
    params = {"uploadType": "resumable", "part": "snippet,status", "notifySubscribers": str(notify).lower()}
    headers = {"X-Upload-Content-Length": str(video.bytes), "X-Upload-Content-Type": video.media_type}
    with errors_as(Unavailable, (NotSent, OutcomeUnknown)):
        answer = await api.request("POST", url, params=params, json=made, headers=headers, repeatable=repeat)
    if answer.status not in (200, 201) or not answer.headers.get("location"):
        raise refusal(answer, "beginning the upload")
    return _safe(api.base_url, answer.headers["location"])


def _safe(base_url: str, address: str) -> str:
    """Return the session's address if it is Google's own. Raises `Unavailable`."""
    home, there = urlsplit(base_url), urlsplit(address)
    # Uploads may have a host of their own at Google. A server on this machine is reached as it was configured.
    if there.scheme == "https" and (there.hostname or "").endswith(".googleapis.com"):
        return address
    if home.scheme == "http" and there.path:
        return f"{base_url}{there.path}{'?' if there.query else ''}{there.query}"
    raise Unavailable("youtube: the upload was sent to an address that is not Google's")


def session(
    api: Api, address: str, video: Asset, progress: Callable[[float], None], *, repeat: bool
) -> ResumableUpload:
    """Return a session that has begun. Only an answer with an id has made the video."""
    return ResumableUpload(
        api, address, video, "youtube", progress, repeat, made=lambda answer: bool(answer.text_at("id"))
    )
