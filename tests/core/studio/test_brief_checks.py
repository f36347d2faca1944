"""`check_brief`: asked about every new job of every row, before anything is written or sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import HookFailed, HookTimedOut, NotFound, PlanRefused, WorkflowInvalid
from reelwork.studio.launch import Launch
from reelwork.studio.studio import Studio
from reelwork.testing import FakeRemote, fake_provider, studio_with, write_video
from reelwork_hooks import Brief, Config, Effect, Job, Plugin, Post, Problem, Receipt, hookimpl

asked: list[tuple[str, str, str]] = []
SMALL = {"duration": 0.5, "resolution": "480p"}


class Checks(Plugin):
    """Wants a title, and knows some prompts that break it."""

    @hookimpl
    def check_brief(self, brief: Brief, job: Job) -> Any:
        asked.append((job.id, brief.title, job.platform.name if job.platform else "-"))
        assert (job.brief, job.prompt, job.render) == (brief, None, None)
        if "raise" in brief.prompt:
            raise ValueError("no idea")
        if "wrong" in brief.prompt:
            return "a text"
        if brief.title == "Dull":
            return [Problem(field="title", message=f"{brief.prompt}: dull", hint="Be bold.", warning=True)]
        return None if brief.title else [Problem(field="title", message="it is empty", hint="Write one.")]


class Posts(Plugin):
    """A destination that has a say about the brief, too, and takes its time over some."""

    public = False

    @hookimpl
    async def check_brief(self, brief: Brief) -> list[Problem]:
        if "late" in brief.prompt:
            await asyncio.sleep(60)
        return [Problem(message="it shouts")] if brief.title.isupper() else []

    @hookimpl
    def publish(self, post: Post, effect: Effect) -> Receipt:
        return Receipt(id=effect.key)


@pytest.fixture
def studio(tmp_path: Path) -> Any:
    asked.clear()
    lists = {"pre_moderate": [], "post_download": [], "publish": ["posts"], "add": ["checks"]}
    workflow = {"plugins": lists, "plugin": {"posts": {"time_limit": 2}}}
    with studio_with({"checks": Checks, "posts": Posts}, tmp_path, workflow) as made:
        yield made


def batch(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["id,prompt,title", *rows]) + "\n")
    return path


def jobs_in(studio: Studio) -> int:
    return len(studio.jobs())


def test_a_brief_without_a_problem_is_made(studio: Studio) -> None:
    (job,) = studio.run_sync("A lighthouse at dawn", title="Dawn", **SMALL).jobs
    assert job.status == "done"
    assert asked == [(job.id, "Dawn", "-")]


def test_a_problem_refuses_plan_and_run_and_writes_nothing(studio: Studio) -> None:
    for call in (studio.plan_sync, studio.rehearse_sync, studio.run_sync):
        with pytest.raises(PlanRefused) as caught:
            call("A lighthouse at dawn", **SMALL)
        assert caught.value.message == "This cannot be made as asked:\n  - checks: title: it is empty. Write one."
        assert caught.value.money == "Nothing was sent, nothing was spent."
    assert jobs_in(studio) == 0
    assert len(asked) == 3


def test_a_warning_stops_nothing_and_is_shown_by_plan_and_run(studio: Studio) -> None:
    note = "checks: title: A lighthouse: dull. Be bold."
    assert studio.rehearse_sync("A lighthouse", title="Dull", **SMALL).notes == (note,)
    seen: list[str] = []

    def confirm(launch: Launch) -> bool:
        seen.extend(launch.notes)
        return True

    result = studio.run_sync("A lighthouse", title="Dull", confirm=confirm, **SMALL)
    assert result.ok
    assert (seen, list(result.notes)) == ([note], [note])


def test_of_the_warnings_of_many_rows_ten_are_shown(studio: Studio, tmp_path: Path) -> None:
    rows = [f"{row},Boat {row},Dull" for row in range(12)]
    notes = studio.rehearse_sync(batch(tmp_path, *rows), **SMALL).notes
    assert [note for note in notes if note.startswith("checks: ")] == [
        f"checks: title: Boat {row}: dull. Be bold." for row in range(10)
    ]
    assert "… and 2 more warnings" in notes


def test_all_rows_are_asked_and_one_stops_them_all(studio: Studio, tmp_path: Path) -> None:
    path = batch(tmp_path, "1,A lighthouse,Dawn", "2,A pier,", "3,A boat,LOUD")
    with pytest.raises(WorkflowInvalid) as caught:
        studio.run_sync(path, **SMALL)
    told = caught.value.message
    assert told.startswith("2 of 3 rows are wrong:")
    assert "checks: title: it is empty" in told
    assert "posts: it shouts" in told
    assert caught.value.money == "None of the 3 rows was sent."
    assert [title for _, title, _ in asked] == ["Dawn", "", "LOUD"]
    assert jobs_in(studio) == 0


def test_one_wrong_row_is_named(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match=r"rows\.csv, .*3.*: This cannot be made as asked:\n  - checks: title"):
        studio.plan_sync(batch(tmp_path, "1,A lighthouse,Dawn", "2,A pier,"), **SMALL)


def test_what_was_made_is_not_asked_about_again(studio: Studio, tmp_path: Path) -> None:
    path = batch(tmp_path, "1,A lighthouse,Dawn")
    (first,) = studio.run_sync(path, **SMALL).jobs
    asked.clear()
    batch(tmp_path, "1,A lighthouse,Dawn", "2,A pier,Noon")
    result = studio.run_sync(path, **SMALL)
    assert [title for _, title, _ in asked] == ["Noon"]
    assert {job.status for job in result.jobs} == {"done"}
    assert first.id in {job.id for job in result.jobs}


def test_takes_and_platforms_are_each_asked_and_told_once(studio: Studio) -> None:
    with pytest.raises(PlanRefused) as caught:
        studio.run_sync("A lighthouse at dawn", takes=2, platforms=["youtube", "tiktok"], **SMALL)
    assert sorted(platform for _, _, platform in asked) == ["tiktok", "tiktok", "youtube", "youtube"]
    assert caught.value.message.count("it is empty") == 1


@pytest.mark.parametrize(
    ("prompt", "kind", "told"),
    [
        ("raise", HookFailed, "plugin 'checks' (this program), hook check_brief: ValueError: no idea"),
        ("wrong", HookFailed, "returned str; it must return a list of Problem"),
        ("late", HookTimedOut, "hook check_brief: gave no answer within 2 s"),
    ],
)
def test_a_plugin_that_cannot_answer_is_named_and_nothing_is_made(
    studio: Studio, tmp_path: Path, prompt: str, kind: type[HookFailed], told: str
) -> None:
    with pytest.raises(kind) as caught:
        studio.run_sync(batch(tmp_path, "1,A lighthouse,Dawn", f"2,{prompt},Noon"), **SMALL)
    assert "rows.csv" in caught.value.message
    assert told in caught.value.message
    assert caught.value.money == "Nothing was sent, nothing was spent."
    assert jobs_in(studio) == 0


def test_the_trace_shows_each_check(tmp_path: Path) -> None:
    lines: list[str] = []
    with studio_with({"checks": Checks}, tmp_path, {"plugins": {"add": ["checks"]}}) as known:
        studio = Studio(
            {"plugins": {"add": ["checks"]}}, store=tmp_path / "s.db", catalog=known._catalog, on_trace=lines.append
        )
        with studio, pytest.raises(PlanRefused):
            studio.plan_sync("A lighthouse at dawn", **SMALL)
    (line,) = [line for line in lines if "checks.check_brief" in line]
    assert line.endswith("1 problem: it is empty")


def bringing(remote: FakeRemote, config: type[Config] = Config) -> type[Plugin]:
    """Return a plugin that brings the provider `lens`, and checks briefs for it."""

    class Brings(Plugin):
        """Brings a provider, and could post too."""

        Config = config

        @staticmethod
        @hookimpl
        def register_providers() -> Any:
            return {"lens": fake_provider(remote)}

        @property
        def account_name(self) -> str | None:
            return "nobody"

        @hookimpl
        def check_brief(self, job: Job) -> list[Problem]:
            assert job.provider == "lens"
            asked.append((job.id, job.brief.title, getattr(self.config, "say", "")))
            return [Problem(message="not with lens")] if "amiss" in job.brief.prompt else []

        @hookimpl
        def pre_moderate(self, job: Job) -> None:
            raise AssertionError("no list names it")

    return Brings


class NeedsMuch(Config):
    account: str
    say: str = ""


class Says(Config):
    say: str = "hello"


@pytest.fixture
def lens(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    remote = FakeRemote(write_video(tmp_path / "clip.mp4", width=854, height=480))
    asked.clear()
    opened: list[Studio] = []

    def make(config: type[Config] = Config, **tables: Any) -> Studio:
        lists = {"pre_moderate": [], "post_download": [], "publish": [], **tables.pop("plugins", {})}
        workflow = {"provider": {"use": "lens", "poll_interval": 0.01}, "plugins": lists, **tables}
        known = {"optics": bringing(remote, config), "checks": Checks}
        opened.append(studio_with(known, tmp_path, workflow))
        return opened[-1]

    yield make
    for studio in opened:
        studio.close()


SECOND = {**SMALL, "duration": 1}


def test_the_plugin_that_brings_the_provider_is_asked_though_no_list_names_it(lens: Any) -> None:
    studio = lens()
    with pytest.raises(PlanRefused, match="optics: not with lens"):
        studio.plan_sync("A lighthouse amiss", **SECOND)
    (job,) = studio.run_sync("A lighthouse", **SECOND).jobs
    # It takes no other part: no account is looked for, and nothing else of it is called.
    assert (job.status, asked[-1][0], "optics" in job.plugins) == ("done", job.id, False)


def test_its_table_sets_it_and_a_list_names_it_once(lens: Any) -> None:
    lens(Says, plugin={"optics": {"say": "hi"}}).plan_sync("A lighthouse", **SECOND)
    lens(Says).plan_sync("A lighthouse", **SECOND)
    assert [say for *_, say in asked] == ["hi", "hello"]
    asked.clear()
    # Listed, it checks as before, and its other hooks are called where they are listed.
    with pytest.raises(NotFound, match="nobody"):
        lens(plugins={"add": ["optics"]}).run_sync("A lighthouse", **SECOND)
    assert len(asked) <= 1


def test_settings_that_only_its_other_hooks_need_are_not_asked_for(lens: Any) -> None:
    lens(NeedsMuch).plan_sync("A lighthouse amiss", **SECOND)
    assert asked == []
    with pytest.raises(PlanRefused):
        lens(NeedsMuch, plugin={"optics": {"account": "a"}}).plan_sync("A lighthouse amiss", **SECOND)


def test_another_plugin_may_have_its_name_in_the_workflow(lens: Any) -> None:
    made = lens(plugins={"add": ["optics"]}, plugin={"optics": {"use": "checks"}})
    with pytest.raises(PlanRefused) as refused:
        made.plan_sync("A lighthouse amiss", title="Dawn", **SECOND)
    assert "optics (provider): not with lens" in refused.value.message
