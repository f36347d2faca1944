"""Facebook as it is played: pages, reels and plain videos."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.networks.facebook import rules
from reelwork_plugins.simulator.networks.facebook.store import SECOND_PAGE, Pages, Video, page_id
from reelwork_plugins.simulator.networks.films import look_at
from reelwork_plugins.simulator.networks.meta.asking import asked_fields, here, unchanged, whole_number
from reelwork_plugins.simulator.networks.meta.sign_in import Grants, Tokens
from reelwork_plugins.simulator.networks.meta.store import DAY, missing, time_text
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.tokens import Token
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "facebook"
READ, POST = "pages_read_engagement", "pages_manage_posts"
SCOPES = frozenset({"pages_show_list", READ, POST, "business_management"})
LONGEST_PAGE = 100
PIECE = 4 << 20
"""The bytes of a plain video that are asked for at once."""
_OPERATIONS = {"start": "begin", "transfer": "upload", "finish": "publish"}


def operation(request: Request) -> str:
    """Return the step of an upload that a request is."""
    return _OPERATIONS.get(str(_given(request, request.state.form).get("upload_phase")), "begin")


class Facebook:
    """The simulated Facebook."""

    title = "Simulated Facebook"

    def __init__(self, sim: Simulation) -> None:
        self.pages = Pages()
        self.tokens = Tokens(NAME, self.title, SCOPES, Grants("fb_exchange_token", ""), wrapped=False)
        self.any_reel = False
        """True where a reel may have any shape and length."""
        self.piece = PIECE

    def posts(self) -> list[dict[str, Any]]:
        """Return every post, oldest first."""
        # Also what is worked on or on the schedule: it was accepted.
        return [self._shown(id_, one).as_json() for id_, one in self.pages.published.items() if not one.failure]

    def _page(self, sim: Simulation, request: Request, scope: str) -> str:
        """Return the page that asks, by its own token. Raises `Refused`."""
        token = self.tokens.who(sim, request, scope)
        if request.path_params.get("page", "me") not in (page_id(token.account), "me"):
            raise missing(request.path_params["page"])
        # A person's token ends, a page's does not.
        if token.ends is not None:
            raise Refused(400, "(#210) A page access token is required to request this resource.", code="210")
        return token.account

    async def accounts(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /me/accounts: the page of whoever asks, or two of them."""
        token = self.tokens.who(sim, request, "pages_show_list")
        second = [f"{token.account}{SECOND_PAGE}"] if sim.switchboard.pick("pages") else []
        names = (token.account, *second)
        return Reply({"data": [self._page_json(name, token) for name in names]})

    def _page_json(self, name: str, token: Token) -> dict[str, Any]:
        tasks = ["ANALYZE", "ADVERTISE", "MODERATE", "CREATE_CONTENT", "MANAGE"]
        own = self.tokens.page_token(token, name)
        return {"id": page_id(name), "name": f"The page of {name}", "access_token": own, "tasks": tasks}

    async def me(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /me: the page whose token it is."""
        name = self._page(sim, request, READ)
        return Reply({"id": page_id(name), "name": f"The page of {name}"}, alter=unchanged)

    async def reels(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /{page}/video_reels: a step of a reel."""
        page, given = self._page(sim, request, POST), _given(request, form)
        rules.check_known("reel", given)
        match given.get("upload_phase"):
            case "start":
                made = self.pages.begin(page, "reel", sim.folder, None)
                place = f"{here(request)}/video-upload/v26.0/{made.id}"
                return Reply({"video_id": made.id, "upload_url": place}, job_id=made.id, alter=unchanged)
            case "finish":
                video = self.pages.owned(str(given.get("video_id", "")), page)
                return self._finished(sim, video, given)
        raise Refused(400, "(#100) upload_phase must be start or finish", code="100")

    async def videos(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /{page}/videos: a step of a plain video."""
        page, given = self._page(sim, request, POST), _given(request, form)
        rules.check_known("video", {**given, **form.files})
        if given.get("upload_phase") == "start":
            size = whole_number(str(given.get("file_size", "")))
            if not size:
                raise Refused(400, "(#100) The parameter file_size is required", code="100")
            made = self.pages.begin(page, "video", sim.folder, size)
            handles = {"video_id": made.id, "upload_session_id": made.session, **self._wanted(made)}
            return Reply(handles, job_id=made.id, alter=unchanged)
        video = self.pages.of_session(str(given.get("upload_session_id", "")), page)
        match given.get("upload_phase"):
            case "transfer":
                return await self._transferred(sim, video, given, form)
            case "finish":
                return self._finished(sim, video, given)
        raise Refused(400, "(#100) upload_phase must be start, transfer or finish", code="100")

    def _wanted(self, video: Video) -> dict[str, str]:
        assert video.size is not None
        return {
            "start_offset": str(video.received),
            "end_offset": str(min(video.received + self.piece, video.size)),
        }

    async def _transferred(self, sim: Simulation, video: Video, given: Mapping[str, Any], form: Form) -> Reply:
        chunk = form.files.get("video_file_chunk")
        wanted = self._wanted(video)
        if chunk is None or form.problem:
            raise Refused(400, "(#100) The parameter video_file_chunk is required", code="100")
        if str(given.get("start_offset")) != wanted["start_offset"]:
            words = "There was a problem uploading your video file. Please try again."
            raise Refused(400, words, code="6001.1363037", data=wanted)
        if len(chunk.content) > int(wanted["end_offset"]) - int(wanted["start_offset"]):
            raise Refused(400, "(#100) The piece is larger than what was asked for", code="100")
        with video.path.open("ab") as file:
            file.write(chunk.content)
        await self._look(video)
        return Reply(self._wanted(video), job_id=video.id, alter=unchanged)

    async def upload(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST the bytes of a reel, all of them or the rest."""
        video = self.pages.owned(request.path_params["id"], self._page(sim, request, POST))
        offset, size = (whole_number(request.headers.get(name)) for name in ("offset", "file_size"))
        there = video.received
        if offset is None or size is None or offset != there or offset + len(form.content) > size:
            raise Refused(400, f"The offset or the file_size does not fit: {there} bytes are here.", code="100")
        with video.path.open("ab") as file:
            file.write(form.content)
        await self._look(self.pages.change(video.id, size=size))
        return Reply({"success": True}, job_id=video.id, alter=unchanged)

    async def _look(self, video: Video) -> None:
        if not video.is_whole:
            return
        try:
            self.pages.change(video.id, film=await asyncio.to_thread(look_at, video.path))
        except ValueError:
            self.pages.change(video.id, unreadable=True)

    def _finished(self, sim: Simulation, video: Video, given: Mapping[str, Any]) -> Reply:
        due = rules.checked_finish(video.kind, given)
        if not video.is_whole or video.unreadable or time.time() > video.at + DAY:
            raise Refused(400, "(#100) The video has not been uploaded", code="100")
        if video.kind == "reel" and not self.any_reel:
            rules.check_reel(video.film)
        form = {name: str(value) for name, value in given.items() if name != "access_token"}
        limited = sim.settings.rate_limits
        self.pages.finish(video, form, due=due, fate=_fate(sim), limited=limited)
        return Reply({"success": True}, job_id=video.id, alter=_without_success)

    async def node(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /{id}: a video."""
        page, id_ = self._page(sim, request, READ), request.path_params["id"]
        video = self.pages.owned(id_, page)
        asked = asked_fields(request, rules.VIDEO_FIELDS)
        if "is_ai_generated" in asked and sim.switchboard.pick("label"):
            raise Refused(400, "(#100) Tried accessing nonexisting field (is_ai_generated)", code="100")
        fault = sim.switchboard.pick("container") if "status" in asked else None
        if fault is not None and fault.kind == "forgotten":
            raise missing(id_)
        if fault is not None and fault.kind == "stale":
            video = _as_draft(video)
        # What is published stays so, however old it is.
        if fault is not None and fault.kind == "expired" and video.finished_at is None:
            video = self.pages.change(id_, at=time.time() - DAY - 1)
        return Reply(rules.video_json(id_, video, asked), alter=unchanged)

    async def list_reels(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /{page}/video_reels: the reels, newest first."""
        return self._list(sim, request, "reel")

    async def list_videos(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /{page}/videos: the plain videos, newest first."""
        return self._list(sim, request, "video")

    def _list(self, sim: Simulation, request: Request, kind: str) -> Reply:
        page, query = self._page(sim, request, READ), request.query_params
        asked, size = asked_fields(request, rules.VIDEO_FIELDS), whole_number(query.get("limit")) or 25
        found, after = self.pages.listed(page, kind), query.get("after", "")
        start = next((place + 1 for place, (id_, _) in enumerate(found) if id_ == after), 0)
        shown = found[start : start + min(size, LONGEST_PAGE)]
        data = [rules.video_json(id_, one, asked | {"created_time"}) for id_, one in shown]
        paging: dict[str, Any] = {"cursors": {"before": shown[0][0], "after": shown[-1][0]}} if shown else {}
        if start + len(shown) < len(found):
            paging["next"] = f"{here(request)}{request.url.path}?after={shown[-1][0]}"
        return Reply({"data": data, **({"paging": paging} if paging else {})}, alter=_fewer)

    async def thumbnail(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /{id}/thumbnails: the still picture of a video."""
        video = self.pages.owned(request.path_params["id"], self._page(sim, request, POST))
        picture = form.files.get("source")
        if picture is None or not picture.content_type.startswith("image/"):
            raise Refused(400, "(#100) The parameter source is required", code="100")
        self.pages.change(video.id, thumbnail=picture.content)
        return Reply({"success": True}, alter=unchanged)

    async def add_captions(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /{id}/captions: captions in the place of those for the same locale."""
        video = self.pages.owned(request.path_params["id"], self._page(sim, request, POST))
        file = form.files.get("captions_file")
        if file is None or form.problem:
            raise Refused(400, "(#100) The parameter captions_file is required", code="100")
        locale = rules.checked_captions(file.name, file.content)
        self.pages.change(video.id, captions={**video.captions, locale: file.content})
        return Reply({"success": True}, alter=_without_success)

    async def list_captions(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /{id}/captions: the locales that a video has captions for."""
        video = self.pages.owned(request.path_params["id"], self._page(sim, request, READ))
        data = [{"locale": one, "is_default": place == 0} for place, one in enumerate(video.captions)]
        return Reply({"data": data}, alter=unchanged)

    async def delete(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """DELETE /{id}: a video."""
        self.pages.delete(request.path_params["id"], self._page(sim, request, POST))
        return Reply({"success": True}, alter=unchanged)

    async def file(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the bytes of a published video."""
        video = self.pages.published.get(request.path_params["id"])
        if video is None or not video.path.exists():
            raise Refused(404, "Not Found", code="100.33")
        return Reply(file=FileResponse(video.path, media_type="video/mp4"))

    async def page(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the page of all posts, or of one."""
        wanted = request.path_params.get("id")
        found = [(id_, one) for id_, one in reversed(self.pages.published.items()) if wanted in (None, id_)]
        if wanted is not None and not found:
            raise Refused(404, "Not Found", code="100.33")
        page = posts_page(self.title, (self._shown(*one) for one in found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, id_: str, video: Video) -> Shown:
        given, now = video.form, time.time()
        waits = time_text(video.due) if video.due and not video.is_public(now) else None
        facts = {
            "kind": video.kind,
            "title": given.get("title"),
            "made with AI": given.get("is_ai_generated", "false") == "true",
            "shown at": waits,
            "failed": video.failure or None,
            "own picture": bool(video.thumbnail) or None,
            "captions": ", ".join(video.captions) or None,
        }
        told = {name: value for name, value in facts.items() if value is not None}
        url = rules.video_json(id_, video, frozenset({"permalink_url"}))["permalink_url"]
        film = f"/media/{id_}" if video.path.exists() else None
        at = time_text(video.finished_at or video.at)
        return Shown(id_, f"The page of {video.page}", at, str(given.get("description", "")), told, film, url)


def _given(request: Request, form: Form) -> dict[str, Any]:
    return {**request.query_params, **form.fields}


def _fate(sim: Simulation) -> tuple[float, str]:
    """Return how long a published video is worked on, and the words with which it fails then."""
    fault, seconds = sim.switchboard.pick("video"), sim.settings.render_seconds
    if fault is None:
        return seconds, ""
    if fault.kind == "fail":
        return seconds, f"The video could not be processed ({fault.value})."
    return (fault.seconds if fault.kind == "slow" else math.inf), ""


def _as_draft(video: Video) -> Video:
    return replace(video, finished_at=None, form={})


def _without_success(fault: Fault, payload: Any) -> Any:
    return {} if fault.kind == "no-id" else payload


def _fewer(fault: Fault, payload: Any) -> Any:
    if fault.kind == "empty":
        return {"data": []}
    if fault.kind == "late":
        since = time_text(time.time() - fault.seconds)
        return {**payload, "data": [one for one in payload["data"] if one["created_time"] <= since]}
    return payload
