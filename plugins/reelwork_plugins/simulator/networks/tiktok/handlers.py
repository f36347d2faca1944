"""TikTok as it is played: what an account may do, posts and drafts in pieces, and what becomes of them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.networks.films import look_at
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.sign_in import LONG_SECONDS, Rules, SignIn, bearer
from reelwork_plugins.simulator.networks.throttle import Throttle
from reelwork_plugins.simulator.networks.tiktok import rules
from reelwork_plugins.simulator.networks.tiktok.posts import PUBLIC, Post, Posts, open_id
from reelwork_plugins.simulator.networks.tokens import read_token
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "tiktok"
DIRECT, DRAFTS, BASIC = "video.publish", "video.upload", "user.info.basic"
SCOPES = frozenset({DIRECT, DRAFTS, BASIC, "video.list", "user.info.profile"})
TOKEN_SECONDS = 7200.0
MINUTE = 60.0
LIMITS = {"begin": 6, "processing": 30, "account": 20}
"""Requests of one account in a minute."""
_REASONS = frozenset({
    "file_format_check_failed", "duration_check_failed", "frame_rate_check_failed", "picture_size_check_failed",
    "internal", "publish_cancelled", "auth_removed", "spam_risk", "spam_risk_text", "spam_risk_too_many_posts",
    "spam_risk_user_banned_from_posting",
})  # fmt: skip
Work = Callable[[Simulation, Request, Form], Awaitable[Reply]]


def handled(work: Work) -> Handler:
    """Return a handler for a route."""

    async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        if "larger" in form.problem:
            raise Refused(413, form.problem, code="invalid_params")
        return await work(sim, request, form)

    return handle


def operation(request: Request) -> str:
    """Return what a piece is: the one that makes the post, or another."""
    where, _, total = request.headers.get("content-range", "").strip().partition("/")
    end = where.rpartition("-")[2]
    is_last = end.isdecimal() and total.isdecimal() and int(end[:15]) + 1 == int(total[:15])
    return "publish" if is_last else "upload"


class Tiktok:
    """The simulated TikTok."""

    title = "Simulated TikTok"

    def __init__(self, sim: Simulation) -> None:
        self.store = Posts()
        self.any_video = False
        """True where a video may have any shape and length."""
        self.pages = SignIn(
            Rules(
                NAME, self.title, SCOPES, registers=False, seconds=TOKEN_SECONDS, client_name="client_key",
                hex_challenge=True, rotates=True,
            )
        )  # fmt: skip
        self._creators: dict[str, rules.Creator] = {}
        self._throttles = {name: Throttle(most, MINUTE) for name, most in LIMITS.items()}

    def posts(self) -> list[dict[str, Any]]:
        """Return every post and draft, oldest first."""
        # Also what is worked on: it was accepted.
        return [self._shown(one).as_json() for one in self.store.accepted()]

    async def exchange(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """POST a code or a refresh token, and get tokens: also a new one to refresh with."""
        # Also from a program on a desktop, which elsewhere has none.
        if not form.fields.get("client_secret") or not form.fields.get("client_key"):
            raise Refused(401, "Client key or secret is incorrect.", code="invalid_client", where="oauth")
        try:
            told = (await self.pages.exchange(sim, dialect, request, form)).payload
        except Refused as refused:
            if refused.code != "invalid_request":
                raise
            words = "Refresh token is invalid or expired."
            raise Refused(400, words, code="invalid_grant", where="oauth") from refused
        token = read_token(str(told["access_token"]))
        assert token is not None
        told.pop("created_at", None)
        own = {"open_id": open_id(token.account), "scope": ",".join(token.scopes)}
        return Reply({**told, **own, "refresh_expires_in": LONG_SECONDS})

    def _who(self, sim: Simulation, request: Request, *scopes: str) -> str:
        """Return the account that asks. Raises `Refused`."""
        token = bearer(sim, request, NAME, SCOPES)
        if token is None:
            raise Refused(
                401, "The access token is invalid or not found in the request.", code="access_token_invalid"
            )
        if not any(scope in token.scopes for scope in scopes):
            words = f"The user did not authorize the scope {scopes[0]}."
            raise Refused(401, words, code="scope_not_authorized")
        return token.account

    def _count(self, sim: Simulation, name: str, account: str) -> None:
        if not sim.settings.rate_limits:
            return
        try:
            self._throttles[name].take(account)
        except Refused as refused:
            # TikTok does not say when it takes the next one.
            raise Refused(429, "The rate limit is reached.", code="rate_limit_exceeded") from refused

    async def user(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /v2/user/info/: whoever asks."""
        account = self._who(sim, request, BASIC)
        asked = [one for one in request.query_params.get("fields", "").split(",") if one]
        every = {"open_id": open_id(account), "display_name": account, "avatar_url": ""}
        if not asked or any(one not in every for one in asked):
            raise Refused(400, "The fields are open_id, display_name and avatar_url.", code="invalid_params")
        return _ok({"user": {name: every[name] for name in asked}})

    async def creator(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /v2/post/publish/creator_info/query/: what the account may do now."""
        account = self._who(sim, request, DIRECT)
        self._count(sim, "account", account)
        # Kept: a post that is begun afterwards is judged by what was told last.
        made = _creator(sim.switchboard.pick("creator"))
        self._creators[account] = made
        is_private = PUBLIC not in made.levels
        return _ok({
            "creator_avatar_url": "", "creator_username": account, "creator_nickname": account,
            "privacy_level_options": list(made.levels), "comment_disabled": made.closed,
            "duet_disabled": made.closed or is_private, "stitch_disabled": made.closed or is_private,
            "max_video_post_duration_sec": int(made.longest),
        })  # fmt: skip

    async def begin(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /v2/post/publish/video/init/: begin a post."""
        account = self._who(sim, request, DIRECT)
        self._count(sim, "begin", account)
        info = rules.info_of(form.fields.get("post_info"), self._creators.get(account, rules.Creator()))
        return self._began(sim, request, account, info, form)

    async def begin_draft(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /v2/post/publish/inbox/video/init/: begin a draft, of which nothing is said."""
        account = self._who(sim, request, DRAFTS)
        self._count(sim, "begin", account)
        if "post_info" in form.fields:
            raise Refused(400, "A draft takes no post_info.", code="invalid_params")
        return self._began(sim, request, account, None, form)

    def _began(
        self, sim: Simulation, request: Request, account: str, info: Mapping[str, Any] | None, form: Form
    ) -> Reply:
        source = rules.source_of(form.fields.get("source_info"))
        made = self.store.begin(account, info, source, sim.folder, limited=sim.settings.rate_limits)
        here = f"{request.url.scheme}://{request.url.netloc}"
        place = f"{here}/video/?upload_id={made.id}&upload_token={made.token}"
        return _ok({"publish_id": made.id, "upload_url": place}, made.id)

    async def upload(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """PUT a piece of a video. The last one makes the post."""
        query = request.query_params
        post = self.store.of_address(query.get("upload_id", ""), query.get("upload_token", ""))
        kind = request.headers.get("content-type", "")
        span = rules.span_of(request.headers.get("content-range", ""), kind, post.source.size)
        # Without the account's token: whoever has the address may send.
        made = self.store.receive(post, span, form.content, cut=form.cut)
        if made.whole_at is None:
            done = {"Content-Range": f"bytes 0-{made.received - 1}/{made.source.size}"}
            return Reply({}, 206, headers=done, job_id=made.id, alter=_same)
        await self._decide(sim, made)
        return Reply({}, 201, job_id=made.id, alter=_same)

    async def _decide(self, sim: Simulation, post: Post) -> None:
        """Decide what becomes of a post that is whole."""
        fault, seconds = sim.switchboard.pick("video"), sim.settings.render_seconds
        try:
            # In a thread: other requests are answered meanwhile.
            film = await asyncio.to_thread(look_at, post.path)
        except ValueError:
            film = None
        creator = self._creators.get(post.account, rules.Creator())
        failure = "" if self.any_video and film is not None else rules.failure_of(film, creator)
        if fault is not None and fault.kind in ("fail", "reject"):
            failure = fault.value if fault.value in _REASONS else "file_format_check_failed"
        if fault is not None and fault.kind in ("slow", "stuck"):
            seconds = fault.seconds if fault.kind == "slow" else math.inf
        self.store.change(post.id, seconds=seconds, failure=failure)

    async def status(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /v2/post/publish/status/fetch/: what became of a post."""
        account = self._who(sim, request, DIRECT, DRAFTS)
        self._count(sim, "processing", account)
        post = self.store.owned(str(form.fields.get("publish_id", "")), account)
        fault = sim.switchboard.pick("container")
        if fault is not None and fault.kind == "forgotten":
            raise Refused(400, "The publish_id does not exist.", code="invalid_publish_id")
        if fault is not None and fault.kind == "stale" and post.whole_at is not None:
            # As before the last piece came.
            before = (post.source.count - 1) * post.source.chunk
            return _ok({"status": "PROCESSING_UPLOAD", "uploaded_bytes": before})
        return _ok(post.status(time.time()))

    async def file(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the bytes of a video."""
        post = next((one for one in self.store.accepted() if one.number == request.path_params["id"]), None)
        if post is None:
            raise Refused(404, "Not Found", code="invalid_params")
        return Reply(file=FileResponse(post.path, media_type="video/mp4"))

    async def page(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the page of all posts and drafts, or of one."""
        wanted = request.path_params.get("id")
        found = [one for one in reversed(self.store.accepted()) if wanted in (None, one.number)]
        if wanted is not None and not found:
            raise Refused(404, "Not Found", code="invalid_params")
        return Reply(raw=HTMLResponse(posts_page(self.title, map(self._shown, found)), headers=CONTENT_POLICY))

    def _shown(self, post: Post) -> Shown:
        info = post.info or {}
        facts = {
            "kind": "draft in the inbox" if post.info is None else "post",
            "privacy": info.get("privacy_level"),
            "made with AI": info.get("is_aigc", False) if post.info is not None else None,
            "comments": None if post.info is None else not info.get("disable_comment", False),
            "paid partnership": info.get("brand_content_toggle") or None,
            "bytes": post.received,
        }
        told = {name: value for name, value in facts.items() if value is not None}
        at = datetime.fromtimestamp(post.whole_at or post.at, UTC).isoformat(timespec="seconds")
        url = f"/@{post.account}/video/{post.number}"
        return Shown(post.id, post.account, at, str(info.get("title", "")), told, f"/media/{post.number}", url)


def _creator(fault: Fault | None) -> rules.Creator:
    if fault is None:
        return rules.Creator()
    if fault.kind == "private":
        return rules.Creator(levels=(rules.FOLLOWERS, rules.FRIENDS, rules.ALONE))
    return rules.Creator(closed=True) if fault.kind == "closed" else rules.Creator(longest=fault.seconds)


def _ok(data: Mapping[str, Any], job_id: str | None = None) -> Reply:
    error = {"code": "ok", "message": "", "log_id": f"{time.time_ns():X}"}
    return Reply({"data": dict(data), "error": error}, job_id=job_id, alter=_same)


def _same(fault: Fault, payload: Any) -> Any:
    return payload
