"""Traces: one for each job, whichever processes drive it; who did what and how it ended, and none of its words."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.collector import Collector, Got, collector

from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.telemetry.spans import hold_of, life_of, trace_of
from reelwork.testing import accepted_then_lost, refused_connection
from reelwork_hooks import Config, Content, JobEvent, NotSent, Plugin, Post, Receipt, SecretRef, Verdict, hookimpl

PROMPT = "A lighthouse in the rain at night"
SECRET = "supersecret987654"
HEX = "{:032x}".format
HEX_SPAN = "{:016x}".format


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield running


class Wall(Plugin):
    """Posts, and tells its secret to nobody but the network."""

    class Config(Config):
        """Has a token."""

        token: SecretRef = "env:WALL_TOKEN"

    public = False
    fails: ClassVar[bool] = False

    @hookimpl
    def publish(self, post: Post) -> Receipt:
        token = self.context.secret(self.config.token)
        if self.fails:
            raise ValueError(f"the wall does not take {token}: {post.caption}")
        return Receipt(id="1", url=f"https://wall.example/1?as={token}")


@pytest.fixture
def walled(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("WALL_TOKEN", SECRET)
    monkeypatch.setattr(Wall, "fails", False)
    lab.add_plugin("wall", Wall, "publish")
    return lab


def by_id(spans: list[Got]) -> dict[str, Got]:
    found = {one.id: one for one in spans}
    assert len(found) == len(spans), "an id is used once"
    return found


def line(span: Got, known: dict[str, Got]) -> str:
    """The names from the job down to a span."""
    above = known.get(span.parent)
    return f"{line(above, known)} > {span.name}" if above else span.name


def test_a_job_is_one_trace_from_brief_to_post(walled: Any, traces: Collector) -> None:
    (job,) = walled.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    known = by_id(traces.spans)
    assert {one.trace for one in traces.spans} == {HEX(trace_of(job.id))}
    lines = {line(one, known) for one in traces.spans}
    assert lines >= {
        "job", "job > wait-for-render", "job > hold > submit > fake.submit", "job > hold > download > fake.fetch",
        "job > hold > publish > wall.publish",
    }  # fmt: skip
    (root,) = traces.named("job")
    assert root.id == HEX_SPAN(life_of(job.id, 0))
    assert root.facts["reelwork.status"] == "done"
    for one in traces.spans:
        assert root.began <= one.began <= one.ended <= root.ended or one is root
        assert not one.failed
        assert one.facts["reelwork.job"] == job.id
        assert one.service["service.name"] == "reelwork"


def test_effects_tell_who_asked_whom_and_what_the_ledger_made_of_it(walled: Any, traces: Collector) -> None:
    (job,) = walled.studio().run_sync(PROMPT).jobs
    (asked,), (posted,) = traces.named("fake.submit"), traces.named("wall.publish")
    assert asked.facts == {
        "reelwork.job": job.id, "reelwork.provider": "fake", "reelwork.account": "fake",
        "reelwork.effect": f"reelwork-{job.id}-render-1", "reelwork.effect.attempt": 1,
        "reelwork.effect.outcome": "accepted",
    }  # fmt: skip
    assert posted.facts["reelwork.account"].startswith("publish wall")
    assert (posted.facts["reelwork.plugin"], posted.facts["reelwork.effect.outcome"]) == ("wall", "accepted")
    assert (asked.kind, posted.kind) == (3, 3), "a client's"
    states = {
        told["reelwork.effect"]: told["reelwork.effect.state"] for one in traces.spans for _, told in one.events
    }
    assert states == {asked.facts["reelwork.effect"]: "confirmed", posted.facts["reelwork.effect"]: "confirmed"}


def test_a_lost_answer_and_how_it_was_found_are_in_the_trace(lab: Any, traces: Collector) -> None:
    lab.remote.settle_seconds = 0.0
    lab.remote.faults = [accepted_then_lost]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(lab.remote.creates)) == ("done", 1)
    (asked,) = traces.named("fake.submit")
    assert (asked.facts["reelwork.effect.outcome"], asked.facts["error.type"], asked.failed) == (
        "unknown", "OutcomeUnknown", True,
    )  # fmt: skip
    looks = traces.named("fake.find")
    assert looks
    assert looks[-1].facts["reelwork.effect"] == asked.facts["reelwork.effect"]
    assert looks[-1].facts["reelwork.look"] in ("found", "listing")
    states = [told["reelwork.effect.state"] for one in traces.named("submit") for _, told in one.events]
    assert states == ["unknown", "confirmed"]


def test_what_was_not_sent_is_told_so_whatever_led_to_it(
    lab: Any, traces: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.ledger.timing.backoff", lambda failures: 0.01)
    lab.remote.faults = [refused_connection]
    failures = [NotSent("busy")]

    class Busy(Plugin):
        """Is busy the first time."""

        public = False

        @hookimpl
        def publish(self) -> Receipt:
            if failures:
                raise failures.pop() from KeyError("led to it")
            return Receipt(id="1")

    lab.add_plugin("busy", Busy, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    for name in ("fake.submit", "busy.publish"):
        first, second = traces.named(name)
        assert (first.facts["reelwork.effect.outcome"], first.facts["error.type"]) == ("not sent", "NotSent")
        assert second.facts["reelwork.effect.outcome"] == "accepted"


def test_what_is_cut_off_by_the_end_of_a_process_is_no_failure(lab: Any, traces: Collector) -> None:
    entered = asyncio.Event()

    class Slow(Plugin):
        """Looks at a prompt for ever."""

        @hookimpl
        async def pre_moderate(self, content: Content) -> Verdict:
            entered.set()
            await asyncio.sleep(3600)
            return Verdict.allow()

    lab.add_plugin("slow", Slow, "pre_moderate")

    async def cut_off() -> None:
        run = asyncio.create_task(lab.studio().run(PROMPT))
        await entered.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(cut_off())
    (looked,), (hold,) = traces.named("slow.pre_moderate"), traces.named("hold")
    assert looked.facts["error.type"] == "CancelledError"
    assert not any(one.failed for one in traces.spans)
    assert (hold.facts["reelwork.status"], traces.named("job")) == ("active", [])


def test_a_process_that_takes_over_goes_on_with_the_trace(
    shop: Any, traces: Collector, crash: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = crash()

    class Dies(SqliteStore):
        """Ends its process right after the request for the video was committed."""

        async def apply(self, lease: Any, commands: Any) -> Any:
            applied = await super().apply(lease, commands)
            if any(getattr(command, "remote_id", None) for command in commands):
                raise killed
            return applied

    id_ = shop.dies_and_is_followed(Dies, killed, PROMPT)
    assert {one.trace for one in traces.spans} == {HEX(trace_of(id_))}
    known = by_id(traces.spans)
    first, *later = traces.named("hold")
    assert first.links == ()
    assert {one.facts["reelwork.worker"] for one in later} != {first.facts["reelwork.worker"]}
    # Each goes on from the one before, whoever had it.
    numbers = [one.facts["reelwork.hold"] for one in (first, *later)]
    assert [one.links for one in later] == [(HEX_SPAN(hold_of(id_, number - 1)),) for number in numbers[1:]]
    assert later[0].links == (first.id,)
    (root,) = traces.named("job")
    assert {one.parent for one in (first, *later)} == {root.id}
    assert known[root.id].facts["reelwork.status"] == "done"
    # The wait for the video began in the one process and ended in the other.
    (waited,) = traces.named("wait-for-render")
    assert waited.began < first.ended


def test_a_job_that_is_tried_again_has_another_span_in_the_same_trace(walled: Any, traces: Collector) -> None:
    class Careful(Plugin):
        """Rejects the first time."""

        strict: ClassVar[list[bool]] = [True]

        @hookimpl
        def pre_moderate(self) -> Verdict:
            return Verdict.reject("no boats") if self.strict and self.strict.pop() else Verdict.allow()

    walled.add_plugin("careful", Careful, "pre_moderate")
    (job,) = walled.studio().run_sync(PROMPT).jobs
    assert job.status == "rejected"
    walled.studio().retry_sync(job.id)
    first, second = traces.named("job")
    assert [first.facts["reelwork.status"], second.facts["reelwork.status"]] == ["rejected", "done"]
    assert (first.id, second.id) == (HEX_SPAN(life_of(job.id, 0)), HEX_SPAN(life_of(job.id, 1)))
    assert second.links == (first.id,)
    assert first.trace == second.trace
    by_id(traces.spans)
    verdicts = [one.facts.get("reelwork.verdict") for one in traces.named("careful.pre_moderate")]
    assert verdicts[0] == "reject"


def test_what_fails_is_told_by_its_kind_and_never_in_its_words(
    walled: Any, traces: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wall, "fails", True)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=collectors-own-key")

    class Observer(Plugin):
        """Fails to observe."""

        @hookimpl
        def job_event(self, event: JobEvent) -> None:
            raise RuntimeError(f"{SECRET} {event.job.prompt}")

    walled.workflow["plugins"]["job_event"] = []
    walled.add_plugin("observer", Observer, "job_event")
    (job,) = walled.studio().run_sync(PROMPT).jobs
    assert job.status != "done"
    (posted,) = traces.named("wall.publish")
    assert (posted.failed, posted.facts["error.type"]) == (True, "ValueError")
    assert traces.named("observer.job_event")[0].facts["error.type"] == "RuntimeError"
    everything = b"".join(traces.raw)
    assert traces.headers[0]["x-key"] == "collectors-own-key"
    for hidden in (SECRET, "lighthouse", "collectors-own-key", "wall.example"):
        assert hidden.encode() not in everything, hidden


def test_the_sampler_keeps_or_drops_a_whole_trace(
    lab: Any, traces: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    jobs = [job.id for number in range(6) for job in lab.studio().run_sync(f"{PROMPT} {number}").jobs]
    # As the SDK's sampler has it: by the lower half of the trace's id.
    kept = {id_ for id_ in jobs if trace_of(id_) & (2**64 - 1) < 2**63}
    assert {one.facts["reelwork.job"] for one in traces.spans} == kept
    for id_ in kept:
        names = {one.name for one in traces.spans if one.facts["reelwork.job"] == id_}
        assert names >= {"job", "hold", "submit", "fake.submit", "download"}


@pytest.mark.parametrize("trouble", [{"status": 503}, {"status": 401}, {"silence": 30.0}], ids=str)
def test_a_collector_in_trouble_changes_nothing_for_the_jobs(
    walled: Any, traces: Collector, trouble: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    vars(traces).update(trouble)
    (job,) = walled.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert traces.spans == []
    told = [
        one.getMessage()
        for one in caplog.records
        if one.name == "reelwork.telemetry" and one.levelname == "WARNING"
    ]
    assert len(told) == 1, told
    assert "the jobs are not affected" in told[0]
    with closing(sqlite3.connect(walled.folder / "store.db")) as db:
        assert db.execute("SELECT count(*) FROM effects WHERE state = 'confirmed'").fetchone() == (2,)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_SERVICE_NAME": "mine"},
    ],
    ids=str,
)
def test_without_a_word_nothing_is_loaded(tmp_path: Path, environ: dict[str, str]) -> None:
    assert _loaded(tmp_path, environ) == []


def test_a_package_that_is_missing_is_told_and_the_jobs_go_on(
    walled: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "carrier-pigeon")
    (job,) = walled.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    (told,) = [one.getMessage() for one in caplog.records if one.name == "reelwork.telemetry"]
    assert told == (
        "No traces are sent: there is no exporter carrier-pigeon. "
        "Install what brings it, or name another in OTEL_TRACES_EXPORTER."
    )


def test_without_the_extra_it_is_told_too(tmp_path: Path) -> None:
    told = _run(
        tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "sys.modules['opentelemetry.sdk'] = None"
    )
    assert 'pip install "reelwork[otel]"' in told
    assert "done" in told


def _loaded(folder: Path, environ: dict[str, str]) -> list[str]:
    told = _run(folder, environ, "")
    assert "done" in told
    return [name for name in told.splitlines() if name.startswith("opentelemetry")]


def _run(folder: Path, environ: dict[str, str], before: str) -> str:
    """What a process of its own prints that makes a video: how it ended, and what it loaded."""
    script = f"""
import logging, sys
logging.basicConfig(level=logging.WARNING)
{before}
from reelwork.studio.studio import Studio
with Studio({{"brief": {{"duration": 1, "resolution": "480p"}}}}, store="store.db", out="out") as studio:
    print(studio.run_sync("A lighthouse in the rain at night", platforms=[]).jobs[0].status)
print("\\n".join(name for name in sys.modules if name.split(".")[0] == "opentelemetry"))
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env={**clean, **environ},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.stdout + done.stderr
