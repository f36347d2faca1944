"""The work of each of the receiver's routes when nothing goes wrong."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Reply
from reelwork_plugins.simulator.networks.downloads import download
from reelwork_plugins.simulator.networks.films import Film, look_at
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.webhook.inbox import Got, Inbox, check_fields, check_signature
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

NAME = "webhook"
AGENT = "reelwork-simulator"
# It keeps nobody out: whoever rehearses can write it down.
OPEN_SECRET = f"whsec_{base64.b64encode(b'reelwork rehearsal secret').decode('ascii')}"
"""The secret where the simulator was given none."""


def secret_of(settings: SimulatorSettings) -> str:
    """Return the secret that must have signed a request."""
    return settings.webhook_secret or OPEN_SECRET


class WebhookReceiver:
    """The simulated receiver."""

    def __init__(self, sim: Simulation) -> None:
        self.inbox = Inbox()
        self._turn = asyncio.Lock()

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted, oldest first."""
        return [self._shown(one).as_json() for one in list(self.inbox.posts)]

    async def post(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """POST /posts: take a post, once for each `webhook-id`."""
        if form.problem:
            large = "larger" in form.problem
            raise Refused(413 if large else 400, f"{form.problem[:1].upper()}{form.problem[1:]}.")
        body = form.content if form.kind == "json" else str(form.fields.get("post", "")).encode()
        key = check_signature(secret_of(sim.settings), request.headers, body, request.state.skew)
        data = check_fields(form.fields if form.kind == "json" else _parsed(body))
        # One after the other: the same post may arrive twice at once.
        async with self._turn:
            known = None if sim.switchboard.pick("keys") else self.inbox.by_key(key)
            if known is not None and known.body != body:
                raise Refused(409, "This webhook-id was used for another post.")
            got = known or await self._taken(sim, key, body, data, form)
        return Reply(_told(got, request), job_id=got.id, alter=_without_id)

    async def _taken(self, sim: Simulation, key: str, body: bytes, data: Mapping[str, Any], form: Form) -> Got:
        """Keep a post and its video. Raises `Refused`."""
        id_ = self.inbox.new_id()
        path = sim.folder / f"{id_}.video"
        film = await _video(data["video"], form, path)
        if fault := sim.switchboard.pick("video"):
            raise Refused(422, f"The video cannot be used: {fault.value} (simulated: {fault.spec})")
        got = Got(id_, key, time.time(), body, data, path, film)
        self.inbox.add(got)
        return got

    async def tell(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """GET /posts/{id}: tell of the post with this `webhook-id`."""
        key = check_signature(secret_of(sim.settings), request.headers, b"", request.state.skew)
        if key != request.path_params["id"]:
            raise Refused(400, "The webhook-id of the request is not that of its address.")
        found = None if sim.switchboard.pick("posts") else self.inbox.by_key(key)
        if found is None:
            raise Refused(404, "There is no post with this webhook-id.")
        return Reply(_told(found, request), job_id=found.id, alter=_without_id)

    async def file(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """Return the video of a post, for the page."""
        return Reply(file=FileResponse(self.inbox.get(request.path_params["id"]).path, media_type="video/mp4"))

    async def page(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """Show one post, or all, to a person."""
        id_ = request.path_params.get("id")
        found = [self.inbox.get(id_)] if id_ is not None else list(reversed(self.inbox.posts))
        page = posts_page("Simulated receiver of webhooks", map(self._shown, found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, got: Got) -> Shown:
        at = datetime.fromtimestamp(got.at, UTC).isoformat(timespec="seconds")
        data, video = got.data, got.data["video"]
        words = (data.get("title"), data.get("caption"), " ".join(f"#{tag}" for tag in data.get("hashtags") or ()))
        facts = {
            "webhook-id": got.key,
            "job": data["job"],
            "privacy": data["privacy"],
            "made with AI": data.get("ai_generated"),
            "alt text": data.get("alt_text"),
            "sent as": "link" if "url" in video else "file",
            "bytes": video.get("bytes"),
            "size": f"{got.film.width}x{got.film.height}",
        }
        facts |= {"fields": data["fields"]} if data.get("fields") else {}
        text = "\n\n".join(str(word) for word in words if word)
        return Shown(got.id, str(data["destination"]), at, text, facts, f"/videos/{got.id}", f"/shown/{got.id}")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "The field post is not valid JSON.") from None


async def _video(told: Mapping[str, Any], form: Form, path: Path) -> Film:
    """Keep the video that a post has or names, and look at it. Raises `Refused` with 422."""
    if form.kind == "json":
        if not await asyncio.to_thread(download, str(told.get("url")), path, AGENT):
            raise Refused(422, "The video could not be fetched from its address.")
    elif (file := form.files.get("video")) is None:
        raise Refused(422, "The form has no file named video.")
    else:
        await asyncio.to_thread(path.write_bytes, file.content)
    digest = await asyncio.to_thread(lambda: hashlib.sha256(path.read_bytes()).hexdigest())
    if digest != told.get("sha256"):
        raise Refused(422, "The video is another one than the post names: its sha256 differs.")
    try:
        return await asyncio.to_thread(look_at, path)
    except ValueError:
        raise Refused(422, "The file is no video.") from None


def _told(got: Got, request: Request) -> dict[str, str]:
    return {"id": got.id, "url": f"{request.url.scheme}://{request.url.netloc}/shown/{got.id}"}


def _without_id(fault: Fault, payload: Any) -> Any:
    return {name: one for name, one in payload.items() if name != "id"} if fault.kind == "no-id" else payload
