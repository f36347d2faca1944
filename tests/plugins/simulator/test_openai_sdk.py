"""The official client of the protocol is the oracle: what it accepts is the protocol."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import openai
import pytest
from PIL import Image

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture
def sdk(simulator: RunningSimulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{simulator.base_url}/v1", api_key="sk-test", max_retries=0) as sdk:
        yield sdk


def test_create_answers_a_queued_video_with_what_was_asked(sdk: openai.OpenAI) -> None:
    video = sdk.videos.create(prompt="a red kite", model="sora-2-pro", seconds="8", size="1792x1024")
    assert (video.status, video.progress, video.object) == ("queued", 0, "video")
    assert (video.prompt, video.model, video.seconds, video.size) == ("a red kite", "sora-2-pro", "8", "1792x1024")
    assert (video.completed_at, video.expires_at, video.error, video.remixed_from_video_id) == (None,) * 4


def test_defaults_are_those_of_the_specification(sdk: openai.OpenAI) -> None:
    video = sdk.videos.create(prompt="x")
    assert (video.model, video.seconds, video.size) == ("sora-2", "4", "720x1280")


def test_create_and_poll_then_the_link_lives_an_hour() -> None:
    settings = SimulatorSettings(canned=True, render_seconds=0.15)
    with (
        run_simulator(settings) as simulator,
        openai.OpenAI(base_url=f"{simulator.base_url}/v1", api_key="k", max_retries=0) as sdk,
    ):
        video = sdk.videos.create_and_poll(prompt="x")
        polls = [entry for entry in simulator.requests(method="GET") if entry["operation"] == "poll"]
    assert (video.status, video.progress) == ("completed", 100)
    assert video.completed_at is not None
    assert video.expires_at == video.completed_at + 3600
    assert len(polls) > 1
    assert polls[0]["headers"]["x-stainless-poll-helper"] == "true"


def test_auto_pagination_sees_every_video_once_in_order(sdk: openai.OpenAI, simulator: RunningSimulator) -> None:
    made = [sdk.videos.create(prompt=f"video {number}").id for number in range(25)]
    assert [video.id for video in sdk.videos.list(limit=10)] == made[::-1]
    assert [video.id for video in sdk.videos.list(limit=7, order="asc")] == made
    pages = [entry["query"] for entry in simulator.requests(method="GET")]
    assert [page.get("after") for page in pages[:3]] == [None, made[15], made[5]]
    first = sdk.videos.list(limit=10)
    assert first.has_more is True
    assert (first.data[0].prompt, first.last_id) == ("video 24", made[15])
    assert first.model_dump()["first_id"] == made[24]
    assert sdk.videos.list(limit=25).has_more is False
    assert len(sdk.videos.list().data) == 20


@pytest.mark.slow
def test_the_drawn_clip_decodes_to_its_last_frame() -> None:
    settings = SimulatorSettings(render_seconds=0)
    with (
        run_simulator(settings) as simulator,
        openai.OpenAI(base_url=f"{simulator.base_url}/v1", api_key="k", max_retries=0) as sdk,
    ):
        video = sdk.videos.create(prompt="a lighthouse", size="1280x720")
        content = sdk.videos.download_content(video.id)
        clip = content.read()
        thumbnail = sdk.videos.download_content(video.id, variant="thumbnail").read()
        sheet = sdk.videos.download_content(video.id, variant="spritesheet").read()
    with av.open(io.BytesIO(clip), "r") as container:
        frames = [frame.time for frame in container.decode(video=0)]
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (1280, 720)
        assert stream.average_rate == 30
    assert len(frames) == 120
    assert frames[-1] == pytest.approx(4 - 1 / 30, abs=0.001)
    assert content.response.headers["content-type"] == "video/mp4"
    with Image.open(io.BytesIO(thumbnail)) as still:
        assert (still.format, still.size) == ("WEBP", (1280, 720))
    with Image.open(io.BytesIO(sheet)) as still:
        assert (still.format, still.size) == ("JPEG", (960, 405))


def test_remix_makes_a_new_video_from_a_finished_one(sdk: openai.OpenAI) -> None:
    source = sdk.videos.create(prompt="day", seconds="12", size="1280x720")
    remix = sdk.videos.remix(source.id, prompt="night")
    assert (remix.remixed_from_video_id, remix.prompt) == (source.id, "night")
    assert (remix.seconds, remix.size, remix.model) == ("12", "1280x720", "sora-2")
    assert remix.id != source.id


def test_delete_forgets_a_video(sdk: openai.OpenAI) -> None:
    video = sdk.videos.create(prompt="x")
    deleted = sdk.videos.delete(video.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (video.id, True, "video.deleted")
    with pytest.raises(openai.NotFoundError):
        sdk.videos.retrieve(video.id)
    assert sdk.videos.list().data == []


def test_a_failed_video_says_why(sdk: openai.OpenAI, simulator: RunningSimulator) -> None:
    simulator.set_faults(["render:fail=moderation_blocked"])
    video = sdk.videos.retrieve(sdk.videos.create(prompt="x").id)
    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code == "moderation_blocked"
    assert "moderation" in video.error.message
    assert video.completed_at is None
    with pytest.raises(openai.NotFoundError):
        sdk.videos.download_content(video.id)


def test_refusals_are_the_errors_the_client_knows(sdk: openai.OpenAI, simulator: RunningSimulator) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.videos.create(prompt="x", seconds="10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert (caught.value.param, caught.value.code, caught.value.type) == (
        "seconds",
        "invalid_value",
        "invalid_request_error",
    )
    assert "Supported values are: '4', '8', '12', '16', and '20'" in caught.value.message
    assert caught.value.request_id == simulator.requests()[-1]["request_id"]
    simulator.set_faults(["create:429:retry-after=7"])
    with pytest.raises(openai.RateLimitError) as limited:
        sdk.videos.create(prompt="x")
    assert limited.value.response.headers["retry-after"] == "7"
    assert simulator.jobs() == []


def test_the_clients_own_retries_make_several_jobs(simulator: RunningSimulator) -> None:
    """What a ledger must never do: the request that got no answer is sent again, without a key."""
    simulator.set_faults(["create:accept-then-500*1"])
    with openai.OpenAI(base_url=f"{simulator.base_url}/v1", api_key="k", max_retries=2) as sdk:
        sdk.videos.create(prompt="only once, please")
    assert len(simulator.jobs()) == 2
    assert [entry["idempotency_key"] for entry in simulator.requests()] == [None, None]


def test_an_input_reference_is_an_upload_of_the_videos_size(
    sdk: openai.OpenAI, simulator: RunningSimulator
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (720, 1280)).save(file, "JPEG")
    sdk.videos.create(prompt="x", input_reference=("start.jpg", file.getvalue(), "image/jpeg"))
    seen = simulator.requests()[-1]["fields"]["input_reference"]
    assert (seen["filename"], seen["content_type"], seen["bytes"]) == (
        "start.jpg",
        "image/jpeg",
        len(file.getvalue()),
    )
