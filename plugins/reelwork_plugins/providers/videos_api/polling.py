"""Polls many renders at once: by the list, and one by one where the list does not report."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from reelwork_hooks import RenderRef, RenderStatus, Unavailable
from reelwork_plugins.providers.videos_api import answers
from reelwork_plugins.providers.videos_api.server import Server
from reelwork_plugins.providers.videos_api.stalled import Stalled
from reelwork_plugins.providers.videos_api.sweep import Sweep, sweep

BULK = 3
"""Up to this many renders are read one by one; more are looked for in the list first."""
AT_ONCE = 8
LISTED = 20_000
"""Renders looked for in one reading of the list."""
IN_A_ROW = 25
"""Renders worked on in a row. Then others in the process have their turn, since a list may hold thousands."""
REST_SECONDS = 0.001
SINGLES = 1000
"""The most renders read one by one in one poll."""
# The engine ends `poll` at 120 seconds, and the list is read first. What was read would be lost with it.
SINGLES_SECONDS = 60.0
"""Seconds for reading one by one in one poll."""
# Such a server may be overloaded, or it may only have no list: some renders are read in either case.
SINGLES_IN_TROUBLE = 50
"""The most renders read one by one while the list cannot be read."""
WITHOUT_LIST = timedelta(minutes=10)
"""Time after which a list that cannot be understood is asked for again."""


class Polling:
    """Polls the renders of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._no_list_until: datetime | None = None
        self._stalled = Stalled()

    @property
    def has_list(self) -> bool:
        """True if one read reports on many renders, as far as known."""
        until = self._no_list_until
        unusable = until is not None and self._server.context.now() < until
        return self._server.config.speaks.lists_status and not unusable

    async def poll(self, renders: Sequence[RenderRef]) -> list[RenderStatus]:
        """Return the status of these renders, and of others that the list reports.

        Raises `Unavailable` when no status could be read.
        """
        reported: list[RenderStatus] = []
        made_at: dict[str, float] = {}
        for number, ref in enumerate(renders, 1):
            if number % IN_A_ROW == 0:
                await asyncio.sleep(REST_SECONDS)
            final = None if ref.fresh else _final(ref)
            if final is not None:
                reported.append(final)
            else:
                made_at[ref.remote_id] = ref.submitted_at.timestamp()
        missing, most, trouble, stalled = list(made_at), SINGLES, None, list[str]()
        if len(made_at) > BULK and self.has_list:
            read = await self._read_list(made_at)
            reported += await self._listed(read)
            missing, trouble = list(read.missing), read.unavailable
            most = SINGLES if trouble is None else SINGLES_IN_TROUBLE
            stalled = self._stalled.turn(
                read.jobs.values(), made_at, self._server.context.now().timestamp(),
                self._server.config.poll_interval, most,
            )  # fmt: skip
        # By chance, so that each has its turn: the same first thousand would keep the others waiting for ever.
        chosen = missing if len(missing) <= most else random.sample(missing, most)
        singly, failures = await self._read_each([*chosen, *stalled])
        self._stalled.compare(singly)
        if failures and not reported and not singly:
            raise _worst([*failures, *([trouble] if trouble else [])])
        # A video's own answer counts more than the list, which may be a cache. Only "not there" does not: an entry
        # in the list shows that it is there.
        alone = {status.remote_id for status in singly if status.state != "lost"}
        listed = {status.remote_id for status in reported}
        kept = [status for status in reported if status.remote_id not in alone]
        return kept + [one for one in singly if one.remote_id in alone or one.remote_id not in listed]

    async def _read_list(self, made_at: Mapping[str, float]) -> Sweep:
        ask, base_url = self._server.list_page, self._server.config.base_url
        read = await sweep(ask, base_url, frozenset(made_at), min(made_at.values()))
        if read.unclear and not read.jobs:
            self._no_list_until = self._server.context.now() + WITHOUT_LIST
        return read

    async def _listed(self, read: Sweep) -> list[RenderStatus]:
        after = answers.poll_after(read.headers, self._server.context.now())
        links = self._server.config.speaks.links
        listed: list[RenderStatus] = []
        for number, job in enumerate(read.jobs.values(), 1):
            listed.append(answers.to_status(job, poll_after=after, links=links))
            if number % IN_A_ROW == 0:
                await asyncio.sleep(REST_SECONDS)
        return listed

    async def _read_each(self, remote_ids: Sequence[str]) -> tuple[list[RenderStatus], list[Unavailable]]:
        if not remote_ids:
            return [], []
        auth = await self._server.read_auth()
        gate = asyncio.Semaphore(AT_ONCE)

        async def poll_one(remote_id: str) -> RenderStatus | Unavailable:
            async with gate:
                return await self._server.status_of(remote_id, auth)

        tasks = [asyncio.create_task(poll_one(remote_id)) for remote_id in remote_ids]
        try:
            done, _ = await asyncio.wait(tasks, timeout=SINGLES_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            # They give their connections back before this returns.
            await asyncio.gather(*tasks, return_exceptions=True)
        answered = [task.result() for task in tasks if task in done]
        statuses = [status for status in answered if isinstance(status, RenderStatus)]
        return statuses, [failure for failure in answered if isinstance(failure, Unavailable)]


def _worst(failures: Sequence[Unavailable]) -> Unavailable:
    """Return the first error, with the longest pause that any of them asks for."""
    waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
    first = failures[0]
    return Unavailable(first.message, retry_after=max(waits, default=None), hint=first.hint)


def _final(render: RenderRef) -> RenderStatus | None:
    """Return the status of a render that ended within the answer to its create."""
    final = render.details.get("final")
    return RenderStatus.model_validate(final) if isinstance(final, dict) else None
