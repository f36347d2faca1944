"""The bytes of a video, sent to Meta's address for uploads.

https://developers.facebook.com/docs/video-api/guides/reels-publishing
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from reelwork_hooks import Answer, Asset, FileSlice, HttpProgress, NotSent, OutcomeUnknown, Unavailable, errors_as
from reelwork_plugins.publishers.meta.graph import Graph

UPLOAD_SECONDS = 300.0
"""Seconds for which the network may stay silent after the bytes."""


def upload_address(network: str, values: Mapping[str, str], place: str) -> str:
    """Return where the bytes go: they carry the account's token. Raises `Unavailable`."""
    there, service = urlsplit(place), values.get("service", "")
    if there.scheme == "https" and there.hostname == "rupload.facebook.com":
        return place
    # A simulator is reached as it was configured, also through a proxy.
    if service and there.path:
        return f"{service}{there.path}"
    raise Unavailable(f"{network}: the upload was sent to an address that is not Meta's")


async def send(
    graph: Graph, account: str, address: str, video: Asset, progress: HttpProgress, *, offset: int | None = None
) -> Answer:
    """Send a video's bytes: all of them, as often as it takes, or once from `offset` on. Raises `Unavailable`."""
    values = await graph.context.account(account).fresh()
    # Where it goes on, it may have gone further by the time it is sent again: then it is asked first.
    with errors_as(Unavailable, (NotSent, OutcomeUnknown)):
        return await graph.request(
            "POST",
            address,
            content=FileSlice(video.path, offset) if offset else video.path,
            headers={
                "Authorization": f"OAuth {values['access_token']}",
                "Content-Type": "application/octet-stream",
                "offset": str(offset or 0),
                "file_size": str(video.bytes),
            },
            timeout=UPLOAD_SECONDS,
            progress=progress,
            repeatable=offset is None,
        )
