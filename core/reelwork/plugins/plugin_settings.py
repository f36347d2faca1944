"""The settings of a plugin, checked by its own model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from reelwork.plugins.definition import Definition
from reelwork.plugins.guard import Callee, loading
from reelwork.settings.validation import explain
from reelwork.settings.workflow import Loaded
from reelwork_hooks.plugin import Config


def settings_of(name: str, definition: Definition, loaded: Loaded) -> Config:
    """Return the checked settings of an instance. Raises `WorkflowInvalid`."""
    table = loaded.workflow.plugin.get(name)
    settings = table.settings if table else {}
    config: Config = checked_config(
        callee_of(definition), definition.config_model, settings, loaded, f"plugin.{name}"
    )
    return config


def callee_of(definition: Definition) -> Callee:
    """Return a plugin as messages name it."""
    return Callee("plugin", definition.name, definition.origin)


def checked_config(
    callee: Callee, model: type[BaseModel], settings: Mapping[str, Any], loaded: Loaded, section: str
) -> Any:
    """Return the settings of one section, checked by their model. Raises `WorkflowInvalid`."""
    # The error is returned and not raised: `loading` takes whatever is raised for the plugin's fault, and a wrong
    # setting is the workflow's.
    checked = loading(callee, "cannot check its settings", lambda: _validated(model, settings))
    if not isinstance(checked, ValidationError):
        return checked
    where, text = loaded.place(checked, *section.split("."))
    raise explain(checked, model, where or "the workflow", text=text, section=section) from checked


def _validated(model: type[BaseModel], settings: Mapping[str, Any]) -> BaseModel | ValidationError:
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        return error
