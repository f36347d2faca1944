"""`vars` stay with the job; `options` reach the provider that declares them, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from reelwork.engine.stages.effects import _alike
from reelwork.errors import PlanRefused, WorkflowInvalid
from reelwork.ids import fingerprint
from reelwork.planning.batch.cells import contents_of, same_meaning
from reelwork.planning.job_state import JobData, request_for
from reelwork.studio.studio import Studio
from reelwork.testing import studio_with
from reelwork.testing.clips import sample_video
from reelwork_hooks import (
    Brief,
    Capabilities,
    Config,
    Effect,
    FileSource,
    Idempotency,
    InvalidInput,
    Plugin,
    PluginInvalid,
    Prompt,
    Provider,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Spec,
    Submitted,
    hookimpl,
)

SPEC = Spec(width=854, height=480, aspect_ratio="16:9", resolution="480p", duration=4)
SMALL = {"duration": 1, "resolution": "480p"}
sent: list[RenderRequest] = []


class Camera(Config):
    camera: Literal["orbit", "dolly"] = "dolly"
    strength: float = 1


class Studios(Provider):
    """Makes nothing new, and notes what it is asked for."""

    def capabilities(self, model: str | None) -> Capabilities:
        return Capabilities(idempotency=Idempotency.KEY)

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        sent.append(request)
        return Submitted(remote_id=effect.key, poll_after=0)

    async def poll(self, renders: Sequence[RenderRef]) -> list[RenderStatus]:
        return [RenderStatus(remote_id=render.remote_id, state="completed") for render in renders]

    async def fetch(self, render: RenderRef) -> FileSource:
        return FileSource(path=sample_video())


class WithOptions(Studios):
    """Declares them."""

    Options = Camera


class Refusing(WithOptions):
    """Never gets as far as a request."""

    async def prepare(self, request: RenderRequest) -> None:
        raise InvalidInput("not today")


class Other(Studios):
    """A provider of the first contract that uses the name for something else."""

    Options: ClassVar[Any] = {"camera": "orbit"}


class Broken(Config):
    camera: str = ""

    def model_post_init(self, context: Any) -> None:
        raise RuntimeError("no idea")


class BrokenOptions(Studios):
    """Cannot check them."""

    Options = Broken


class Seasons(Plugin):
    """Brings the providers, and adds a value of the brief to the prompt."""

    @hookimpl
    def prompt_transform(self, prompt: Prompt, job: Any) -> Prompt:
        return prompt.replace(text=f"{prompt.text}, {job.brief.vars.get('mood', 'calm')}")

    @staticmethod
    @hookimpl
    def register_providers() -> Mapping[str, type[Provider]]:
        return {
            "plain": Studios,
            "studios": WithOptions,
            "other": Other,
            "broken": BrokenOptions,
            "refusing": Refusing,
        }


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    sent.clear()
    lists = {"pre_moderate": [], "prompt_transform": ["seasons"], "post_download": [], "publish": []}
    workflow = {
        "provider": {"use": "studios"},
        "plugins": lists,
        "brief": {**SMALL, "vars": {"mood": "stormy"}, "options": {"strength": 0.5}},
    }
    with studio_with({"seasons": Seasons}, tmp_path, workflow) as made:
        yield made


# --- what is sent -----------------------------------------------------------------------------------------------


def test_options_reach_the_provider_and_vars_do_not(studio: Studio) -> None:
    (job,) = studio.run_sync("A pier", options={"camera": "orbit"}).jobs
    assert job.prompt == "A pier, stormy"
    [request] = sent
    assert request.options == {"camera": "orbit"}
    assert "stormy" not in request.model_dump_json(exclude={"prompt"})
    assert "vars" not in type(request).model_fields


def test_a_row_completes_the_workflows_own(studio: Studio, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("prompt,vars.mood,options.camera\nA pier,calm,orbit\nA boat,,\n")
    studio.run_sync(rows)
    told = {request.prompt: dict(request.options) for request in sent}
    assert told == {"A pier, calm": {"strength": 0.5, "camera": "orbit"}, "A boat, stormy": {"strength": 0.5}}


def test_places_are_filled_with_vars(tmp_path: Path) -> None:
    brief = {
        "prompt": "A pier in {vars.season}",
        "title": "{vars.n}",
        "vars": {"season": "autumn", "n": 4},
        **SMALL,
    }
    (tmp_path / "rows.csv").write_text("vars.season,title\nspring,a\n,b\n")
    nowhere = {"brief": {"prompt": "A pier in {vars.place}", "vars": {"season": "a"}}}
    with studio_with({}, tmp_path, {"brief": brief}) as studio:
        [plan] = studio.plan_sync().plans
        assert (plan.brief.prompt, plan.brief.title) == ("A pier in autumn", "4")
        plans = studio.plan_sync(tmp_path / "rows.csv").plans
        assert [one.brief.prompt for one in plans] == ["A pier in spring", "A pier in autumn"]
    with Studio(nowhere) as other, pytest.raises(WorkflowInvalid, match=r"\{vars\.place\}"):
        other.plan_sync()


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "options", "told"),
    [
        ("plain", {"camera": "orbit"}, "options: plain takes no options; leave out camera"),
        ("other", {"camera": "orbit"}, "options: other takes no options; leave out camera"),
        ("preview", {"camera": "orbit"}, "options: preview takes no options; leave out camera"),
        ("studios", {"camra": "orbit"}, "options: unknown key 'camra'. Did you mean 'camera'?"),
        ("studios", {"camera": "pan"}, "options: camera = 'pan' is not possible: it must be"),
    ],
)
def test_an_option_is_refused_before_anything_is_sent(
    tmp_path: Path, provider: str, options: dict[str, Any], told: str
) -> None:
    sent.clear()
    workflow = {"provider": {"use": provider}, "plugins": {"prompt_transform": ["seasons"]}}
    with studio_with({"seasons": Seasons}, tmp_path, workflow) as studio:
        for call in (studio.plan_sync, studio.run_sync):
            with pytest.raises(PlanRefused) as caught:
                call("A pier", options=options, **SMALL)
            assert told in caught.value.message
        assert studio.jobs() == []
    assert sent == []


def test_each_rows_own_options_are_checked(studio: Studio, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("prompt,options.camera\nA pier,orbit\nA boat,pan\nA gull,\n")
    with pytest.raises(PlanRefused, match=r"line 3: The provider 'studios' cannot[^$]*camera = 'pan'"):
        studio.run_sync(rows)
    assert sent == []


def test_a_model_that_fails_is_named(tmp_path: Path) -> None:
    workflow = {"provider": {"use": "broken"}, "plugins": {"prompt_transform": ["seasons"]}}
    told = r"'broken'.* cannot check the options of a brief: RuntimeError"
    with studio_with({"seasons": Seasons}, tmp_path, workflow) as studio, pytest.raises(PluginInvalid, match=told):
        studio.plan_sync("A pier", options={"camera": "orbit"}, **SMALL)


def test_options_never_reach_a_provider_that_came_later(tmp_path: Path) -> None:
    sent.clear()
    workflow = {"provider": {"use": "refusing"}, "plugins": {"prompt_transform": ["seasons"]}}
    with studio_with({"seasons": Seasons}, tmp_path, workflow) as studio:
        (job,) = studio.run_sync("A lighthouse at dawn", options={"camera": "orbit"}, **SMALL).jobs
        assert "not today" in job.reason
        (job,) = studio.resume_sync(job.id, settings={"provider": {"use": "plain"}}).jobs
    assert (job.status, sent) == ("failed", [])
    assert "plain takes no options; leave out camera" in job.reason


# --- identity ---------------------------------------------------------------------------------------------------


def brief(**more: Any) -> Brief:
    return Brief.model_validate({"prompt": "A fox", **more})


def request(asked: Brief) -> RenderRequest:
    data = JobData(workflow="w", provider="p", brief=asked, spec=SPEC, prompt=Prompt(text=asked.prompt))
    return request_for(data)


def test_without_them_nothing_of_them_is_stored() -> None:
    data = JobData(workflow="w", provider="p", brief=brief(), spec=SPEC)
    assert not {"vars", "options"} & set(brief().model_dump())
    assert '"options"' not in data.model_dump_json()
    assert "options" not in request(brief()).model_dump(mode="json")


def test_options_make_another_row_and_another_request() -> None:
    plain, other = brief(), brief(options={"camera": "orbit"})
    assert not same_meaning(plain, other, str)
    assert fingerprint(request(plain).model_dump(mode="json")) != fingerprint(
        request(other).model_dump(mode="json")
    )
    # No list shows them, so either may be taken for the other there.
    assert _alike(request(plain)) == _alike(request(other))
    assert Brief.model_validate_json(other.model_dump_json()) == other


def test_vars_make_another_row_and_the_same_request() -> None:
    """A plugin may make another prompt of them, so a row with others is not taken for one that was made."""
    plain, other = brief(vars={"mood": "calm"}), brief(vars={"mood": "stormy"})
    assert not same_meaning(plain, other, str)
    hashes = {contents_of(one, {"vars": one.vars}, {}, str) for one in (plain, other)}
    assert len(hashes) == 2
    assert request(plain) == request(other)


def test_a_cells_spelling_makes_no_other_row() -> None:
    one, other = ({"vars": {"n": n}, "options": {"strength": s}} for n, s in ((4, 1.0), ("4.0", "1")))
    hashes = {contents_of(brief(**given), given, {}, str) for given in (one, other)}
    assert len(hashes) == 1
