"""How long the ledger waits, how often it tries, and under which names it keeps what it saw."""

from __future__ import annotations

OURS = "reelwork:"
"""The beginning of the ledger's own notes. A plugin's notes never have it."""

DID_NOT_HAPPEN = f"{OURS}did_not_happen"
"""The note under which a person's decision is kept: the attempt that did not happen."""

IN_DOUBT = f"{OURS}in_doubt"
"""The note under which the attempt is kept that may have happened when the same key was sent again.
That nothing came of the later attempt proves nothing about the earlier one."""

LATE_ANSWER = f"{OURS}answer"
"""The note under which a process keeps an answer that came after it had lost the job."""

ENDED = f"{OURS}ended"
"""The note under which a process that had lost the job keeps which attempt's call has ended: it acts no more."""

TAKEN = f"{OURS}taken"
"""The note under which the attempt is kept that was answered with an id of another effect."""

EXISTS = f"{OURS}exists"
"""The note under which the attempt is kept that was refused because it was there already."""

LOOKS_BEFORE_ASKING = 2
"""Times a look that settles nothing is repeated before a person is asked: what is missing may turn up meanwhile."""

MOST_FAULTY_LOOKS = 8
"""Looks in a row whose answer cannot be read before a person is asked: the plugin is at fault, which lasts."""

MOST_FAILURES = 6
"""Times an act that provably did not leave is tried before the job fails, still unsent."""

MOST_SENDINGS = 12
"""Times an act whose outcome stays unknown is sent again, a minute apart at last, before the job stops."""


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 1, 2, 4 … at most 60."""
    return float(min(2 ** min(failures, 6), 60))
