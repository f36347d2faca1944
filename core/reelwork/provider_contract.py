"""Whether a provider has what the engine calls, and what it says that it can do."""

from __future__ import annotations

import inspect

from reelwork.dispatch import describe
from reelwork.money import problem_of
from reelwork_hooks.errors import PluginInvalid, ReelworkError
from reelwork_hooks.provider import Capabilities, Provider

OWN_METHODS = ("submit", "poll", "fetch", "capabilities")
"""What a provider must write itself."""
AWAITED = ("prepare", "submit", "find", "poll", "fetch", "cancel", "close")


def lacking(kind: type[Provider]) -> list[str]:
    """The methods a provider should have written."""
    return [method for method in OWN_METHODS if getattr(kind, method) is getattr(Provider, method)]


def not_async(kind: type[Provider]) -> list[str]:
    """The methods that are awaited and cannot be."""
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


def capabilities_of(provider: Provider, name: str, model: str | None) -> Capabilities:
    """What a provider can do with a model. Raises `PluginInvalid` when it cannot say."""
    try:
        can = provider.capabilities(model)
    except ReelworkError:
        raise
    except Exception as error:
        raise PluginInvalid(f"The provider {name!r} cannot say what it can do: {describe(error)}") from error
    if not isinstance(can, Capabilities):
        raise PluginInvalid(f"The provider {name!r}: capabilities returned {type(can).__name__}, not Capabilities.")
    # A price that was built around validation (model_construct) may be anything.
    if can.price is not None and (problem := problem_of(can.price.per_second)):
        raise PluginInvalid(f"The provider {name!r}: its price of {can.price.per_second:.6g} is none: {problem}.")
    return can


def most_per_poll(provider: Provider, name: str) -> int:
    """How many renders `poll` is given at once. Raises `PluginInvalid` when the provider cannot say."""
    try:
        most: object = provider.most_per_poll
    except Exception as error:
        raise PluginInvalid(f"The provider {name!r}: most_per_poll failed: {describe(error)}") from error
    if not isinstance(most, int) or most < 1:
        raise PluginInvalid(f"The provider {name!r}: most_per_poll is {most!r:.40}, not a number of renders.")
    return most
