"""A few facts of a run, read from its frozen workflow as it stands there, without building its plugins."""

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


def review_lengths_in(frozen: str) -> tuple[str | None, str | None]:
    """Return how long reviews of a run wait until they end, and are reminded of; None for what is not set."""
    table = _workflow_in(frozen).get("review")
    table = table if isinstance(table, dict) else {}
    return table.get("expires"), table.get("remind")


def address_in(frozen: str) -> str:
    """Return the provider's address in the workflow of a run; empty if the workflow names none, or is none."""
    provider = _workflow_in(frozen).get("provider")
    return str(provider.get("base_url") or "") if isinstance(provider, dict) else ""


def _workflow_in(frozen: str) -> dict[str, Any]:
    try:
        found = json.loads(frozen)["workflow"]
    except (ValueError, KeyError, TypeError):
        # Whoever builds the run's pipeline says what is wrong with it. Other runs are seen to all the same.
        return {}
    return found if isinstance(found, dict) else {}
