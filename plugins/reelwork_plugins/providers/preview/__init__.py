"""`preview`: the embedded provider. It draws a real, playable clip, free and without a network."""

from __future__ import annotations

from collections.abc import Mapping

from reelwork_hooks import Provider, hookimpl


@hookimpl
def register_providers() -> Mapping[str, type[Provider]]:
    """Return the provider `preview`."""
    from reelwork_plugins.providers.preview.provider import PreviewProvider

    return {"preview": PreviewProvider}
