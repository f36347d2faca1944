"""Reads the list at the other side once: what it shows of an effect, and of controls.

A control is an effect that its own answer confirmed. An absence is believed only if the same reading finds controls
by the same comparison, as if their ids were not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Generic

from reelwork.clock import Clock, Instant
from reelwork.ids import is_clean
from reelwork.ledger.comparison import (
    Asked,
    Compared,
    Echo,
    Echoes,
    Entry,
    Fields,
    added,
    at_least_as_hard,
    compare,
    echoes_of,
    entry_of,
    fits,
    listed_as,
)
from reelwork.ledger.evidence import Handle
from reelwork.ledger.habits import age_of, habits_with
from reelwork.ledger.listings import date_of, gap_of, unproven
from reelwork.ledger.outcomes import Act, Answer, R
from reelwork.ledger.rivals import claims, is_identical, is_worded_alike, rivals_among, seen_before, without_shared
from reelwork.ledger.sending_record import Sent, sent_of
from reelwork.store.protocol import Store
from reelwork.store.readings import EchoRow, Read
from reelwork.store.records import EffectRow
from reelwork_hooks.effects import Absent, Effect, EffectState, Found, Listing, NotDone, Unsure

# Each costs a request of its own.
MOST_TRIED = 3
"""Controls looked up one by one, on each side, for plugins that answer about one request at a time."""
# Servers behind a gateway have clocks of their own.
TOLERANCE = 600.0
"""Seconds by which an entry may look older than its request."""
# A wrong wall clock is off by hours when its time zone is wrong, and there is nothing to compare it with.
BLIND_TOLERANCE = 86_400.0
"""The same if the server does not tell its time, or the machine has restarted."""
NOTHING_BEING_MADE = "this list has not been seen to show what is still being made"
MAKING, ENDED = "queued", "ended"
"""The states of an entry."""
SHARED = "another request of unknown outcome may have made it"


@dataclass(frozen=True)
class Look(Generic[R]):
    """The findings of one reading."""

    results: Mapping[str, R] = field(default_factory=dict)
    """The results that can be claimed, by id."""
    fits: tuple[str, ...] = ()
    """The ids that fit exactly and belong to no other effect, oldest first."""
    near: tuple[Entry, ...] = ()
    rivals: tuple[EffectRow, ...] = ()
    """Other open requests that may have made one of those: which of them did, the list does not tell."""
    handle: Handle | None = None
    absent: bool = False
    """The reading is complete and shows controls that are older, and nothing that may be it."""
    fresh: bool = False
    """It shows something that was sent later."""
    date: float | None = None
    """The server's time, where no cache was between and its list is known to be prompt."""
    renewed: float = 0.0
    """Seconds within which the list was seen to be renewed: nothing it shows is older than that."""
    coming: float = 0.0
    """Seconds until a control that was accepted just now should be listed."""
    turned_up: str = ""
    """The id that turned up on this account after its effect was believed not to have happened."""
    controls: tuple[str, ...] = ()
    missing: str = ""
    """The reason for not believing that it did not happen."""
    reading: int = 0


