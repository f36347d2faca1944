"""The provider `videos-api`: any server or gateway that speaks the `/v1/videos` protocol.

The protocol was published with Sora 2. OpenAI shut its own service down on 2026-09-24, but self-hosted servers
and gateways still speak it, each a little differently: `dialects` holds the differences as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelwork_hooks import hookimpl

if TYPE_CHECKING:
    from reelwork_hooks import Provider, WebhookScheme


@hookimpl
def register_providers() -> Mapping[str, type[Provider]]:
    """Return the one provider of this package."""
    from reelwork_plugins.providers.videos_api.provider import VideosApi

    return {"videos-api": VideosApi}


@hookimpl
def register_webhooks() -> Mapping[str, type[WebhookScheme]]:
    """Return the ways in which servers of this protocol, and gateways before them, sign their webhooks."""
    from reelwork_plugins.providers.videos_api import webhooks

    return {
        "standard": webhooks.Standard,
        "openrouter": webhooks.OpenRouter,
        "body-hmac": webhooks.BodyHmac,
    }
