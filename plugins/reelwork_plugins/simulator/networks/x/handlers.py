"""The work of each of X's routes when nothing goes wrong."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.networks.films import look_at
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.sign_in import Rules, SignIn, bearer
from reelwork_plugins.simulator.networks.throttle import Throttle
from reelwork_plugins.simulator.networks.x import rules
from reelwork_plugins.simulator.networks.x.store import UPLOAD_SECONDS, Timeline, Tweet, Upload
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "x"
TOKEN_SECONDS = 7200.0
QUARTER = 900.0
Work = Callable[[Simulation, Request, Form], Awaitable[Reply]]


class X:
    """The simulated X: its posts, its uploads, its sign-in."""

    def __init__(self, sim: Simulation) -> None:
        self.timeline = Timeline()
        own = Rules(
            NAME, "Simulated X", rules.SCOPES, registers=False, seconds=TOKEN_SECONDS, rotates=True,
            lasting_scope="offline.access",
        )  # fmt: skip
        self.sign_in = SignIn(own)
        self.limits: Mapping[str, Throttle] = {
            name: Throttle(limit, QUARTER, style="x")
            for name, limit in (("post", 100), ("media", 1875), ("list", 900))
            if sim.settings.rate_limits
        }
        # Together: what makes many posts of one text is not to be refused for one thing and not for the other.
        self.once = sim.settings.rate_limits

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted, oldest first."""
        return [self._shown(one).as_json() for one in self.timeline.tweets.values()]

    def handler(self, work: Work) -> Handler:
        """Return a handler for a route."""

        async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
            if "larger" in form.problem:
                raise Refused(413, form.problem, code="invalid-request")
            if form.problem:
                raise rules.invalid(form.problem, "body")
            return await work(sim, request, form)

        return handle

    def _who(self, sim: Simulation, request: Request, *scopes: str) -> str:
        """Return the account that asks, whose token has all of these scopes. Raises `Refused`."""
        token = bearer(sim, request, NAME, rules.SCOPES)
        if token is None:
            raise Refused(401, "Unauthorized", code="unauthorized")
        if not set(scopes) <= set(token.scopes):
            raise Refused(403, "You are not permitted to perform this action.", code="forbidden")
        return token.account

    def _counted(self, name: str, account: str) -> dict[str, str]:
        """Count a request, and return the headers that tell of its limit. Raises `Refused`."""
        return self.limits[name].take(account) if name in self.limits else {}

    async def me(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /2/users/me."""
        account = self._who(sim, request, "users.read", "tweet.read")
        return Reply({"data": {"id": rules.user_id(account), "name": account, "username": account}})

    async def initialize(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /2/media/upload/initialize."""
        account = self._who(sim, request, "media.write")
        head = self._counted("media", account)
        kind, size = rules.checked_upload(form.fields)
        made = self.timeline.begin(account, kind, size, sim.folder)
        told = {"id": made.id, "media_key": made.key, "expires_after_secs": int(UPLOAD_SECONDS)}
        return Reply({"data": told}, headers=head, job_id=made.id, alter=_unchanged)

    async def append(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /2/media/upload/{id}/append."""
        account = self._who(sim, request, "media.write")
        head = self._counted("media", account)
        upload, index = self._upload(sim, account, request.path_params["id"]), form.fields.get("segment_index")
        piece = form.files.get("media")
        if piece is None or not piece.content or not str(index).isdecimal():
            raise rules.invalid("media and segment_index are needed", "segment_index", index)
        await asyncio.to_thread(self.timeline.append, upload, int(str(index)[:9]), piece.content)
        return Reply({"data": {"expires_at": int(upload.at + UPLOAD_SECONDS)}}, headers=head, alter=_unchanged)

    async def finalize(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /2/media/upload/{id}/finalize."""
        account = self._who(sim, request, "media.write")
        head = self._counted("media", account)
        upload = self._upload(sim, account, request.path_params["id"])
        path = await asyncio.to_thread(self.timeline.joined, upload)
        if not upload.is_video:
            failure = rules.unfit_subtitles(await asyncio.to_thread(path.read_bytes))
            upload = self.timeline.change(upload.id, path=path, failure=failure)
            return Reply({"data": _media_json(upload)}, headers=head, alter=_unchanged)
        fault, film, seconds = sim.switchboard.pick("video"), None, sim.settings.render_seconds
        with suppress(ValueError):
            film = await asyncio.to_thread(look_at, path)
        failure = rules.unfit(film)
        if fault is not None and fault.kind in ("slow", "stuck"):
            seconds = fault.seconds if fault.kind == "slow" else math.inf
        if fault is not None and fault.kind == "fail":
            failure = fault.value
        upload = self.timeline.change(
            upload.id, path=path, film=film, failure=failure, ready_at=time.time() + seconds
        )
        return Reply({"data": _media_json(upload)}, headers=head, alter=_unchanged)

    async def status(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /2/media/upload?command=STATUS."""
        account = self._who(sim, request, "media.write")
        if request.query_params.get("command", "STATUS") != "STATUS":
            raise rules.invalid("command: does not have a value in the enumeration [STATUS]", "command")
        return Reply({"data": _media_json(self._upload(sim, account, request.query_params.get("media_id", "")))})

    def _upload(self, sim: Simulation, account: str, id_: str) -> Upload:
        if sim.switchboard.pick("container"):
            raise Refused(404, f"Could not find media with id: [{id_[:40]}].", code="resource-not-found")
        return self.timeline.upload_of(account, id_)

    async def describe(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /2/media/metadata."""
        account = self._who(sim, request, "media.write")
        asked = form.fields.get("metadata")
        alt = asked.get("alt_text") if isinstance(asked, dict) else None
        text = alt.get("text") if isinstance(alt, dict) else None
        upload = self.timeline.upload_of(account, str(form.fields.get("id") or ""))
        if not isinstance(text, str) or not 0 < len(text) <= rules.LONGEST_ALT:
            raise rules.invalid(f"alt_text.text: must have 1 to {rules.LONGEST_ALT} characters", "metadata")
        self.timeline.change(upload.id, alt_text=text)
        return Reply({"data": {"id": upload.id, "associated_metadata": {"alt_text": {"text": text}}}})

    async def subtitles(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /2/media/subtitles: make an upload the subtitles of a video."""
        account = self._who(sim, request, "media.write")
        video, track = rules.checked_subtitles(form.fields)
        words = self.timeline.upload_of(account, track["id"])
        upload = self.timeline.upload_of(account, video)
        if not upload.is_video or words.is_video or words.state(time.time()) != "succeeded":
            raise rules.invalid("The subtitle file is invalid.", "subtitles.id", track["id"])
        # Those of a language that has some already take their place.
        tracks = {**upload.tracks, track["language_code"]: track}
        self.timeline.change(upload.id, tracks=tracks)
        told = {"id": upload.id, "media_category": "TweetVideo", "associated_subtitles": [*tracks.values()]}
        return Reply({"data": told}, alter=_unchanged)

    async def publish(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /2/tweets."""
        account = self._who(sim, request, "tweet.write", "tweet.read", "users.read")
        head = self._counted("post", account)
        premium = sim.switchboard.pick("premium") is not None
        text, media = rules.checked_post(form.fields, premium=premium)
        if media and sim.switchboard.pick("container"):
            raise rules.invalid("Your media IDs are invalid.", "media.media_ids", media[0])
        longest = rules.LONGEST_PREMIUM if premium else rules.LONGEST
        made = self.timeline.post(account, text, media, form.fields, longest=longest, once=self.once)
        data = {"id": made.id, "text": _listed_text(made), "edit_history_tweet_ids": [made.id]}
        return Reply({"data": data}, 201, headers=head, job_id=made.id, alter=_without_id)

    async def list_posts(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /2/users/{id}/tweets, newest first."""
        account, query = self._who(sim, request, "tweet.read", "users.read"), request.query_params
        head = self._counted("list", account)
        if request.path_params["id"] != rules.user_id(account):
            raise Refused(404, "Could not find user.", code="resource-not-found")
        asked = {one for one in query.get("tweet.fields", "").split(",") if one}
        if unknown := sorted(asked - rules.POST_FIELDS):
            raise rules.invalid(
                f"The `tweet.fields` query parameter value [{unknown[0]}] is not one of […]", "tweet.fields"
            )
        size = _whole(query.get("max_results"), 10)
        if not rules.SMALLEST_PAGE <= size <= rules.LARGEST_PAGE:
            raise rules.invalid(
                f"The `max_results` query parameter value [{size}] is not between 5 and 100", "max_results"
            )
        start, begins = _whole(query.get("pagination_token"), 0), _moment(query.get("start_time"))
        found = [one for one in self.timeline.of(account)[: rules.MOST_LISTED] if one.at >= begins]
        page = found[start : start + size]
        data = [_post_json(one, asked | {"id", "text"}, self.timeline) for one in page]
        more = {"next_token": str(start + size)} if start + size < len(found) else {}
        ends: dict[str, Any] = {"newest_id": page[0].id, "oldest_id": page[-1].id} if page else {}
        body: dict[str, Any] = {
            **({"data": data} if data else {}),
            "meta": {"result_count": len(data), **ends, **more},
        }
        return Reply(body, headers=head, alter=_fewer)

    async def delete(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """DELETE /2/tweets/{id}."""
        account = self._who(sim, request, "tweet.write", "tweet.read", "users.read")
        return Reply({"data": {"deleted": self.timeline.delete(request.path_params["id"], account)}})

    async def file(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the bytes of a video."""
        upload = self.timeline.uploads.get(request.path_params["id"])
        if upload is None or upload.path is None:
            raise Refused(404, "Not Found", code="resource-not-found")
        return Reply(file=FileResponse(upload.path, media_type=upload.media_type))

    async def page(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the page of all posts, or of one."""
        wanted = request.path_params.get("id")
        found = [one for one in reversed(self.timeline.tweets.values()) if wanted in (None, one.id)]
        if wanted is not None and not found:
            raise Refused(404, "Not Found", code="resource-not-found")
        page = posts_page("Simulated X", map(self._shown, found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, tweet: Tweet) -> Shown:
        uploads = [self.timeline.uploads[id_] for id_ in tweet.media]
        facts: dict[str, Any] = {"made with AI": tweet.asked.get("made_with_ai")}
        facts |= {"paid partnership": True} if tweet.asked.get("paid_partnership") else {}
        facts |= {"replies": tweet.asked["reply_settings"]} if tweet.asked.get("reply_settings") else {}
        if uploads:
            facts |= {"alt text": uploads[0].alt_text or None, "bytes": uploads[0].size}
            facts |= {"captions": ", ".join(uploads[0].tracks)} if uploads[0].tracks else {}
        film = f"/media/{uploads[0].id}" if uploads else None
        at, url = rules.time_text(tweet.at), f"/{tweet.account}/status/{tweet.id}"
        return Shown(tweet.id, tweet.account, at, tweet.text, facts, film, url)


def _media_json(upload: Upload) -> dict[str, Any]:
    now = time.time()
    state, left = upload.state(now), max(int(upload.at + UPLOAD_SECONDS - now), 0)
    told: dict[str, Any] = {"id": upload.id, "media_key": upload.key, "expires_after_secs": left}
    if not state:
        return told
    info: dict[str, Any] = {"state": state, "progress_percent": 50 if state == "in_progress" else 100}
    if state == "in_progress":
        wait = 5.0 if math.isinf(upload.ready_at) else math.ceil(upload.ready_at - now)
        info["check_after_secs"] = int(min(max(wait, 1), 5))
    if state == "failed":
        info["error"] = {"code": 1, "name": "InvalidMedia", "message": upload.failure}
    return {**told, "size": upload.size, "processing_info": info}


def _listed_text(tweet: Tweet) -> str:
    """Return a text as X gives it back: escaped, with a link to its video."""
    text = tweet.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{text} https://t.co/{tweet.id[-10:]}".strip() if tweet.media else text


def _post_json(tweet: Tweet, asked: set[str], timeline: Timeline) -> dict[str, Any]:
    keys = [timeline.uploads[id_].key for id_ in tweet.media]
    whole = {
        "id": tweet.id, "text": _listed_text(tweet), "created_at": rules.time_text(tweet.at),
        "author_id": rules.user_id(tweet.account), "paid_partnership": bool(tweet.asked.get("paid_partnership")),
        **({"attachments": {"media_keys": keys}} if keys else {}),
    }  # fmt: skip
    return {name: value for name, value in whole.items() if name in asked}


def _whole(text: str | None, default: int) -> int:
    if not text:
        return default
    return int(text[:9]) if text.isascii() and text.isdecimal() else -1


def _moment(text: str | None) -> float:
    """Return the time of `start_time`. Raises `Refused`."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except (ValueError, OverflowError, OSError):
        raise rules.invalid(
            "The `start_time` query parameter is not a valid RFC3339 timestamp", "start_time"
        ) from None


def _unchanged(fault: Fault, payload: Any) -> Any:
    return payload


def _without_id(fault: Fault, payload: Any) -> Any:
    if fault.kind != "no-id":
        return payload
    return {"data": {name: value for name, value in payload["data"].items() if name != "id"}}


def _fewer(fault: Fault, payload: Any) -> Any:
    posts = payload.get("data", [])
    if fault.kind == "late":
        since = rules.time_text(time.time() - fault.seconds)
        posts = [one for one in posts if one.get("created_at", "") <= since]
    elif fault.kind == "empty":
        posts = []
    if len(posts) == len(payload.get("data", [])):
        return payload
    meta = {**payload["meta"], "result_count": len(posts)}
    return {**({"data": posts} if posts else {}), "meta": meta}
