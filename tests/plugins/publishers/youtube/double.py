"""YouTube as its documentation and discovery document describe it, on 127.0.0.1: uploads, lists, processing."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

QUARTER = 256 * 1024
TOKEN = "ya29.of-the-test"
CHANNEL = "UCabcdefghijklmnopqrstuv"
Refusal = tuple[int, str]


@dataclass
class Upload:
    """A session: what it was begun with, and the bytes so far."""

    resource: dict[str, Any]
    total: int
    media_type: str
    content: bytearray = field(default_factory=bytearray)
    video: str = ""
    """The id of the video it made."""


@dataclass
class Double:
    """The service. `refusals` holds, for a place, the answers it gives before all goes well."""

    url: str = ""
    sessions: dict[str, Upload] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)
    """Places where the next answer is lost, once each."""
    once_made: dict[str, list[Refusal]] = field(default_factory=dict)
    """What is refused from the moment on in which a video was made."""
    forgets: bool = False
    """Sessions that have made their video are not known any more."""
    audited: bool = True
    processed_at_once: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, upload: Upload) -> dict[str, Any]:
        """Make the video of an upload, once."""
        if not upload.video:
            self.refusals |= self.once_made
            upload.video = f"vid{len(self.videos) + 1:08d}"
            status = {
                **upload.resource["status"],
                "uploadStatus": "processed" if self.processed_at_once else "uploaded",
            }
            if not self.audited:
                status["privacyStatus"] = "private"
            self.videos[upload.video] = {
                "kind": "youtube#video",
                "id": upload.video,
                "snippet": {**upload.resource["snippet"], "publishedAt": "2026-11-29T06:00:00Z"},
                "status": status,
                "bytes": bytes(upload.content),
            }
        return self.shown(upload.video)

    def shown(self, video: str) -> dict[str, Any]:
        """Return a video as the API shows it."""
        return {name: value for name, value in self.videos[video].items() if name != "bytes"}

    def process(self, outcome: str = "processed", **status: Any) -> None:
        """End the processing of all videos."""
        for video in self.videos.values():
            video["status"] |= {"uploadStatus": outcome, **status}


class _Server(ThreadingHTTPServer):
    double: Double
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        double = cast(_Server, self.server).double
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        place = self._place(parts.path, query)
        with double.lock:
            double.asked.append(place)
            refused = double.refusals.get(place)
            if refused:
                self._refuse(*refused.pop(0))
                return
            if place not in ("send", "ask") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._refuse(401, "authError")
                return
            answer = getattr(self, f"_{place}")(double, query, body)
            if place in double.drop:
                double.drop.remove(place)
                self.close_connection = True
                return
        self._answer(*answer)

    def _place(self, path: str, query: Mapping[str, str]) -> str:
        if path == "/upload/youtube/v3/videos":
            if "upload_id" not in query:
                return "begin"
            return "ask" if self.headers["Content-Range"].startswith("bytes */") else "send"
        return {
            "/upload/youtube/v3/thumbnails/set": "thumbnail",
            "/youtube/v3/videos": "videos",
            "/youtube/v3/channels": "channels",
            "/youtube/v3/playlistItems": "items",
        }[path]

    def _begin(self, double: Double, query: Mapping[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        assert query["uploadType"] == "resumable"
        resource = json.loads(body)
        assert set(query["part"].split(",")) == set(resource)
        id_ = f"session{len(double.sessions) + 1}"
        total = int(self.headers["X-Upload-Content-Length"])
        double.sessions[id_] = Upload(resource, total, self.headers["X-Upload-Content-Type"])
        host = self.headers["Host"]
        return (
            200,
            None,
            {"Location": f"http://{host}/upload/youtube/v3/videos?uploadType=resumable&upload_id={id_}"},
        )

    def _ask(self, double: Double, query: Mapping[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        upload = double.sessions.get(query["upload_id"])
        if upload is None or (double.forgets and upload.video):
            return 404, None, {}
        return (200, double.shown(upload.video), {}) if upload.video else self._more(upload)

    def _send(self, double: Double, query: Mapping[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        upload = double.sessions.get(query["upload_id"])
        if upload is None or (double.forgets and upload.video):
            return 404, None, {}
        if upload.video:
            return 200, double.shown(upload.video), {}
        given = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", self.headers["Content-Range"])
        assert given is not None
        start, end, total = map(int, given.groups())
        assert total == upload.total
        assert end - start + 1 == len(body)
        assert end + 1 == total or len(body) % QUARTER == 0, "pieces are multiples of 256 KiB"
        if start <= len(upload.content):
            upload.content[start:] = body
        return (200, double.make(upload), {}) if len(upload.content) == total else self._more(upload)

    def _more(self, upload: Upload) -> tuple[int, Any, dict[str, str]]:
        return 308, None, {"Range": f"bytes=0-{len(upload.content) - 1}"} if upload.content else {}

    def _thumbnail(self, double: Double, query: Mapping[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        double.thumbnails[query["videoId"]] = body
        return 200, {"items": [{}]}, {}

    def _videos(self, double: Double, query: Mapping[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        items = [double.shown(query["id"])] if query["id"] in double.videos else []
        return 200, {"items": items}, {}

    def _channels(self, double: Double, query: Mapping[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        channel = {"id": CHANNEL, "contentDetails": {"relatedPlaylists": {"uploads": "UU1"}}}
        return 200, {"items": [{**channel, "snippet": {"title": "Test"}}]}, {}

    def _items(self, double: Double, query: Mapping[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        newest = list(reversed(double.videos.values()))
        start, size = int(query.get("pageToken", 0)), int(query["maxResults"])
        items = [
            {"snippet": video["snippet"], "contentDetails": {"videoId": video["id"]}}
            for video in newest[start : start + size]
        ]
        more = {"nextPageToken": str(start + size)} if start + size < len(newest) else {}
        return 200, {"items": items, "pageInfo": {"totalResults": len(newest)}, **more}, {}

    def _refuse(self, status: int, reason: str) -> None:
        error = {"code": status, "message": f"refused: {reason}", "errors": [{"reason": reason}]}
        self._answer(status, {"error": error} if reason else None, {})

    def _answer(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 (the server's own names)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Log nothing."""


@contextmanager
def running(begin: Callable[[], Double] = Double) -> Iterator[Double]:
    """Serve one for a while."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.double = double = begin()
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
