"""Carries out one post by the real ledger on a store of its own, so that an author sees its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from reelwork.engine.loop import Engine
from reelwork.engine.renders.polling import Waiting
from reelwork.engine.stages.table import Steps
from reelwork.ledger import Ledger
from reelwork.ledger.freshness import Freshness
from reelwork.planning.job_state import JobData, PostState
from reelwork.planning.shapes import target_at
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import Definition
from reelwork.plugins.dispatcher import Dispatcher
from reelwork.plugins.freezing import freeze
from reelwork.plugins.guard import Callee
from reelwork.plugins.guarded_provider import GuardedProvider
from reelwork.plugins.instances import declared
from reelwork.plugins.pipeline import Pipeline
from reelwork.settings.workflow import load
from reelwork.store.commands import NewJob
from reelwork.store.records import ACTIVE, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.sqlite.workers import Owner
from reelwork.studio.session import probe_facts
from reelwork.testing.contexts import SampleContext
from reelwork.testing.fake_remote import FakeRemote, fake_provider
from reelwork_hooks.models import Disclosure, Job, Post, PostCopy, Prompt, Receipt
from reelwork_hooks.plugin import Config
from reelwork_hooks.provider import ProviderConfig

# An effect that never settles would be looked up without end, as in a run. After so many waits it stays `waiting`.
MOST_WAITS = 100


@dataclass(frozen=True)
class Publication:
    """The outcome of a post."""

    state: Literal["published", "failed", "rejected", "held", "waiting"]
    """`waiting`: the engine would go on looking it up, and was stopped after so many lookups."""
    receipt: Receipt | None = None
    reason: str = ""
    """The reason why it is not published, in the words a person reads."""
    effect: str = ""
    """The state of the effect in the ledger: `confirmed`, `rejected`, `unknown` …; empty when it never left."""
    attempts: int = 0
    """The number of times `publish` was called."""
    evidence: Mapping[str, Any] | None = None
    """The notes of `effect.note`."""
    prepared: Any = None
    """The value that `prepare_publish` returned."""


class PassingTime:
    """A clock that is put forward instead of waited for, in seconds since the epoch."""

    def __init__(self, now: float) -> None:
        self._now = now

    def __call__(self) -> float:
        """Return the time of this clock."""
        return self._now

    def pass_until(self, moment: float) -> None:
        """Put it forward; it never goes back."""
        self._now = max(self._now, moment + 0.001)


async def carry_out(
    definition: Definition, instance: Any, dispatcher: Dispatcher, post: Post, job: Job, folder: Path
) -> Publication:
    """Prepare and publish a post with every rule of the ledger: `find_post` and repeats included.

    Waits are not waited for: the clock is put forward.
    """
    clock = PassingTime(job.created_at.timestamp())
    pipeline = _pipeline(definition, instance, dispatcher, post.destination, folder)
    # Store, ledger and engine share one clock, so that what is due for one is due for all.
    store = SqliteStore(folder / "store.db", clock=clock)
    owner = Owner(store.path)
    try:
        await store.add_run(RunRow(job.run, None, job.workflow, freeze(pipeline), clock()))
        data = _data(post, job)
        # The post's own clip is the one to be posted, whatever the publisher takes.
        data = data.replace(target=target_at(pipeline, data, post.destination))
        await store.add_jobs(job.run, [NewJob(job.id, job.id, "publish", data.model_dump_json())])
        await _drive(store, owner, clock, pipeline)
        return await _outcome(store, job.id, post.destination)
    finally:
        owner.close()
        store.close()


class _TrialPipeline(Pipeline):
    """A pipeline whose plugin says itself what it lacks."""

    def check_at_hand(self, *, provider_only: bool) -> None:
        # There is no other process to leave the post to: an author would wait for the end of the trial.
        pass


def _pipeline(definition: Definition, instance: Any, dispatcher: Dispatcher, name: str, folder: Path) -> Pipeline:
    context = SampleContext(folder, "fake")
    config = ProviderConfig()
    # Never asked: the job begins with its post.
    fake = fake_provider(FakeRemote(folder / "none.mp4"))(config, context)
    provider = GuardedProvider(fake, Callee("provider", "fake"), config, context)
    callee = Callee("plugin", name)
    own = getattr(instance, "config", None) or Config()
    return _TrialPipeline(
        # The author's own REELWORK_… variables must not change the trial.
        loaded=load(environ={}, cwd=folder, options={"provider": {"use": "fake"}, "plugins": {"publish": [name]}}),
        # No entry points: what else is installed must not change an author's test.
        catalog=Catalog([]),
        provider=provider,
        account="fake",
        dispatcher=dispatcher,
        order={hook: (name,) if hook == "publish" else () for hook in ("pre_moderate", "publish")},
        instances={name: declared(callee, instance, own, context)},
        definitions={name: definition},
        configs={name: own},
    )


def _data(post: Post, job: Job) -> JobData:
    return JobData(
        workflow=job.workflow,
        provider=job.provider,
        brief=job.brief.replace(privacy=post.privacy, destinations={post.destination: _own(post)}),
        spec=job.spec,
        platform=post.platform,
        take=job.take,
        takes=job.takes,
        row=job.row,
        prompt=(job.prompt or Prompt(text=job.brief.prompt)).replace(
            title=post.title, caption=post.caption, hashtags=post.hashtags
        ),
        render=job.render,
        clip=post.clip,
        posts={name: PostState(state="published", receipt=receipt) for name, receipt in post.receipts.items()},
    )


def _own(post: Post) -> PostCopy:
    """Return what this post has that others of its job may not have."""
    return PostCopy(
        alt_text=post.alt_text or None,
        publish_at=post.publish_at,
        disclosure=post.disclosure if post.disclosure != Disclosure() else None,
        options=post.options,
    )


async def _drive(store: SqliteStore, owner: Owner, clock: PassingTime, pipeline: Pipeline) -> None:
    waits = 0

    async def settled() -> bool:
        nonlocal waits
        waits += 1
        due = await store.next_due(None)
        if due is None or waits > MOST_WAITS:
            return True
        clock.pass_until(due)
        return False

    async def no_download(*_: Any) -> Any:
        raise AssertionError("a job that starts with its post has nothing to download")

    ledger = Ledger(store, owner, clock)
    # No list is read before the call: an author's test expects the calls that it makes.
    ledger.freshness = Freshness(store, ledger.time, learns=False)
    engine = Engine(
        store=store,
        owner=owner,
        steps=Steps(store, ledger, clock, no_download, probe_facts),
        waiting=Waiting(clock),
        pipeline_of=lambda _: pipeline,
        clock=clock,
    )
    await engine.drive(settled)


async def _outcome(store: SqliteStore, job_id: str, destination: str) -> Publication:
    import json

    row = store.job(job_id)
    assert row is not None
    state = JobData.model_validate_json(row.data).posts.get(destination, PostState())
    effect = next(iter(store.effects_of(job_id)), None)
    settled = state.state if row.status != ACTIVE else "waiting"
    return Publication(
        state=cast(Any, settled),
        receipt=state.receipt,
        reason=state.reason or row.reason,
        effect=effect.state if effect else "",
        attempts=effect.attempt if effect else 0,
        evidence=json.loads(effect.evidence) if effect else {},
        prepared=state.prepared,
    )
