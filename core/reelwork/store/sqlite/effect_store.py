"""The effects in SQLite, and the commands of a step."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwork.errors import Limited
from reelwork.store.commands import (
    AddRender,
    Command,
    Confirm,
    Doubt,
    GiveBack,
    Intend,
    Refuse,
    Rename,
    Reopen,
    Saw,
    Send,
    SetJob,
    SettleMoney,
    Tell,
)
from reelwork.store.sqlite import effects, job_leases, jobs, payments, renders, waitlist, witness
from reelwork.store.sqlite.base import SqliteParts, by_seconds

if TYPE_CHECKING:
    from reelwork.store.records import EffectRow, Lease


class SqliteEffects(SqliteParts):
    """The part of a store that holds effects, and applies what a step says."""

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        """Apply commands together, or none of them. Returns the effect a `Send` was about.

        Raises `LeaseLost`, `Limited`, `BudgetExceeded` or `LedgerConflict`.
        """
        # A clock that is set between a step and its commit would leave times by the old one in the store.
        set_since = self._set_since()

        def change(db: sqlite3.Connection) -> tuple[EffectRow | None, int]:
            try:
                sent = self._apply(db, lease, by_seconds(commands, set_since()))
            except Limited as limited:
                # By the clock of the work, which will store it as a time of its own.
                limited.until -= set_since()
                raise
            return sent, 0 if sent is None else witness.count_send(db)

        try:
            sent, total = await self._db.run(change)
        except Limited as limited:
            send = next((command for command in commands if isinstance(command, Send)), None)
            if limited.account and send is not None:
                # In a commit of its own, since the limit has undone the first one.
                await self._db.run(lambda db: self._set_gate(db, send))
            raise
        if sent is not None:
            # After the commit and before the call: what left is known outside the database too.
            witness.saw(self.path, total)
        return sent

    def _set_gate(self, db: sqlite3.Connection, send: Send) -> None:
        # Asked again: a place that got free since the limit was met must not be forgotten.
        now = self._clock()
        limit = effects.limit_of(db, send, "submit", now)
        waitlist.set_time(db, send.account, now if limit is None else limit.until)

    def _apply(self, db: sqlite3.Connection, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        now = self._clock()
        match commands:
            # The most frequent change by far: one fenced UPDATE that touches no index, instead of a check and a
            # write.
            case [*others, SetJob() as step] if step.stays:
                lines = [one for one in others if isinstance(one, Tell)]
                if len(lines) == len(others):
                    jobs.step_on(db, lease, step, lines, now)
                    return None
        # First of all: a process that has lost its lease must not write anything, and `sent` least of all.
        run_id = job_leases.check_lease(db, lease)
        sent = None
        for command in commands:
            match command:
                case SetJob():
                    jobs.set_job(db, lease.job_id, _behind_gate(command), now)
                case Tell():
                    jobs.tell(db, lease.job_id, command, now)
                case Intend():
                    effects.intend(db, lease.job_id, run_id, command, now)
                case Send():
                    sent = effects.send(db, command, lease.owner, now)
                    # The job in front has its slot. The gate opens at once if there is another, else when the next
                    # is free.
                    if sent.kind == "submit" and waitlist.exists(db, command.account):
                        self._set_gate(db, command)
                case Confirm():
                    effects.confirm(db, command, now)
                case Rename():
                    effects.rename(db, command, now)
                case Refuse():
                    waitlist.open_now(db, effects.refuse(db, command, now), now)
                case Reopen():
                    waitlist.open_now(db, effects.reopen(db, command, now), now)
                case Doubt():
                    effects.doubt(db, command, now)
                case Saw():
                    effects.saw(db, command)
                case AddRender():
                    renders.add(db, lease.job_id, command.run_id or run_id, command, now)
                case SettleMoney():
                    effects.settle_money(db, command, now)
                case GiveBack():
                    payments.give_back(db, command)
        return sent

    async def effect(self, key: str) -> EffectRow | None:
        """Return one effect; None if there is none."""
        return await self._db.run(lambda db: effects.get(db, key))

    def note(self, key: str, evidence: Mapping[str, Any], *, made: str | None = None) -> None:
        """Store evidence about an effect's outcome. Does not wait."""

        def change(db: sqlite3.Connection) -> None:
            effects.note(db, key, evidence, self._clock())
            if made is not None:
                effects.claim_if_free(db, key, made)

        # Not waited for: a plugin notes things in the middle of a call. The writer keeps the order, so the note is
        # on disk before the outcome that comes after it.
        self._db.post(change)

    def note_end(self, key: str, sender: str, name: str) -> None:
        """Store under this name which attempt is over for its sender. Does not wait."""
        self._db.post(lambda db: effects.note_end(db, key, sender, name, self._clock()))

    async def claim_match(self, lease: Lease, key: str, remote_ids: Sequence[str]) -> str | None:
        """Give this effect the first match that belongs to no other. Raises `LeaseLost`."""

        def change(db: sqlite3.Connection) -> str | None:
            job_leases.check_lease(db, lease)
            return effects.claim_match(db, key, remote_ids, self._clock())

        return await self._db.run(change)

    async def in_doubt(self) -> list[EffectRow]:
        """Return every effect that is `sent` or `unknown`, oldest first."""
        return await self._db.run(effects.in_doubt)

    async def is_claimed(self, effect: EffectRow, remote_id: str) -> bool:
        """Return whether this remote id belongs to another effect of the same account."""
        return await self._db.run(lambda db: effects.is_claimed(db, effect, remote_id))

    async def open_siblings(self, effect: EffectRow) -> list[EffectRow]:
        """Identical requests that may have happened and are not settled."""
        return await self._db.run(lambda db: effects.open_siblings(db, effect))

    async def open_beside(self, effect: EffectRow) -> list[EffectRow]:
        """Return all other requests of the account and kind that may have happened and are not settled."""
        return await self._db.run(lambda db: effects.open_beside(db, effect))


def _behind_gate(change: SetJob) -> SetJob:
    """Return the change without a due time if the job waits at a gate."""
    # With a time of their own, all jobs that wait would wake at once, and all but one would go back to sleep.
    return change if change.blocked_on is None else change._replace(due_at=None)
