"""The brand of a run, from the workflow that is frozen with it. Imports no models: a store reads it to write it."""

from __future__ import annotations

import json
from typing import Any


def brand_in(frozen: str) -> str:
    """Return the brand that a run is for; empty if it is for none."""
    return str(_workflow_in(frozen).get("brand") or "")


def reviewers_in(frozen: str) -> tuple[str, ...]:
    """Return who may approve the posts of a run; empty if its brand names nobody."""
    workflow = _workflow_in(frozen)
    table = (workflow.get("brands") or {}).get(workflow.get("brand")) or {}
    return tuple(str(one) for one in table.get("reviewers") or ())


def _workflow_in(frozen: str) -> dict[str, Any]:
    try:
        found = json.loads(frozen)["workflow"]
    except (ValueError, KeyError, TypeError):
        # Whoever builds the run's pipeline says what is wrong with it.
        return {}
    return found if isinstance(found, dict) else {}
