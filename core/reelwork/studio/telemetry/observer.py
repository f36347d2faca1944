"""Makes spans of what happens to jobs, as an observer of steps, of calls into plugins and of committed events.

A span says who did what, how long it took and how it ended. It has no prompt, no copy and no words of an error:
those may hold anything, and traces are kept elsewhere, by other people.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from reelwork.engine.events import Happening, unharmed
from reelwork.engine.stages.effects import account_of
from reelwork.engine.stages.step import Next, Working
from reelwork.engine.worker import Runner
from reelwork.plugins.observing import HookCall
from reelwork.store.commands import Command, Confirm, Doubt, Refuse, Reopen
from reelwork.store.records import ACTIVE, EventRow, JobRow
from reelwork.store.statuses import ENDED, Status
from reelwork.studio.telemetry.spans import (
    Fact,
    Facts,
    Moment,
    Span,
    hold_of,
    life_of,
    new_span_id,
    new_trace_id,
    trace_of,
)
from reelwork_hooks.effects import Effect, Listing
from reelwork_hooks.errors import NotSent, Rejected
from reelwork_hooks.models import Verdict

KNOWN_JOBS = 1000
"""Jobs of which is remembered when they began, and jobs in hand. Of others it is read from the journal."""
ASKED = ("submitted", "found")
"""Events from which on a render is waited for."""


class Journal(Protocol):
    """The events of jobs that were committed."""

    def events(self, job_id: str) -> list[EventRow]:
        """Return the events of a job, oldest first."""
        ...


@dataclass(frozen=True)
class _Life:
    """A job from its beginning, or from when it was tried again, to its end."""

    id: int
    began: int
    earlier: int | None
    """The life before it."""


@dataclass
class _Hold:
    """A job in the hands of this process, from when it was taken until it is let go of."""

    row: JobRow
    id: int
    life: _Life
    began: int
    facts: dict[str, Fact]


@dataclass
class _Stage:
    """The step that is being done."""

    work: Working
    hold: _Hold
    id: int = field(default_factory=new_span_id)
    began: int = field(default_factory=time.time_ns)
    moments: list[Moment] = field(default_factory=list)


_at: ContextVar[_Stage | None] = ContextVar("stage", default=None)


class Spans:
    """Makes the spans of the jobs that this process drives, and hands each on once it has ended."""

    def __init__(self, journal: Journal, export: Callable[[Span], None], clean: Callable[[str], str]) -> None:
        """`clean` masks secrets."""
        self._journal, self._export, self._clean = journal, export, clean
        self._holds: dict[str, _Hold] = {}
        self._lives: OrderedDict[str, _Life] = OrderedDict()

    # --- what the engine and the plugins' callers tell ----------------------------------------------------

    def traced(self, steps: Runner) -> Runner:
        """Return the same steps, each with a span."""
        return _TracedSteps(self, steps)

    def happened(self, happening: Happening) -> None:
        """Tell of a render that was waited for, and of a job that has ended."""
        row = happening.job
        if happening.name == "rendered":
            self._waited_for_render(row)
        if happening.name == row.status and row.status in ENDED:
            self._ended(row)

    def called(self, call: HookCall) -> None:
        """Tell of a call of a hook. Fits a dispatcher's `observer`."""
        stage = _at.get()
        if stage is not None:
            self._call(stage, call, {"reelwork.plugin": call.instance})
        elif (event := call.arguments.get("event")) is not None:
            life = self._life(event.job.id)
            self._tell_call(event.job.id, life.id, call, {"reelwork.plugin": call.instance})

    def asked(self, call: HookCall) -> None:
        """Tell of a call of a provider."""
        stage = _at.get()
        if stage is not None:
            self._call(stage, call, {"reelwork.provider": call.instance})
        elif call.hook == "poll" and call.error is not None:
            # One poll is about many jobs, and there are thousands in a day. Only one that failed is worth a trace.
            now = time.time_ns()
            facts = {"reelwork.provider": call.instance, **_error(call.error)}
            self._tell(
                Span(
                    new_trace_id(), new_span_id(), f"{call.instance}.poll", now - _ns(call.seconds), now,
                    facts=facts, failed=True, calls_out=True,
                )
            )  # fmt: skip

    def close(self) -> None:
        """Tell of the jobs that this process lets go of as it ends."""
        for hold in list(self._holds.values()):
            self._let_go(hold)

    # --- a job --------------------------------------------------------------------------------------------

    def begin(self, work: Working) -> _Stage:
        """Note that a step is begun."""
        row, fence = work.row, work.lease.fence
        hold = self._holds.get(row.id)
        if hold is not None and hold.id != hold_of(row.id, fence):
            # It was taken from this process, and came back.
            self._let_go(hold)
            hold = None
        if hold is None:
            # Read anew: another process may have ended it meanwhile, and a person may have begun it again.
            self._lives.pop(row.id, None)
            facts: dict[str, Fact] = {"reelwork.worker": work.lease.owner, "reelwork.hold": fence}
            life = self._life(row.id, row)
            hold = _Hold(row, hold_of(row.id, fence), life, time.time_ns(), facts)
            self._holds[row.id] = hold
            self._let_go_of_lost()
        return _Stage(work, hold)

    def end(self, stage: _Stage | None, following: Next | None, error: BaseException | None) -> None:
        """Tell of a step that has ended."""
        if stage is None:
            return
        now, row, hold = time.time_ns(), stage.work.row, stage.hold
        facts: dict[str, Fact] = {} if error is None else {**_error(error)}
        failed = _is_failure(error)
        if following is not None:
            failed = following.status == Status.FAILED
            facts |= {"reelwork.status": str(following.status), "reelwork.next": str(following.step)}
            facts["reelwork.waits"] = following.waits
            stage.moments += [Moment("effect", now, told) for told in _settled(following.commands)]
        self._tell(
            Span(
                trace_of(row.id), stage.id, str(row.step), stage.began, now, hold.id,
                self._of(row, facts), failed, moments=tuple(stage.moments),
            )
        )  # fmt: skip
        if following is None or following.waits or following.status != ACTIVE:
            hold.facts["reelwork.status"] = str(following.status) if following is not None else str(ACTIVE)
            self._let_go(hold, failed=failed)

    def _let_go(self, hold: _Hold, *, failed: bool = False) -> None:
        row = hold.row
        self._holds.pop(row.id, None)
        fence = int(hold.facts["reelwork.hold"])
        # The process before may be another one, or may have been killed. Its span has this id all the same.
        links = (hold_of(row.id, fence - 1),) if fence > 1 else ()
        self._tell(
            Span(
                trace_of(row.id), hold.id, "hold", hold.began, time.time_ns(), hold.life.id,
                self._of(row, hold.facts), failed, links=links,
            )
        )  # fmt: skip

    def _let_go_of_lost(self) -> None:
        # A job that was lost between two steps, to another process, is not heard of here again.
        while len(self._holds) > KNOWN_JOBS:
            self._let_go(next(iter(self._holds.values())))

    def _ended(self, row: JobRow) -> None:
        life = self._lives.pop(row.id, None) or self._read_life(row.id, row, before_end=True)
        facts = self._of(row, {"reelwork.status": row.status})
        links = () if life.earlier is None else (life.earlier,)
        self._tell(
            Span(
                trace_of(row.id), life.id, "job", life.began, time.time_ns(), None, facts,
                row.status == Status.FAILED, links=links,
            )
        )  # fmt: skip

    def _waited_for_render(self, row: JobRow) -> None:
        asked = next((line for line in reversed(self._journal.events(row.id)) if line.name in ASKED), None)
        if asked is not None:
            began = _ns(asked.at)
            self._tell(
                Span(
                    trace_of(row.id), new_span_id(), "wait-for-render", began, max(time.time_ns(), began),
                    self._life(row.id, row).id, self._of(row, {}),
                )
            )  # fmt: skip

    def _life(self, job_id: str, row: JobRow | None = None) -> _Life:
        life = self._lives.get(job_id)
        if life is None:
            life = self._lives[job_id] = self._read_life(job_id, row)
            while len(self._lives) > KNOWN_JOBS:
                self._lives.popitem(last=False)
        return life

    def _read_life(self, job_id: str, row: JobRow | None, *, before_end: bool = False) -> _Life:
        lines = self._journal.events(job_id)
        ends = [place for place, line in enumerate(lines) if line.name in ENDED]
        # The end that is being told of is in the journal already.
        ends = ends[:-1] if before_end else ends
        if not ends:
            created = row.created_at if row is not None else lines[0].at if lines else time.time()
            return _Life(life_of(job_id, 0), _ns(created), None)
        since = lines[ends[-1] + 1 :]
        began = _ns(since[0].at) if since else time.time_ns()
        return _Life(life_of(job_id, len(ends)), began, life_of(job_id, len(ends) - 1))

    # --- calls --------------------------------------------------------------------------------------------

    def _call(self, stage: _Stage, call: HookCall, facts: Facts) -> None:
        effect = call.arguments.get("effect")
        if isinstance(effect, Effect):
            pipeline = stage.work.pipeline
            by_provider = "reelwork.provider" in facts
            account = pipeline.account if by_provider else account_of(pipeline, call.instance)
            facts = {
                **facts,
                "reelwork.account": account,
                "reelwork.effect": effect.key,
                "reelwork.effect.attempt": effect.attempt,
            }
        self._tell_call(stage.work.row.id, stage.id, call, facts)

    def _tell_call(self, job_id: str, parent: int, call: HookCall, facts: Facts) -> None:
        now = time.time_ns()
        told = {"reelwork.job": job_id, **facts, **_outcome(call)}
        self._tell(
            Span(
                trace_of(job_id), new_span_id(), f"{call.instance}.{call.hook}", now - _ns(call.seconds), now,
                parent, told, _is_failure(call.error), calls_out="reelwork.effect" in facts,
            )
        )  # fmt: skip

    def _of(self, row: JobRow, facts: Facts) -> Facts:
        return {"reelwork.job": row.id, "reelwork.run": row.run_id, **facts}

    def _tell(self, span: Span) -> None:
        facts = {name: self._clean(fact) if isinstance(fact, str) else fact for name, fact in span.facts.items()}
        self._export(replace(span, name=self._clean(span.name), facts=facts))


