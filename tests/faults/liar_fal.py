"""A fal that lies: its queue, and its list of requests, which has them once they have ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from liar_net import TAG
from liar_server import LiarServer
from liar_speech import LISTS, TIMES, Speech, beyond_about, lies_about, renamed, told, when
from liar_traits import Trait, own
from liar_values import CREATES, Ask, Entry, Render, Reply

from reelwork_hooks import Effect, RenderRequest, Submitted
from reelwork_plugins.providers.fal.provider import Fal

MODEL, OTHER_MODEL = "fal-ai/veo3.1/lite", "fal-ai/kling-video/v3/standard/text-to-video"
LIST = "/v1/models/requests/by-endpoint"
WINDOW = "the window of the list"
OWN = own(
    Trait(
        "json_input",
        "as sent",
        (
            "left out", "null", "an empty object", "a text", "with defaults filled in", "without the prompt",
            "in upper case",
        ),
    ),
    Trait("ended_at", "given", ("left out", "null", "zero")),
    Trait("json_output", "given", ("left out", "null", "with an error beside")),
    Trait(WINDOW, "is kept to", ("is an hour", "is overlooked")),
    Trait("requests are listed", "when they have ended", ("at once",)),
)  # fmt: skip
SHOWN = (
    *LISTS, *TIMES, "prompt given", "prompt", "prompt rewritten when", "prompt rewritten where", "seconds given",
    "seconds", "seconds rewritten when", "has_more", "one video answers", "renders take", "renders end",
)  # fmt: skip


class FalSpeech(Speech):
    """Requests to models, each with its input."""

    def creates(self, ask: Ask) -> bool:
        return ask.method == "POST"

    def heard(self, server: LiarServer, ask: Ask) -> Ask:
        model, given = ask.path.strip("/"), dict(ask.fields)
        if self.creates(ask):
            seconds = str(given.get("duration", "4")).rstrip("s")
            said = {"prompt": given.get("prompt", ""), "seconds": seconds, "model": model}
            return replace(ask, path=CREATES, fields=said, named=given)
        if ask.path == LIST:
            query = {**ask.query, "after": ask.query.get("cursor", "")}
            times = {"now": str(ask.at), "listed": server.who["requests are listed"], "window": server.who[WINDOW]}
            return replace(ask, path=CREATES, query={**query, **times})
        _, found, rest = ask.path.partition("/requests/")
        return replace(ask, path=f"{CREATES}/{rest.removesuffix('/status')}", query={"of": rest}) if found else ask

    def lists(self, render: Render, ask: Ask) -> bool:
        query, now = ask.query, float(ask.query.get("now", "inf"))
        # What has not ended is left out, whoever asks for it by its id.
        ended = query.get("listed") == "at once" or render.ends <= now
        ours = query.get("endpoint_id", render.model) == render.model
        return (
            ended and ours and render.ends >= _start(query, now) and query.get("request_id", render.id) == render.id
        )

    def said(self, server: LiarServer, ask: Ask, reply: Reply) -> Reply:
        if ask.method != "GET":
            return replace(reply, body=renamed(told(reply.body, _queued), {"id": "request_id"}))
        if ask.path == CREATES:
            return replace(reply, body=_page(told(reply.body, lambda entry: _request(server, entry))))
        entry = reply.body
        if reply.status != 200 or not isinstance(entry, Entry):
            return reply
        if str(ask.query.get("of", "")).endswith("/status"):
            word = "COMPLETED" if entry.ended else "IN_PROGRESS"
            return replace(reply, status=200 if entry.ended else 202, body={"status": word})
        if not entry.ended:
            return replace(reply, status=400, body={"detail": "Request is still in progress"})
        failed = entry.render.outcome == "failed"
        return replace(reply, status=500 if failed else 200, body=_output(entry))


def _start(query: Mapping[str, str], now: float) -> float:
    start = query.get("start")
    asked = datetime.fromisoformat(start).timestamp() if start else 0.0
    return {"is overlooked": 0.0, "is an hour": max(asked, now - 3600)}.get(query.get("window", ""), asked)


def _queued(entry: Entry) -> dict[str, Any]:
    return {"request_id": entry["id"], "status": "IN_QUEUE", "queue_position": 0}


def _page(body: Any) -> Any:
    if not isinstance(body, dict) or "data" not in body:
        return body
    page = {name: one for name, one in body.items() if name not in ("data", "total")}
    items = body["data"]
    named = (
        [one for one in items if isinstance(one, dict) and "request_id" in one] if isinstance(items, list) else []
    )
    more = body.get("has_more") not in (None, False, 0, "false")
    return {**page, "items": items, "next_cursor": str(named[-1]["request_id"]) if named and more else None}


def _request(server: LiarServer, entry: Entry) -> dict[str, Any]:
    who, render = server.who, entry.render
    at = datetime.fromtimestamp(render.ends, UTC).isoformat()
    ended = {"left out": None, "null": None, "zero": 0}.get(who["ended_at"], at)
    item: dict[str, Any] = {
        "request_id": entry["id"], "endpoint_id": render.model, "sent_at": when(entry), "status_code": 200,
        "json_input": _input(who["json_input"], entry), "ended_at": ended if entry.ended else None,
        "json_output": _output(entry) if entry.ended else None,
    }  # fmt: skip
    if who["json_output"] != "given" and entry.ended:
        item["json_output"] = {**_output(entry), "detail": "overloaded"} if "beside" in who["json_output"] else None
    for name in ("json_input", "ended_at", "json_output"):
        if who[name] == "left out":
            del item[name]
    return item


def _input(how: str, entry: Entry) -> Any:
    given = {**entry.render.named, "prompt": entry.get("prompt")}
    if "prompt" not in entry or how == "without the prompt":
        del given["prompt"]
    if "seconds" not in entry:
        given.pop("duration", None)
    elif entry["seconds"] != f"{entry.render.seconds:g}":
        given["duration"] = entry["seconds"]
    forms: Mapping[str, Any] = {
        "null": None,
        "an empty object": {},
        "a text": str(given),
        "with defaults filled in": {**given, "auto_fix": True, "generate_audio": True, "seed": 7},
        "in upper case": {name.upper(): one for name, one in given.items()},
    }
    return forms.get(how, given)


def _output(entry: Entry) -> dict[str, Any]:
    if entry.render.outcome == "failed":
        return {"detail": "The request failed"}
    return {"video": {"url": f"https://files.liar.example/{entry.render.number}.mp4"}}


class MarkedFal(Fal):
    """The real plugin; the judge sees which effect each request belongs to."""

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        token = TAG.set(effect.key)
        try:
            return await super().submit(request, effect)
        finally:
            TAG.reset(token)


LIES = lies_about(SHOWN, OWN)
BEYOND = beyond_about(SHOWN, OWN)
