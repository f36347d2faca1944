from __future__ import annotations

import base64
from typing import Any

import pytest

from reelwork_hooks import BytesSource, HttpSource, RenderRef, Source, Unavailable

ONE = "GET /v1/videos/video_1"


def ways(bench: Any, render: RenderRef) -> list[Source]:
    return list(bench.run(lambda provider: provider.fetch(render)))


def fetch(bench: Any, render: RenderRef) -> Source:
    return ways(bench, render)[0]


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


@pytest.mark.parametrize("expires_at", [0, 1.0, 4e9])
def test_every_way_is_named_whatever_is_said_of_when_it_ends(
    bench: Any, server: Any, ref_for: Any, expires_at: float
) -> None:
    render = ref_for("video_1", urls=["https://cdn.example/a", "https://cdn.example/b"], expires_at=expires_at)
    found = [way.url for way in ways(bench(), render) if isinstance(way, HttpSource)]
    content = f"{server.url}/v1/videos/video_1/content"
    assert found == ["https://cdn.example/a", "https://cdn.example/b", content]
    assert server.asked == []


def test_a_job_that_answered_at_once_is_asked_when_fresh_links_are_needed(
    bench: Any, server: Any, ref_for: Any, answer: Any
) -> None:
    server.says(ONE, answer.of({"id": "video_1", "status": "completed", "url": "https://cdn.example/new"}))
    final = {"remote_id": "video_1", "state": "completed"}
    render = ref_for("video_1", urls=["https://cdn.example/old"], final=final)
    at = bench()
    (old,) = at.run(lambda provider: provider.poll([render]))
    (new,) = at.run(lambda provider: provider.poll([render.replace(fresh=True)]))
    assert (old.details, new.details) == ({}, {"urls": ["https://cdn.example/new"]})


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
