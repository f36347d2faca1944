"""Messages that name the way out, count as people do, and say nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

from reelwork.cli.views.display import told_of
from reelwork.engine.events import Happening
from reelwork.errors import in_sentences
from reelwork.planning.job_state import JobData
from reelwork.planning.plan import make_plan
from reelwork.plural import counted
from reelwork.store.records import ACTIVE, JobRow
from reelwork_hooks.errors import Rejected
from reelwork_hooks.models import Brief, Platform, Spec
from reelwork_hooks.provider import Capabilities, Idempotency, ProviderConfig

Serve = Callable[..., VideoServer]


def test_a_publisher_that_is_not_installed_is_named_with_those_that_are(desk: Desk) -> None:
    desk.write("w.toml", '[brief]\nprompt = "A fox in the snow"\n[plugins]\npublish = ["chalkboard"]\n')
    said = desk.reelwork("plan", "w.toml")
    assert said.code == 2
    assert "w.toml lists it under plugins.publish." in said.err
    listed = said.err.partition("Installed with the hook publish: ")[2].partition(".")[0].split(", ")
    assert {"bluesky", "gallery"} <= set(listed)
    assert "local" not in listed, "it publishes nothing"
    assert "reelwork plugins new NAME --hook publish" in said.err
    other = desk.write(
        "o.toml", '[brief]\nprompt = "A fox in the snow"\n[plugins]\npost_download = ["subtitles"]\n'
    )
    said = desk.reelwork("plan", other)
    listed = said.err.partition("Installed with the hook post_download: ")[2].partition(".")[0].split(", ")
    assert {"local", "loudness", "reframe", "storage", "thumbnail"} <= set(listed)


@pytest.mark.parametrize("model", ["sora2", "Sora-2", "sora_2", "openai/sora2", "sora-2-por"])
def test_a_model_that_is_nearly_one_is_named_before_it_is_paid(desk: Desk, serve: Serve, model: str) -> None:
    server = serve()
    workflow = desk.workflow(server.origin).read_text().replace('"m1"', f'"{model}"')
    desk.write("near.toml", workflow)
    assert f"nothing is known of a model {model!r}; is 'sora-2" in desk.reelwork("plan", "near.toml").out
    assert "is 'sora-2" in desk.reelwork("doctor", "near.toml", "--offline").out


@pytest.mark.parametrize("model", ["m1", "Wan-AI/Wan2.2", "sora-2", "veo-3.1"])
def test_other_models_are_left_alone(desk: Desk, serve: Serve, model: str) -> None:
    workflow = desk.workflow(serve().origin, rest="").read_text().replace('"m1"', f'"{model}"')
    desk.write("other.toml", workflow)
    assert "nothing is known of" not in desk.reelwork("plan", "other.toml").out


def refused(sizes: tuple[str, ...], **brief: object) -> str:
    platform = Platform(name="instagram", aspect_ratio="1:1", longest_duration=60)
    can = Capabilities(idempotency=Idempotency.KEY, sizes=sizes)
    with pytest.raises(Exception, match="cannot make this") as caught:
        make_plan(Brief(prompt="A fox", **brief), [platform], can, ProviderConfig(), "p")  # type: ignore[arg-type]
    return str(caught.value)


def test_a_shape_that_is_not_made_is_answered_with_those_that_are() -> None:
    assert 'Set aspect_ratio = "16:9" or "9:16"' in refused(("1280x720", "720x1280"))
    assert 'Set resolution = "1080p"' in refused(("1080x1080", "1280x720"))
    assert "Set" not in refused(("123x456",))


def test_what_is_set_in_its_place_goes(desk: Desk, serve: Serve) -> None:
    workflow = desk.workflow(serve().origin, brief='platforms = ["instagram"]').read_text()
    desk.write("i.toml", workflow.replace('"m1"', '"sora-2"'))
    said = desk.reelwork("plan", "i.toml")
    assert 'Set aspect_ratio = "16:9" or "9:16"' in said.err
    assert desk.reelwork("plan", "i.toml", "--aspect-ratio", "9:16").code == 0


@pytest.mark.parametrize(("number", "said"), [(0, "0 values"), (1, "1 value"), (2, "2 values")])
def test_one_is_singular(number: int, said: str) -> None:
    assert counted(number, "value") == said
    brief = Brief(prompt="A fox", metadata={f"k{index}": "v" for index in range(number)})
    plan = make_plan(brief, [], Capabilities(idempotency=Idempotency.KEY), ProviderConfig(), "p")
    told = [fate.asked for fate in plan.jobs[0].fates if fate.parameter == "metadata"]
    assert told == ([said] if number else [])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("post-failed", "the post to gallery failed: the folder is full"),
        ("post-held", "the post to gallery is held: the folder is full"),
        ("post-rejected", "the post to gallery was rejected: the folder is full"),
    ],
)
@pytest.mark.parametrize("reason", ["the folder is full", "gallery: the folder is full"])
def test_a_post_s_end_is_said_as_people_say_it(name: str, said: str, reason: str) -> None:
    spec = Spec(width=64, height=64, aspect_ratio="16:9", resolution="480p", duration=1)
    data = JobData(workflow="w", provider="p", brief=Brief(prompt="A fox"), spec=spec)
    row = JobRow("job", "run", "k", ACTIVE, "publish", None, 0, 0, "", "", None, 0, 0)
    assert told_of(Happening(row, data, name, {"destination": "gallery", "reason": reason})) == said


def test_help_says_what_the_simulator_is(desk: Desk) -> None:
    said = desk.reelwork("--help").out
    assert "Serve a free video API" in said
    assert "Added by" not in said


def test_a_third_party_s_settings_speak_of_no_tutorial(desk: Desk) -> None:
    for page in (desk.reelwork("providers", "show", "videos-api"), desk.reelwork("plugins", "show", "preview")):
        assert page.code == 0, page.text
        assert "tutorial" not in page.out


def test_a_gallery_that_cannot_be_written_names_itself_once(desk: Desk, tmp_path: Path) -> None:
    desk.write("w.toml", 'out = "out"\n[brief]\nprompt = "A fox in the snow"\nduration = 1\nresolution = "480p"\n')
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gallery").write_text("in the way")
    said = desk.reelwork("run", "w.toml")
    assert said.code == 1
    assert "gallery: gallery" not in said.text
    assert "was failed" not in said.text


@pytest.mark.parametrize(
    ("message", "hint", "said"),
    [
        ("the key was refused", "Check api_key.", "the key was refused. Check api_key."),
        ("the key was refused.", "Check api_key.", "the key was refused. Check api_key."),
        ("the key was refused (401)", "", "the key was refused (401)"),
    ],
)
def test_advice_begins_a_sentence_of_its_own(message: str, hint: str, said: str) -> None:
    assert in_sentences(Rejected(message, hint=hint)) == said


def test_a_failed_render_s_code_and_words_are_told_apart(desk: Desk, serve: Serve) -> None:
    def failed(server: VideoServer, asked: Asked) -> Answer:
        return Answer(server.accept(asked, status="failed", error={"code": "blocked", "message": "Not this."}))

    said = desk.reelwork("run", desk.workflow(serve(create=failed).origin), "--yes")
    assert "blocked: Not this" in said.out
