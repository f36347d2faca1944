"""The names of the ledger's own notes on an effect, beside those of the plugin. Budgets read them too."""

from __future__ import annotations

import json

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

NAMED = f"{OURS}named"
"""The note under which the ids are kept that webhooks with the effect's own token named."""
MOST_NAMED = 5
"""The newest are kept."""


def named_in(evidence: str) -> tuple[str, ...]:
    """Return the ids that webhooks named, by an effect's evidence."""
    return tuple(json.loads(evidence).get(NAMED, ()))


def is_in_doubt(evidence: str) -> bool:
    """Return whether an earlier attempt with the same key may have happened, by the effect's evidence."""
    notes = json.loads(evidence)
    # A backup put in use may be in doubt about a request before it has counted a first attempt.
    return int(notes.get(IN_DOUBT, -1)) > int(notes.get(DID_NOT_HAPPEN, -1))
