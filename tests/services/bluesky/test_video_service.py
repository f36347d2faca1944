"""`bluesky` by way of a video service, which acts for the account with a token of the real server's."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from reelwork_hooks import Effect, OutOfFunds, Rejected

UPLOAD = "com.atproto.repo.uploadBlob"


class VideoServer:
    """A video service: takes a video, and puts it into the account with the token it was given.

    The real one encodes it first; what it says and takes is otherwise that of `app.bsky.video`.
    """

    def __init__(self, pds: Any) -> None:
        self.pds, self.can_upload, self.fails = pds, True, False
        self.jobs: dict[str, Any] = {}
        self.looks: dict[str, int] = {}
        self.names: list[str] = []
        handler = type("Handler", (_VideoHandler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.did = f"did:web:{quote(urlsplit(self.url).netloc, safe='.')}"

    def store(self, content: bytes, token: str) -> Any:
        """Upload the video to the account's server in the account's name."""
        connection = http.client.HTTPConnection(urlsplit(self.pds.url).netloc, timeout=30)
        headers = {"Authorization": token, "Content-Type": "video/mp4"}
        try:
            connection.request("POST", "/xrpc/com.atproto.repo.uploadBlob", content, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            assert answer.status == 200, said
            return said["blob"]
        finally:
            connection.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _VideoHandler(BaseHTTPRequestHandler):
    service: VideoServer

    def do_GET(self) -> None:
        service, path = self.service, urlsplit(self.path)
        if path.path.endswith("getUploadLimits"):
            claims = _claims(self.headers["Authorization"])
            assert (claims["aud"], claims["lxm"]) == (service.did, "app.bsky.video.getUploadLimits")
            said: Any = {"canUpload": service.can_upload, "remainingDailyVideos": 9, "remainingDailyBytes": 10**9}
            self._write(200, said if service.can_upload else {**said, "message": "You have reached your limit."})
            return
        number = path.query.removeprefix("jobId=")
        service.looks[number] = service.looks.get(number, 0) + 1
        state = {"jobId": number, "did": "did:plc:x", "state": "JOB_STATE_ENCODING", "progress": 50}
        if service.fails:
            state |= {"state": "JOB_STATE_FAILED", "error": "TranscodeError", "message": "Unsupported codec."}
        elif service.looks[number] > 1:
            state |= {"state": "JOB_STATE_COMPLETED", "blob": service.jobs[number]}
        self._write(200, {"jobStatus": state})

    def do_POST(self) -> None:
        service = self.service
        content = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.partition("name=")[2]
        service.names.append(name)
        if name in service.jobs:
            done = {"jobId": name, "state": "JOB_STATE_COMPLETED", "error": "already_exists"}
            self._write(409, done)
            return
        service.jobs[name] = service.store(content, self.headers["Authorization"])
        self._write(200, {"jobId": name, "did": "did:plc:x", "state": "JOB_STATE_CREATED"})

    def _write(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


def _claims(authorization: str) -> Any:
    payload = authorization.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture
def video_server(pds: Any) -> Iterator[VideoServer]:
    running = VideoServer(pds)
    yield running
    running.close()


async def posted(plugin: Any, post: Any, job: Any, key: str = "key") -> Any:
    prepared = await plugin.prepare_publish(post, job)
    return await plugin.publish(
        post, job, Effect(key=key, prepared=prepared, started_at=job.created_at.timestamp())
    )


def test_by_way_of_a_video_service(
    bench: Any, pds: Any, person: Any, post: Any, job: Any, video_server: Any, proxy: Any
) -> None:
    settings = {"video_service": video_server.url}
    bench.run(lambda plugin: posted(plugin, post, job), **settings)
    [kept] = pds.posts(person)
    assert pds.video_of(person, kept) == post.clip.video.path.read_bytes()
    assert video_server.names == [f"{post.clip.video.sha256}.mp4"]
    assert proxy.count(UPLOAD) == 0
    # It knows the video again, and says so with 409.
    bench.run(lambda plugin: posted(plugin, post, job, key="second"), **settings)
    assert len(pds.posts(person)) == 2
    assert len(video_server.jobs) == 1


def test_what_a_video_service_refuses(
    bench: Any, pds: Any, person: Any, post: Any, job: Any, video_server: Any
) -> None:
    video_server.can_upload = False
    with pytest.raises(OutOfFunds, match="You have reached your limit"):
        bench.run(lambda plugin: plugin.prepare_publish(post, job), video_service=video_server.url)
    assert video_server.names == []
    video_server.can_upload, video_server.fails = True, True
    with pytest.raises(Rejected, match=r"could not encode the video: Unsupported codec\."):
        bench.run(lambda plugin: plugin.prepare_publish(post, job), video_service=video_server.url)
    assert pds.posts(person) == []
