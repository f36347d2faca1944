"""The workflows of the soak, built once each: a provider of each kind, destinations, budgets and limits."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from soak_world import provider_class, wall_class

from reelwork.plugins.catalog import Catalog
from reelwork.plugins.pipeline import Pipeline
from reelwork.settings.workflow import load
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.session import Session
from reelwork_hooks import Idempotency, Provider, hookimpl

KINDS = tuple(kind.value for kind in Idempotency)
DESTINATIONS: tuple[tuple[str, ...], ...] = ((), ("lookup",), ("key",), ("none",), ("lookup", "none"))
LIMITS = ("none", "none", "small run", "small day", "one at a time", "two a minute")
_LIMITS: dict[str, dict[str, Any]] = {
    "none": {},
    "small run": {"budget": {"per_run": 3, "per_job": 2}},
    "small day": {"budget": {"per_day": 4, "per_month": 6}},
    "one at a time": {"limits": {"concurrent": 1}},
    "two a minute": {"limits": {"requests_per_minute": 2, "requests_per_day": 20}},
}


class Workflows:
    """Pipelines by what is in them."""

    @staticmethod
    @cache
    def pipeline(kind: str, destinations: tuple[str, ...], limits: str) -> Pipeline:
        options = {
            "provider": {"use": f"make-{kind}", "poll_interval": 10},
            "plugins": {
                "pre_moderate": [],
                "prompt_transform": [],
                "post_download": [],
                "publish": [f"wall-{name}" for name in destinations],
            },
            **_LIMITS[limits],
        }
        with tempfile.TemporaryDirectory(prefix="reelwork-soak-") as name:
            store = SqliteStore(Path(name) / "store.db")
            try:
                return Session(store, _catalog()).build(load(environ={}, cwd=Path(name), options=options))
            finally:
                store.close()


@cache
def _catalog() -> Catalog:
    catalog = Catalog()
    for kind in KINDS:
        catalog.add(f"make-{kind}", _bringing(kind))
        catalog.add(f"wall-{kind}", wall_class(kind))
    return catalog


def _bringing(kind: str) -> type[Any]:
    class Brings:
        """Brings a provider."""

        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            return {f"make-{kind}": provider_class(kind)}

    return Brings
