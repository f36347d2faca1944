"""Moderation, transforms, finishing, budgets and limits along a job."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reelwork.errors import HookFailed, PlanRefused
from reelwork.testing import call_hook
from reelwork_hooks import Asset, Clip, Job, Phase, Plugin, Prompt, Role, Verdict, hookimpl

PROMPT = "A lighthouse in the rain at night"


def moderator(answers: dict[str, Any], seen: list[str]) -> type:
    class Moderator(Plugin):
        """Answers by stage."""

        @hookimpl
        def pre_moderate(self, content: Any) -> Any:
            seen.append(content.stage)
            answer = answers.get(content.stage)
            if isinstance(answer, Exception):
                raise answer
            return answer

    return Moderator


class Shout(Plugin):
    """Makes the prompt loud."""

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt:
        return prompt.replace(text=prompt.text.upper(), caption="Look!")


class Poster(Plugin):
    """Publishes nowhere."""

    public = False

    @hookimpl
    def publish(self) -> Any:
        from reelwork_hooks import Receipt

        return Receipt(id="1")


def test_moderation_sees_brief_prompt_and_post(lab: Any) -> None:
    seen: list[str] = []
    lab.add_plugin("guard", moderator({}, seen), "pre_moderate")
    lab.add_plugin("shout", Shout, "prompt_transform")
    lab.add_plugin("poster", Poster, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert job.prompt == PROMPT.upper()
    assert seen == ["brief", "prompt", "post"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [(Verdict.reject("no"), "rejected"), (Verdict.hold("look"), "held"), (ValueError("down"), "held")],
)
@pytest.mark.parametrize("stage", ["brief", "prompt"])
def test_a_veto_before_the_render_spends_nothing(lab: Any, stage: str, answer: Any, status: str) -> None:
    lab.add_plugin("guard", moderator({stage: answer}, []), "pre_moderate")
    lab.add_plugin("shout", Shout, "prompt_transform")
    result = lab.studio().run_sync(PROMPT)
    assert (result.jobs[0].status, result.exit_code) == (status, 3)
    assert lab.remote.calls == 0


def test_a_veto_on_the_post_keeps_the_video(lab: Any) -> None:
    lab.add_plugin("guard", moderator({"post": Verdict.reject("no")}, []), "pre_moderate")
    lab.add_plugin("poster", Poster, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "rejected"
    assert job.video is not None
    assert job.receipts == {}


def test_edits_are_recorded_by_the_engine(lab: Any) -> None:
    lab.add_plugin("shout", Shout, "prompt_transform")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    row = lab.studio().store.job(job.id)
    assert '"plugin":"shout"' in row.data
    assert '"field":"caption"' in row.data


def test_a_failing_transform_spends_nothing_and_can_be_resumed(lab: Any) -> None:
    broken = [True]

    class Fragile(Plugin):
        """Fails once."""

        @hookimpl
        def prompt_transform(self, prompt: Prompt) -> None:
            if broken:
                raise RuntimeError("no model")

    lab.add_plugin("fragile", Fragile, "prompt_transform")
    result = lab.studio().run_sync(PROMPT)
    assert (result.jobs[0].status, result.exit_code) == ("failed", 1)
    assert lab.remote.calls == 0
    broken.clear()
    assert lab.studio().resume_sync().ok


def test_finishing_goes_on_at_the_plugin_that_failed(lab: Any) -> None:
    ran: list[str] = []

    def finisher(name: str, phase_: Phase, broken: list[bool]) -> type:
        class Finisher(Plugin):
            """Notes that it ran."""

            phase = phase_

            @hookimpl
            def post_download(self, clip: Clip) -> Clip:
                ran.append(name)
                if broken:
                    raise OSError("disk full")
                note = self.context.work_dir / "note.txt"
                note.write_text(name)
                return clip.adding(Asset.from_file(note, Role.SIDECAR))

        return Finisher

    broken = [True]
    lab.add_plugin("one", finisher("one", Phase.EDIT, []), "post_download")
    lab.add_plugin("two", finisher("two", Phase.STORE, broken), "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "'two'" in job.reason
    assert job.video is not None
    broken.clear()
    (job,) = lab.studio().resume_sync().jobs
    assert job.status == "done"
    assert ran == ["one", "two", "two"]
    assert len(lab.remote.creates) == 1


def spoiler(broken: list[str], phase_: Phase = Phase.EDIT) -> type:
    """A plugin that does to the clip's files what it must not, as long as `broken` says so."""

    class Spoiler(Plugin):
        """Changes what it was given."""

        phase = phase_

        @hookimpl
        def post_download(self, clip: Clip) -> Clip | None:
            how = broken[0] if broken else ""
            if how == "changed":
                with clip.video.path.open("ab") as file:
                    file.write(b"more")
            if how == "removed":
                clip.video.path.unlink()
                raise OSError("no such file")
            if how == "missing":
                note = self.context.work_dir / "note.txt"
                note.write_text("words")
                asset = Asset.from_file(note, Role.SIDECAR)
                note.unlink()
                return clip.adding(asset)
            if how == "another":
                copy = self.context.work_dir / "copy.mp4"
                copy.write_bytes(clip.video.path.read_bytes() + bytes(8))
                return clip.with_video(Asset.from_file(copy, Role.VIDEO))
            return None

    return Spoiler


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_a_file_that_a_plugin_spoilt_is_fetched_again_and_not_paid_again(lab: Any, how: str) -> None:
    broken = [how]
    lab.add_plugin("spoiler", spoiler(broken), "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "plugin 'spoiler', hook post_download: after it ran, the file" in job.reason
    broken.clear()
    (job,) = lab.studio().resume_sync().jobs
    assert job.status == "done"
    assert job.video is not None
    assert job.video.read_bytes() == lab.remote.video.read_bytes()
    assert len(lab.remote.creates) == 1


@pytest.mark.parametrize(
    ("how", "phase", "told"),
    [
        ("missing", Phase.EDIT, "returned a clip whose file"),
        ("another", Phase.STORE, "returned another video in the phase store"),
    ],
)
def test_a_clip_that_cannot_be_used_stops_at_the_plugin_that_made_it(
    lab: Any, how: str, phase: Phase, told: str
) -> None:
    broken = [how]
    lab.add_plugin("spoiler", spoiler(broken, phase), "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert told in job.reason
    assert "continues at 'spoiler'" in job.reason
    broken.clear()
    assert lab.studio().resume_sync().jobs[0].status == "done"


@pytest.mark.parametrize(("how", "told"), [("changed", "is not what it was"), ("missing", "cannot be read")])
def test_call_hook_tells_what_a_plugin_did_to_files(reelwork_clip: Clip, how: str, told: str) -> None:
    with pytest.raises(HookFailed, match=told):
        call_hook(spoiler([how]), "post_download", clip=reelwork_clip)


def test_an_unplayable_download_is_not_used(lab: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.engine.stages.tools.backoff", lambda failures: 0.0)
    page = tmp_path / "page.mp4"
    page.write_text("<html><body>Bad gateway</body></html>")
    good, lab.remote.video = lab.remote.video, page
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "not paid for again" in job.reason
    lab.remote.video = good
    (job,) = lab.studio().resume_sync().jobs
    assert job.status == "done"
    assert len(lab.remote.creates) == 1


def test_a_budget_over_all_runs_holds_what_is_too_much(lab: Any) -> None:
    lab.workflow["budget"] = {"per_day": 0.25}
    assert lab.studio().run_sync(PROMPT, takes=2).ok
    result = lab.studio().run_sync(PROMPT + " again")
    (job,) = result.jobs
    assert (job.status, result.exit_code) == ("held", 3)
    assert "per_day = 0.25" in job.reason
    assert len(lab.remote.creates) == 2


def test_a_run_over_its_budget_is_refused_before_anything(lab: Any) -> None:
    lab.workflow["budget"] = {"per_run": 0.25}
    with pytest.raises(PlanRefused, match="per_run"):
        lab.studio().run_sync(PROMPT, takes=4)
    assert lab.remote.calls == 0


def test_at_most_so_many_renders_are_under_way(lab: Any, tmp_path: Any) -> None:
    lab.workflow["limits"] = {"concurrent": 2}
    lab.remote.polls_needed = 2
    most = []
    accept = lab.remote.accept

    def counting(request: Any, key: str) -> str:
        id_ = accept(request, key)
        open_ = [other for other, _ in lab.remote.creates if lab.remote.looks.get(other, 0) <= 2]
        most.append(len(open_))
        return str(id_)

    lab.remote.accept = counting
    batch = tmp_path / "rows.txt"
    batch.write_text("\n".join(f"{PROMPT} number {number}" for number in range(8)))
    assert lab.studio().run_sync(batch).ok
    assert max(most) == 2
    assert len(lab.remote.creates) == 8


def test_a_sliding_window_limits_requests(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.store.rules.MINUTE", 1.0)
    lab.workflow["limits"] = {"requests_per_minute": 2}
    times: list[float] = []
    accept = lab.remote.accept

    def timed(request: Any, key: str) -> str:
        times.append(time.time())
        return str(accept(request, key))

    lab.remote.accept = timed
    assert lab.studio().run_sync(PROMPT, takes=4, seed=1).ok
    assert all(later - earlier >= 0.95 for earlier, later in zip(times, times[2:], strict=False))


def test_observers_hear_of_everything_and_cannot_be_in_the_way(lab: Any) -> None:
    heard: list[str] = []

    class Observer(Plugin):
        """Listens, and raises."""

        @hookimpl
        async def job_event(self, event: Any) -> None:
            heard.append(event.name)
            raise RuntimeError("ignored")

    lab.workflow["plugins"]["job_event"] = []
    lab.add_plugin("observer", Observer, "job_event")
    assert lab.studio().run_sync(PROMPT).ok
    assert heard == ["submitted", "rendered", "downloaded", "done"]


def test_plugins_see_the_model_that_was_asked_for(lab: Any) -> None:
    seen: list[str | None] = []

    class Sees(Plugin):
        """Looks at the render."""

        @hookimpl
        def post_download(self, job: Job) -> None:
            assert job.render is not None
            seen.append(job.render.model)

    lab.add_plugin("sees", Sees, "post_download")
    for settings, model in (({}, None), ({"model": "big"}, "big")):
        lab.workflow["provider"] = {**lab.workflow["provider"], **settings}
        assert lab.studio().run_sync("A lighthouse in the rain at night").ok
        assert seen.pop() == model
