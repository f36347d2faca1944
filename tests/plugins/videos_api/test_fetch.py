from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from reelwork_hooks import BytesSource, Expired, HttpSource, RenderRef, Source, Unavailable

ONE = "GET /v1/videos/video_1"


def fetch(bench: Any, render: RenderRef) -> Source:
    source: Source = bench.run(lambda provider: provider.fetch(render))
    return source


def test_the_content_address_gets_the_key_and_no_variant(bench: Any, server: Any, ref_for: Any) -> None:
    source = fetch(bench(api_key="env:KEY"), ref_for("video/1"))
    assert isinstance(source, HttpSource)
    assert source.url == f"{server.url}/v1/videos/video%2F1/content"
    assert source.headers["Authorization"].get_secret_value() == "Bearer sk-test-1"
    assert "sk-test-1" not in repr(source)
    assert source.trusted_origin == server.url
    assert server.asked == []


def test_a_link_elsewhere_gets_no_key(bench: Any, server: Any, ref_for: Any) -> None:
    source = fetch(bench(api_key="env:KEY"), ref_for("video_1", urls=["https://cdn.example/v.mp4?sig=1"]))
    assert isinstance(source, HttpSource)
    assert (source.url, source.headers) == ("https://cdn.example/v.mp4?sig=1", {})
    assert source.trusted_origin == server.url


def test_a_link_on_the_server_itself_gets_the_key(bench: Any, server: Any, ref_for: Any) -> None:
    source = fetch(bench(api_key="env:KEY"), ref_for("video_1", urls=[f"{server.url}/files/v.mp4"]))
    assert isinstance(source, HttpSource)
    assert "Authorization" in source.headers


def test_a_link_that_has_run_out_is_asked_for_again(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    fresh = {
        "id": "video_1",
        "status": "completed",
        "url": "https://cdn.example/new",
        "expires_at": time.time() + 60,
    }
    server.says(ONE, answer.of(fresh))
    render = ref_for("video_1", urls=["https://cdn.example/old"], expires_at=time.time() - 60)
    source = fetch(bench(), render)
    assert isinstance(source, HttpSource)
    assert source.url == "https://cdn.example/new"


@pytest.mark.parametrize("gone", ["not renewed", "unknown"])
def test_a_video_that_is_gone_says_what_it_means_for_money(
    bench: Any, server: Any, ref_for: Any, answer: Any, gone: str
) -> None:
    past = time.time() - 60
    server.says(ONE, answer.of({"id": "video_1", "status": "completed", "expires_at": past}))
    if gone == "unknown":
        server.says(ONE, answer.of({"detail": "not found"}, 404))
    with pytest.raises(Expired) as expired:
        fetch(bench(), ref_for("video_1", expires_at=past))
    assert "paid" in expired.value.money


def test_an_unreadable_server_is_no_expiry(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    server.says(ONE, answer.html(502))
    with pytest.raises(Unavailable) as unavailable:
        fetch(bench(), ref_for("video_1", expires_at=time.time() - 60))
    assert not isinstance(unavailable.value, Expired)


def test_a_video_within_the_jobs_answer(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    text = base64.b64encode(b"a video").decode()
    server.says(ONE, answer.of({"id": "video_1", "status": "completed", "data": [{"b64_json": text}]}))
    at = bench()
    (status,) = at.run(lambda provider: provider.poll([ref_for("video_1")]))
    assert fetch(at, ref_for("video_1", **status.details)) == BytesSource(content=b"a video")


def test_broken_base64_is_read_again_later(bench: Any, server: Any, ref_for: Any, answer: Any) -> None:
    server.says(ONE, answer.of({"id": "video_1", "status": "completed", "data": [{"b64_json": "%%"}]}))
    with pytest.raises(Unavailable, match="base64"):
        fetch(bench(), ref_for("video_1", inline=True))


@pytest.mark.parametrize("name", ["../secret.mp4", "/etc/passwd", "missing.mp4", 7])
def test_a_kept_file_is_only_looked_for_in_its_folder(bench: Any, ref_for: Any, name: Any) -> None:
    at = bench()
    (at.folder / "secret.mp4").write_bytes(b"x")
    assert isinstance(fetch(at, ref_for("video_1", file=name)), HttpSource)


@pytest.mark.parametrize(("dialect", "deletes"), [("sora", 0), ("litellm", 0), ("vllm-omni", 1)])
def test_only_a_server_that_aborts_is_asked_to_cancel(
    bench: Any, server: Any, ref_for: Any, answer: Any, dialect: str, deletes: int
) -> None:
    server.says("DELETE /v1/videos/video_1", answer.of({"id": "video_1", "deleted": True}))
    cancelled = bench(dialect=dialect).run(lambda provider: provider.cancel(ref_for("video_1")))
    assert cancelled is bool(deletes)
    assert server.count("DELETE /v1/videos/video_1") == deletes


@pytest.mark.parametrize("reply", ["conflict", "gone", "dropped", "not deleted"])
def test_a_cancel_that_is_not_confirmed_is_none(
    bench: Any, server: Any, ref_for: Any, answer: Any, reply: str
) -> None:
    replies = {
        "conflict": answer.of({"detail": "Cancellation in progress"}, 409),
        "gone": answer.of({"detail": "Video not found"}, 404),
        "dropped": answer(drop=True),
        "not deleted": answer.of({"id": "video_1", "deleted": False}),
    }
    server.says("DELETE /v1/videos/video_1", replies[reply])
    assert bench(dialect="vllm-omni").run(lambda provider: provider.cancel(ref_for("video_1"))) is False
