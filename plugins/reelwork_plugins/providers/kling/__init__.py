"""The provider `kling`: Kling's video API, with pictures for the first and the last frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelwork_hooks import hookimpl

if TYPE_CHECKING:
    from reelwork_hooks import Provider


@hookimpl
def register_providers() -> Mapping[str, type[Provider]]:
    """Return the one provider of this package."""
    from reelwork_plugins.providers.kling.provider import Kling

    return {"kling": Kling}
