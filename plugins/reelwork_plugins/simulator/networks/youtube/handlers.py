"""The work of each of YouTube's routes when nothing goes wrong."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.networks.films import look_at
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.sign_in import Rules, SignIn, bearer
from reelwork_plugins.simulator.networks.youtube import channel as rules
from reelwork_plugins.simulator.networks.youtube.captions import captions_of
from reelwork_plugins.simulator.networks.youtube.channel import Channels, Fate, Session, Video
from reelwork_plugins.simulator.networks.youtube.resource import checked, parts_of
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "youtube"
_AUTH = "https://www.googleapis.com/auth"
SCOPES = frozenset(
    f"{_AUTH}/youtube{part}" for part in ("", ".upload", ".readonly", ".force-ssl")
)  # fmt: skip
_UPLOAD = (f"{_AUTH}/youtube.upload", f"{_AUTH}/youtube", f"{_AUTH}/youtube.force-ssl")
_READ = (f"{_AUTH}/youtube.readonly", f"{_AUTH}/youtube", f"{_AUTH}/youtube.force-ssl")
_CHANGE = (f"{_AUTH}/youtube", f"{_AUTH}/youtube.force-ssl")
_CAPTION = (f"{_AUTH}/youtube.force-ssl",)
TOKEN_SECONDS = 3600.0
LARGEST_PICTURE = 52_428_800
LONGEST_PAGE = 50
_PLACE = "/upload/youtube/v3/videos"
Work = Callable[[Simulation, Request, Form], Awaitable[Reply]]


class Youtube:
    """The simulated YouTube: its channels and its sign-in."""

    def __init__(self, sim: Simulation) -> None:
        self.channels = Channels()
        self.sign_in = SignIn(
            Rules(NAME, "Simulated YouTube", SCOPES, registers=False, seconds=TOKEN_SECONDS)
        )  # fmt: skip

    def posts(self) -> list[dict[str, Any]]:
        """Return every video, oldest first."""
        return [self._shown(one).as_json() for one in self.channels.videos.values()]

    def handler(self, work: Work) -> Handler:
        """Return a handler for a route."""

        async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
            if "larger" in form.problem:
                raise Refused(413, form.problem, code="uploadTooLarge")
            return await work(sim, request, form)

        return handle

    def _who(self, sim: Simulation, request: Request, scopes: tuple[str, ...]) -> str:
        """Return the account that asks. Raises `Refused`."""
        token = bearer(sim, request, NAME, SCOPES)
        if token is None:
            message = "Request had invalid authentication credentials."
            raise Refused(401, message, code="authError", headers={"WWW-Authenticate": "Bearer"})
        if not any(scope in token.scopes for scope in scopes):
            message = "Request had insufficient authentication scopes."
            raise Refused(403, message, code="insufficientPermissions")
        return token.account

    async def begin(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /upload/youtube/v3/videos: begin a resumable upload."""
        account = self._who(sim, request, _UPLOAD)
        if request.query_params.get("uploadType") != "resumable":
            raise Refused(400, "The simulator takes uploadType=resumable only.", code="badRequest")
        parts = parts_of(request.query_params.get("part", ""))
        if form.kind != "json" or form.problem:
            raise Refused(400, f"Parse Error: {form.problem or 'give JSON'}", code="parseError")
        kind = request.headers.get("x-upload-content-type", "application/octet-stream")
        if not kind.startswith("video/") and kind != "application/octet-stream":
            message = (
                f"Media type '{kind}' is not supported. Valid media types: [video/*, application/octet-stream]"
            )
            raise Refused(400, message, code="badContent")
        resource = checked(form.fields, parts)
        length = request.headers.get("x-upload-content-length", "")
        total = int(length[:15]) if length.isascii() and length.isdecimal() else None
        made = self.channels.begin(
            account, resource, parts, total, sim.folder, limited=sim.settings.rate_limits
        )  # fmt: skip
        there = f"{_here(request)}{_PLACE}?uploadType=resumable&part={','.join(parts)}&upload_id={made.id}"
        return Reply(raw=Response(status_code=200, headers={"Location": there}), job_id=made.id)

    async def send(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """PUT a piece of an upload, or ask how far it is. The last piece makes the video."""
        # The address is the proof: a token is not needed, but one that has ended is refused.
        if "authorization" in request.headers:
            self._who(sim, request, _UPLOAD)
        session = self.channels.session(request.query_params.get("upload_id", ""))
        if not session.video:
            span = request.headers.get("content-range")
            whole = self.channels.receive(session, span, form.content, cut=form.cut)
            if not whole:
                return Reply(raw=_more(session))
        return await self._made(sim, session)

    async def _made(self, sim: Simulation, session: Session) -> Reply:
        film = None
        if not session.video:
            with suppress(ValueError):
                film = await asyncio.to_thread(look_at, session.path)
        fate = _fate(sim, is_film=film is not None) if not session.video else Fate(0)
        video = self.channels.make(session, fate, film)
        return Reply(rules.video_json(video, session.parts, time.time()), job_id=video.id, alter=_without_id)

    async def list_videos(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /youtube/v3/videos?id=."""
        account = self._who(sim, request, _READ)
        parts, now = parts_of(request.query_params.get("part", "")), time.time()
        wanted = request.query_params.get("id", "").split(",")
        found = [one for id_ in wanted if (one := self.channels.videos.get(id_)) is not None]
        shown = [
            rules.video_json(one, parts, now)
            for one in found
            if one.account == account or one.status(now)["privacyStatus"] != "private"
        ]
        return Reply(_list("videoListResponse", shown), alter=_fewer)

    async def delete_video(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """DELETE /youtube/v3/videos?id=."""
        self.channels.delete(request.query_params.get("id", ""), self._who(sim, request, _CHANGE))
        return Reply(raw=Response(status_code=204))

    async def list_channels(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /youtube/v3/channels?mine=true."""
        account = self._who(sim, request, _READ)
        parts_of(request.query_params.get("part", ""))
        if request.query_params.get("mine") != "true":
            raise Refused(400, "The simulator shows mine=true only.", code="badRequest", param="mine")
        details = {"relatedPlaylists": {"likes": "", "uploads": rules.uploads_of(account)}}
        channel = {
            "kind": "youtube#channel", "id": rules.channel_id(account), "snippet": {"title": account},
            "contentDetails": details,
        }  # fmt: skip
        return Reply(_list("channelListResponse", [channel]), alter=_fewer)

    async def list_items(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /youtube/v3/playlistItems: the uploads, newest first."""
        account, query = self._who(sim, request, _READ), request.query_params
        parts_of(query.get("part", ""))
        if query.get("playlistId") != rules.uploads_of(account):
            message = "The playlist identified with the request's playlistId parameter cannot be found."
            raise Refused(404, message, code="playlistNotFound", param="playlistId")
        size, start = _count(query.get("maxResults"), 5), _count(query.get("pageToken"), 0, most=10**6)
        found = self.channels.of(account)
        items = [_item(one, place) for place, one in enumerate(found[start : start + size], start)]
        body = _list("playlistItemListResponse", items) | {
            "pageInfo": {"totalResults": len(found), "resultsPerPage": size}
        }
        more = {"nextPageToken": str(start + size)} if start + size < len(found) else {}
        return Reply({**body, **more}, alter=_fewer)

    async def set_thumbnail(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /upload/youtube/v3/thumbnails/set?videoId=."""
        account, kind = self._who(sim, request, _UPLOAD), request.headers.get("content-type", "")
        if kind not in ("image/jpeg", "image/png", "application/octet-stream") or not form.content:
            raise Refused(400, "The provided image content is invalid.", code="invalidImage")
        if len(form.content) > LARGEST_PICTURE:
            raise Refused(413, "Media larger than allowed.", code="uploadTooLarge")
        id_ = request.query_params.get("videoId", "")
        self.channels.dress(id_, account, (kind, form.content))
        here = f"{_here(request)}/vi/{id_}"
        return Reply({"kind": "youtube#thumbnailSetResponse", "items": [{"default": {"url": here}}]})

    async def add_captions(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /upload/youtube/v3/captions: a resource and a file in one body."""
        account = self._who(sim, request, _CAPTION)
        parts_of(request.query_params.get("part", ""))
        if request.query_params.get("uploadType") != "multipart":
            raise Refused(400, "The simulator takes uploadType=multipart only.", code="badRequest")
        snippet, content = captions_of(form.content, request.headers.get("content-type", ""))
        key = f"{snippet['language']} {snippet['name']}".strip()
        self.channels.caption(snippet["videoId"], account, key, content)
        at = rules.time_text(time.time())
        told = {**snippet, "trackKind": "standard", "status": "serving", "lastUpdated": at}
        return Reply({"kind": "youtube#caption", "id": secrets.token_urlsafe(16), "snippet": told})

    async def file(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the bytes of a video, or its still picture."""
        video = self.channels.videos.get(request.path_params["id"])
        if video is None or (request.url.path.startswith("/vi/") and video.thumbnail is None):
            raise Refused(404, "Not Found", code="notFound")
        if request.url.path.startswith("/vi/") and video.thumbnail is not None:
            return Reply(raw=Response(video.thumbnail[1], media_type=video.thumbnail[0]))
        return Reply(file=FileResponse(video.path, media_type="video/mp4"))

    async def page(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the page of all videos, or of one."""
        wanted = request.query_params.get("v")
        found = [one for one in reversed(self.channels.videos.values()) if wanted in (None, one.id)]
        if wanted is not None and not found:
            raise Refused(404, "Not Found", code="notFound")
        page = posts_page("Simulated YouTube", map(self._shown, found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, video: Video) -> Shown:
        status = video.status(time.time())
        facts = {
            "title": video.snippet["title"], "privacy": status["privacyStatus"],
            "made with AI": status.get("containsSyntheticMedia", False), "state": status["uploadStatus"],
            "publish at": status.get("publishAt"), "tags": ", ".join(video.snippet.get("tags", ())),
            "bytes": video.size, "thumbnail": "its own" if video.thumbnail else None,
            "captions": ", ".join(video.captions),
        }  # fmt: skip
        text = f"{video.snippet['title']}\n\n{video.snippet['description']}".rstrip()
        told = {name: value for name, value in facts.items() if value not in (None, "")}
        at = rules.time_text(video.at)
        return Shown(video.id, video.account, at, text, told, f"/media/{video.id}", f"/watch?v={video.id}")


def operation(request: Request) -> str:
    """Return what a request to a session is: a question, a piece, or the one that makes the video."""
    span = request.headers.get("content-range", "").strip()
    if span.startswith("bytes */"):
        return "ask"
    where, _, total = span.removeprefix("bytes ").partition("/")
    end = where.rpartition("-")[2]
    is_last = not span or (end.isdecimal() and total.isdecimal() and int(end[:15]) + 1 == int(total[:15]))
    return "publish" if is_last else "upload"


def _fate(sim: Simulation, *, is_film: bool) -> Fate:
    fault = sim.switchboard.pick("video")
    kind = fault.kind if fault else ""
    seconds = sim.settings.render_seconds
    if fault is not None and kind in ("slow", "stuck"):
        seconds = fault.seconds if kind == "slow" else math.inf
    failure = fault.value if fault is not None and kind == "fail" else "" if is_film else "invalidFile"
    rejection = fault.value if fault is not None and kind == "reject" else ""
    return Fate(seconds, failure, rejection, locked=kind == "locked")


def _more(session: Session) -> Response:
    known = {"Range": f"bytes=0-{session.received - 1}"} if session.received else {}
    return Response(status_code=308, headers=known)


def _item(video: Video, place: int) -> dict[str, Any]:
    published = rules.time_text(video.at)
    snippet = {
        "publishedAt": published, "channelId": rules.channel_id(video.account), "position": place,
        "title": video.snippet["title"], "description": video.snippet["description"],
        "playlistId": rules.uploads_of(video.account), "resourceId": {"kind": "youtube#video", "videoId": video.id},
    }  # fmt: skip
    details = {"videoId": video.id, "videoPublishedAt": published}
    return {"kind": "youtube#playlistItem", "id": f"UU.{video.id}", "snippet": snippet, "contentDetails": details}


def _list(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    info = {"totalResults": len(items), "resultsPerPage": len(items)}
    return {"kind": f"youtube#{kind}", "items": items, "pageInfo": info}


def _count(text: str | None, default: int, *, most: int = LONGEST_PAGE) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or int(text[:9]) > most:
        raise Refused(400, f"Invalid value '{text[:50]}'.", code="invalidParameter")
    return int(text)


def _here(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _without_id(fault: Fault, payload: Any) -> Any:
    return {name: value for name, value in payload.items() if name != "id"} if fault.kind == "no-id" else payload


def _fewer(fault: Fault, payload: Any) -> Any:
    items, since = payload["items"], time.time() - fault.seconds if fault.kind == "late" else 0.0
    if fault.kind == "empty":
        items = []
    elif fault.kind == "late":
        items = [one for one in items if _published(one) <= since]
    return {**payload, "items": items, "pageInfo": {"totalResults": len(items), "resultsPerPage": len(items)}}


def _published(item: dict[str, Any]) -> float:
    at = item.get("snippet", {}).get("publishedAt")
    return datetime.fromisoformat(at).timestamp() if at else 0.0
