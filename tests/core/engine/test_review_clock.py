"""Reviews while the machine's clock is set."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.core.engine.conftest import Shop
from tests.core.engine.test_post_time import Moving, on
from tests.core.engine.test_review import DAY, Wall, wall  # noqa: F401

from reelwork.clock import UNTRUSTED
from reelwork.engine.timing import DOUBT_AGAIN
from reelwork.store.records import HELD, REJECTED, JobRow

PROMPT = "A lighthouse in the rain"


def test_a_clock_that_was_set_forward_ends_no_review_before_it_is_believed(lab: Any, wall: Wall) -> None:  # noqa: F811
    machine, shop = Moving(1_790_000_000.0), Shop(lab)

    async def scenario() -> None:
        async with on(machine, lab) as (store, worker, timeline, session):
            shop.clock = timeline  # type: ignore[assignment]
            (id_,) = await shop.add(store, session, PROMPT)
            while store.counts() != {HELD: 1}:
                await worker.advance(id_)
                machine.passed += 0.05

            async def passes(seconds: float) -> JobRow:
                machine.passed += seconds
                await store.keep_time()
                for row in await store.claim_jobs(worker.owner.name, 60, 10, None):
                    await worker.carry_on(row)
                row = store.job(id_)
                assert row is not None
                return row

            machine.ahead += 8 * DAY
            for _ in range(3):
                row = await passes(60)
                assert row.status == HELD
                # It is looked at again soon, and not all the time.
                assert 0 < (row.due_at or 0) - timeline() <= DOUBT_AGAIN
            machine.ahead -= 8 * DAY
            assert (await passes(60)).status == HELD
            machine.ahead += 8 * DAY
            await passes(60)
            assert (await passes(UNTRUSTED)).status == REJECTED

    asyncio.run(scenario())
    assert wall.posts == []
