"""A job is told the same by Python, by `--json` and in the words of the terminal, however it stands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reelwork import RunResult, Studio
from reelwork.cli.app import reelwork
from reelwork.cli.views.summary import result_as_json
from reelwork.planning.job_state import JobData, PostState
from reelwork.store.commands import Command, Confirm, Doubt, Intend, NewJob, Send, SetJob
from reelwork.store.holds import HoldReason
from reelwork.store.records import Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.statuses import FIRST, Status, Step
from reelwork.studio.advice import Action
from reelwork.studio.review import Freed, freed_by
from reelwork_hooks.models import Asset, Brief, Clip, Prompt, Receipt, RenderFacts, Role, Spec

SPEC = Spec(width=1280, height=720, aspect_ratio="16:9", resolution="720p", duration=4.0)
PLAIN = JobData(workflow="w", provider="fake", brief=Brief(prompt="A fox"), spec=SPEC, cost=250_000)
ONLY_IN_RESULTS = {"spent", "spent_before", "in_doubt", "rendered_before"}
"""What Python says of a run, and of a job only there."""
ONLY_IN_JSON = {"charged", "reserved", "next"}


def asset(name: str, role: Role) -> Asset:
    return Asset(path=Path(f"/out/{name}"), sha256="0" * 64, bytes=9, media_type="video/mp4", role=role)


def made() -> JobData:
    video = asset("fox.mp4", Role.VIDEO).replace(stored_at=("file:///out/a.mp4", "s3://bucket/a.mp4"))
    return PLAIN.replace(
        prompt=Prompt(text="A red fox", title="Fox"),
        render=RenderFacts(provider="fake", remote_id="remote-1", status="completed", cost=Decimal("0.1234567")),
        clip=Clip(video=video, assets=(asset("fox.jpg", Role.THUMBNAIL),)),
        posts={"board": PostState(state="published", receipt=Receipt(id="7", url="https://board/7"))},
        take=2,
        takes=3,
        row="a row",
    )


def sent(key: str, *then: Command) -> list[Command]:
    return [Intend(key, "submit", "fake", "account", reserve=250_000), Send(key, "account"), *then]


def states() -> Mapping[str, tuple[SetJob, JobData, list[Command]]]:
    """Every way a job can stand: its status and step, what it carries, and what was sent for it."""
    silent = PLAIN.replace(posts={"board": PostState(state="rejected", refused_there=True)})
    found = {
        "waits": (SetJob(Status.ACTIVE, Step.RENDER, 1e10, "busy"), PLAIN, sent("k-1")),
        "done": (SetJob(Status.DONE, Step.DONE, None), made(), sent("k-2", Confirm("k-2", "remote-1", "{}"))),
        "failed": (SetJob(Status.FAILED, Step.PREPARE, None, "why"), PLAIN, []),
        "failed, to be paid again": (SetJob(Status.FAILED, Step.SUBMIT_AGAIN, None, "why"), PLAIN, []),
        "failed, video gone": (SetJob(Status.FAILED, Step.DOWNLOAD_AGAIN, None, "why"), PLAIN, []),
        "cancelled": (SetJob(Status.CANCELLED, Step.PREPARE, None, "by a person"), PLAIN, []),
        "rejected": (SetJob(Status.REJECTED, Step.MODERATE_BRIEF, None, "why"), PLAIN, []),
        "rejected there": (SetJob(Status.REJECTED, Step.PUBLISH_AGAIN, None, "why"), silent, []),
        "refused by the provider": (SetJob(Status.REJECTED, Step.SUBMIT_AGAIN, None, "why"), PLAIN, []),
        "ended in doubt": (
            SetJob(Status.CANCELLED, Step.SUBMIT, None),
            PLAIN,
            sent("k-3", Doubt("k-3", "lost", None)),
        ),
        "ended while sent": (SetJob(Status.REJECTED, Step.SUBMIT, None), PLAIN, sent("k-4")),
    }
    held = {
        f"held: {hold}": (SetJob(Status.HELD, Step.SUBMIT, None, "why"), PLAIN.replace(hold=hold), [])
        for hold in HoldReason
    }
    again = (SetJob(Status.HELD, Step.SUBMIT_AGAIN, None, "why"), PLAIN.replace(hold=HoldReason.STORE_BEHIND), [])
    return {**found, **held, "held, may be paid": again}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a job for every way to stand."""
    path = tmp_path / "store.db"

    async def fill() -> None:
        store = SqliteStore(path)
        await store.add_run(RunRow("run", None, "w", "", 0.0))
        for number, (change, data, effects) in enumerate(states().values()):
            job = f"job-{number:04}"
            await store.add_jobs("run", [NewJob(job, job, FIRST, data.model_dump_json())])
            (row,) = await store.claim_jobs("me", 60, 1, None)
            change = SetJob(change.status, change.step, change.due_at, change.reason, data.model_dump_json())
            await store.apply(Lease(row.id, row.fence, "me"), [*effects, change])
        store.close()

    asyncio.run(fill())
    return path


