"""Settles effects that may have happened: waits, looks them up, claims what is found.

`evidence.py` decides what follows from the evidence. This file gathers and records it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reelwork.clock import Clock, Instant, clock_of
from reelwork.errors import LeaseLost, PluginFailed, StoreUnwritable, in_a_line
from reelwork.ledger import timing
from reelwork.ledger.evidence import Decision, Handle, Judgement, Seen, judge
from reelwork.ledger.look import Look, Looker
from reelwork.ledger.named import NamedReader
from reelwork.ledger.outcomes import Act, Happened, Later, Outcome, R, Refused, Undecided
from reelwork.ledger.report import Report, report_of
from reelwork.ledger.sending_record import has_moved, key_of, sent_of
from reelwork.ledger.timing import LOOKS_BEFORE_ASKING, MOST_FAULTY_LOOKS, MOST_SENDINGS
from reelwork.plugins.cleaning import noted
from reelwork.store.commands import Confirm, Doubt, Reopen, Saw
from reelwork.store.notes import DID_NOT_HAPPEN, ENDED, EXISTS, IN_DOUBT, LATE_ANSWER, OURS, TAKEN, named_in
from reelwork.store.protocol import LeaseHolder, Store
from reelwork.store.records import EffectRow, Lease
from reelwork_hooks.effects import Effect, EffectState, Idempotency

# `Date` counts whole seconds: a shorter time may show the same one, and would say nothing about a cache.
DATE_TICK = 2.0
"""Seconds in which a server's `Date` must have advanced."""


