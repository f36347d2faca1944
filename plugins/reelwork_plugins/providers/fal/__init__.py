"""The provider `fal`: the models at fal.ai, asked for by name through its queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelwork_hooks import hookimpl

if TYPE_CHECKING:
    from reelwork_hooks import Provider, WebhookScheme


@hookimpl
def register_providers() -> Mapping[str, type[Provider]]:
    """Return the one provider of this package."""
    from reelwork_plugins.providers.fal.provider import Fal

    return {"fal": Fal}


@hookimpl
def register_webhooks() -> Mapping[str, type[WebhookScheme]]:
    """Return the way in which fal signs its webhooks."""
    from reelwork_plugins.webhooks.fal import FalWebhooks

    return {"fal": FalWebhooks}
