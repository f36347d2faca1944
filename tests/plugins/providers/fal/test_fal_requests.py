"""What is asked of fal: each model's own fields, the pictures, and what is refused before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from pydantic import ValidationError

from reelwork import Studio
from reelwork_hooks import InvalidInput, Reference, Rejected, Unavailable
from reelwork_plugins.providers.fal.config import FalConfig, FalOptions
from reelwork_plugins.providers.fal.models import MODELS
from reelwork_plugins.providers.fal.wire import body_of


def body(desk: Any, request: Any, *urls: str) -> dict[str, Any]:
    return body_of(request, desk.config.model_data(request.model or desk.config.model), urls)


@pytest.mark.parametrize(
    ("model", "duration"),
    [
        ("fal-ai/veo3.1/lite", "4s"),
        ("bytedance/seedance-2.0/text-to-video", "4"),
        ("fal-ai/wan/v2.7/text-to-video", 4),
    ],
)
def test_each_model_has_its_own_form_of_a_length(model: str, duration: Any, desk: Any) -> None:
    here = desk("http://127.0.0.1:9", model=model)
    sent = body(here, here.request())
    assert sent == {
        "prompt": "a red kite over the sea", "duration": duration, "aspect_ratio": "16:9", "resolution": "720p",
    }  # fmt: skip


def test_what_a_model_does_not_take_is_not_sent(desk: Any) -> None:
    here = desk("http://127.0.0.1:9", model="fal-ai/kling-video/v3/pro/image-to-video")
    request = here.request(
        references=[Reference(source="https://a/1.png"), Reference(source="https://a/2.png", role="last_frame")]
    )
    assert body(here, request, "https://a/1.png", "https://a/2.png") == {
        "prompt": "a red kite over the sea", "duration": "4",
        "start_image_url": "https://a/1.png", "end_image_url": "https://a/2.png",
    }  # fmt: skip


def test_no_option_changes_what_was_planned(desk: Any) -> None:
    here = desk("http://127.0.0.1:9")
    # A batch's cells are texts.
    sent = body(here, here.request(options={"generate_audio": "false", "cfg_scale": 0.5}))
    assert (sent["generate_audio"], sent["cfg_scale"], sent["duration"]) == (False, 0.5, "4s")
    with pytest.raises(Rejected):
        here.submit(here.request(options={"duration": "8s"}))


@pytest.mark.parametrize("name", ["duration", "num_frames", "n", "num_videos", "resolution", "prompt"])
def test_options_that_change_the_cost_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="comes from the brief"):
        FalOptions.model_validate({name: 2, "cfg_scale": 0.5})


def test_a_model_that_is_not_known_is_not_guessed(desk: Any) -> None:
    here = desk("http://127.0.0.1:9", model="fal-ai/new/model")
    assert "nothing is known" in here.provider.capabilities(None).note
    with pytest.raises(InvalidInput, match="how long the video is to be"):
        here.run(lambda provider: provider.prepare(here.request()))
    with pytest.raises(Rejected):
        here.submit()


def test_settings_make_a_model_known(desk: Any) -> None:
    here = desk(
        "http://127.0.0.1:9", model="fal-ai/new/model", length="seconds",
        inputs={"duration": "length", "first_frame": "image"},
    )  # fmt: skip
    assert here.provider.capabilities(None).reference_roles == ("first_frame",)
    request = here.request(references=[Reference(source="https://a/1.png")])
    assert body(here, request, "https://a/1.png") == {
        "prompt": "a red kite over the sea", "length": "4s", "image": "https://a/1.png",
    }  # fmt: skip


@pytest.mark.parametrize("model", [None, "veo", "fal-ai/../secret", "fal-ai//x", "fal ai/x", "https://a/b"])
def test_a_name_that_is_no_model_is_refused(model: str | None, desk: Any) -> None:
    here = desk("http://127.0.0.1:9", model=model)
    with pytest.raises(InvalidInput):
        here.run(lambda provider: provider.prepare(here.request()))


def test_a_picture_that_a_model_needs_is_asked_for(desk: Any) -> None:
    here = desk("http://127.0.0.1:9", model="fal-ai/veo3.1/lite/first-last-frame-to-video")
    with pytest.raises(InvalidInput, match="needs a reference as first_frame and as last_frame"):
        here.run(lambda provider: provider.prepare(here.request()))


def test_a_picture_file_is_uploaded_and_the_key_is_not_sent_with_it(
    desk: Any, simulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "fal-1")
    Image.new("RGB", (64, 36), (9, 9, 200)).save(tmp_path / "sea.png")
    here = desk(simulator.base_url, model="fal-ai/veo3.1/lite/image-to-video", api_key="env:KEY")
    request = here.request(references=[Reference(source="sea.png")])
    prepared = here.run(lambda provider: provider.prepare(request))
    [url] = prepared["urls"]
    assert url.startswith(f"{simulator.base_url}/uploads/")
    begun, sent = simulator.requests()
    assert "authorization" in begun["headers"]
    assert "authorization" not in sent["headers"]
    submitted = here.submit(request, prepared=prepared)
    [job] = simulator.jobs()
    assert job["id"] == submitted.remote_id
    assert here.poll(submitted.remote_id).state == "completed"


@pytest.mark.parametrize(
    ("fault", "expected"), [("upload:401", InvalidInput), ("upload:500", Unavailable), ("upload:drop", Unavailable)]
)
def test_what_ends_an_upload(
    fault: str, expected: type[Exception], desk: Any, simulator: Any, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 36), (9, 9, 200)).save(tmp_path / "sea.png")
    here = desk(simulator.base_url, model="fal-ai/veo3.1/lite/image-to-video")
    simulator.set_faults([fault])
    with pytest.raises(expected):
        here.run(lambda provider: provider.prepare(here.request(references=[Reference(source="sea.png")])))


def test_a_locked_account_holds_the_job_before_the_upload_and_resuming_goes_on(
    simulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 36), (9, 9, 200)).save(tmp_path / "sea.png")
    (tmp_path / "w.toml").write_text(
        f"""
        [brief]
        prompt = "A ferry crosses the harbour at dawn"
        duration = 4
        references = [{{ source = "sea.png" }}]
        [provider]
        use = "fal"
        base_url = "{simulator.base_url}"
        model = "fal-ai/veo3.1/lite/image-to-video"
        poll_interval = 0.05
        price_per_second = 0
        """
    )
    simulator.set_faults(["upload:no-funds"])
    with Studio(tmp_path / "w.toml", store=tmp_path / "store.db") as studio:
        [held] = studio.run_sync().jobs
        assert (held.status, held.hold) == ("held", "no-funds")
        assert "Exhausted balance" in held.reason
        assert "nothing was sent" in held.reason
        simulator.set_faults([])
        [done] = studio.resume_sync().jobs
    assert done.status == "done", done.reason
    assert len(simulator.jobs()) == 1


def test_the_key_of_fal_goes_to_fal_only() -> None:
    assert FalConfig.model_validate({}).api_key == "env:FAL_KEY"
    assert FalConfig.model_validate({"base_url": "https://other.example"}).api_key is None
    assert FalConfig.model_validate({"api_key": "env:MINE"}).api_key == "env:MINE"


def test_every_known_model_is_planned_from_facts(desk: Any) -> None:
    for name, model in MODELS.items():
        can = desk("http://127.0.0.1:9", model=name).provider.capabilities(None)
        assert can.durations, name
        assert can.listed_when == "ended"
        assert set(model.needs) <= set(can.reference_roles)
        assert can.price is None or can.price.source
        assert can.default_resolution in (can.resolutions or ())


@pytest.mark.parametrize(
    ("model", "resolution", "options", "most", "basis"),
    [
        ("fal-ai/veo3.1/lite", "720p", {}, "0.20", "4 s at 720p with sound"),
        ("fal-ai/veo3.1/lite", "1080p", {}, "0.32", "4 s at 1080p with sound"),
        ("fal-ai/veo3.1/lite", "1080p", {"generate_audio": "false"}, "0.20", "4 s at 1080p without sound"),
        ("bytedance/seedance-2.0/text-to-video", "480p", {"generate_audio": False}, "0.5384", "4 s at 480p"),
    ],
)
def test_the_price_is_that_of_what_is_asked(
    model: str, resolution: str, options: Any, most: str, basis: str, desk: Any
) -> None:
    here = desk("http://127.0.0.1:9", model=model)
    quote = here.provider.price(here.request(options=options, spec={"resolution": resolution}))
    assert (quote.most, quote.basis) == (Decimal(most), basis)
    assert quote.source


def test_a_price_that_is_not_known_is_not_named(desk: Any) -> None:
    here = desk("http://127.0.0.1:9", model="fal-ai/ltx-2.3/text-to-video")
    assert here.provider.price(here.request(spec={"resolution": "1080p"})) is None


def test_a_height_without_a_price_is_not_reserved_by_the_price_of_a_lower_one(desk: Any) -> None:
    here = desk("http://127.0.0.1:9", resolutions=("720p", "1080p", "4k"))
    assert here.provider.price(here.request(spec={"resolution": "4k"})) is None
    assert here.provider.capabilities(None).price is None


def test_a_height_that_is_not_sent_is_reserved_by_the_dearest(desk: Any) -> None:
    here = desk("http://127.0.0.1:9", inputs={"resolution": ""})
    assert here.provider.price(here.request()) is None
    assert here.provider.capabilities(None).price.per_second == Decimal("0.08")


@pytest.mark.timeout(60)
def test_a_first_batch_does_not_wait_until_a_render_is_listed(
    simulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.toml").write_text(
        f"""
        [brief]
        prompt = "A ferry crosses the harbour at dawn"
        duration = 4
        takes = 2
        [provider]
        use = "fal"
        base_url = "{simulator.base_url}"
        model = "fal-ai/veo3.1/lite"
        poll_interval = 0.05
        price_per_second = 0
        """
    )
    # The settle time is five minutes.
    with Studio(tmp_path / "w.toml", store=tmp_path / "store.db") as studio:
        jobs = studio.run_sync().jobs
    assert [job.status for job in jobs] == ["done", "done"], [job.reason for job in jobs]
    assert len(simulator.jobs()) == 2


class _Queue(BaseHTTPRequestHandler):
    """Takes requests and notes where they went."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"request_id": "r1"}')

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


def test_fal_is_told_the_address_to_call(desk: Any) -> None:
    address = "https://studio.example.com/webhooks/fal?a=1&b=2"
    with HTTPServer(("127.0.0.1", 0), _Queue) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        here = desk(f"http://127.0.0.1:{server.server_address[1]}")
        for webhook in (None, address):
            assert here.submit(here.request(webhook=webhook)).remote_id == "r1"
        server.shutdown()
        thread.join()
    without, with_one = map(urlsplit, _Queue.asked)
    assert without.query == ""
    assert parse_qs(with_one.query) == {"fal_webhook": [address]}
    assert without.path == with_one.path
