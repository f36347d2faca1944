"""Settles an effect by the id that a webhook with its own token named: row 10 of the table in `docs/promise.md`.

The token is in the address that our request carried, and nowhere else. So a signed webhook that comes to it tells
which id our request was given. It is a claim all the same: the id is read back, and taken only if nothing speaks
against it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reelwork.clock import Clock
from reelwork.errors import LeaseLost, StoreUnwritable, in_a_line
from reelwork.ids import is_clean
from reelwork.ledger import timing
from reelwork.ledger.comparison import Asked, Entry, differs, entry_of, fits, is_too_old
from reelwork.ledger.evidence import Handle, Seen, judge
from reelwork.ledger.look import Look
from reelwork.ledger.outcomes import Act, Later, Outcome, R, Undecided
from reelwork.ledger.report import report_of
from reelwork.ledger.rivals import rivals_among, seen_before
from reelwork.store.commands import Saw
from reelwork.store.notes import named_in
from reelwork.store.protocol import Store
from reelwork.store.readings import Read
from reelwork.store.records import EffectRow
from reelwork_hooks.effects import Effect, EffectState, Found, Listing

ANSWER_TO_COME = "another request there is waiting for its answer, which may have the id that a webhook named"


@dataclass(frozen=True)
class NamedReader:
    """Reads back the ids that webhooks named."""

    store: Store
    time: Clock

    async def judged(self, act: Act[R], effect: EffectRow, failures: int) -> tuple[Look[R], Saw] | Later | None:
        """Return the id that is ours, and a report for the store; None if no webhook named one that is."""
        ids = [id_ for id_ in named_in(effect.evidence) if is_clean(id_)]
        if not ids or act.read_back is None:
            return None
        try:
            async with asyncio.timeout(act.time_limit):
                look = await self._look(act, effect, ids)
        # Our own trouble, not the other side's: nothing may be concluded from it.
        except (StoreUnwritable, LeaseLost):
            raise
        except Exception as error:
            if failures >= timing.LOOKS_BEFORE_ASKING:
                return None
            why = f"reading back what a webhook named for {act.what} failed: {in_a_line(error)}"
            return Later(
                self.time.wall() + timing.backoff(failures), why, failure=True, notable=True, in_doubt=True
            )
        if look is None or isinstance(look, Later):
            return look
        judged = judge(Seen(looked=True, handle=look.handle))
        return look, Saw(act.key, report_of(effect, judged, look, self.time.wall()).to_json())

    async def _look(self, act: Act[R], effect: EffectRow, ids: list[str]) -> Look[R] | Later | None:
        assert act.read_back is not None
        results = {id_: found for id_ in ids if (found := await act.read_back(id_)) is not None}
        if not results:
            return None
        read = await self.store.read_list(effect, act.place or act.account, list(results))
        listed = await self._listed(act, effect)
        if listed is None:
            return None
        asked = Asked(effect.key, act.asked)
        entries = [_known(listed.get(id_, Entry(id_)), read, effect) for id_ in results]
        ours = [one for one in entries if not _speaks_against(one, asked)]
        # Of two that are both possible, neither is proven.
        if len(ours) != 1:
            return None
        beside = await self.store.open_beside(effect)
        if any(ours[0].id in named_in(one.evidence) for one in beside):
            return None
        if not fits(ours[0], asked) and _may_be_answered(rivals_among(effect, beside)):
            return Later(self.time.wall() + 0.5, ANSWER_TO_COME, in_doubt=True)
        return Look(results, fits=(ours[0].id,), handle=Handle.DONE, reading=read.number)

    async def _listed(self, act: Act[R], effect: EffectRow) -> Mapping[str, Entry] | None:
        """Return what the other side lists; None if it says itself that another one is ours."""
        if not act.can_look:
            return {}
        # Without what was noted on the way: this is to tell what was asked for, not what is known under an id.
        answer = await act.find(Effect(effect.key, prepared=act.prepared, started_at=effect.sent_at or 0.0))
        if isinstance(answer, Found):
            # The plugin compares by itself, and lists only what fits.
            found = {act.identify(one) for one in answer.candidates}
            return {} if found & {*named_in(effect.evidence)} else None
        listed = answer.candidates if isinstance(answer, Listing) else ()
        return {act.identify(one.result): entry_of(one, act.identify(one.result)) for one in listed}


def settled_soon(outcome: Outcome[R], effect: EffectRow | None, now: float) -> Outcome[R]:
    """Return an outcome in doubt with no time to wait, where a webhook has named the id already."""
    # A webhook may be faster than the answer that was lost. Its id is read back at once, and no lookup is due.
    if effect is None or not named_in(effect.evidence):
        return outcome
    match outcome:
        case Undecided(why, commands) | Later(why=why, commands=commands, in_doubt=True):
            return Later(now, why, commands, notable=True, in_doubt=True)
    return outcome


def _known(entry: Entry, read: Read, effect: EffectRow) -> Entry:
    owner = read.owners.get(entry.id)
    return replace(
        entry, seen_before=seen_before(entry.id, read, effect), owner=None if owner is None else owner.key
    )


def _speaks_against(entry: Entry, asked: Asked) -> bool:
    """Return whether anything shows, or only suggests, that another request made it."""
    # Harsher than for a list, where one that differs a little is kept for a person: a webhook that lies must change
    # nothing, and what it named is looked up by the other rows all the same.
    if entry.owner is not None or entry.seen_before or (entry.ref is not None and entry.ref != asked.key):
        return True
    return is_too_old(entry, asked) or (differs(entry, asked) and entry.ref is None)


def _may_be_answered(rivals: tuple[EffectRow, ...]) -> bool:
    return any(rival.state == EffectState.SENT for rival in rivals)
