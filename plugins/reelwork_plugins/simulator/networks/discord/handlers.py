"""The work of each of Discord's routes when nothing goes wrong."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.networks.discord import channel as rules
from reelwork_plugins.simulator.networks.discord.channel import HOOKS, Attached, Channel, Hook, Message
from reelwork_plugins.simulator.networks.films import look_at
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "discord"
_FILE = re.compile(r"files?\[?([0-9]*)\]?")
_SILENT = 1 << 12
Work = Callable[[Simulation, Hook, Request, Form], Awaitable[Reply]]


class Discord:
    """The simulated Discord: two webhooks, their channels and threads."""

    def __init__(self, sim: Simulation) -> None:
        self.channel = Channel()

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted, oldest first."""
        return [self._shown(one).as_json() for one in reversed(self.channel.posted())]

    def handler(self, work: Work) -> Handler:
        """Return a handler for a route of a webhook."""

        async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
            hook = _hook(sim, request)
            if form.problem:
                large = "larger" in form.problem
                raise Refused(
                    413 if large else 400,
                    "Request entity too large" if large else "Invalid Form Body",
                    code="40005" if large else "50109",
                )
            return await work(sim, hook, request, form)

        return handle

    async def about(self, sim: Simulation, hook: Hook, request: Request, form: Form) -> Reply:
        """GET /webhooks/{id}/{token}."""
        return _result(rules.hook_json(hook, request.path_params["token"], _here(request)))

    async def post(self, sim: Simulation, hook: Hook, request: Request, form: Form) -> Reply:
        """POST /webhooks/{id}/{token}: post a message, and show it where `wait` is asked for."""
        now = time.time()
        headers = self.channel.take_turn(hook, now) if sim.settings.rate_limits else {}
        payload, thread = _payload(form), request.query_params.get("thread_id", "")
        text, title = str(payload.get("content") or "").strip(), str(payload.get("thread_name") or "")
        rules.too_long("content", text, rules.LONGEST_TEXT)
        rules.too_long("username", str(payload.get("username") or ""), rules.LONGEST_NAME)
        rules.too_long("thread_name", title, rules.LONGEST_THREAD)
        rules.check_place(hook, thread, title)
        channel = self.channel.thread_of(hook, thread) if thread else hook.channel
        if not text and not form.files:
            raise Refused(400, "Cannot send an empty message", code="50006")
        id_ = self.channel.new_id(now)
        files = await self._files(sim, id_, form, payload)
        username = str(payload.get("username") or hook.name)
        made = Message(
            id_, hook, id_ if title else channel, now, text, username, files, int(payload.get("flags") or 0),
            _mentions(payload), title,
        )  # fmt: skip
        self.channel.add(made)
        if request.query_params.get("wait", "").lower() not in ("true", "1"):
            return Reply(raw=Response(status_code=204, headers=headers), job_id=id_)
        return Reply(rules.message_json(made, _here(request)), headers=headers, job_id=id_, alter=_without_id)

    async def _files(
        self, sim: Simulation, id_: str, form: Form, payload: Mapping[str, Any]
    ) -> tuple[Attached, ...]:
        """Keep the files of a message. Raises `Refused`."""
        listed = payload.get("attachments")
        alts = {
            str(one.get("id")): str(one.get("description") or "") for one in listed or () if isinstance(one, dict)
        }
        for alt in alts.values():
            rules.too_long("attachments.description", alt, rules.LONGEST_ALT)
        if len(form.files) > rules.MOST_FILES:
            raise Refused(
                400, "Invalid Form Body", code="50035", param="attachments: Must be 10 or fewer in length."
            )
        if any(len(file.content) > rules.LARGEST_FILE for file in form.files.values()):
            raise Refused(413, "Request entity too large", code="40005")
        kept = []
        for number, (field, file) in enumerate(form.files.items()):
            path = sim.folder / f"{id_}.{number}"
            await asyncio.to_thread(path.write_bytes, file.content)
            try:
                film = await asyncio.to_thread(look_at, path)
            except ValueError:
                film = None
            name = PurePath(file.name.replace("\\", "/")).name or "file"
            place = _FILE.fullmatch(field)
            alt = alts.get(place[1] if place else "", "")
            kind = file.content_type or "application/octet-stream"
            kept.append(Attached(name, kind, path, len(file.content), alt, film))
        return tuple(kept)

    async def show_message(self, sim: Simulation, hook: Hook, request: Request, form: Form) -> Reply:
        """GET /webhooks/{id}/{token}/messages/{message}."""
        found = self.channel.get(hook, request.path_params["message"])
        return _result(rules.message_json(found, _here(request)))

    async def delete_message(self, sim: Simulation, hook: Hook, request: Request, form: Form) -> Reply:
        """DELETE /webhooks/{id}/{token}/messages/{message}."""
        self.channel.delete(hook, request.path_params["message"])
        return Reply(raw=Response(status_code=204))

    async def file(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """Return a file of a message, for the page."""
        found = self.channel.messages.get(request.path_params["id"])
        number = request.path_params["number"]
        if found is None or number >= len(found.files):
            raise Refused(404, "Unknown Message", code="10008")
        one = found.files[number]
        return Reply(
            file=FileResponse(one.path, media_type="video/mp4" if one.film else "application/octet-stream")
        )

    async def page(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """Show one message, or all, to a person."""
        id_ = request.path_params.get("id")
        found = [one for one in self.channel.posted() if id_ in (None, one.id)]
        if id_ is not None and not found:
            raise Refused(404, "Unknown Message", code="10008")
        page = posts_page("Simulated Discord", map(self._shown, found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, message: Message) -> Shown:
        at = datetime.fromtimestamp(message.at, UTC).isoformat(timespec="seconds")
        file = message.files[0] if message.files else None
        facts: dict[str, Any] = {"channel": message.channel}
        facts |= {"thread": message.title} if message.title else {}
        facts |= {"alt text": file.alt, "file": file.name, "bytes": file.bytes} if file else {}
        facts |= {"silent": True} if message.flags & _SILENT else {}
        facts |= {"notifies": ", ".join(message.mentions)} if message.mentions else {}
        film = f"/attachments/{message.id}/0/{quote(file.name, safe='')}" if file else None
        url = f"/channels/{rules.GUILD}/{message.channel}/{message.id}"
        return Shown(message.id, message.username, at, message.text, facts, film, url)


def token_of(sim: Simulation) -> str:
    """Return the token of both webhooks."""
    return sim.settings.api_key or OPEN_TOKEN


def _hook(sim: Simulation, request: Request) -> Hook:
    """Return the webhook of an address. Raises `Refused`."""
    fault = sim.switchboard.pick("rights")
    hook = next((one for one in HOOKS if one.id == request.path_params["id"]), None)
    if hook is None or (fault is not None and fault.kind == "missing"):
        raise Refused(404, "Unknown Webhook", code="10015")
    token = str(request.path_params["token"]).encode("utf-8", "replace")
    if not hmac.compare_digest(token, token_of(sim).encode()):
        raise Refused(401, "Invalid Webhook Token", code="50027")
    return hook


def _payload(form: Form) -> Mapping[str, Any]:
    """Return the message that is asked for. Raises `Refused`."""
    text = form.fields.get("payload_json")
    if text is None:
        return form.fields
    try:
        payload = json.loads(str(text))
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise Refused(400, "The request body contains invalid JSON.", code="50109")
    return payload


def _mentions(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which mentions in the text notify: all, unless the request says otherwise."""
    allowed = payload.get("allowed_mentions")
    if not isinstance(allowed, dict):
        return ("everyone", "roles", "users")
    parse = allowed.get("parse")
    return tuple(map(str, parse)) if isinstance(parse, list) else ()


def _here(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _result(value: Any) -> Reply:
    return Reply(value, alter=lambda fault, payload: payload)


def _without_id(fault: Fault, payload: Any) -> Any:
    return {name: one for name, one in payload.items() if name != "id"} if fault.kind == "no-id" else payload