def shown(path: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(reelwork, ["--store", str(path), *arguments, "--json"], prog_name="reelwork")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_python_and_json_tell_the_same_of_every_job(path: Path) -> None:
    with Studio(store=path) as studio:
        results = studio.jobs()
        ran = result_as_json(RunResult(jobs=tuple(results)), 0)["jobs"]
    listed = shown(path, "jobs", "list", "--limit", "100")
    assert len(listed) == len(results) == len(states())
    for result, in_list, in_run in zip(results, listed, ran, strict=True):
        in_python = result.model_dump(mode="json")
        page = shown(path, "jobs", "show", result.id)
        assert {name: page[name] for name in in_list} == in_list
        assert {name: in_run[name] for name in in_python} == in_python
        assert in_run["next"] == in_list["next"]
        assert set(in_list) - set(in_python) == ONLY_IN_JSON
        assert set(in_python) - set(in_list) == ONLY_IN_RESULTS
        for told in (in_list, in_python):
            told["created_at"] = datetime.fromisoformat(told["created_at"])
        assert {name: in_list[name] for name in in_list if name not in ONLY_IN_JSON} == {
            name: in_python[name] for name in in_python if name not in ONLY_IN_RESULTS
        }
        assert Decimal(in_list["charged"]) + Decimal(in_list["reserved"]) == result.spent


def test_what_is_told_is_what_the_store_knows(path: Path) -> None:
    listed = dict(zip(states(), reversed(shown(path, "jobs", "list", "--limit", "100")), strict=True))
    done, doubt, on_its_way = listed["done"], listed["ended in doubt"], listed["ended while sent"]
    assert (done["prompt"], done["cost"], done["remote_id"]) == ("A red fox", "0.1234567", "remote-1")
    assert (done["video"], done["thumbnail"]) == ("/out/fox.mp4", "/out/fox.jpg")
    assert done["stored_at"] == ["file:///out/a.mp4", "s3://bucket/a.mp4"]
    assert done["receipts"]["board"]["url"] == "https://board/7"
    assert (done["take"], done["takes"], done["row"], done["next"]) == (2, 3, "a row", "")
    assert (doubt["doubt"], on_its_way["doubt"]) == ("unknown", "sent")
    assert "--did-not-happen" in doubt["next"]
    assert "reconcile" in on_its_way["next"]
    assert listed["rejected there"]["refused_there"]
    assert {told["hold"] for told in listed.values()} == {None, *HoldReason}
    assert {told["status"] for told in listed.values()} == set(Status)
    # Whatever has not ended well says what to do.
    silent = {name for name, told in listed.items() if not told["next"]}
    assert silent == {"done", "cancelled"}


def test_watching_tells_the_same_of_jobs_that_have_ended(path: Path) -> None:
    listed = [told for told in shown(path, "jobs", "list", "--limit", "100") if told["status"] != "active"]
    arguments = ["--store", str(path), "jobs", "watch", *(told["id"] for told in listed), "--json"]
    watched = CliRunner().invoke(reelwork, arguments, prog_name="reelwork")
    assert watched.exit_code == 1, watched.stderr
    assert json.loads(watched.stdout)["jobs"] == listed


def test_what_a_person_can_answer_is_the_same_for_whoever_asks(path: Path) -> None:
    with Studio(store=path) as studio:
        ids = dict(zip(states(), [job.id for job in reversed(studio.jobs())], strict=True))
        doubt, held = studio.review(ids["ended in doubt"]), studio.review(ids["held: in-doubt-no-look"])
        done = studio.review(ids["done"])
        money = freed_by(studio.store, studio.find(ids["ended in doubt"]), None)
    # It has ended for good: only what became of the request can still be said.
    assert [question.kind for question in doubt.questions] == ["outcome"]
    assert doubt.answers == ("happened", "not-happened")
    assert doubt.next_step.action is Action.SETTLE
    assert money == Freed(Decimal("0.25"), for_good=True)
    # Nothing of it is in doubt any more, so to resume it goes on with what was found.
    assert (held.questions, held.answers, held.next_step.action) == ((), (), Action.RESUME)
    assert (done.questions, done.next_step.action) == ((), Action.NOTHING)
    asked = CliRunner().invoke(reelwork, ["--store", str(path), "jobs", "resolve", doubt.job.id])
    assert asked.exit_code == 3
    assert "Decide with --happened ID or --did-not-happen." in asked.stdout