@dataclass
class Resolver:
    """Settles effects of unknown outcome, under a job's lease."""

    store: Store
    owner: LeaseHolder
    clock: Callable[[], float]
    overrun: set[str] = field(default_factory=set)
    """Effects whose plugin still ran in a thread when its time was up: it may still send."""
    broken_off: set[str] = field(default_factory=set)
    """Effects whose call was cancelled with the engine that made it. In a thread it goes on all the same."""
    calling: set[str] = field(default_factory=set)
    """Effects that are being carried out now, even if their job's lease was lost meanwhile."""
    time: Clock = field(init=False)
    _salt: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.time = clock_of(self.clock)

    async def credential(self, act: Act[Any]) -> str | None:
        """Return a hash of the credential in use now; None if it cannot be read."""
        if not self._salt:
            self._salt = await self.store.salt()
        return act.credential(self._salt)

    async def _orphaned(self, act: Act[R], effect: EffectRow) -> Outcome[R]:
        """Doubt an effect whose sender lost the job before it recorded an outcome."""
        reason = "the process that sent it ended before it recorded the answer"
        # A sender that is alive may be paused right before its call, so nothing is believed absent while it lives.
        return self._unknown(act, reason, sender=effect.sender if await self._may_act_yet(effect) else None)

    def _unknown(self, act: Act[R], reason: str, *, sender: str | None = None) -> Later | Undecided:
        # Neither a key nor a lookup: waiting teaches nothing, so a person is asked at once.
        if not act.can_look and act.idempotency is not Idempotency.KEY:
            return Undecided(unresolved(act, reason), (Doubt(act.key, reason, None, sender),))
        # With a key there is nothing to wait for. What is looked up must get the time to be listed.
        settle = 0.0 if act.idempotency is Idempotency.KEY else act.settle_seconds
        doubt = self._doubt(act, reason, settle, sender)
        following = (
            "it is sent again with the same key, by which the other side knows it and does nothing twice"
            if act.idempotency is Idempotency.KEY
            else "it will be looked up, not sent blindly"
        )
        why = f"the outcome of {act.what} is unknown ({reason}); {following}"
        in_doubt = act.idempotency is not Idempotency.KEY
        return Later(self.clock() + settle, why, (doubt,), notable=True, in_doubt=in_doubt)

    def _doubt(self, act: Act[Any], reason: str, settle: float, sender: str | None = None) -> Doubt:
        """Return the command that doubts an effect and starts its settle time now."""
        # By the boot clock: after a wall clock that is set forward it would be sent again without a settle time.
        now = self.time.now()
        over = json.dumps(Instant(now.boot, now.seconds + settle)._asdict())
        return Doubt(act.key, reason, self.clock() + settle, sender, over)

    # --- what is known without looking -------------------------------------------------------------------

    async def _resolve(
        self, lease: Lease, act: Act[R], effect: EffectRow, failures: int, *, sends: bool = True
    ) -> Outcome[R]:
        # First what is certain without a lookup: a late answer or a person's decision. It must not wait or be
        # looked up.
        told = await self._told(lease, act, effect, failures)
        if told is not None:
            return told
        # Then what a webhook named: it needs no settle time, since nothing follows from what is not listed.
        named = await self._named(lease, act, effect, failures)
        if named is not None:
            return named
        waiting = self._settling(act, effect)
        if waiting is not None:
            return waiting
        credential = await self.credential(act)
        seen = replace(
            await self._seen(act, effect),
            key_holds=sends and self._key_holds(act, effect, credential),
            moved=has_moved(act, effect, credential),
        )
        judged = judge(seen)
        if judged is not None:
            return await self._without_looking(act, effect, judged, failures)
        # Only after `judge`: with a key it is sent again at once, and no settle time is needed.
        if effect.sender is not None and not seen.may_act:
            return self._outlived(act, effect)
        # Else this one would take the render whose id the other is just receiving, and the other would have none.
        if await self._another_may_be_told(effect):
            why = "waiting for an identical request that is in flight"
            return Later(self.clock() + 0.5, why, in_doubt=True)
        return await self._look(lease, act, effect, seen, failures)

    async def _told(self, lease: Lease, act: Act[R], effect: EffectRow, failures: int) -> Outcome[R] | None:
        """Return the outcome known from a late answer, a person or an id already taken; None if there is none."""
        evidence = json.loads(effect.evidence)
        answer = evidence.get(LATE_ANSWER)
        if answer is not None:
            result = act.load(answer)
            # An identical effect may have claimed it meanwhile. Then this one is looked up and takes what is left.
            mine = await self.store.claim_match(lease, act.key, [act.identify(result)])
            if mine is not None:
                return Happened(result, (Confirm(act.key, mine, answer),), found=True)
        # A decision is about the attempt that was shown. One about an earlier attempt must not free a later one.
        if evidence.get(DID_NOT_HAPPEN) == effect.attempt:
            return await self._again(act, effect, failures, "a person decided that it did not happen")
        # Two effects were answered with one id. Which of them it belongs to, no lookup can tell.
        if evidence.get(TAKEN) == effect.attempt:
            return Undecided(unresolved(act, effect.reason), (Doubt(act.key, effect.reason, None),))
        return None

    async def _named(self, lease: Lease, act: Act[R], effect: EffectRow, failures: int) -> Outcome[R] | None:
        """Return the outcome known from an id that a webhook named; None if there is none that is ours."""
        # Under another address or key, the same id may be somebody else's.
        if not named_in(effect.evidence) or has_moved(act, effect, await self.credential(act)):
            return None
        judged = await NamedReader(self.store, self.time).judged(act, effect, failures)
        return await self._claim(lease, act, *judged) if isinstance(judged, tuple) else judged

    def _settling(self, act: Act[R], effect: EffectRow) -> Later | None:
        """Wait until the settle time is over."""
        if effect.settle_at is None:
            return None
        if not effect.settle:
            # An older store or a restored backup has only the wall clock's time. It may be off by any amount, so no
            # longer than one settle time is waited for.
            rest = min(effect.settle_at - self.clock(), act.settle_seconds)
        else:
            rest_ = self.time.now().until(Instant(**json.loads(effect.settle)))
            if rest_ is None:
                # Another boot: how much of the time has passed is not known. Too early may pay twice; late is safe.
                doubt = self._doubt(act, effect.reason, act.settle_seconds, effect.sender)
                return Later(self.clock() + act.settle_seconds, effect.reason, (doubt,), in_doubt=True)
            rest = rest_
        return Later(self.clock() + rest, effect.reason, in_doubt=True) if rest > 0 else None

    def _outlived(self, act: Act[R], effect: EffectRow) -> Later:
        """Restart the settle time: the sender has died, but may have sent until just now."""
        doubt = self._doubt(act, effect.reason, act.settle_seconds)
        return Later(self.clock() + act.settle_seconds, effect.reason, (doubt,), in_doubt=True)

    async def _seen(self, act: Act[R], effect: EffectRow) -> Seen:
        going_on = effect.key in self.overrun and effect.sender == self.owner.name
        return Seen(
            may_act=going_on or await self._may_act_yet(effect),
            can_look=act.can_look,
            sendings=effect.resent + 1,
            free=act.free,
        )

    def _key_holds(self, act: Act[R], effect: EffectRow, credential: str | None) -> bool:
        if json.loads(effect.evidence).get(EXISTS) == effect.attempt:
            # It said that it exists: asking for it once more would only say so again.
            # Without a lookup, the key alone can still bring back the answer.
            return not act.can_look
        key = key_of(act, effect, credential, self.time)
        return key is not None and key.holds

    async def _without_looking(
        self, act: Act[R], effect: EffectRow, judged: Judgement, failures: int
    ) -> Outcome[R]:
        now = self.clock()
        match judged.decision:
            case Decision.SAME_KEY if failures >= MOST_SENDINGS:
                return Undecided(unresolved(act, f"{effect.reason}, {failures} times in a row"))
            case Decision.SAME_KEY:
                # Before it is sent again. Should the later attempt be refused, the earlier one stays in doubt,
                # with its money.
                self.store.note(act.key, {IN_DOUBT: effect.attempt})
                pause = timing.backoff(failures) - 1
                return Later(now + pause, judged.why, (Reopen(act.key, judged.why),), failure=True, notable=True)
            case Decision.SEND:
                return await self._again(act, effect, failures, judged.why)
            case Decision.WAIT:
                going_on = await self._going_on(act, effect, failures)
                return going_on or Later(now + 1, judged.why, in_doubt=True)
        # Row 9 says only that nothing can be looked up. What went wrong helps the person more.
        why = judged.why if judged.row != 9 else effect.reason or judged.why
        saw = Saw(act.key, report_of(effect, judged, None, self.clock()).to_json())
        return Undecided(unresolved(act, why), (Doubt(act.key, why, None, effect.sender), saw))

    # --- looking -----------------------------------------------------------------------------------------

    async def _look(self, lease: Lease, act: Act[R], effect: EffectRow, seen: Seen, failures: int) -> Outcome[R]:
        elapsed = sent_of(effect).at.until(self.time.now())
        # Its doubt began without a settle time, since the key was to settle it. That has failed, so it is given
        # one now.
        if act.idempotency is Idempotency.KEY and elapsed is not None and elapsed < act.settle_seconds:
            return Later(self.clock() + act.settle_seconds - elapsed, effect.reason, in_doubt=True)
        try:
            async with asyncio.timeout(act.time_limit):
                look = await Looker(self.store, self.time).look(act, effect, self._view(act, effect))
        # Our own trouble, not the other side's: nothing may be concluded from it, and nothing more be sent.
        except (StoreUnwritable, LeaseLost):
            raise
        except Exception as error:
            wait = self.clock() + timing.backoff(failures)
            why = f"looking up {act.what} failed: {in_a_line(error)}"
            if failures >= MOST_FAULTY_LOOKS - 1 and isinstance(error, PluginFailed) and error.__cause__ is None:
                # It answered, and the answer cannot be read. Unlike a network error, that does not pass by itself.
                told = f"{why}, {failures + 1} times in a row"
                return Undecided(unresolved(act, told), (Doubt(act.key, told, None, effect.sender),))
            return Later(wait, why, failure=True, notable=True, in_doubt=True)
        report = self._reported(act, effect, look)
        judged = judge(
            replace(
                seen,
                looked=True,
                # Had it held, there would be no lookup.
                key_holds=False,
                # What is found need not wait for a control that is still to be listed; only an absence needs it.
                settling=look.coming > 0 and not look.fits and not look.near,
                handle=self._handle(look, report),
                fits=bool(look.fits),
                near=bool(look.near),
                # Its answer may still come, and tell which of the two was made.
                sibling_may_act=any([await self._may_act_yet(one) for one in look.rivals]),
                # A handle that says "never" is counted by row 11. It must not count as a complete list as well.
                absences=report.absences if report.handle is None else 0,
                disbelieved=bool(look.turned_up),
            )
        )
        assert judged is not None
        report = replace(report, row=judged.row, why=judged.why)
        saw = Saw(act.key, report.to_json())
        if judged.decision is Decision.CONFIRM:
            return await self._claim(lease, act, look, saw)
        if judged.decision is Decision.SEND:
            return await self._again(act, effect, failures, report.why, saw)
        return await self._doubtful(act, effect, look, report, failures, saw)

    def _handle(self, look: Look[R], report: Report) -> Handle | None:
        return Handle.NEVER_TWICE if look.handle is Handle.NEVER and report.absences > 1 else look.handle

    def _reported(self, act: Act[R], effect: EffectRow, look: Look[R]) -> Report:
        """Return the report on this lookup, with the number of lookups in a row that showed absence: 0, 1 or 2.

        A second one counts only if it comes a settle time after the first.
        """
        report = report_of(effect, None, look, self.clock())
        never = look.handle is Handle.NEVER
        first = Report.of(effect)
        # Two proofs of a kind: "not listed" and "our handle says never" do not add up to two.
        same = first is not None and first.absences > 0 and (first.handle == Handle.NEVER) == never
        now = self.time.now()
        passed = first.since.until(now) if first is not None and same and first.since is not None else None
        if never or (look.absent and (look.fresh or look.date is not None)):
            if first is None or passed is None:
                return replace(report, absences=1, since=now, date=look.date)
            # A date that stands still comes from a cache: both lookups may have read one copy.
            moved_on = look.fresh or never or (first.date is not None and (look.date or 0) > first.date)
            if passed < _apart(act, look) + (0.0 if moved_on else DATE_TICK):
                # Too soon to count as a second one. The first keeps its time, so that frequent lookups do not push
                # it away.
                return replace(report, absences=1, since=first.since, date=first.date)
            if not moved_on:
                return replace(report, missing="the server's time stood still between two lookups")
            return replace(report, absences=2, since=first.since, date=first.date)
        return report

    async def _claim(self, lease: Lease, act: Act[R], look: Look[R], saw: Saw) -> Outcome[R]:
        # Committed before it is confirmed: of two identical effects that find the same render, only one gets it.
        mine = await self.store.claim_match(lease, act.key, look.fits)
        if mine is None:
            why = "another effect took what was found; it is looked up again"
            return Later(self.clock() + 0.5, why, (saw,), in_doubt=True)
        result = look.results[mine]
        return Happened(result, (Confirm(act.key, mine, act.dump(result)), saw), found=True)

    async def _doubtful(
        self, act: Act[R], effect: EffectRow, look: Look[R], report: Report, failures: int, saw: Saw
    ) -> Outcome[R]:
        """Wait, look again, or ask a person in the end."""
        now = self.clock()
        if report.row == 7 and look.coming > 0:
            return Later(now + look.coming, report.why, (saw,), in_doubt=True)
        if report.row in (11, 14):
            return Later(now + self._rest(act, look, report), report.why, (saw,), in_doubt=True)
        if report.row == 7:
            going_on = await self._going_on(act, effect, failures)
            return going_on or Later(now + 1, report.why, (saw,), in_doubt=True)
        why = report.told()
        if failures < LOOKS_BEFORE_ASKING:
            told = f"looking up {act.what} did not settle it yet: {why}"
            return Later(now + timing.backoff(failures), told, (saw,), failure=True, in_doubt=True)
        # The sender stays with the doubt: as long as it lives, a person's "did not happen" is refused as well.
        return Undecided(unresolved(act, why), (Doubt(act.key, why, None, effect.sender), saw))

    def _rest(self, act: Act[R], look: Look[R], report: Report) -> float:
        """Return the seconds until the second of two readings."""
        passed = report.since.until(self.time.now()) if report.since is not None else None
        rest = _apart(act, look) - (passed or 0.0)
        return rest if rest > 0 else max(rest + DATE_TICK, 0.0)

    async def _again(self, act: Act[R], effect: EffectRow, failures: int, why: str, *commands: Saw) -> Outcome[R]:
        """Allow it to be sent again, unless its sender may still send it."""
        now = self.clock()
        going_on = await self._going_on(act, effect, failures)
        if going_on is not None:
            return going_on
        if effect.attempt >= MOST_SENDINGS:
            reason = f"{why}, {effect.attempt} times in a row; last: {effect.reason}"
            return Refused(reason, (Reopen(act.key, reason, give_up=True), *commands), again=True)
        # The first proof is acted on at once. If it keeps going wrong, requests must not become a storm.
        pause = timing.backoff(effect.attempt - 2) if effect.attempt > 1 else 0
        return Later(now + pause, why, (Reopen(act.key, why, believed=True), *commands), notable=True)

    async def _going_on(self, act: Act[R], effect: EffectRow, failures: int) -> Later | Undecided | None:
        """Wait for a sender that may still send it; None if there is none."""
        now = self.clock()
        if effect.key in self.overrun and effect.sender == self.owner.name:
            # Nothing tells when a stuck thread ends; it surely has when the process ends. So waiting here would
            # have no end, and the job is held instead.
            if failures >= LOOKS_BEFORE_ASKING:
                return Undecided(unresolved(act, "the plugin still runs in this process and may carry it out"))
            told = f"the plugin still runs and may carry out {act.what}; it is not sent again"
            return Later(now + timing.backoff(failures), told, failure=True, in_doubt=True)
        if await self._may_act_yet(effect):
            told = "its sender is still alive and may yet send it; it is not sent again"
            return Later(now + 1, told, in_doubt=True)
        return None

    async def _another_may_be_told(self, effect: EffectRow) -> bool:
        """Return whether a lookup may find the result of an identical request whose answer is still on its way."""
        # A dead sender gets no answer: then it does not matter which of the two takes the result.
        siblings = await self.store.open_siblings(effect)
        concerned = [*siblings, effect] if siblings else []
        return any([await self._may_act_yet(one) for one in concerned])

    async def _may_act_yet(self, effect: EffectRow) -> bool:
        if effect.sender is None:
            return False
        # Its process lives on, but has noted after losing the lease that this call is over: it sends no more.
        if json.loads(effect.evidence).get(ENDED) == effect.attempt:
            return False
        if effect.sender == self.owner.name:
            going_on = effect.key in self.calling or effect.key in self.overrun
            # `sent` by this process: its outcome is not committed yet, whatever its task is doing.
            return going_on or effect.state == EffectState.SENT
        return not await self.store.worker_is_dead(effect.sender)

    def _view(self, act: Act[R], effect: EffectRow) -> Effect:
        def note(evidence: Mapping[str, Any]) -> None:
            # A plugin must not write the ledger's own notes: one of them lets an effect be sent again.
            told = noted({name: value for name, value in evidence.items() if not name.startswith(OURS)})
            self.store.note(act.key, told)

        return Effect(
            key=act.key,
            attempt=effect.attempt,
            prepared=json.loads(effect.prepared),
            evidence=json.loads(effect.evidence),
            started_at=effect.sent_at or effect.created_at,
            on_note=note,
        )


def _apart(act: Act[Any], look: Look[Any]) -> float:
    """Return how many seconds two readings must be apart."""
    # `Date` may be new although the list is a copy. Without a later control, the copy must have been renewed
    # between the two.
    by_date_alone = look.date is not None and not look.fresh
    return max(act.settle_seconds, look.renewed) if by_date_alone else act.settle_seconds


def unresolved(act: Act[Any], reason: str) -> str:
    """Return the message for a person about an effect of unknown outcome."""
    reason = reason.rstrip(".")
    return f"The outcome of {act.what} is unknown: {reason}. It may have been carried out, so it is not sent again."
