"""One process of a case: the real engine on a real store, ended where the case says.

Nothing of the plugin is replaced. Three things of the engine's are set so that a case takes seconds: how long a
write waits for its answer, how long an unknown outcome is left to settle, and how long a pause may be.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwork.engine.events import Watcher
from reelwork.engine.loop import Engine
from reelwork.engine.stages.step import Next, Working
from reelwork.engine.stages.table import Steps
from reelwork.ids import new_id
from reelwork.ledger import Act, Later, Ledger, Outcome, R
from reelwork.ledger.freshness import Freshness
from reelwork.net.call import Call
from reelwork.net.client import Http
from reelwork.planning.job_state import JobData
from reelwork.planning.shapes import target_at
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.freezing import freeze
from reelwork.plugins.pipeline import Pipeline
from reelwork.redaction.redactor import Redactor
from reelwork.settings.workflow import brief_from, load
from reelwork.store.commands import Command, NewJob, RenderUpdate, StillWaiting
from reelwork.store.records import FAILED, HELD, PAID_AGAIN, PAYMENT, EffectRow, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.launch import launch_brief
from reelwork.studio.session import Session
from reelwork.testing.conformance.call_log import CALL, FIND, Teller
from reelwork.testing.conformance.public_files import offer_addresses
from reelwork.testing.fake_remote import FakeRemote, register
from reelwork.testing.samples import sample_brief, sample_clip, sample_job, sample_prompt
from reelwork_hooks.effects import Idempotency

PATIENCE = 1.0
"""Seconds a write waits for its answer, whatever the plugin asks for, in scenes in which none comes."""
# Below what the proxy holds back a request for (`proxy.HOLD_SECONDS`).
MOST_PATIENCE = 6.0
"""Seconds it waits at most when it is repeated: what is under way on a busy machine would be too late each time."""
# Real ones are longer. The proxy lets nothing arrive after a later request, so nothing is missed.
SETTLING = 0.6
"""Seconds an unknown outcome is left to settle at most."""
LONGEST_PAUSE = 1.0
"""Seconds between two attempts at most, whatever the plugin or the other side asks for."""
# A job takes seconds; on a busy machine, at a server that hashes a password for each sign-in, over thirty.
TIME_LIMIT = 100.0
"""Seconds after which a process stops, and its jobs count as never ended."""
RUN = "conformance"
FAKE = "conformance-fake"
"""The provider of a publisher's jobs; their videos are made already."""


class MortalStore(SqliteStore):
    """Counts commits, and ends this process at one of them."""

    def __init__(self, path: Path, kill: Mapping[str, Any] | None) -> None:
        super().__init__(path)
        self.count = 0
        self._kill = kill or {}

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        """Apply commands together, or none of them."""
        number = self._begin()
        result = await super().apply(lease, commands)
        self._strike(number, "after")
        return result

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        """Write down what a poll found."""
        number = self._begin()
        result = await super().update_renders(owner, changes, same)
        self._strike(number, "after")
        return result

    async def claim_match(self, lease: Lease, key: str, remote_ids: Sequence[str]) -> str | None:
        """Keep the first of these matches that belongs to no other effect."""
        number = self._begin()
        result = await super().claim_match(lease, key, remote_ids)
        self._strike(number, "after")
        return result

    def _begin(self) -> int:
        self.count += 1
        self._strike(self.count, "before")
        return self.count

    def _strike(self, number: int, when: str) -> None:
        if (self._kill.get("at"), self._kill.get("when")) == (number, when):
            # Nothing may be cleaned up, as in a power cut: no handler runs, no lock is let go by our own code.
            os.kill(os.getpid(), signal.SIGKILL)


class BriskHttp(Http):
    """The engine's client. When hasty, a write waits for `PATIENCE`, and that much longer each time it is sent."""

    hasty = False

    def __init__(self, *, redactor: Redactor, first_wait: float) -> None:
        super().__init__(redactor=redactor, first_wait=first_wait)
        self._sent = Counter[str]()

    def patience(self, call: Call) -> float | None:
        """Return the seconds for which a write waits for a sign of the other side."""
        if not self.hasty:
            return call.timeout
        self._sent[call.url] += 1
        longest = min(PATIENCE * self._sent[call.url], MOST_PATIENCE)
        return min(call.timeout or longest, longest)


