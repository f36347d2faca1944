"""The waiting times of the ledger, and how often it tries.

The wait before the first lookup is `settle_seconds`, which the provider or the publisher declares;
the defaults stand in `Capabilities` and `Plugin` of `reelwork_hooks`.
"""

from __future__ import annotations

from reelwork.backoff import backoff as doubled

# Lists lag by seconds. What is missing then usually turns up meanwhile, and a person need not be asked.
LOOKS_BEFORE_ASKING = 2
"""The number of repeated lookups that settle nothing before a person is asked."""

# With the pauses of `backoff` about two minutes. A network recovers in that time; a faulty plugin does not.
MOST_FAULTY_LOOKS = 8
"""The number of lookups in a row with unreadable answers before a person is asked."""

# With the pauses of `backoff` half a minute: long enough for a server that restarts.
MOST_FAILURES = 6
"""The number of tries of an effect that provably was not sent, before its job fails unsent."""

# The key makes each of them safe, but an outcome that stays unknown so often does not settle by itself.
MOST_SENDINGS = 12
"""The number of sendings of an effect whose outcome stays unknown, before its job stops."""


LONGEST_PAUSE = 60
"""Seconds."""


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 1, 2, 4 … at most 60."""
    return doubled(1, failures, LONGEST_PAUSE)
