"""Polls renders in bulk: one round asks an account about many renders at once.

A failed poll never fails a render, which is paid for. Past its deadline a render is overdue and polled less often,
but never given up. If the provider plugin's answers cannot be read, its job is held after a while.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from reelwork.backoff import backoff
from reelwork.engine.renders.details import error_of, merged, missing_since, refused_cost, sound_pause
from reelwork.engine.renders.poll_answers import FAULT, LEFT_OUT, read, silence
from reelwork.engine.renders.turns import in_turns
from reelwork.errors import in_a_line
from reelwork.planning.render_refs import RenderRefs
from reelwork.plural import counted
from reelwork.store.commands import RenderUpdate, StillWaiting
from reelwork.store.records import UNTOLD, RenderRow
from reelwork_hooks.errors import Unavailable
from reelwork_hooks.provider import Provider, RenderStatus

# Some providers keep a finished video for a short while only: a server that is back must be asked soon.
LONGEST_PAUSE = 300.0
"""The most seconds between two polls, however often polling has failed."""
OVERDUE_FACTOR = 6.0
"""The factor by which an overdue render is polled less often."""


@dataclass(frozen=True)
class Looked:
    """The outcome of one poll of renders."""

    updates: tuple[RenderUpdate, ...]
    same: tuple[StillWaiting, ...] = ()
    problem: str = ""
    """The reason why not all statuses were found."""
    others: Mapping[str, RenderStatus] | None = None
    """Statuses of renders that were not asked about, by their ids there."""


@dataclass(frozen=True)
class Waiting:
    """Polls renders."""

    clock: Callable[[], float]
    jitter: Callable[[], float] = random.random

    async def look(self, provider: Provider, renders: Sequence[RenderRow]) -> Looked:
        """Ask a provider about renders of one account."""
        try:
            answer = await read(await provider.poll(RenderRefs(renders)))
        except Exception as error:
            pause = error.retry_after if isinstance(error, Unavailable) else None
            updates = tuple(self._unlearnt(provider, render, pause, in_a_line(error)) for render in renders)
            return Looked(updates, problem=in_a_line(error))
        told = answer.told
        known = {render.remote_id: told.pop(render.remote_id, None) for render in renders}
        looked = await self.learn(provider, [render for render in renders if known[render.remote_id]], known)
        missing = [render for render in renders if known[render.remote_id] is None]
        left_out = f"{counted(len(missing), 'render')} could not be polled" if missing else ""
        unlearnt = tuple(self._untold(provider, render, answer.fault or LEFT_OUT) for render in missing)
        return Looked((*looked.updates, *unlearnt), looked.same, answer.fault or left_out, told)

    async def learn(
        self, provider: Provider, renders: Iterable[RenderRow], told: Mapping[str, RenderStatus | None]
    ) -> Looked:
        """Return the updates of renders, from the status that was reported for each."""
        round_ = _Round(self.clock(), provider.config.poll_interval, self.jitter())
        updates: list[RenderUpdate] = []
        same: dict[float, list[tuple[str, int]]] = {}
        async for render in in_turns(renders):
            status = told[render.remote_id]
            assert status is not None
            try:
                due_at, update = _read(render, status, round_, provider.config.gone_after)
            except Exception as error:
                # A status that was built around validation may hold anything. The others in the answer stay good.
                updates.append(self._untold(provider, render, f"{FAULT} what cannot be used: {in_a_line(error)}"))
                continue
            if update is not None:
                updates.append(update)
            elif due_at is not None:
                same.setdefault(due_at, []).append((render.id, render.fence))
        groups = (StillWaiting(due_at, tuple(group)) for due_at, group in same.items())
        return Looked(tuple(updates), tuple(groups))

    def _untold(self, provider: Provider, render: RenderRow, why: str) -> RenderUpdate:
        """Return the update of a render that the plugin left out or answered something invalid about."""
        now = self.clock()
        one_more = silence(render, why, now)
        update = replace(
            self._unlearnt(provider, render, None, why),
            failures=one_more.times,
            line=one_more.line(render.provider),
        )
        return replace(update, due_at=None, state=UNTOLD, overdue=False) if one_more.given_up else update

    def _unlearnt(self, provider: Provider, render: RenderRow, pause: float | None, why: str) -> RenderUpdate:
        interval = provider.config.poll_interval
        wait = backoff(interval, render.failures, max(LONGEST_PAUSE, interval))
        overdue = self.clock() > render.deadline_at
        # `state` stays and `due_at` is set: whatever went wrong with the poll, the render is paid for and waited
        # for.
        return RenderUpdate(
            id=render.id,
            fence=render.fence,
            due_at=self.clock() + max(wait, pause or 0),
            state=render.state,
            word=render.word,
            progress=render.progress,
            error=why,
            overdue=overdue,
            failures=render.failures + 1,
        )


@dataclass(frozen=True, slots=True)
class _Round:
    """One poll of many renders. They share its moment and its jitter, so that they fall due together again."""

    now: float
    interval: float
    jitter: float

    def overdue(self, render: RenderRow) -> bool:
        return self.now > render.deadline_at

    def next_look(self, render: RenderRow, status: RenderStatus) -> float | None:
        """Return the time of the next poll; None if the render has ended."""
        if status.state in ("completed", "failed", "lost"):
            return None
        interval = max(self.interval, sound_pause(status.poll_after) or 0)
        if self.overdue(render):
            interval = min(interval * OVERDUE_FACTOR, max(LONGEST_PAUSE, interval))
        # Early by up to a tenth, never late: processes spread out, and no status is older than its interval.
        return self.now + interval * (1 - 0.1 * self.jitter)


def _read(
    render: RenderRow, status: RenderStatus, round_: _Round, patience: float
) -> tuple[float | None, RenderUpdate | None]:
    """Return the time of the next poll, and the update to store, if any."""
    missing = _missing(render, status, round_, patience)
    if missing is not None:
        return missing.due_at, missing
    due_at = round_.next_look(render, status)
    if due_at is None or _is_news(render, status, round_):
        return due_at, _learnt(render, status, due_at, round_)
    return due_at, None


def _missing(render: RenderRow, status: RenderStatus, round_: _Round, patience: float) -> RenderUpdate | None:
    """Return what to record about a render that is not known there; None once that was said for long enough."""
    # Servers say so about what they have just accepted, and while they restart. One such answer proves nothing.
    since = missing_since(render.details)
    if status.state != "lost" or (since is not None and round_.now - since >= patience) or not patience:
        return None
    wait = backoff(round_.interval, render.failures, LONGEST_PAUSE)
    left = patience - (0 if since is None else round_.now - since)
    return RenderUpdate(
        id=render.id,
        fence=render.fence,
        due_at=round_.now + min(wait, max(left, round_.interval / 10)),
        state=render.state,
        word=status.word or render.word,
        progress=render.progress,
        error=error_of(status) or "it is not known there",
        details=merged(render.details, status, missing_since=round_.now if since is None else since),
        overdue=round_.overdue(render),
        failures=render.failures + 1,
    )


def _is_news(render: RenderRow, status: RenderStatus, round_: _Round) -> bool:
    """Return whether a status changes anything stored of an unfinished render besides the time of the next poll."""
    return (
        status.state != render.state
        or status.progress != render.progress
        or status.word != render.word
        or render.failures != 0
        or round_.overdue(render) != render.overdue
        or error_of(status) != render.error
        or bool(status.details)
        or status.cost is not None
        or status.charged is not None
        or (status.expires_at is not None and _moment(status) != render.expires_at)
    )


def _learnt(render: RenderRow, status: RenderStatus, due_at: float | None, round_: _Round) -> RenderUpdate:
    return RenderUpdate(
        id=render.id,
        fence=render.fence,
        due_at=due_at,
        state=status.state,
        word=status.word,
        progress=100.0 if status.state == "completed" else status.progress,
        error=error_of(status),
        details=merged(render.details, status),
        overdue=due_at is not None and round_.overdue(render),
        expires_at=_moment(status),
        line=refused_cost(render.provider, status, render.details),
        event="cost-refused",
    )


def _moment(status: RenderStatus) -> float | None:
    """Return when the provider says that the video ends; None for a time that no clock can show."""
    with suppress(OverflowError, OSError, ValueError):
        return status.expires_at.timestamp() if status.expires_at else None
    return None
