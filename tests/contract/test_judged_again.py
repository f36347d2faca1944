"""What is held in doubt is judged again when more is known; what waits for a person is not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reelwork.store.commands import Confirm, Doubt, Intend, NewJob, Send, SetJob
from reelwork.store.records import ACTIVE, HELD, PAID_AGAIN, Lease, RunRow

ANSWERED = '{"boot": "this one", "seconds": 5.0}'


@pytest.mark.parametrize("answered", [ANSWERED, ""], ids=["answered", "found"])
@pytest.mark.parametrize(
    ("act", "step", "after"),
    [
        ("publish", "publish", ACTIVE),
        ("submit", "submit", ACTIVE),
        # Its post is in doubt since a backup was put in use, and its render would be paid for once more.
        ("publish", PAID_AGAIN, HELD),
        ("publish", "moderate-video", HELD),
    ],
)
def test_only_a_job_that_is_held_for_this_doubt_goes_on(
    open_store: Any, clock: Any, act: str, step: str, after: str, answered: str
) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.add_run(RunRow("run", None, "w", "{}", 0.0))
        await store.add_jobs("run", [NewJob(name, name, "first", "{}") for name in ("held", "other")])
        await store.watch("scope", ["held", "other"])
        rows = await store.claim_jobs("me", 600.0, 2, "scope")
        held, other = (Lease(row.id, row.fence, "me") for row in sorted(rows, key=lambda row: row.id))
        for lease in (held, other):
            intent = Intend(lease.job_id, act, "there", "account")
            await store.apply(lease, [intent, Send(lease.job_id, "account")])
        await store.apply(held, [Doubt("held", "lost", None), SetJob(HELD, step, None, release=True)])
        clock.now += 60
        await store.apply(other, [Confirm("other", "id", "{}", answered)])
        found = {row.id: row.status for row in store.jobs()}
        assert found == {"held": after, "other": ACTIVE}

    asyncio.run(scenario())