class TellingLedger(Ledger):
    """The engine's ledger, with the plugin's calls written down, and no long waits."""

    teller: Teller
    declared: set[str]

    async def perform(self, lease: Lease, act: Act[R], failures: int) -> Outcome[R]:
        """Bring an act as far as it can be brought now."""
        # As the engine found it: a provider may declare another kind for each model.
        self.declared.add(act.idempotency.value)
        logged = replace(
            act,
            settle_seconds=min(act.settle_seconds, SETTLING),
            call=self.teller.following(CALL, act.call, act.identify),
            find=self.teller.following(FIND, act.find, act.identify),
        )
        outcome = await super().perform(lease, logged, failures)
        return replace(outcome, until=self._soon(outcome.until)) if isinstance(outcome, Later) else outcome

    def _soon(self, until: float) -> float:
        return min(until, self.clock() + LONGEST_PAUSE)


class FreshnessAfter(Freshness):
    """Reads no list before a request is sent: a lookup that finds nothing would be one more in the log."""

    async def before(self, act: Act[Any]) -> float | None:
        """Read nothing."""
        return None


class BriskSteps:
    """The engine's steps, whose pauses are never long."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def run(self, work: Working) -> Next:
        """Run the job's next step."""
        following = await self._steps.run(work)
        soon = self._steps.clock() + LONGEST_PAUSE
        for name, post in following.data.posts.items():
            # A destination has a time of its own, before which the step only waits, whenever the job is due.
            if post.due_at is not None and post.due_at > soon:
                following = replace(following, data=following.data.with_post(name, due_at=soon))
        too_long = following.until is not None and following.until > soon
        return replace(following, until=soon) if too_long else following


class BriskSession(Session):
    """The engine's session, put together from the parts above."""

    def __init__(self, store: MortalStore, catalog: Catalog, teller: Teller, *, hasty: bool) -> None:
        super().__init__(store, catalog)
        self._teller, self._hasty = teller, hasty
        self.declared: set[str] = set()

    def engine(self, scope: str | None, runs: Iterable[str], *watchers: Watcher) -> Engine:
        """Return an engine for a watched set of jobs."""
        engine = super().engine(scope, runs, *watchers)
        assert isinstance(engine.steps, Steps)
        ledger = TellingLedger(engine.store, engine.owner, engine.clock)
        ledger.teller, ledger.declared = self._teller, self.declared
        ledger.freshness = FreshnessAfter(ledger.store, ledger.time)
        engine.steps.ledger = ledger
        return replace(engine, steps=BriskSteps(engine.steps))

    def _connections(self) -> Http:
        if self._http is None:
            self._http = http = BriskHttp(redactor=self._redactor, first_wait=0.01)
            http.hasty = self._hasty
        return self._http


def run_case(case: Mapping[str, Any], catalog: Catalog) -> None:
    """Run a case's jobs until they end, or this process does. The outcome is in `end-PID.json`."""
    asyncio.run(_run(case, catalog, Path(case["folder"])))


async def _run(case: Mapping[str, Any], catalog: Catalog, folder: Path) -> None:
    # What the plugin writes to a relative path stays within the case.
    os.chdir(folder)
    if case["kind"] == "publisher":
        # The job of a publisher names a provider, though none is asked for its video.
        register(catalog, FakeRemote(Path(case["video"])), FAKE)
    store = MortalStore(folder / "store.db", case.get("kill"))
    try:
        teller = Teller(folder / "tale.jsonl")
        async with BriskSession(store, catalog, teller, hasty=case["hasty"]) as session:
            pipeline = session.build(load(environ={}, cwd=folder, options=case["workflow"]))
            offer_addresses(pipeline, case["files"], Path(case["video"]))
            session.adopt(RUN, pipeline)
            await store.add_run(RunRow(RUN, RUN, "conformance", freeze(pipeline), time.time()))
            rows = await store.add_jobs(RUN, _jobs(pipeline, case))
            ids = [row.id for row in rows]
            # A job at this step would pay again, which only a person may decide: a second run is no consent.
            resumable = [row.id for row in rows if row.step != PAID_AGAIN]
            await store.wake(resumable, (FAILED, HELD))
            await _drive(session, store, ids)
            # The report of a control would be taken for that of the case.
            if "control" not in case:
                _report(folder, store, ids, _declared(pipeline, session, case), late=_listed_late(pipeline, case))
    finally:
        store.close()