@dataclass(frozen=True)
class Looker:
    """Looks up effects, and stores what each lookup showed."""

    store: Store
    time: Clock

    async def look(self, act: Act[R], effect: EffectRow, view: Effect) -> Look[R]:
        """Ask the plugin, once. Raises what the plugin raises."""
        return await self._judged(act, effect, await act.find(view))

    async def look_at_control(self, act: Act[R], control: EffectRow) -> str:
        """Look up the first effect of a place. Return its state on the list, empty if not there or unknown."""
        if act.find_control is None:
            return ""
        answer = await act.find_control(control)
        if isinstance(answer, Listing):
            await self._listing(act, replace(control, key="", first_no=None), answer)
            listed = (one.state for one in answer.candidates if act.identify(one.result) == control.remote_id)
            return next(listed, "")
        if control.remote_id in _ids(act, answer):
            known = await self.store.read_list(replace(control, key=""), _place(act), [control.remote_id or ""])
            habits = habits_with(known, act.settle_seconds, (), self.time.now())
            await self.store.learn(_place(act), (), habits, warm_model=act.model)
        return ""

    async def look_before(self, act: Act[R], view: Effect) -> float | None:
        """Read the list before something is sent. Return when, by the boot clock; None if it could not be read."""
        # A list that shows the request afterwards and did not before is no copy from before it.
        at = self.time.now().seconds
        answer = await act.find(view)
        if not isinstance(answer, Found | Absent | Listing):
            return None
        await self.store.keep_reading(_place(act), [id_ for id_ in _ids(act, answer) if is_clean(id_)])
        return at

    async def _judged(self, act: Act[R], effect: EffectRow, answer: Answer[R]) -> Look[R]:
        match answer:
            case NotDone(final, why):
                return Look(handle=Handle.NEVER if final else Handle.NOT_YET, missing=why)
            case Found(candidates) if candidates:
                return await self._found(act, effect, candidates)
            case Found():
                return Look(missing="the plugin reported a match, but named none")
            case Absent():
                return await self._absent(act, effect)
            case Listing():
                return await self._listing(act, effect, answer)
            case Unsure(reason):
                return Look(missing=reason or "the other side cannot tell")
        return Look(missing=f"the lookup answered {type(answer).__name__}")

    # --- plugins that compare themselves -----------------------------------------------------------------

    async def _found(self, act: Act[R], effect: EffectRow, candidates: Sequence[R]) -> Look[R]:
        results = {act.identify(candidate): candidate for candidate in candidates}
        unclean = [id_ for id_ in results if not is_clean(id_)]
        if unclean:
            return Look(missing="the plugin found something with an invalid id")
        read = await self.store.read_list(effect, _place(act), list(results))
        free = tuple(id_ for id_ in results if id_ not in read.owners and not seen_before(id_, read, effect))
        # A render of an identical request is no sign of this one. Another request's id may be, if ids begin again.
        others = [id_ for id_, owner in read.owners.items() if json.loads(owner.asked) != dict(act.asked)]
        if free and (rivals := await self._found_by_rivals(act, effect, free)):
            near = tuple(Entry(id_) for id_ in free)
            return Look(results, near=near, rivals=rivals, missing=SHARED, reading=read.number)
        if free:
            surplus = await self._surplus(effect, free) if effect.resent else ""
            turned_up = surplus or read.habits.turned_up
            await self._keep_turned_up(act, read, turned_up)
            return Look(results, free, turned_up=turned_up, reading=read.number)
        if others:
            near = tuple(Entry(id_, owner=read.owners[id_].key) for id_ in others)
            return Look(near=near, missing="what was found belongs to another effect", reading=read.number)
        return await self._absent(act, effect)

    async def _absent(self, act: Act[R], effect: EffectRow) -> Look[R]:
        read = await self.store.read_list(effect, _place(act), ())
        if act.listed_late:
            return Look(turned_up=read.habits.turned_up, missing=NOTHING_BEING_MADE, reading=read.number)
        older, sent_later = await self.store.controls(effect)
        later = [one for one in sent_later if _settled_before(effect, one.how)]
        before = await self._first_found(act, older)
        # Without an older control nothing is proven, so the later ones need not be looked up.
        after = await self._first_found(act, later) if before else None
        controls = tuple(id_ for id_ in (before, after) if id_)
        return Look(
            absent=before is not None,
            fresh=after is not None,
            coming=0.0 if after else self._coming(later, act.settle_seconds),
            turned_up=read.habits.turned_up,
            controls=controls,
            missing=unproven(before is not None, after is not None),
            reading=read.number,
        )

    async def _found_by_rivals(self, act: Act[R], effect: EffectRow, free: Sequence[str]) -> tuple[EffectRow, ...]:
        """Return the other open requests for which the plugin finds the same: it cannot tell them apart."""
        rivals = rivals_among(effect, await self.store.open_beside(effect))
        alike = [one for one in rivals if is_worded_alike(json.loads(one.asked), act.asked)]
        tried = [*alike, *(one for one in rivals if one not in alike)][:MOST_TRIED]
        # Each costs a request. Those beyond are only compared by what they say.
        found = [one for one in alike if one not in tried]
        for one in tried:
            same = one in alike if act.find_control is None else _ids(act, await act.find_control(one)) & {*free}
            found += [one] if same else []
        return tuple(found)

    async def _first_found(self, act: Act[R], controls: Sequence[EffectRow]) -> str | None:
        """Return the first control that is found under its own id, as if that were not known."""
        if act.find_control is None:
            return None
        hard = [one for one in controls if at_least_as_hard(json.loads(one.asked), act.asked)]
        for control in hard[:MOST_TRIED]:
            if control.remote_id in _ids(act, await act.find_control(control)):
                return control.remote_id
        return None

    # --- plugins that report the list --------------------------------------------------------------------

    async def _listing(self, act: Act[R], effect: EffectRow, listing: Listing[R]) -> Look[R]:
        results = {act.identify(one.result): one.result for one in listing.candidates}
        clean = [one for one in listing.candidates if is_clean(act.identify(one.result))]
        read = await self.store.read_list(effect, _place(act), list({act.identify(one.result) for one in clean}))
        sent = sent_of(effect)
        entries = [_known(entry_of(one, act.identify(one.result)), read, effect) for one in clean]
        controls = _controls(entries, read)
        echoes = _merged(read.echoes, echoes_of(controls))
        asked = Asked(effect.key, act.asked, echoes, listed_as(controls), self._earliest(sent, listing))
        beside = await self.store.open_beside(effect)
        compared, rivals = without_shared(compare(entries, asked), rivals_among(effect, beside), asked, read)
        older, sent_later = await self.store.controls(effect)
        later = [one for one in sent_later if _settled_before(effect, one.how)]
        habits = habits_with(read, act.settle_seconds, (*older, *sent_later), self.time.now())
        # Once an absence was believed wrongly here, no absence is believed again: the other side may hide a second
        # one.
        turned_up = habits.turned_up or await self._turned_up(effect, entries, read, compared, beside)
        await self.store.learn(
            _place(act),
            _rows(echoes),
            replace(habits, turned_up=turned_up),
            warm_model=act.model if controls else None,
        )
        gap = gap_of(listing, len(results), len(clean)) or self._hidden(act, results, older, later)
        if act.listed_late or (act.made_slowly and not any(state == MAKING for state, _ in echoes)):
            gap = gap or NOTHING_BEING_MADE
        before, after = self._proven(act, effect, controls, read, asked)
        date = date_of(listing, habits) if act.dated and not act.listed_late else None
        return Look(
            results=results,
            fits=tuple(entry.id for entry in compared.fits),
            near=compared.near,
            rivals=rivals,
            absent=not gap and bool(before) and not compared.fits and not compared.near,
            fresh=bool(after),
            date=date,
            renewed=habits.slowest,
            coming=0.0 if after else self._coming(later, act.settle_seconds),
            turned_up=turned_up,
            controls=tuple(dict.fromkeys([*before[:1], *after[:1]])),
            missing=gap or (SHARED if rivals else unproven(bool(before), bool(after) or date is not None)),
            reading=read.number,
        )

    def _hidden(
        self, act: Act[R], listed: Mapping[str, R], older: Sequence[EffectRow], later: Sequence[EffectRow]
    ) -> str:
        """Return what the list leaves out though it shows what is older: then it may leave ours out as well."""
        reached = list(takewhile(lambda one: one.remote_id not in listed, older))
        settled = [
            one for one in later if (age := age_of(one, self.time.now())) is None or age > act.settle_seconds
        ]
        missing = [*(reached if len(reached) < len(older) else ()), *settled]
        lacks = next((one.remote_id for one in missing if one.remote_id not in listed), None)
        return f"the list does not show {lacks}, which was made there" if lacks else ""

    def _proven(
        self, act: Act[R], effect: EffectRow, controls: Sequence[_Control], read: Read, asked: Asked
    ) -> tuple[list[str], list[str]]:
        """Ids of controls that this list shows as asked: accepted before, or sent once it had settled."""
        before, after = [], []
        for entry, key, wanted in controls:
            owner = read.owners[entry.id]
            alike = owner.spec == act.spec and at_least_as_hard(wanted, act.asked)
            if not alike or not fits(entry, replace(asked, key=key, fields=wanted)):
                continue
            if effect.first_no is not None and (owner.answered_no or 0) < effect.first_no:
                before.append(entry.id)
            later = effect.sent_no is not None and (owner.sent_no or 0) > effect.sent_no
            if later and _settled_before(effect, owner.how):
                after.append(entry.id)
        return before, after

    async def _turned_up(
        self,
        effect: EffectRow,
        entries: Sequence[Entry],
        read: Read,
        compared: Compared,
        beside: Sequence[EffectRow],
    ) -> str:
        if effect.resent and (surplus := await self._surplus(effect, [one.id for one in compared.fits])):
            return surplus
        for other in await self.store.sent_again(effect):
            asked = Asked(other.key, json.loads(other.asked))
            free = [one for one in entries if one.owner is None and not seen_before(one.id, read, other)]
            # What another open request may have made is no sign against the list.
            rivals = [one for one in (*beside, effect) if one.key != other.key and not is_identical(other, one)]
            own = [one for one in free if not any(claims(rival, one, asked, read) for rival in rivals)]
            surplus = await self._surplus(other, [one.id for one in own if fits(one, asked)])
            if surplus:
                return surplus
        return ""

    async def _surplus(self, effect: EffectRow, fitting: Sequence[str]) -> str:
        """Return one of these that no request in doubt can have made; empty when there is none."""
        if not fitting:
            return ""
        # Each effect in doubt may have made one of them, identical ones too. Only more than those prove an error.
        open_ = effect.state in (EffectState.SENT, EffectState.UNKNOWN)
        to_come = open_ + len(await self.store.open_siblings(effect))
        if len(fitting) <= to_come:
            return ""
        # An answer may have come since the list was read, to this effect too, and what it made is no surplus.
        anyone = replace(effect, key="")
        free = [id_ for id_ in fitting if not await self.store.is_claimed(anyone, id_)]
        return free[to_come] if len(free) > to_come else ""

    async def _keep_turned_up(self, act: Act[R], read: Read, turned_up: str) -> None:
        if turned_up != read.habits.turned_up:
            await self.store.learn(_place(act), (), replace(read.habits, turned_up=turned_up))

    # --- clocks ------------------------------------------------------------------------------------------

    def _earliest(self, sent: Sent, listing: Listing[R]) -> float | None:
        """By the list's clock, when the request was sent at the earliest."""
        elapsed = sent.at.until(self.time.now()) if sent.known else None
        if listing.date is not None and elapsed is not None:
            return listing.date.timestamp() - elapsed - TOLERANCE
        return sent.wall - BLIND_TOLERANCE if sent.known else None

    def _coming(self, later: Iterable[EffectRow], settle_seconds: float) -> float:
        """Seconds until a control that is not listed should be, if one was accepted just now."""
        waits = [settle_seconds - age for one in later if (age := age_of(one, self.time.now())) is not None]
        return max((wait for wait in waits if wait > 0), default=0.0)


