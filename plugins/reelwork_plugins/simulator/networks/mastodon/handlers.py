"""The work of each of Mastodon's routes when nothing goes wrong."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.networks.films import Film, look_at
from reelwork_plugins.simulator.networks.mastodon import instance as rules
from reelwork_plugins.simulator.networks.mastodon.instance import Instance, Media, Status
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.sign_in import Client, Rules, SignIn, bearer
from reelwork_plugins.simulator.networks.throttle import Throttle
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "mastodon"
SCOPES = frozenset({"read", "read:accounts", "read:statuses", "profile", "write", "write:media", "write:statuses"})
PAGE, LONGEST_PAGE = 20, 40
LATEST = 32_503_680_000.0
"""The year 3000: nothing is scheduled for later."""
_TYPES = (*rules.VIDEOS, "image/jpeg", "image/png", "image/gif", "image/webp")
_INVALID = "The access token is invalid"
Work = Callable[[Simulation, Request, Form], Awaitable[Reply]]


class Mastodon:
    """The simulated instance: its posts, its sign-in, its limits."""

    def __init__(self, sim: Simulation) -> None:
        self.instance = Instance()
        self.sign_in = SignIn(Rules(NAME, "Simulated Mastodon", SCOPES, registers=True))
        # https://docs.joinmastodon.org/api/rate-limits/, and 300 posts in three hours (app/lib/rate_limiter.rb).
        limits = sim.settings.rate_limits
        self.uploads = Throttle(30, 1800) if limits else None
        self.posts_made = Throttle(300, 10_800) if limits else None
        self._known = {ANYONE}

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted, oldest first."""
        return [self._shown(one, "").as_json() for one in reversed(self.instance.posted())]

    def handler(self, work: Work) -> Handler:
        """Return a handler for a route."""

        async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
            if form.problem:
                raise Refused(413 if "larger" in form.problem else 400, form.problem)
            return await work(sim, request, form)

        return handle

    def _who(self, sim: Simulation, request: Request, *scopes: str) -> str:
        """Return the account that asks. Raises `Refused`."""
        token: Token | None = bearer(sim, request, NAME, SCOPES)
        if token is None:
            raise Refused(401, _INVALID)
        if not token.allows(scopes):
            raise Refused(403, "This action is outside the authorized scopes")
        self._known.add(token.account)
        return token.account

    async def register(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /api/v1/apps."""
        name, uris = form.fields.get("client_name"), form.fields.get("redirect_uris")
        scopes = tuple(str(form.fields.get("scopes") or "read").split())
        listed = tuple(map(str, uris)) if isinstance(uris, list) else tuple(str(uris or "").split())
        if not isinstance(name, str) or not name or not listed:
            raise Refused(422, "Validation failed: Name can't be blank, Redirect URI can't be blank")
        if self.sign_in.unknown(scopes):
            raise Refused(422, "Validation failed: Scopes doesn't match configured on the server.")
        client: Client = self.sign_in.register(listed, scopes)
        return Reply({
            "id": "1", "name": name, "website": None, "scopes": list(scopes), "redirect_uris": list(listed),
            "redirect_uri": "\n".join(listed), "client_id": client.client_id, "client_secret": client.secret,
            "client_secret_expires_at": 0,
        })  # fmt: skip

    async def about(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /api/v2/instance, and v1, which has the same where it counts."""
        media = {
            "supported_mime_types": list(_TYPES), "description_limit": rules.LONGEST_ALT,
            "video_size_limit": rules.LARGEST_VIDEO, "video_matrix_limit": rules.MOST_PIXELS,
            "video_frame_rate_limit": rules.FASTEST, "image_size_limit": 16_777_216,
        }  # fmt: skip
        statuses = {
            "max_characters": rules.LONGEST_TEXT, "max_media_attachments": rules.MOST_MEDIA,
            "characters_reserved_per_url": rules.PER_URL,
        }  # fmt: skip
        told = {
            "domain": request.url.netloc, "title": "Simulated Mastodon", "version": "4.4.3",
            "source_url": "https://github.com/mastodon/mastodon", "api_versions": {"mastodon": 6},
            "configuration": {"statuses": statuses, "media_attachments": media},
        }  # fmt: skip
        return Reply(told, alter=_other_software)

    async def verify(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /api/v1/accounts/verify_credentials."""
        name = self._who(sim, request, "read:accounts", "profile")
        return Reply(rules.account_json(name, _here(request)))

    async def upload(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /api/v2/media: the instance looks at a video for a while."""
        account = self._who(sim, request, "write:media")
        headers = self.uploads.take(account) if self.uploads else {}
        file, alt = form.files.get("file"), str(form.fields.get("description") or "")
        if file is None or not file.content:
            raise Refused(422, "Validation failed: File can't be blank")
        kind = file.content_type.partition(";")[0].strip().lower()
        if kind not in _TYPES:
            raise Refused(422, "Validation failed: File content type is invalid, File is invalid")
        if len(file.content) > rules.LARGEST_VIDEO:
            raise Refused(422, "Validation failed: File file size must be less than 99 MB")
        if len(alt) > rules.LONGEST_ALT:
            raise Refused(
                422, f"Validation failed: Description is too long (maximum is {rules.LONGEST_ALT} characters)"
            )
        now = time.time()
        id_ = self.instance.new_id(now)
        path = sim.folder / f"{id_}.media"
        await asyncio.to_thread(path.write_bytes, file.content)
        film, failure, seconds = await _looked(sim, path, kind)
        name = quote(PurePath(file.name.replace("\\", "/")).name or "video", safe="")
        made = Media(
            id_, account, kind, name, alt, path, len(file.content), now + seconds, film, failure
        )  # fmt: skip
        self.instance.add_media(made)
        status = 202 if made.ready_at > time.time() or failure else 200
        return Reply(rules.media_json(made, _here(request), time.time()), status, headers=headers, job_id=id_)

    async def look(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /api/v1/media/{id}: 206 while it is looked at, and nothing once it is in a post."""
        account = self._who(sim, request, "write:media")
        media, now = self.instance.upload_of(account, request.path_params["id"]), time.time()
        if now < media.ready_at:
            return Reply(rules.media_json(media, _here(request), now), 206)
        if media.failure:
            raise Refused(422, media.failure)
        return Reply(rules.media_json(media, _here(request), now))

    async def publish(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """POST /api/v1/statuses."""
        account = self._who(sim, request, "write:statuses")
        headers = self.posts_made.take(account) if self.posts_made else {}
        asked = _asked(form.fields, account, request.headers.get("idempotency-key"))
        made = self.instance.post(
            asked,
            keeps_keys=sim.switchboard.pick("keys") is None,
            shares_uploads=sim.switchboard.pick("media") is not None,
        )
        shown = rules.status_json(made, self.instance.media_of(made), _here(request))
        return Reply(shown, headers=headers, job_id=made.id, alter=_without_id)

    async def list_statuses(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /api/v1/accounts/{id}/statuses, newest first."""
        account = self._who(sim, request, "read:statuses")
        query, wanted = request.query_params, request.path_params["id"]
        owner = next((name for name in self._known if rules.account_id(name) == wanted), None)
        if owner is None:
            raise Refused(404, "Record not found")
        found = self.instance.posted(owner)
        if owner != account:
            found = [one for one in found if one.visibility in ("public", "unlisted")]
        if query.get("only_media", "").lower() in ("true", "1"):
            found = [one for one in found if one.media]
        before, after = _number(query.get("max_id")), _number(query.get("since_id") or query.get("min_id"))
        found = [one for one in found if before is None or int(one.id) < before]
        found = [one for one in found if after is None or int(one.id) > after]
        limit = min(_number(query.get("limit")) or PAGE, LONGEST_PAGE)
        here = _here(request)
        shown = [rules.status_json(one, self.instance.media_of(one), here) for one in found[:limit]]
        more = len(found) > limit
        link = f'<{here}{request.url.path}?limit={limit}&max_id={shown[-1]["id"]}>; rel="next"' if more else ""
        return Reply(shown, headers={"Link": link} if link else {}, alter=_fewer)

    async def list_scheduled(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /api/v1/scheduled_statuses."""
        account = self._who(sim, request, "read:statuses")
        mine = [one for one in self.instance.scheduled.values() if one.account == account]
        return Reply([rules.status_json(one, self.instance.media_of(one), _here(request)) for one in mine])

    async def show_status(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET /api/v1/statuses/{id}."""
        status = self.instance.get(request.path_params["id"])
        if status.visibility not in ("public", "unlisted") and status.account != self._who(
            sim, request, "read:statuses"
        ):
            raise Refused(404, "Record not found")
        return Reply(rules.status_json(status, self.instance.media_of(status), _here(request)))

    async def delete_status(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """DELETE /api/v1/statuses/{id}."""
        account = self._who(sim, request, "write:statuses")
        gone = self.instance.delete(request.path_params["id"], account)
        uploads = [self.instance.media[id_] for id_ in gone.media]
        return Reply({**rules.status_json(gone, uploads, _here(request)), "text": gone.text})

    async def file(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the bytes of an upload."""
        media = self.instance.media.get(request.path_params["id"])
        if media is None:
            raise Refused(404, "Record not found")
        return Reply(file=FileResponse(media.path, media_type=media.media_type))

    async def page(self, sim: Simulation, request: Request, form: Form) -> Reply:
        """GET the page of all posts, or of one account, or of one post."""
        account, id_ = request.path_params.get("account"), request.path_params.get("id")
        found = [one for one in self.instance.posted(account) if id_ in (None, one.id)]
        if id_ is not None and not found:
            raise Refused(404, "Record not found")
        page = posts_page("Simulated Mastodon", [self._shown(one, "") for one in found])
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, status: Status, here: str) -> Shown:
        uploads = self.instance.media_of(status)
        facts: dict[str, Any] = {"visibility": status.visibility}
        facts |= {"content warning": status.spoiler} if status.spoiler else {}
        facts |= {"language": status.language} if status.language else {}
        facts |= {"alt text": uploads[0].description, "bytes": uploads[0].bytes} if uploads else {}
        film = f"{here}/media/{uploads[0].id}/{uploads[0].name}" if uploads else None
        url = f"{here}/@{status.account}/{status.id}"
        return Shown(status.id, status.account, rules.time_text(status.at), status.text, facts, film, url)


async def _looked(sim: Simulation, path: Any, kind: str) -> tuple[Film | None, str, float]:
    """Return what an upload is, why it cannot be used, and the seconds until that is known."""
    fault = sim.switchboard.pick("video")
    seconds = sim.settings.render_seconds
    if fault is not None and fault.kind in ("slow", "stuck"):
        seconds = fault.seconds if fault.kind == "slow" else float("inf")
    if fault is not None and fault.kind == "fail":
        return None, f"Error processing thumbnail for uploaded media ({fault.value})", seconds
    if kind not in rules.VIDEOS:
        return None, "", 0.0
    try:
        film = await asyncio.to_thread(look_at, path)
    except ValueError as error:
        return None, f"Error processing thumbnail for uploaded media: {error}", seconds
    if film.width * film.height > rules.MOST_PIXELS:
        return film, f"{film.width}x{film.height} videos are not supported", seconds
    if film.frame_rate > rules.FASTEST:
        return film, f"{film.frame_rate:g}fps videos are not supported", seconds
    return film, "", seconds


def _asked(fields: Mapping[str, Any], account: str, key: str | None) -> Status:
    """Return the post that a request asks for. Raises `Refused`."""
    visibility = str(fields.get("visibility") or "public")
    if visibility not in rules.VISIBILITIES:
        raise Refused(422, f"'{visibility}' is not a valid visibility")
    given = fields.get("media_ids", fields.get("media_ids[]")) or ()
    media = tuple(map(str, given)) if isinstance(given, list) else (str(given),) if given else ()
    scheduled = fields.get("scheduled_at")
    spoiler = str(fields.get("spoiler_text") or "")
    return Status(
        id="",
        account=account,
        at=_moment(str(scheduled)) if scheduled else time.time(),
        text=str(fields.get("status") or ""),
        visibility=visibility,
        # A warning hides the media as well.
        sensitive=str(fields.get("sensitive", "")).lower() in ("true", "1") or bool(spoiler),
        spoiler=spoiler,
        language=str(fields["language"]) if fields.get("language") else None,
        media=media,
        key=key or None,
        scheduled=bool(scheduled),
    )


def _moment(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
        moment = (at if at.tzinfo else at.astimezone()).timestamp()
    except (ValueError, OverflowError):
        moment = math.nan
    if not 0 < moment < LATEST:
        raise Refused(422, "Validation failed: Scheduled at is invalid")
    return moment


def _number(text: str | None) -> int | None:
    return int(text[:20]) if text and text.isascii() and text.isdecimal() else None


def _here(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _without_id(fault: Fault, payload: Any) -> Any:
    return {name: value for name, value in payload.items() if name != "id"} if fault.kind == "no-id" else payload


def _fewer(fault: Fault, payload: Any) -> Any:
    if fault.kind == "empty":
        return []
    if fault.kind == "late":
        since = rules.time_text(time.time() - fault.seconds)
        return [one for one in payload if one["created_at"] <= since]
    return payload


def _other_software(fault: Fault, payload: Any) -> Any:
    if fault.kind != "other":
        return payload
    return {**payload, "version": "4.0.0 (compatible; simulated)", "source_url": "https://example.com/other"}
