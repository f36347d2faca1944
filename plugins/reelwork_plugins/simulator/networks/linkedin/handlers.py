"""The work of each of LinkedIn's routes when nothing goes wrong."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.networks.films import look_at
from reelwork_plugins.simulator.networks.linkedin import rules
from reelwork_plugins.simulator.networks.linkedin.store import UPLOAD_SECONDS, Feed, Share, Upload
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.sign_in import Rules, SignIn, bearer
from reelwork_plugins.simulator.networks.throttle import Throttle
from reelwork_plugins.simulator.networks.tokens import Token
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "linkedin"
TOKEN_SECONDS = 60 * 86_400.0
DAY = 86_400.0
Work = Callable[[Simulation, Request, Form], Awaitable[Reply]]


def action(request: Request) -> str:
    """Return what a call of the videos does, in the words of faults."""
    return "finish" if request.query_params.get("action") == "finalizeUpload" else "begin"


class Linkedin:
    """The simulated LinkedIn: its posts, its uploads, its sign-in."""

    def __init__(self, sim: Simulation) -> None:
        self.feed = Feed()
        own = Rules(
            NAME, "Simulated LinkedIn", rules.SCOPES, registers=False, seconds=TOKEN_SECONDS,
            # Only LinkedIn's partners get a refresh token.
            lasting_scope="of partners",
        )  # fmt: skip
        self.sign_in = SignIn(own)
        self.limit = Throttle(150, DAY) if sim.settings.rate_limits else None
        # Together: what makes many posts of one text is not to be refused for one thing and not for the other.
        self.once = sim.settings.rate_limits

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted, oldest first."""
        return [self._shown(one).as_json() for one in self.feed.shares.values()]

    def handler(self, work: Work) -> Handler:
        """Return a handler for a route."""

        async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
            if "larger" in form.problem:
                raise Refused(413, form.problem, code="ILLEGAL_ARGUMENT")
            if form.problem and form.kind != "other":
                raise rules.invalid(form.problem)
            if request.url.path.startswith("/rest/"):
                rules.check_headers(request)
            return await work(sim, request, form)

        return handle

    async def exchange(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """POST a code, and get an access token of sixty days."""
        if not form.fields.get("client_secret"):
            message = 'A required parameter "client_secret" is missing'
            raise Refused(400, message, code="invalid_request", where="oauth")
        return await self.sign_in.exchange(sim, dialect, request, form)

    def _token(self, sim: Simulation, request: Request) -> Token:
        token = bearer(sim, request, NAME, rules.SCOPES)
        if token is None:
            raise Refused(401, "Invalid access token", code="INVALID_ACCESS_TOKEN")
        return token

    def _may(self, sim: Simulation, request: Request, author: str, scope: str, what: str) -> str:
        """Return the account that asks, which may do this for an author. Raises `Refused`."""
        token = self._token(sim, request)
        own = author == f"{rules.PERSON}{rules.person_id(token.account)}"
        # Reading the posts of people is closed.
        needed = f"{scope}_organization_social" if not own else "w_member_social" if scope == "w" else "closed"
        its_page = author == f"{rules.PAGE}{rules.PAGE_NUMBER}" and sim.switchboard.pick("role") is None
        if needed not in token.scopes or not (own or its_page):
            raise rules.forbidden(what)
        return token.account

    async def me(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /v2/userinfo."""
        token = self._token(sim, request)
        if "openid" not in token.scopes:
            raise rules.forbidden("userinfo.GET.NO_VERSION")
        return Reply({"sub": rules.person_id(token.account), "name": token.account})

    async def roles(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /rest/organizationAcls?q=roleAssignee."""
        token = self._token(sim, request)
        if "rw_organization_admin" not in token.scopes:
            raise rules.forbidden("organizationAcls.FINDER-roleAssignee")
        if request.query_params.get("q") != "roleAssignee":
            raise rules.invalid("/q: the simulator finds by roleAssignee")
        page = {"organization": f"{rules.PAGE}{rules.PAGE_NUMBER}", "role": "ADMINISTRATOR", "state": "APPROVED"}
        found = [] if sim.switchboard.pick("role") else [page]
        return Reply({"elements": found, "paging": {"start": 0, "count": 100, "links": []}}, alter=_unchanged)

    async def organization(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /rest/organizations/{number}."""
        self._token(sim, request)
        if request.path_params["number"] != rules.PAGE_NUMBER:
            raise Refused(404, "Could not find organization", code="NOT_FOUND")
        return Reply({"id": int(rules.PAGE_NUMBER), "localizedName": rules.PAGE_NAME})

    async def act(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /rest/videos?action=…: begin an upload, or end it."""
        match request.query_params.get("action"):
            case "initializeUpload":
                return self._initialize(sim, request, form)
            case "finalizeUpload":
                return await self._finalize(sim, request, form)
        raise rules.invalid("/action: it is initializeUpload or finalizeUpload")

    def _initialize(self, sim: Simulation, request: Request, form: Form) -> Reply:
        owner, size = rules.checked_upload(form.fields.get("initializeUploadRequest"))
        self._may(sim, request, owner, "w", "partnerApiVideos.ACTION-initializeUpload")
        made = self.feed.begin(owner, size, sim.folder)
        here = f"{request.url.scheme}://{request.url.netloc}/dms-uploads/{made.id}"
        spans = [made.span(number) for number in range(made.count)]
        listed = [
            {"uploadUrl": f"{here}/{number}", "firstByte": first, "lastByte": last}
            for number, (first, last) in enumerate(spans)
        ]
        told = {
            "video": made.urn, "uploadToken": "", "uploadUrlsExpireAt": int((made.at + UPLOAD_SECONDS) * 1000),
            "uploadInstructions": listed,
        }  # fmt: skip
        return Reply({"value": told}, job_id=made.urn, alter=_unchanged)

    async def _finalize(self, sim: Simulation, request: Request, form: Form) -> Reply:
        asked = form.fields.get("finalizeUploadRequest")
        asked = asked if isinstance(asked, dict) else {}
        upload = self._upload(sim, str(asked.get("video", "")))
        self._may(sim, request, upload.owner, "w", "partnerApiVideos.ACTION-finalizeUpload")
        given = asked.get("uploadedPartIds")
        path = await asyncio.to_thread(self.feed.joined, upload, given if isinstance(given, list) else [])
        fault, film, seconds = sim.switchboard.pick("video"), None, sim.settings.render_seconds
        with suppress(ValueError):
            film = await asyncio.to_thread(look_at, path)
        failure = "" if self.feed.any_video and film is not None else rules.unfit(film, upload.size)
        if fault is not None and fault.kind in ("slow", "stuck"):
            seconds = fault.seconds if fault.kind == "slow" else math.inf
        if fault is not None and fault.kind == "fail":
            failure = fault.value
        self.feed.change(upload.id, path=path, film=film, failure=failure, ready_at=time.time() + seconds)
        return Reply({}, alter=_unchanged)

    async def upload(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """PUT one part of a video, without a token: whoever has the address may send."""
        number = request.path_params["number"]
        upload = self._upload(sim, f"urn:li:video:{request.path_params['id']}")
        at = int(number[:9]) if number.isascii() and number.isdecimal() else -1
        etag = await asyncio.to_thread(self.feed.receive, upload, at, form.content, cut=form.cut)
        return Reply({}, headers={"ETag": etag}, alter=_unchanged)

    def _upload(self, sim: Simulation, urn: str) -> Upload:
        if sim.switchboard.pick("container"):
            raise Refused(404, f"Could not find entity {urn[:60]}", code="NOT_FOUND")
        return self.feed.upload_of(urn)

    async def status(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /rest/videos/{urn}."""
        upload = self._upload(sim, request.path_params["urn"])
        self._may(sim, request, upload.owner, "w", "partnerApiVideos.GET")
        state = upload.state(time.time())
        failed = {"processingFailureReason": upload.failure} if state == "PROCESSING_FAILED" else {}
        return Reply({"id": upload.urn, "owner": upload.owner, "status": state, **failed})

    async def publish(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /rest/posts."""
        author, text, video = rules.checked_post(form.fields)
        self._may(sim, request, author, "w", "partnerApiPosts.CREATE")
        self._count(author)
        self._upload(sim, video)
        made = self.feed.post(author, text, video, form.fields, once=self.once)
        # The id is in a header alone.
        head = {"x-restli-id": made.urn, "x-linkedin-id": made.urn}
        return Reply({}, 201, headers=head, job_id=made.urn, alter=_unchanged, id_headers=tuple(head))

    def _count(self, author: str) -> None:
        if self.limit is None:
            return
        try:
            self.limit.take(author)
        except Refused as refused:
            # LinkedIn does not say when the next day begins.
            message = "Resource level throttle DAY limit for calls to this resource is reached."
            raise Refused(429, message, code="TOO_MANY_REQUESTS") from refused

    async def list_posts(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /rest/posts?q=author, newest first."""
        query = request.query_params
        author = query.get("author", "")
        if query.get("q") != "author":
            raise rules.invalid("/q: the simulator finds by author")
        self._may(sim, request, author, "r", "partnerApiPosts.FINDER-author")
        start, count = _whole(query.get("start"), 0), _whole(query.get("count"), 10)
        if start < 0 or not 0 < count <= rules.LARGEST_LIST:
            raise rules.invalid(f"/count: it must be from 1 to {rules.LARGEST_LIST}")
        found = [_post_json(one) for one in self.feed.of(author)[start : start + count]]
        return Reply({"elements": found, "paging": {"start": start, "count": count, "links": []}}, alter=_fewer)

    async def delete(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """DELETE /rest/posts/{urn}."""
        found = self.feed.shares.get(request.path_params["urn"])
        if found is None:
            raise Refused(404, "Could not find entity", code="NOT_FOUND")
        self._may(sim, request, found.author, "w", "partnerApiPosts.DELETE")
        del self.feed.shares[found.urn]
        return Reply(raw=Response(status_code=204))

    async def file(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the bytes of a video."""
        upload = self.feed.uploads.get(request.path_params["id"])
        if upload is None or upload.path is None:
            raise Refused(404, "Could not find entity", code="NOT_FOUND")
        return Reply(file=FileResponse(upload.path, media_type="video/mp4"))

    async def page(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the page of all posts, or of one."""
        wanted = request.path_params.get("urn")
        found = [one for one in reversed(self.feed.shares.values()) if wanted in (None, one.urn)]
        if wanted is not None and not found:
            raise Refused(404, "Could not find entity", code="NOT_FOUND")
        page = posts_page("Simulated LinkedIn", map(self._shown, found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, share: Share) -> Shown:
        upload = self.feed.uploads[share.video.rpartition(":")[2]]
        title = share.asked["content"]["media"].get("title")
        facts = {"title": title, "visibility": share.asked["visibility"], "bytes": upload.size}
        text, url = rules.shown_text(share.text), f"/feed/update/{share.urn}/"
        return Shown(share.urn, share.author, rules.time_text(share.at), text, facts, f"/media/{upload.id}", url)


def _post_json(share: Share) -> dict[str, Any]:
    at = int(share.at * 1000)
    return {
        "id": share.urn, "author": share.author, "createdAt": at, "publishedAt": at, "lastModifiedAt": at,
        "commentary": share.text, "content": share.asked["content"], "visibility": share.asked["visibility"],
        "distribution": share.asked["distribution"], "lifecycleState": "PUBLISHED",
    }  # fmt: skip


def _whole(text: str | None, default: int) -> int:
    if not text:
        return default
    return int(text[:9]) if text.isascii() and text.isdecimal() else -1


def _unchanged(fault: Fault, payload: Any) -> Any:
    return payload


def _fewer(fault: Fault, payload: Any) -> Any:
    posts = payload["elements"]
    if fault.kind == "late":
        since = (time.time() - fault.seconds) * 1000
        posts = [one for one in posts if one["createdAt"] <= since]
    elif fault.kind == "empty":
        posts = []
    return {**payload, "elements": posts}
