"""Checks that a provider has the methods that the engine calls."""

from __future__ import annotations

import inspect

from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.provider import Provider

OWN_METHODS = ("submit", "poll", "fetch", "capabilities")
"""The methods a provider must write itself."""
AWAITED = ("prepare", "submit", "find", "poll", "fetch", "cancel", "close")


def lacking(kind: type[Provider]) -> list[str]:
    """Return the methods that a provider lacks."""
    return [method for method in OWN_METHODS if getattr(kind, method) is getattr(Provider, method)]


def not_async(kind: type[Provider]) -> list[str]:
    """Return the methods that are awaited and are no `async def`."""
    # Unwrapped: a decorator such as a retry may be a plain function around an `async def`.
    return [name for name in AWAITED if not inspect.iscoroutinefunction(inspect.unwrap(getattr(kind, name)))]


def check_provider(name: str, kind: type[Provider]) -> None:
    """Refuse a provider whose paid call could not even be made or understood. Raises `PluginInvalid`."""
    if methods := lacking(kind):
        raise PluginInvalid(
            f"The provider {name!r} ({kind.__name__}) lacks {', '.join(methods)}.",
            hint="Write what reelwork_hooks.Provider describes: reelwork plugins check FILE.py",
        )
    if methods := not_async(kind):
        raise PluginInvalid(
            f"The provider {name!r} ({kind.__name__}) has methods that are not `async def`: {', '.join(methods)}.",
            hint="Write `async def`; what blocks goes into asyncio.to_thread.",
        )
