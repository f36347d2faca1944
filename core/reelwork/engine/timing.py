"""The times of the engine: leases, sleeps and pauses."""

from __future__ import annotations

LEASE = 60.0
"""Seconds a job is held without a sign of life. Longer than any pause of a healthy process, and not so long that
a job of a process whose end nobody can see waits for ever."""
HEARTBEATS = 4
"""Signs of life in each lease: three may be late or lost, and the lease still holds."""
POLL_LEASE = 3 * LEASE
"""Seconds a render is held for a poll. Longer than a job's lease, since one poll may ask for thousands."""
POLLED_AT_ONCE = 20_000
"""Renders claimed for one round."""
LONGEST_SLEEP = 1.0
"""Seconds. Other processes may add work to the store without telling this one; what this process adds wakes it."""
PAUSE_AFTER_ERROR = 5.0
"""Seconds before a step whose outcome could not be written down is tried again."""
PAUSE_AFTER_BAD_POLL = 60.0
"""Seconds before renders are polled again whose poll could not be carried out at all."""
GRACE = 20.0
"""Seconds that what is under way is given to finish when the engine is told to stop: an answer that still comes
need not be looked for later."""