async def _drive(session: BriskSession, store: MortalStore, ids: Sequence[str]) -> None:
    scope = new_id()
    await store.watch(scope, ids)
    engine = session.engine(scope, {RUN})
    # Stopped, not killed: the report then says at which step the job stood.
    asyncio.get_running_loop().call_later(TIME_LIMIT, engine.stop)

    async def settled() -> bool:
        return not await store.is_active(scope)

    await engine.drive(settled)


def _jobs(pipeline: Pipeline, case: Mapping[str, Any]) -> list[NewJob]:
    made = []
    for number in range(case["jobs"]):
        if case["kind"] == "publisher":
            data, step = _to_be_posted(case), "publish"
            # The suite's clip is the one to be posted, whatever the publisher takes.
            data = data.replace(target=target_at(pipeline, data, case["name"]))
            if pipeline.names_price(case["name"]):
                # There is no plan whose price a person could have agreed to: whatever it costs will do.
                data = data.replace(post_costs={case["name"]: None})
        else:
            brief = brief_from({"prompt": case["words"], **case["brief"]}, "the conformance suite's brief")
            launch = launch_brief(pipeline, brief, RUN)
            data, step = launch.datas[0], launch.jobs[0].step
        # The same keys in each process of a case: the next one finds the jobs of the one that was killed.
        kind = f"control-{case['control']}" if "control" in case else "job"
        made.append(NewJob(new_id(), f"{RUN}:{kind}:{number}", step, data.model_dump_json()))
    return made


def _to_be_posted(case: Mapping[str, Any]) -> JobData:
    brief = sample_brief(**{"title": case["words"], "caption": case["words"], **case["brief"]})
    job = sample_job()
    copy = {"title": brief.title, "caption": brief.caption, "hashtags": brief.hashtags}
    return JobData(
        workflow=job.workflow,
        provider=FAKE,
        brief=brief,
        spec=job.spec,
        prompt=sample_prompt(text=brief.prompt, **copy),
        render=job.render,
        clip=sample_clip(Path(case["video"])),
    )


def _declared(pipeline: Pipeline, session: BriskSession, case: Mapping[str, Any]) -> str:
    """Return the idempotency that the ledger used; if it used none yet, the one that the plugin declares."""
    if session.declared:
        return next(iter(session.declared))
    if case["kind"] == "publisher":
        plugin = pipeline.instances[case["name"]]
        return Idempotency(getattr(plugin, "idempotency", Idempotency.NONE)).value
    return pipeline.provider.capabilities(pipeline.provider.config.model).idempotency.value


def _listed_late(pipeline: Pipeline, case: Mapping[str, Any]) -> bool:
    """Return whether the plugin declares that its list shows only what has ended."""
    if case["kind"] == "publisher":
        return False
    return pipeline.provider.capabilities(pipeline.provider.config.model).listed_when == "ended"


def _report(folder: Path, store: MortalStore, ids: Sequence[str], declared: str, *, late: bool) -> None:
    jobs = []
    for id_ in ids:
        row = store.job(id_)
        assert row is not None
        # Beside the act there may be what the plugin paid for, such as for its lookups.
        effects = [one for one in store.effects_of(id_) if one.kind != PAYMENT]
        facts = {"state": effects[-1].state, "remote_id": effects[-1].remote_id} if effects else {}
        jobs.append({"id": id_, "status": row.status, "step": row.step, "reason": row.reason, "effect": facts})
    report = {"jobs": jobs, "commits": store.count, "idempotency": declared, "listed_late": late}
    path = folder / f"end-{os.getpid()}.json"
    path.write_text(json.dumps(report), encoding="utf-8")
