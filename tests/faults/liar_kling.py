"""A Kling that lies: tasks with an id of ours, a list for each kind of video, and tokens with times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from liar_net import TAG
from liar_server import LiarServer
from liar_speech import LISTS, TIMES, Speech, beyond_about, lies_about, renamed, told
from liar_traits import Trait, own
from liar_values import CREATES, Ask, Entry, Render, Reply

from reelwork_hooks import Effect, RenderRequest, Submitted
from reelwork_plugins.providers.kling.provider import Kling
from reelwork_plugins.simulator.kling.tokens import check_token
from reelwork_plugins.simulator.refusals import Refused

BASE = "/v1/videos/"
TEXT = f"{BASE}text2video"
WORDS = {"queued": "submitted", "in_progress": "processing", "completed": "succeed", "failed": "failed"}
OWN = own(
    Trait(
        "task_info",
        "given",
        (
            "left out", "null", "empty", "an empty id", "in upper case", "cut to 12", "with a prefix", "a number",
            "given once ended", "given while it is made",
        ),
    ),
    Trait(
        "asked by our id", "is found", ("is never found", "answers 500", "answers another", "is found late")
    ),
    Trait(
        "an id of ours that is taken",
        "is refused",
        ("is taken again", "answers 500", "answers the task", "is refused with another code"),
    ),
    Trait("lists", "are of one kind", ("are of all kinds",)),
)  # fmt: skip
SHOWN = (
    *LISTS,
    *TIMES,
    "listed while",
    "one video answers",
    "renders take",
    "renders end",
    "status words",
    "status given",
)


class KlingSpeech(Speech):
    """Tasks of two kinds."""

    def __init__(self) -> None:
        self.ends: dict[tuple[str, int], str] = {}
        """The last id of each page, by list and number."""

    def creates(self, ask: Ask) -> bool:
        return ask.method == "POST"

    def heard(self, server: LiarServer, ask: Ask) -> Ask:
        kind, _, id_ = ask.path.removeprefix(BASE).partition("/")
        if self.creates(ask):
            fields = {"prompt": ask.fields.get("prompt", ""), "seconds": ask.fields.get("duration", "5")}
            ref = str(ask.fields.get("external_task_id", ""))
            return replace(ask, path=CREATES, fields=fields, named={"ref": ref, "kind": kind})
        if id_:
            return replace(ask, path=f"{CREATES}/{id_}", query={"kind": kind, "id": unquote(id_)})
        number = int(ask.query.get("pageNum", "1"))
        after = self.ends.get((kind, number - 1), "nowhere") if number > 1 else ""
        size = min(int(ask.query.get("pageSize", "30")), 500)
        lists = "" if server.who["lists"] == "are of all kinds" else kind
        return replace(
            ask, path=CREATES, query={"limit": str(size), "after": after, "lists": lists, "page": str(number)}
        )

    def own(self, server: LiarServer, ask: Ask) -> Reply | None:
        refused = _token(ask)
        if refused is not None or not ask.path.startswith(BASE):
            return refused or _error(404, 1203, "no such address")
        how, id_ = server.who["asked by our id"], unquote(ask.path.rpartition("/")[2])
        mine = next((one for one in reversed(server.known) if one.named.get("ref") == id_), None)
        if mine is None:
            return None
        if how == "answers 500":
            return _error(500, 5000, "internal error")
        if how == "is never found" or (how == "is found late" and ask.at < mine.at + 12):
            return _error(404, 1203, f"task not found: {id_}")
        return None

    def refusal(self, server: LiarServer, ask: Ask) -> Reply | None:
        refused = _token(ask)
        if refused is not None:
            return refused
        how, ref = server.who["an id of ours that is taken"], ask.named["ref"]
        known = next((one for one in reversed(server.known) if one.named.get("ref") == ref), None)
        if known is None or how == "is taken again":
            return None
        forms = {
            "answers 500": _error(500, 5000, "internal error"),
            "answers the task": Reply(200, {"code": 0, "message": "SUCCEED", "data": {"task_id": known.id}}),
            "is refused with another code": _error(400, 1201, f"duplicate external_task_id {ref}"),
        }
        return forms.get(how, _error(400, 1201, f"external_task_id {ref} already exists"))

    def lists(self, render: Render, ask: Ask) -> bool:
        kind = ask.query.get("lists", "")
        return not kind or render.named.get("kind", "text2video") == kind

    def names(self, server: LiarServer, render: Render, id_: str) -> bool:
        another = server.who["asked by our id"] == "answers another"
        return id_ in (render.id, render.named.get("ref")) or (another and id_.startswith("reelwork-"))

    def said(self, server: LiarServer, ask: Ask, reply: Reply) -> Reply:
        if ask.method == "GET" and ask.path != CREATES and reply.status == 404:
            # Its own word for a task that it does not know: any other 404 comes from something in front of it.
            return replace(reply, body=_error(404, 1203, "task not found").body)
        body = told(reply.body, lambda entry: _task(server, entry))
        if ask.method != "GET" or ask.path != CREATES:
            body = renamed(body, {"id": "task_id"})
            ours = isinstance(body, dict) and "task_id" in body and reply.status < 300
            return replace(reply, body={"code": 0, "message": "SUCCEED", "data": body} if ours else body)
        if not isinstance(body, dict) or "data" not in body:
            return replace(reply, body=body)
        items = body["data"]
        named = (
            [one for one in items if isinstance(one, dict) and "task_id" in one] if isinstance(items, list) else []
        )
        if named:
            self.ends[ask.query.get("lists", ""), int(ask.query["page"])] = str(named[-1]["task_id"])
        rest = {name: one for name, one in body.items() if name not in ("has_more", "total", "object")}
        return replace(reply, body={"code": 0, "message": "SUCCEED", **rest})


def _token(ask: Ask) -> Reply | None:
    """The refusal of a token that is not valid by the true time."""
    try:
        check_token(ask.headers.get("authorization", ""), None, ask.at)
    except Refused as refused:
        return _error(401, int(refused.code or 1000), refused.message)
    return None


def _error(status: int, code: int, message: str) -> Reply:
    return Reply(status, {"code": code, "message": message, "request_id": "r"})


def _task(server: LiarServer, entry: Entry) -> dict[str, Any]:
    render = entry.render
    task: dict[str, Any] = {"task_id": entry["id"], **_info(server.who["task_info"], entry)}
    if "status" in entry:
        task["task_status"] = (
            WORDS.get(entry["status"], entry["status"]) if isinstance(entry["status"], str) else entry["status"]
        )
    if "created_at" in entry:
        said = entry["created_at"]
        task["created_at"] = said * 1000 if isinstance(said, int) and 1e9 < said < 1e11 else said
    if entry.ended and render.outcome == "completed":
        video = {"id": "v", "url": f"https://files.liar.example/{render.number}.mp4", "duration": "4"}
        task |= {"task_result": {"videos": [video]}, "final_unit_deduction": "4"}
    return task


def _info(how: str, entry: Entry) -> dict[str, Any]:
    ref = str(entry.render.named.get("ref", ""))
    if (
        how == "left out"
        or (how == "given once ended" and not entry.ended)
        or (how == "given while it is made" and entry.ended)
    ):
        return {}
    forms = {"in upper case": ref.upper(), "cut to 12": ref[:12], "with a prefix": f"ext-{ref}", "an empty id": ""}
    value: Any = {"a number": entry.render.number}.get(how, forms.get(how, ref))
    info = {"external_task_id": value} if value != "" or how == "an empty id" else {}
    return {"task_info": {"null": None, "empty": {}}.get(how, info)}


class MarkedKling(Kling):
    """The real plugin; the judge sees which effect each task belongs to."""

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        token = TAG.set(effect.key)
        try:
            return await super().submit(request, effect)
        finally:
            TAG.reset(token)


LIES = lies_about(SHOWN, OWN)
BEYOND = beyond_about(SHOWN, OWN)
