"""Making a frozen workflow fit the plugins of today, where a person gave new settings for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from reelwork.plugins.catalog import Catalog
from reelwork.plugins.guard import Callee, loading
from reelwork.plugins.ordering import instance_name, named_plugins
from reelwork.plugins.pinned import pinned_provider
from reelwork.settings.workflow import Loaded, Workflow

log = logging.getLogger("reelwork.repairing")


def repaired(loaded: Loaded, catalog: Catalog) -> Loaded:
    """Return the workflow without settings that its plugins no longer know, in tables that were given new ones.

    Where nothing was given, nothing is left out: then the plugin refuses what it does not know, and says so.
    """
    data = loaded.workflow.model_dump(mode="json")
    for place, callee, model in _models(loaded, catalog):
        given, table = _at(loaded.options, place), _at(data, place)
        # Only where a person has given settings: to leave out a setting in silence may change what is posted.
        if not given or table is None:
            continue
        for name in _unknown(callee, model, table):
            if name not in given or given[name] == "":
                del table[name]
                log.warning("%s.%s is left out: %s no longer knows it", ".".join(place), name, callee)
    return replace(loaded, workflow=Workflow.model_validate(data))


def _models(loaded: Loaded, catalog: Catalog) -> Iterator[tuple[tuple[str, ...], Callee, type[BaseModel]]]:
    use = pinned_provider(loaded, catalog)
    named = named_plugins(loaded, catalog)
    yield ("provider",), Callee("provider", use, catalog.origin_of_provider(use)), catalog.provider(use).Config
    for listed, definition in named.items():
        callee = Callee("plugin", definition.name, definition.origin)
        yield ("plugin", instance_name(listed)), callee, definition.config_model


def _at(tables: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    found: Any = tables
    for name in place:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _unknown(callee: Callee, model: type[BaseModel], table: Mapping[str, Any]) -> list[str]:
    settings = {name: value for name, value in table.items() if name not in ("use", "time_limit")}

    def check() -> list[str]:
        try:
            model.model_validate(settings)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            return [
                str(one["loc"][0]) for one in problems if one["type"] == "extra_forbidden" and len(one["loc"]) == 1
            ]
        return []

    return loading(callee, "cannot check its settings", check)