_Control = tuple[Entry, str, Fields]


def _place(act: Act[Any]) -> str:
    return act.place or act.account


def _ids(act: Act[R], answer: Answer[R]) -> set[str]:
    if isinstance(answer, Found):
        return {act.identify(one) for one in answer.candidates}
    return {act.identify(one.result) for one in answer.candidates} if isinstance(answer, Listing) else set()


def _settled_before(effect: EffectRow, how: str) -> bool:
    """Return whether something was sent after an effect could still arrive."""
    # What was sent earlier proves nothing: a list that has stood still since then would show it too.
    sent = json.loads(how)
    if not effect.settle or "boot" not in sent:
        return False
    passed = Instant(**json.loads(effect.settle)).until(Instant(sent["boot"], sent["steady"]))
    return passed is not None and passed >= 0


def _known(entry: Entry, read: Read, effect: EffectRow) -> Entry:
    owner = read.owners.get(entry.id)
    return replace(
        entry,
        seen_before=seen_before(entry.id, read, effect),
        owner=None if owner is None else owner.key,
        owners_fields={} if owner is None else json.loads(owner.asked),
    )


def _controls(entries: Iterable[Entry], read: Read) -> list[_Control]:
    found: list[_Control] = []
    for entry in entries:
        owner = read.owners.get(entry.id)
        if owner is not None and owner.answered_no is not None:
            found.append((entry, owner.key, entry.owners_fields))
    return found


def _merged(kept: Iterable[EchoRow], fresh: Echoes) -> dict[tuple[str, str], Echo]:
    merged = {(one.state, one.field): Echo(one.exact, one.differs, frozenset(one.examples)) for one in kept}
    for at, echo in fresh.items():
        merged[at] = added(merged.get(at, Echo()), echo)
    return merged


def _rows(echoes: Echoes) -> list[EchoRow]:
    return [
        EchoRow(state, name, echo.exact, echo.differs, tuple(sorted(echo.values)))
        for (state, name), echo in echoes.items()
    ]
