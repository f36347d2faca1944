"""Broken ledgers and stores, one mistake each: the soak must catch every one of them, or it proves nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from soak_machine import Soak

from reelwork.ledger import Act, Later, Ledger, Outcome, Refused
from reelwork.ledger.look import Look
from reelwork.ledger.report import Report
from reelwork.store.commands import Command, Confirm, Doubt, Intend, Refuse, Reopen, Send
from reelwork.store.records import EffectRow, Lease
from reelwork.store.sqlite.store import SqliteStore


class SendsAgainBlindly(Ledger):
    """An unknown outcome counts as if nothing had happened."""

    async def _resolve(
        self, lease: Lease, act: Act[Any], effect: EffectRow, failures: int, *, sends: bool = True
    ) -> Outcome[Any]:
        return Later(self.clock(), "again", (Reopen(act.key, "again"),))


class TakesUnknownForRefused(Ledger):
    """A 5xx or a time-out counts as a refusal, and its money as free."""

    def _unknown(self, act: Act[Any], reason: str, *, sender: str | None = None) -> Any:
        return Refused(reason, (Refuse(act.key, reason),))


class CallsBeforeItCommits(Ledger):
    """`sent` is written down only when the answer is there."""

    async def _send(self, lease: Lease, act: Act[Any], effect: EffectRow | None, failures: int) -> Outcome[Any]:
        prepared = json.dumps(act.prepared)
        intent = Intend(act.key, act.kind, act.subject, act.account, act.fingerprint, prepared, act.reserve)
        await self.store.apply(lease, [intent])
        intended = await self.store.effect(act.key)
        assert intended is not None
        outcome = await self._call(act, intended, failures)
        sending = self._sending(act, await self.credential(act), None)
        return replace(outcome, commands=(Send(act.key, act.account, sending=sending), *outcome.commands))


class ForgetsToSettle(Ledger):
    """A listing is believed at once."""

    def _unknown(self, act: Act[Any], reason: str, *, sender: str | None = None) -> Any:
        return super()._unknown(replace(act, settle_seconds=0.0), reason, sender=sender)

    async def _resolve(
        self, lease: Lease, act: Act[Any], effect: EffectRow, failures: int, *, sends: bool = True
    ) -> Outcome[Any]:
        hasty = replace(act, settle_seconds=0.0)
        return await super()._resolve(lease, hasty, effect, failures, sends=sends)


class BelievesAnyList(Ledger):
    """What a list does not show counts as absent, whether it shows controls or not."""

    def _reported(self, act: Act[Any], effect: EffectRow, look: Look[Any]) -> Report:
        absent = not (look.fits or look.near or look.handle)
        return super()._reported(act, effect, replace(look, absent=absent, fresh=absent))


class BelievesOldLists(Ledger):
    """Nothing later needs to be listed."""

    def _reported(self, act: Act[Any], effect: EffectRow, look: Look[Any]) -> Report:
        return super()._reported(act, effect, replace(look, fresh=True))


class BelievesThePausedDead(Ledger):
    """Whoever lost the lease is taken for gone."""

    async def _may_act_yet(self, effect: EffectRow) -> bool:
        return False


class IgnoresFences(SqliteStore):
    """Whoever comes last may write, whether the job is still theirs or not."""

    def _apply(self, db: sqlite3.Connection, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        db.execute("UPDATE jobs SET owner = ? WHERE id = ?", (lease.owner, lease.job_id))
        (fence,) = db.execute("SELECT fence FROM jobs WHERE id = ?", (lease.job_id,)).fetchone()
        return super()._apply(db, replace(lease, fence=fence), commands)


class FreesMoneyInDoubt(SqliteStore):
    """The money of an unknown outcome counts as not spent."""

    def _apply(self, db: sqlite3.Connection, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        sent = super()._apply(db, lease, commands)
        for command in commands:
            if isinstance(command, Doubt):
                db.execute("UPDATE effects SET money = 'released' WHERE key = ?", (command.key,))
        return sent


class ForgetsTheAnswer(SqliteStore):
    """A confirmation is written as a refusal."""

    def _apply(self, db: sqlite3.Connection, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        changed = [Refuse(one.key, "no") if isinstance(one, Confirm) else one for one in commands]
        return super()._apply(db, lease, changed)


ANYWHERE = (
    SendsAgainBlindly,
    TakesUnknownForRefused,
    CallsBeforeItCommits,
    IgnoresFences,
    FreesMoneyInDoubt,
    ForgetsTheAnswer,
)
IN_A_SCENE = (ForgetsToSettle, BelievesThePausedDead, BelievesAnyList, BelievesOldLists)
ALL = (*ANYWHERE, *IN_A_SCENE)


def broken(part: type[Any]) -> type[Soak]:
    """The soak on a broken part."""
    kind = "ledger" if issubclass(part, Ledger) else "store"
    made: Any = type(f"SoakOf{part.__name__}", (Soak,), {kind: part})
    return made
