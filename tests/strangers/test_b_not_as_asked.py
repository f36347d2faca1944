"""What was paid for is kept and shown, also when it is not what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

from reelwork.testing.clips import write_video

Serve = Callable[..., VideoServer]


def serving(content: bytes) -> Callable[[VideoServer, Asked], Answer]:
    return lambda server, asked: Answer(content, headers={"Content-Type": "video/mp4"})


@pytest.mark.parametrize(
    ("made", "both"),
    [
        ({"seconds": 8.0}, ("8.0 s", "4 s were asked")),
        ({"width": 128, "height": 72}, ("128x72", "1280x720 was asked")),
    ],
)
def test_a_video_that_is_not_what_was_asked_is_held_before_it_is_published(
    desk: Desk, serve: Serve, tmp_path: Path, made: dict[str, Any], both: tuple[str, str]
) -> None:
    shape: dict[str, Any] = {"seconds": 4.0, "width": 1280, "height": 720, "fps": 10, **made}
    server = serve(content=serving(write_video(tmp_path / "other.mp4", **shape).read_bytes()))
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes")
    assert ended.code == 3, ended.text
    assert all(value in ended.text for value in both)
    assert sum(asked.path.endswith("/content") for asked in server.requests) == 1
    (job,) = desk.jobs()
    assert Path(job["video"]).is_file()
    assert job["receipts"] == {}
    assert desk.reelwork("resume").code == 3
    (question,) = desk.reelwork("jobs", "resolve", job["id"], "--json").json["questions"]
    assert all(value in question["reason"] for value in both)
    approved = desk.reelwork("jobs", "resolve", job["id"], "--approve")
    assert approved.code == 0, approved.text
    assert [one["status"] for one in desk.jobs()] == ["done"]
    assert server.creates == 1


@pytest.fixture
def webm(tmp_path: Path) -> bytes:
    path = tmp_path / "film.webm"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libvpx-vp9", rate=4, options={"deadline": "realtime", "cpu-used": "8"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(16):
            frame = av.VideoFrame(1280, 720, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 8]) * plane.buffer_size)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path.read_bytes()


def test_the_kind_of_a_file_comes_from_its_bytes(desk: Desk, serve: Serve, webm: bytes) -> None:
    server = serve(content=serving(webm))
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes")
    assert ended.code == 0, ended.text
    (job,) = desk.jobs()
    assert job["video"].endswith(".webm")
    assert Path(job["video"]).read_bytes() == webm
    shown = desk.reelwork("jobs", "show", job["id"], "--json").text
    assert "video/webm" in shown
    named = [path for path in desk.folder.rglob("out/**/*") if path.is_file() and path.read_bytes() == webm]
    assert named
    assert all(path.suffix == ".webm" for path in named)


def test_two_jobs_with_the_same_film_both_have_it(desk: Desk, serve: Serve) -> None:
    server = serve()
    desk.write("rows.csv", "id,prompt\na,A red fox in the snow\nb,A grey wolf in the rain\n")
    ended = desk.reelwork("run", "rows.csv", "--workflow", desk.workflow(server.origin), "--yes")
    assert ended.code == 0, ended.text
    assert all(Path(job["video"]).is_file() and job["status"] == "done" for job in desk.jobs())
    assert len(desk.jobs()) == 2
