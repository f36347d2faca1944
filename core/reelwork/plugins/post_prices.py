"""Asks publishers for the price of a post, and checks the answer."""

from __future__ import annotations

import inspect
from typing import Any

from reelwork.errors import in_a_line
from reelwork.money import problem_of
from reelwork.plugins.answers import named
from reelwork.plugins.guard import Callee, loading
from reelwork.plugins.instances import Instance
from reelwork.plugins.units import quote_in_dollars
from reelwork_hooks.errors import PluginInvalid, ReelworkError
from reelwork_hooks.models import Post
from reelwork_hooks.plugin import Plugin
from reelwork_hooks.prices import DOLLARS, Quote

CANNOT = "cannot say what a post costs"


def names_prices(target: Any) -> bool:
    """Return whether a publisher has a `post_price` of its own."""
    return class_names_prices(type(target))


def class_names_prices(kind: type) -> bool:
    """Return whether the class of a publisher has a `post_price` of its own."""
    # A plugin of the first contract may have something else of this name.
    own = getattr(kind, "post_price", None)
    return inspect.isfunction(own) and own is not Plugin.post_price


def post_price(callee: Callee, instance: Instance, post: Post) -> Quote | None:
    """Return the price of a post; None where that is not known. Raises `PluginInvalid` for no answer at all."""
    # Never taken for nothing: a post whose price cannot be read would pass every budget.
    try:
        answer: Any = loading(callee, CANNOT, lambda: instance.target.post_price(post))
    except PluginInvalid:
        raise
    except ReelworkError as error:
        raise PluginInvalid(f"The {callee} {CANNOT}: {in_a_line(error)}") from error
    if answer is None:
        return None
    try:
        # Checked again: one that was built around validation (model_construct) may be anything.
        quote = Quote.model_validate(vars(answer))
    except (TypeError, ValueError) as error:
        raise PluginInvalid(f"The {callee} {CANNOT}: post_price returned {named(answer)}, not a Quote.") from error
    if quote.unit == DOLLARS and (problem := problem_of(quote.most)):
        raise PluginInvalid(f"The {callee}: its price of a post, {quote.most:.6g}, is none: {problem}.")
    return quote_in_dollars(callee, instance.units, quote, f"plugin.{callee.name}.units")
