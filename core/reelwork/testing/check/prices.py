"""Checks that a plugin which names prices can name one, in a unit that is worth something."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from reelwork.money import dollars
from reelwork.plugins.context import PluginContext
from reelwork.plugins.definition import Definition
from reelwork.plugins.guard import Callee
from reelwork.plugins.guarded_provider import GuardedProvider
from reelwork.plugins.instances import start
from reelwork.plugins.post_prices import class_names_prices, post_price
from reelwork.testing.check.findings import Finding, error, note
from reelwork.testing.check.settings import required_settings
from reelwork.testing.samples import sample_post, sample_request
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.prices import Quote
from reelwork_hooks.provider import Provider

IN_ITS_SETTINGS = "Declare what one costs in `units`, or name the price in US dollars."


def check_prices(definition: Definition, context: PluginContext, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Ask for the price of a sample post, and of a sample request."""
    own = inspect.isclass(definition.target) and class_names_prices(definition.target)
    if own and "publish" in definition.hooks and not _lacking(definition.config_model, settings):
        yield from _of_posts(definition, context, settings)
    for name, kind in definition.providers.items():
        if kind.price is not Provider.price and not _lacking(kind.Config, settings):
            yield from _of_requests(name, kind, context, settings)


def _lacking(model: Any, settings: Mapping[str, Any]) -> bool:
    return any(name not in settings for name in required_settings(model))


def _of_posts(definition: Definition, context: PluginContext, settings: Mapping[str, Any]) -> Iterator[Finding]:
    callee = Callee("plugin", definition.name, definition.origin)
    config = definition.config_model.model_validate(dict(settings))
    try:
        instance = start(callee, definition.target, config, context)
        yield _told("post_price", "a sample post", post_price(callee, instance, sample_post()))
    except PluginInvalid as problem:
        yield _refused("post_price", problem)


def _of_requests(
    name: str, kind: type[Provider], context: PluginContext, settings: Mapping[str, Any]
) -> Iterator[Finding]:
    about, config = f"provider {name}", kind.Config.model_validate(dict(settings))
    try:
        guarded = GuardedProvider(kind(config, context), Callee("provider", name), config, context)
        yield _told(about, "a sample request", guarded.price(sample_request()))
    except PluginInvalid as problem:
        yield _refused(about, problem)
    # What else it raises when it is made is reported with its capabilities.
    except Exception:
        return


def _refused(about: str, problem: PluginInvalid) -> Finding:
    return error(about, problem.message, IN_ITS_SETTINGS if "prices in" in problem.message else problem.hint)


def _told(about: str, what: str, quote: Quote | None) -> Finding:
    if quote is None:
        return note(about, f"names no price for {what}.")
    return note(
        about, f"names a price for {what}: {dollars(quote.most)}{f' ({quote.basis})' if quote.basis else ''}."
    )