class _TracedSteps:
    """Steps of jobs, each with a span."""

    def __init__(self, spans: Spans, steps: Runner) -> None:
        self._spans, self._steps = spans, steps

    async def run(self, work: Working) -> Next:
        """Do the job's next step."""
        stage = None
        with unharmed(self._spans):
            stage = self._spans.begin(work)
        # In the context of the task: the calls of this step, and no others, find it there.
        token = _at.set(stage)
        following, failure = None, None
        try:
            following = await self._steps.run(work)
            return following
        except BaseException as error:
            failure = error
            raise
        finally:
            _at.reset(token)
            with unharmed(self._spans):
                self._spans.end(stage, following, failure)


def _outcome(call: HookCall) -> Facts:
    if call.error is not None:
        return {**_error(call.error), **_effect_of(call.hook, call.error)}
    answer = call.answer
    if call.hook in ("find", "find_post"):
        return _found(answer)
    if isinstance(answer, Verdict):
        return {"reelwork.verdict": str(answer.decision)}
    return _effect_of(call.hook, None)


def _effect_of(hook: str, error: BaseException | None) -> Facts:
    """Return what an attempt to carry out an effect says of it. What follows from that, the ledger decides."""
    if hook not in ("submit", "publish"):
        return {}
    match error:
        case None:
            outcome = "accepted"
        case NotSent():
            outcome = "not sent"
        case Rejected():
            outcome = "refused"
        case _:
            outcome = "unknown"
    return {"reelwork.effect.outcome": outcome}


