"""The installed plugins as programs get them, also those that are broken or off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reelwork.plugins.catalog import Broken, Catalog
from reelwork.plugins.definition import Definition


def listed(catalog: Catalog, found: Iterable[Definition | Broken]) -> list[dict[str, Any]]:
    """Return what was found in a catalog, and after it what is switched off."""
    off = [_off_entry(name, origin) for name, origin in sorted(catalog.off.items())]
    return [*map(entry_of, found), *off]


def entry_of(item: Definition | Broken) -> dict[str, Any]:
    """Return a plugin in a line of a list."""
    if isinstance(item, Broken):
        problem = {"message": item.problem.message, "hint": item.problem.hint}
        return {"name": item.name, "origin": item.origin, "broken": problem, "off": False}
    return {
        "name": item.name,
        "origin": item.origin,
        "summary": item.summary,
        "hooks": list(item.hooks),
        "providers": list(item.providers),
        "platforms": [platform.name for platform in item.platforms],
        "webhooks": list(item.webhooks),
        "broken": None,
        "off": False,
    }


def _off_entry(name: str, origin: str) -> dict[str, Any]:
    # It is not imported, so what it offers is not known.
    unknown: dict[str, Any] = {"summary": "", "hooks": [], "providers": [], "platforms": [], "webhooks": []}
    return {"name": name, "origin": origin, **unknown, "broken": None, "off": True}
