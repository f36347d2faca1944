"""The times of the engine: leases, sleeps and pauses."""

from __future__ import annotations

# Longer than any pause of a healthy process. Where nobody can see that a process has ended, its jobs wait this
# long.
LEASE = 60.0
"""Seconds for which a job is leased without a sign of life."""
# Three signs may be late or lost, and the lease still holds.
HEARTBEATS = 4
"""Signs of life in each lease."""
# Longer than a job's lease, since one poll may ask for thousands of renders.
POLL_LEASE = 3 * LEASE
"""Seconds for which a render is leased for a poll."""
POLLED_AT_ONCE = 20_000
"""Renders claimed for one round."""
# Other processes add work to the store without a word to this one. What this process adds wakes it.
LONGEST_SLEEP = 1.0
"""Seconds."""
PAUSE_AFTER_ERROR = 5.0
"""Seconds before a step whose outcome could not be stored is tried again."""
LEFT_SECONDS = 60.0
"""Seconds for which a process leaves a step to others that it cannot do itself. Then it tries again."""
# Read for each step of each job they would cost more than the step.
AT_HAND_SECONDS = 5.0
"""Seconds for which secrets that were there are taken to be there still."""
# A server may vouch for the clock at any time.
DOUBT_AGAIN = 30.0
"""Seconds after which it is asked again whether a clock that was set is believed."""
PAUSE_AFTER_BAD_POLL = 60.0
"""Seconds before renders are polled again whose poll could not be carried out at all."""
# One that says 0 would be called without end.
SHORTEST_PENDING = 1.0
"""Seconds before a hook that answered `Pending` is called again, at least."""
# Networks process a long video for hours. What takes longer has usually been forgotten there.
LONGEST_PENDING = 86_400.0
"""Seconds for which a hook may answer `Pending`. Then the job stops, and a resume waits again."""
# A network that is away for hours is not asked each minute.
FIRST_FOLLOW_PAUSE = 5.0
LONGEST_FOLLOW_PAUSE = 900.0
"""Seconds between two tries to learn what became of a post."""
# An answer that still comes need not be looked up later.
GRACE = 20.0
"""Seconds for which work under way may finish when the engine is told to stop."""
