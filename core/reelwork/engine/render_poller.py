"""Polls claimed renders: asks the provider, records its answers, and informs watchers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from reelwork.clock import one_clock
from reelwork.engine import timing
from reelwork.engine.events import RenderSeen, Watcher, unharmed
from reelwork.engine.left import Lacking, Left
from reelwork.engine.renders.polling import Looked, Waiting
from reelwork.engine.renders.turns import in_turns
from reelwork.errors import StoreUnwritable, Unstorable, in_a_line
from reelwork.store.commands import RenderUpdate, StillWaiting
from reelwork.store.frozen import address_in
from reelwork.store.protocol import LeaseHolder, Store
from reelwork.store.records import RenderRow
from reelwork.store.statuses import Step
from reelwork_hooks.provider import Provider

log = logging.getLogger("reelwork.engine")

RUNS_AT_HAND = 10_000
NOT_STORABLE = "what it answered cannot be stored"


@dataclass
class RenderPoller:
    """Polls renders of a store, in the name of one process."""

    store: Store
    owner: LeaseHolder
    waiting: Waiting
    left: Left
    clock: Callable[[], float]
    watchers: Sequence[Watcher] = ()

    def __post_init__(self) -> None:
        """Keep the addresses of many runs at hand."""
        self._address = lru_cache(RUNS_AT_HAND)(self._read_address)

    async def poll(self, account: str, renders: Sequence[RenderRow]) -> None:
        """Ask the provider about claimed renders of one account, and record its answers."""
        with one_clock(self.clock):
            for some in self._by_address(renders):
                await self._poll(account, some)

    def _by_address(self, renders: Sequence[RenderRow]) -> Iterable[Sequence[RenderRow]]:
        # One name of an account may be used at two servers. Asked at the wrong one, a paid render counts as lost.
        if len({render.run_id for render in renders}) < 2:
            return (renders,)
        groups: dict[str, list[RenderRow]] = {}
        for render in renders:
            groups.setdefault(self._address(render.run_id), []).append(render)
        return groups.values()

    def _read_address(self, run_id: str) -> str:
        run = self.store.run(run_id)
        return address_in(run.frozen) if run is not None and run.frozen else ""

    async def _poll(self, account: str, renders: Sequence[RenderRow]) -> None:
        try:
            provider = self._provider(renders)
            most = provider.most_per_poll
            for first in range(0, len(renders), most):
                await self._poll_some(provider, account, renders[first : first + most])
        except StoreUnwritable:
            raise
        except Lacking as lacking:
            await self._leave(account, renders, lacking)
        except Exception as error:
            # One bad answer must not end the drive, and every other job with it.
            log.error("renders of %s cannot be polled: %s", account, in_a_line(error))
            later = StillWaiting(
                self.clock() + timing.PAUSE_AFTER_BAD_POLL, tuple((render.id, render.fence) for render in renders)
            )
            await self.store.update_renders(self.owner.name, (), [later])

    def _provider(self, renders: Sequence[RenderRow]) -> Provider:
        """Return the provider of one of the runs. Raises `Lacking` if this process can build none of them."""
        lacking = None
        for run_id in dict.fromkeys(render.run_id for render in renders):
            try:
                return self.left.pipeline(run_id, Step.RENDER).provider
            except Lacking as error:
                lacking = lacking or error
        assert lacking is not None
        raise lacking

    async def _leave(self, account: str, renders: Sequence[RenderRow], lacking: Lacking) -> None:
        """Let go of renders that this process cannot ask about, and say why, once."""
        self.left.leave_account(account)
        why = lacking.message
        if any(render.error != why for render in renders):
            log.warning("renders of %s: %s", account, why)
        # Due at once: whoever else can ask need not wait. It is no failed poll, since nobody was asked.
        await self.store.update_renders(self.owner.name, [self._unasked(render, why) for render in renders])

    def _unasked(self, render: RenderRow, why: str) -> RenderUpdate:
        now = self.clock()
        return RenderUpdate(
            id=render.id,
            fence=render.fence,
            due_at=now,
            state=render.state,
            word=render.word,
            progress=render.progress,
            error=why,
            overdue=now > render.deadline_at,
            failures=render.failures,
            line="" if render.error == why else why,
            event="waiting",
        )

    async def _poll_some(self, provider: Provider, account: str, renders: Sequence[RenderRow]) -> None:
        looked = await self.waiting.look(provider, renders)
        if looked.problem:
            log.warning("polling renders of %s: %s", account, looked.problem)
        await self._learn(renders, looked)
        if looked.others:
            along = await self._claim_seen(account, renders[0].run_id, tuple(looked.others))
            # Claimed like those that were due: another process may be polling them, and only one fence may write.
            await self._learn(along, await self.waiting.learn(provider, along, looked.others))

    async def _claim_seen(self, account: str, run_id: str, remote_ids: Sequence[str]) -> Sequence[RenderRow]:
        """Claim renders that an answer mentions, if they were requested at the same address as those of a run."""
        claimed = await self.store.claim_seen(self.owner.name, timing.POLL_LEASE, account, remote_ids)
        if all(one.run_id == run_id for one in claimed):
            return claimed
        here = self._address(run_id)
        # Another server may give out an equal id. Its render is given back as it was.
        others = [one for one in claimed if self._address(one.run_id) != here]
        back = [StillWaiting(one.due_at or self.clock(), ((one.id, one.fence),)) for one in others]
        if back:
            await self.store.update_renders(self.owner.name, (), back)
        return [one for one in claimed if one not in others]

    async def _learn(self, renders: Sequence[RenderRow], looked: Looked) -> None:
        if not renders:
            return
        try:
            await self.store.update_renders(self.owner.name, looked.updates, looked.same)
        except Unstorable:
            await self._learn_one_by_one(looked)
        rows = {render.id: render for render in renders}
        async for update in in_turns(looked.updates):
            problem = looked.problem if update.failures else ""
            row = rows[update.id]
            if update.line:
                log.error("job %s: %s", row.job_id, update.line)
            seen = RenderSeen(row.job_id, update.state, update.progress, update.overdue, problem, update.due_at)
            # Only after the commit: a watcher must never show what a crash could undo.
            self._report(seen)
        for group in looked.same:
            async for id_, _ in in_turns(group.renders):
                row = rows[id_]
                self._report(RenderSeen(row.job_id, row.state, row.progress, row.overdue))

    async def _learn_one_by_one(self, looked: Looked) -> None:
        """Store the updates one by one. One that cannot be stored loses its own words, and no other is affected."""
        await self.store.update_renders(self.owner.name, (), looked.same)
        for update in looked.updates:
            try:
                await self.store.update_renders(self.owner.name, [update])
            except Unstorable as error:
                log.error("render %s: %s", update.id, in_a_line(error))
                plain = replace(update, word="", error=NOT_STORABLE, progress=None, details=None, expires_at=None)
                await self.store.update_renders(self.owner.name, [plain])

    def _report(self, seen: RenderSeen) -> None:
        for watcher in self.watchers:
            with unharmed(watcher):
                watcher.seen(seen)
