"""The provider `videos-api`: any server or gateway that speaks the `/v1/videos` protocol.

The protocol was published with Sora 2. OpenAI shut its own service down on 2026-09-24, but self-hosted servers
and gateways still speak it, each a little differently: `dialects` holds the differences as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelwork_hooks import hookimpl

if TYPE_CHECKING:
    from reelwork_hooks import Provider


@hookimpl
def register_providers() -> Mapping[str, type[Provider]]:
    """Return the one provider of this package."""
    from reelwork_plugins.providers.videos_api.provider import VideosApi

    return {"videos-api": VideosApi}
