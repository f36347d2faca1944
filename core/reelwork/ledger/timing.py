"""The waiting times of the ledger, and how often it tries."""

from __future__ import annotations

from reelwork.backoff import backoff as doubled

LOOKS_BEFORE_ASKING = 2
"""Times a look that settles nothing is repeated before a person is asked: what is missing may turn up meanwhile."""

MOST_FAULTY_LOOKS = 8
"""Looks in a row whose answer cannot be read before a person is asked: the plugin is at fault, which lasts."""

MOST_FAILURES = 6
"""Times an act that provably did not leave is tried before the job fails, still unsent."""

MOST_SENDINGS = 12
"""Times an act whose outcome stays unknown is sent again, a minute apart at last, before the job stops."""


LONGEST_PAUSE = 60
"""Seconds."""


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 1, 2, 4 … at most 60."""
    return doubled(1, failures, LONGEST_PAUSE)
