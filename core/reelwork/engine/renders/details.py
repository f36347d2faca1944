"""Details stored with a render: the provider's own, and its reports about money and about a missing render."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwork.money import problem_of, sound_micros, to_micros
from reelwork_hooks.provider import RenderStatus

# A paid render expires at the provider, so it is never left alone for longer, whoever asks for it.
LONGEST_ASKED = 3600.0
"""Seconds."""
_COST, _CHARGED, _REFUSED, _MISSING = "cost_micros", "charged", "cost_refused", "missing_since"
_OURS = (_COST, _CHARGED, _REFUSED, _MISSING)


@dataclass(frozen=True)
class ReportedMoney:
    """A provider's report about the money of a render."""

    cost: int | None
    """Millionths of a US dollar."""
    charged: bool | None


def foreign(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of a plugin without the names under which the engine stores money."""
    return {name: value for name, value in details.items() if name not in _OURS}


def reported_money(details: str) -> ReportedMoney:
    """Read back what was reported. An amount that is none counts as not reported."""
    stored = json.loads(details)
    charged = stored.get(_CHARGED)
    return ReportedMoney(sound_micros(stored.get(_COST)), charged if isinstance(charged, bool) else None)


def sound_pause(seconds: float | None) -> float | None:
    """Return how long a provider asked to be left alone, an hour at most; None for what is no time."""
    return min(max(seconds, 0.0), LONGEST_ASKED) if seconds is not None and math.isfinite(seconds) else None


def error_of(status: RenderStatus) -> str:
    """Return what a provider said is wrong, code and message."""
    return ": ".join(part for part in (status.error_code, status.error_message) if part)


def refused_cost(provider: str, status: RenderStatus, details: str) -> str:
    """Say what is wrong with a reported cost, the first time it is; empty otherwise."""
    problem = "" if status.cost is None else problem_of(status.cost)
    if not problem or json.loads(details).get(_REFUSED):
        return ""
    return (
        f"provider {provider!r} reported a cost of {status.cost:.6g}: {problem}. The estimate stays counted, "
        "and the job continues."
    )


def missing_since(details: str) -> float | None:
    """Return when the provider first said that it does not know the render, if it has said so ever since."""
    since = json.loads(details).get(_MISSING)
    return since if isinstance(since, float) else None


def merged(details: str, status: RenderStatus, *, missing_since: float | None = None) -> str | None:
    """Return the stored details with what a status adds; None when it changes nothing."""
    stored, added = json.loads(details), foreign(status.details)
    if status.cost is not None and problem_of(status.cost):
        # Nonsense must not reach a budget: a negative cost would free money, a huge one would block every launch.
        added[_REFUSED] = True
    elif status.cost is not None:
        added[_COST] = to_micros(status.cost)
    if status.charged is not None:
        added[_CHARGED] = status.charged
    if status.state == "lost" and missing_since is None:
        missing_since = stored.get(_MISSING)
    changes = bool(added) or stored.get(_MISSING) != missing_since
    kept = {name: value for name, value in stored.items() if name != _MISSING}
    since = {} if missing_since is None else {_MISSING: missing_since}
    return json.dumps({**kept, **added, **since}) if changes else None
