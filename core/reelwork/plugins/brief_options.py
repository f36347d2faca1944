"""Checks the options of briefs and posts by the model that their plugin declares for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reelwork.plugins.guard import Callee, loading
from reelwork.settings.validation import explain
from reelwork_hooks.plugin import Config
from reelwork_hooks.provider import Provider


def options_model(kind: type[Provider]) -> type[Config] | None:
    """Return the model of the options that a provider takes in a brief; None if it declares none."""
    return as_model(getattr(kind, "Options", None))


def as_model(declared: Any) -> type[Config] | None:
    """Return what a plugin declares as the model of its options; None if it is none."""
    # A plugin of the first contract may have something else of this name, and takes no options.
    return declared if inspect.isclass(declared) and issubclass(declared, Config) else None


def post_options_error(model: type[Config], callee: Callee, options: Mapping[str, Any]) -> ValidationError | None:
    """Return what is wrong with the options of a post; None if nothing is.

    Raises `PluginInvalid` when the model cannot check them.
    """
    return loading(callee, "cannot check the options of a post", lambda: _error(model, options))


def options_problem(kind: type[Provider], callee: Callee, options: Mapping[str, Any]) -> str:
    """Return why the provider would not take these options; empty if it would.

    Raises `PluginInvalid` when its model cannot check them.
    """
    if not options:
        return ""
    model = loading(callee, "cannot say which options it takes", lambda: options_model(kind))
    if model is None:
        return f"{callee.name} takes no options; leave out {', '.join(map(str, options))}"
    error = loading(callee, "cannot check the options of a brief", lambda: _error(model, options))
    if error is None:
        return ""
    explained = explain(error, model, "options")
    message = explained.message.removeprefix("options: ")
    return f"{message}. {explained.hint}" if explained.hint else message


def _error(model: type[Config], options: Mapping[str, Any]) -> ValidationError | None:
    try:
        model.model_validate(dict(options))
    except ValidationError as error:
        return error
    return None
