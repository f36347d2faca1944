"""A video that was paid for is had by whichever way leads to it, whatever labels and clocks say."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

Serve = Callable[..., VideoServer]


def done(desk: Desk, server: VideoServer, *, provider: str = "", count: int = 1, timeout: float = 120) -> None:
    """Run a workflow to its end: every video is delivered, and every one was paid for once."""
    ended = desk.reelwork("run", desk.workflow(server.origin, provider=provider), "--yes", timeout=timeout)
    assert ended.code == 0, ended.text
    assert server.creates == count


def contents(server: VideoServer) -> int:
    return sum(asked.path.endswith("/content") for asked in server.requests)


def with_job(**fields: Any) -> Callable[[VideoServer, Asked], Answer]:
    return lambda server, asked: Answer(server.accept(asked, **fields))


def no_content(server: VideoServer, asked: Asked) -> Answer:
    return Answer({"error": {"message": "not found"}}, 404)


@pytest.mark.parametrize("expires_at", [0, 1_700_000_000])
def test_when_a_video_is_said_to_end_means_nothing(desk: Desk, serve: Serve, expires_at: float) -> None:
    done(desk, serve(create=with_job(expires_at=expires_at, url="/files/v.mp4"), other=film_at("/files/v.mp4")))


def film_at(path: str, **headers: str) -> Callable[[VideoServer, Asked], Answer]:
    def other(server: VideoServer, asked: Asked) -> Answer:
        if asked.path != path:
            return Answer({"error": {"message": "not found"}}, 404)
        return Answer(server.clip, headers={"Content-Type": "video/mp4", **headers})

    return other


@pytest.mark.parametrize("misses", [1, 3])
def test_a_video_that_is_not_there_at_once_is_waited_for(desk: Desk, serve: Serve, misses: int) -> None:
    def content(server: VideoServer, asked: Asked) -> Answer:
        return no_content(server, asked) if contents(server) <= misses else Answer(server.clip)

    done(desk, serve(content=content))


def test_a_render_that_is_not_known_at_once_is_waited_for(desk: Desk, serve: Serve) -> None:
    def show(server: VideoServer, asked: Asked) -> Answer:
        shown = sum(one.method == "GET" and one.path.count("/") == 3 for one in server.requests)
        return no_content(server, asked) if shown <= 2 else Answer(next(iter(server.jobs.values())))

    done(desk, serve(create=with_job(status="queued"), show=show_done(after=show)))


def show_done(after: Callable[[VideoServer, Asked], Answer]) -> Callable[[VideoServer, Asked], Answer]:
    def show(server: VideoServer, asked: Asked) -> Answer:
        answer = after(server, asked)
        return Answer({**answer.body, "status": "completed"}) if answer.status == 200 else answer

    return show


@pytest.mark.parametrize("field", ["url", "video_url"])
@pytest.mark.parametrize(
    "link",
    [
        "http://localhost:8000/files/v.mp4",
        "http://172.17.0.2:8000/v.mp4",
        "/forbidden/v.mp4",
        "/v1/videos/video_0001",
    ],
    ids=["localhost", "container", "refused", "the job itself"],
)
def test_a_link_that_leads_nowhere_is_passed_over(desk: Desk, serve: Serve, field: str, link: str) -> None:
    def other(server: VideoServer, asked: Asked) -> Answer:
        return Answer(b"Forbidden", 403, {"Content-Type": "text/plain"})

    done(desk, serve(create=with_job(**{field: link}), other=other))


def test_a_link_that_has_run_out_is_renewed(desk: Desk, serve: Serve) -> None:
    def show(server: VideoServer, asked: Asked) -> Answer:
        return Answer({**next(iter(server.jobs.values())), "url": "/files/new.mp4"})

    server = serve(
        create=with_job(url="/files/old.mp4"), show=show, other=film_at("/files/new.mp4"), content=no_content
    )
    done(desk, server)


@pytest.mark.parametrize("label", ["aws-chunked", "", "gzip", "br", "identity, aws-chunked"])
def test_a_label_does_not_make_a_film_anything_else(desk: Desk, serve: Serve, label: str) -> None:
    def content(server: VideoServer, asked: Asked) -> Answer:
        return Answer(server.clip, headers={"Content-Type": "video/mp4", "Content-Encoding": label})

    done(desk, serve(content=content))


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_film_that_came_packed_is_unpacked(desk: Desk, serve: Serve, labelled: bool, layers: int) -> None:
    def content(server: VideoServer, asked: Asked) -> Answer:
        body = server.clip
        for _ in range(layers):
            body = gzip.compress(body, 1)
        return Answer(body, headers={"Content-Encoding": ", ".join(["gzip"] * layers)} if labelled else {})

    server = serve(content=content)
    done(desk, server)
    (job,) = desk.jobs()
    with open(job["video"], "rb") as file:
        assert file.read() == server.clip


def test_what_unpacks_to_more_than_is_allowed_is_refused(desk: Desk, serve: Serve) -> None:
    bomb = gzip.compress(bytes(60_000_000))

    def content(server: VideoServer, asked: Asked) -> Answer:
        return Answer(bomb, headers={"Content-Encoding": "gzip"})

    server = serve(content=content)
    workflow = desk.workflow(server.origin, rest="[limits]\nlargest_download = 5\n")
    ended = desk.reelwork("run", workflow, "--yes")
    assert ended.code == 1
    assert "larger than the 5 MB allowed" in ended.text
    assert not list(desk.folder.rglob("*.unpacked"))


@pytest.mark.parametrize("ranged", ["bytes 0-{last}/{size}", "bytes 0-{last}/*", ""])
def test_a_part_that_is_the_whole_is_the_whole(desk: Desk, serve: Serve, ranged: str) -> None:
    def content(server: VideoServer, asked: Asked) -> Answer:
        size = len(server.clip)
        headers = {"Content-Range": ranged.format(last=size - 1, size=size)} if ranged else {}
        return Answer(server.clip, 206, headers)

    done(desk, serve(content=content))


def test_only_minutes_of_not_being_there_are_believed(desk: Desk, serve: Serve) -> None:
    server = serve(content=no_content, create=with_job(status="completed", failure_reason="the disk was full"))
    workflow = desk.workflow(server.origin, provider="gone_after = 4")
    ended = desk.reelwork("run", workflow, "--yes")
    assert ended.code == 1
    assert "is no longer available" in ended.text
    assert "the disk was full" in ended.text
    assert contents(server) >= 3
    assert server.creates == 1


def test_a_render_that_stays_unknown_is_held_with_its_money(desk: Desk, serve: Serve) -> None:
    server = serve(create=with_job(status="queued"), show=no_content)
    ended = desk.reelwork("run", desk.workflow(server.origin, provider="gone_after = 2"), "--yes")
    assert ended.code == 3, ended.text
    assert "no longer knows the render" in ended.text
    assert desk.reelwork("spend", "--json").json["total"]["reserved"] == "0.4"
    server.instead["show"] = lambda server, asked: Answer(
        {**next(iter(server.jobs.values())), "status": "completed"}
    )
    assert desk.reelwork("resume").code == 0
    assert server.creates == 1


@pytest.mark.parametrize("head", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n", b"RIFF\x00\x00\x01\x00WEBP"])
def test_a_link_to_a_picture_is_no_way_to_the_video(desk: Desk, serve: Serve, head: bytes) -> None:
    def other(server: VideoServer, asked: Asked) -> Answer:
        return Answer(head + bytes(5000), headers={"Content-Type": "video/mp4"})

    done(desk, serve(create=with_job(url="/cover"), other=other))


@pytest.mark.parametrize("signed", [True, False])
def test_a_film_that_was_stored_with_its_frames_is_taken_out_of_them(
    desk: Desk, serve: Serve, signed: bool
) -> None:
    def content(server: VideoServer, asked: Asked) -> Answer:
        body, size = b"", 65536
        for at in range(0, len(server.clip) + size, size):
            piece = server.clip[at : at + size]
            body += b"%x%s\r\n" % (len(piece), b";chunk-signature=" + b"0" * 64 if signed else b"")
            body += piece + b"\r\n"
        return Answer(body, headers={"Content-Encoding": "aws-chunked"})

    server = serve(content=content)
    done(desk, server)
    (job,) = desk.jobs()
    with open(job["video"], "rb") as file:
        assert file.read() == server.clip