def _found(answer: Any) -> Facts:
    facts: dict[str, Fact] = {"reelwork.look": type(answer).__name__.lower()}
    if isinstance(answer, Listing):
        facts |= {"reelwork.look.entries": len(answer.candidates), "reelwork.look.complete": answer.complete}
    return facts


def _settled(commands: Sequence[Command]) -> list[Facts]:
    """Return what a step says of effects, in the words of the ledger."""
    found: list[Facts] = []
    for command in commands:
        match command:
            case Confirm(key):
                found.append({"reelwork.effect": key, "reelwork.effect.state": "confirmed"})
            case Refuse(key):
                found.append({"reelwork.effect": key, "reelwork.effect.state": "rejected"})
            case Doubt(key):
                found.append({"reelwork.effect": key, "reelwork.effect.state": "unknown"})
            case Reopen(key):
                found.append({"reelwork.effect": key, "reelwork.effect.state": "not sent"})
            case _:
                continue
    return found


def _is_failure(error: BaseException | None) -> bool:
    # A server that stops cuts off what is under way. That is no failure of it: it is settled and done later.
    return error is not None and not isinstance(error, asyncio.CancelledError)


def _error(error: BaseException) -> Facts:
    # Its kind alone: its words may quote a prompt or an answer.
    return {"error.type": type(error).__name__}


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
