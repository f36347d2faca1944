"""Lists of plugins that are edited while a job is half-way: nothing of them runs twice, nothing is skipped."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reelwork.planning.job_state import JobData
from reelwork.testing import write_video
from reelwork_hooks import (
    Asset,
    Clip,
    Content,
    Job,
    NotSent,
    Phase,
    Plugin,
    Post,
    Prompt,
    Receipt,
    Role,
    Stage,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"
ran: list[str] = []
broken: set[str] = set()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    ran.clear()
    broken.clear()


def finishing(name: str, in_phase: Phase = Phase.EDIT) -> type[Plugin]:
    class Finishing(Plugin):
        """Notes that it ran, or fails."""

        phase = in_phase
        fits = ("aspect_ratio",)

        @hookimpl
        def post_download(self, clip: Clip, job: Job) -> None:
            ran.append(f"{name} {job.target.label}".strip())
            if name in broken or ran[-1] in broken:
                raise RuntimeError("it is out of order")

    return Finishing


class Posts(Plugin):
    """A destination that can be down."""

    public = False

    @hookimpl
    def publish(self, post: Post) -> Receipt:
        if "posts" in broken:
            raise NotSent("it is down", lasting=True)
        ran.append("posts")
        return Receipt(id="1")


@pytest.fixture
def half(lab: Any) -> Any:
    """`a` and `b` edit, `s` signs, `k` keeps; `x` and `y` are installed and in no list."""
    for name in ("a", "b"):
        lab.add_plugin(name, finishing(name), "post_download")
    lab.add_plugin("s", finishing("s", Phase.SIGN), "post_download")
    lab.add_plugin("k", finishing("k", Phase.STORE), "post_download")
    for name in ("x", "y"):
        lab.add_plugin(name, finishing(name))
    lab.add_plugin("posts", Posts, "publish")
    return lab


def begin(lab: Any, *breaks: str) -> Any:
    broken.update(breaks)
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed", job.reason
    broken.clear()
    ran.clear()
    return job


def go_on(lab: Any, *listed: str, hook: str = "post_download") -> Any:
    (job,) = lab.studio().resume_sync(settings={"plugins": {hook: list(listed)}}).jobs
    assert len(lab.remote.creates) == 1
    return job


@pytest.mark.parametrize(
    ("breaks", "listed", "rest"),
    [
        ("b", ["a", "b", "s", "k"], ["b", "s", "k"]),
        ("b", ["b", "s", "k"], ["b", "s", "k"]),
        ("b", ["s", "k"], ["s", "k"]),
        ("b", ["x", "y", "s", "k"], ["x", "y", "s", "k"]),
        ("b", ["a", "x", "b", "s", "k"], ["x", "b", "s", "k"]),
        ("s", ["a", "s", "k"], ["s", "k"]),
        ("s", ["b", "a", "x", "s", "k"], ["x", "s", "k"]),
        ("k", ["k"], ["k"]),
        ("k", ["a", "b", "s"], []),
        ("k", [], []),
    ],
)
def test_each_plugin_of_an_edited_list_runs_once(
    half: Any, breaks: str, listed: list[str], rest: list[str]
) -> None:
    begin(half, breaks)
    job = go_on(half, *listed)
    assert (job.status, ran) == ("done", [*rest, "posts"]), job.reason


@pytest.mark.parametrize(
    ("breaks", "listed", "why"),
    [
        ("b", ["x", "a", "b", "s", "k"], "plugins.post_download has 'x' before 'a', which has run already"),
        ("s", ["x", "b", "s", "k"], "plugins.post_download has 'x' before 'b', which has run already"),
        ("k", ["a", "b", "x", "s", "k"], "plugins.post_download has 'x' before 's', which has run already"),
        ("k", ["a", "b", "x", "k"], "'x' comes too late: 's' has signed the video"),
    ],
)
def test_one_whose_place_is_past_stops_the_job_before_it_runs(
    half: Any, breaks: str, listed: list[str], why: str
) -> None:
    begin(half, breaks)
    job = go_on(half, *listed)
    assert (job.status, ran) == ("failed", [])
    assert why in job.reason
    assert "nothing was posted" in job.reason
    # The way out that it names.
    rest = {"b": ["b", "s", "k"], "s": ["s", "k"], "k": ["k"]}[breaks]
    assert go_on(half, "a", "b", "s", "k").status == "done"
    assert ran == [*rest, "posts"]


def test_a_plugin_in_another_spelling_is_the_same(lab: Any) -> None:
    lab.workflow["plugins"]["post_download"] = ["thumbnail"]
    lab.add_plugin("b", finishing("b"), "post_download")
    lab.add_plugin("posts", Posts, "publish")
    job = begin(lab, "b")
    assert go_on(lab, "reelwork:thumbnail", "b").status == "done"
    told = [json.loads(event.details) for event in lab.studio().store.events(job.id) if event.name == "finished"]
    assert [one["plugin"] for one in told] == ["thumbnail", "b"]


def test_a_finished_video_stays_as_it_is(half: Any) -> None:
    begin(half, "posts")
    assert go_on(half, "x", "a", "y", "b", "s", "k").status == "done"
    assert ran == ["posts"]


def test_moderation_that_comes_with_another_plugin_sees_a_finished_video(half: Any) -> None:
    class Looks(Plugin):
        """Sees finished videos."""

        moderates = (Stage.CLIP,)

        @hookimpl
        def pre_moderate(self, content: Content) -> None:
            ran.append("looks")

    half.catalog.add("looks", Looks)
    begin(half, "posts")
    lists = {"pre_moderate": ["looks"], "post_download": ["a", "b", "x", "s", "k"]}
    (job,) = half.studio().resume_sync(settings={"plugins": lists}).jobs
    assert (job.status, ran) == ("done", ["looks", "posts"])


def test_moderation_comes_once_all_plugins_that_edit_now_have_run(half: Any) -> None:
    class Looks(Plugin):
        """Sees finished videos."""

        moderates = (Stage.CLIP,)

        @hookimpl
        def pre_moderate(self, content: Content) -> None:
            ran.append("looks")

    half.add_plugin("looks", Looks, "pre_moderate")
    begin(half, "b")
    assert go_on(half, "a", "x", "y", "s", "k").status == "done"
    assert ran == ["x", "y", "looks", "s", "k", "posts"]


def test_each_target_goes_on_after_what_ran_for_it(half: Any, tmp_path: Path) -> None:
    tall = write_video(tmp_path / "tall.mp4", width=480, height=854)

    class Crop(Plugin):
        """Makes the tall video."""

        fits = ("aspect_ratio",)

        @hookimpl
        def post_download(self, clip: Clip, job: Job) -> Clip | None:
            ran.append(f"crop {job.target.label}".strip())
            return clip.with_video(Asset.from_file(tall, Role.VIDEO)) if job.target.aspect_ratio else None

    half.workflow["plugins"]["post_download"] = []
    half.add_plugin("crop", Crop, "post_download")
    half.workflow["plugins"]["post_download"] += ["a", "b", "k"]
    half.add_plugin("shorts", Posts, "publish")
    half.workflow["destination"] = {"shorts": {"aspect_ratio": "9:16"}}
    job = begin(half, "b 9x16")
    assert go_on(half, "crop", "a", "x", "k").status == "done"
    assert ran == ["x 9x16", "k 9x16", "posts", "posts"]
    data = JobData.model_validate_json(half.studio().store.job(job.id).data)
    names = {shape.target.label: [done.by for done in shape.ran] for shape in data.shapes}
    assert names == {"": ["crop", "a", "b", "k"], "9x16": ["crop", "a", "x", "k"]}


def test_a_file_to_be_made_again_by_a_plugin_that_is_listed_no_more_is_left_out(lab: Any, tmp_path: Path) -> None:
    other = write_video(tmp_path / "other.mp4", width=854, height=480, seconds=2)

    class Shorten(Plugin):
        """Changes the video after a picture was made of it."""

        @hookimpl
        def post_download(self, clip: Clip) -> Clip:
            broken.add("picture")
            return clip.with_video(Asset.from_file(other, Role.VIDEO))

    class Picture(Plugin):
        """Makes a picture, once."""

        @hookimpl
        def post_download(self, clip: Clip, job: Job) -> Clip:
            if "picture" in broken:
                raise RuntimeError("it is out of order")
            (path := self.context.work_dir / f"{job.id}.jpg").write_bytes(b"a picture")
            return clip.adding(Asset.from_file(path, Role.THUMBNAIL))

    lab.add_plugin("picture", Picture, "post_download")
    lab.add_plugin("shorten", Shorten, "post_download")
    lab.add_plugin("a", finishing("a"), "post_download")
    begin(lab)
    job = go_on(lab, "shorten", "a")
    assert (job.status, ran, job.thumbnail) == ("done", ["a"], None)


def aged(lab: Any, job_id: str) -> None:
    """Let a job have only the number of its plugins, as versions before stored it."""
    with closing(sqlite3.connect(lab.folder / "store.db")) as db, db:
        (text,) = db.execute("SELECT data FROM jobs WHERE id = ?", (job_id,)).fetchone()
        data = json.loads(text)
        data["finished"] = len(data.pop("ran"))
        del data["whole"]
        db.execute("UPDATE jobs SET data = ? WHERE id = ?", (json.dumps(data), job_id))


@pytest.mark.parametrize("told", [True, False])
def test_a_job_that_an_earlier_version_counted_goes_on(half: Any, told: bool) -> None:
    job = begin(half, "s")
    half.close()
    aged(half, job.id)
    if not told:
        with closing(sqlite3.connect(half.folder / "store.db")) as db, db:
            db.execute("DELETE FROM events WHERE job_id = ?", (job.id,))
    assert go_on(half, "a", "b", "s", "k").status == "done"
    assert ran == ["s", "k", "posts"]


def test_an_edited_list_finds_the_plugins_of_a_counted_job_in_its_story(half: Any) -> None:
    job = begin(half, "s")
    half.close()
    aged(half, job.id)
    assert go_on(half, "b", "x", "s", "k").status == "done"
    assert ran == ["x", "s", "k", "posts"]


def test_the_prompt_is_made_by_one_list(lab: Any) -> None:
    class Words(Plugin):
        """Adds a word."""

        word: ClassVar[str]

        @hookimpl
        def prompt_transform(self, prompt: Prompt) -> Prompt:
            if self.word in broken:
                raise RuntimeError("it is out of order")
            return prompt.replace(text=f"{prompt.text} {self.word}")

    for word in ("one", "two"):
        lab.add_plugin(word, type(word, (Words,), {"word": word}), "prompt_transform")
    lab.add_plugin("three", type("Three", (Words,), {"word": "three"}))
    lab.add_plugin("a", finishing("a"), "post_download")
    broken.update({"two", "a"})
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, lab.remote.creates) == ("failed", [])
    broken.discard("two")
    # Nothing of the first list is left in it: a prompt is made in one go.
    go_on(lab, "three", "two", hook="prompt_transform")
    ((_, sent),) = lab.remote.creates
    assert sent == f"{PROMPT} three two"
    # What was sent is what was sent.
    broken.clear()
    job = go_on(lab, "one", hook="prompt_transform")
    assert (job.status, job.prompt) == ("done", f"{PROMPT} three two")
