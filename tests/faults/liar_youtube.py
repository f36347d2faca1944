"""A YouTube that lies: resumable sessions, each of which makes one video, and the list of a channel's uploads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from liar_answers import PAGE
from liar_net import TAG
from liar_server import LiarServer
from liar_speech import LISTS, TIMES, Speech, beyond_about, lies_about, renamed, told, when
from liar_traits import Trait, own
from liar_values import CREATES, Ask, Entry, Render, Reply

from reelwork_hooks import Effect, Job, Post, Receipt, hookimpl
from reelwork_plugins.publishers.youtube import Youtube

SESSIONS, ITEMS, VIDEOS = "/upload/youtube/v3/videos", "/youtube/v3/playlistItems", "/youtube/v3/videos"
CHANNELS = "/youtube/v3/channels"
OWN = own(
    Trait(
        "a session that has made its video",
        "says which",
        (
            "is gone", "is gone after a minute", "answers 503", "answers 400", "answers HTML", "says nothing",
            "names no id", "asks for the rest", "asks for all of it",
        ),
    ),
    Trait("a session that waits", "says how far it is", ("is gone", "answers 503", "says nothing")),
    Trait("sessions", "make one video", (), ("make one for each last piece",)),
)  # fmt: skip
SHOWN = (
    *LISTS, *TIMES, "prompt given", "prompt", "prompt rewritten when", "prompt rewritten where", "has_more",
    "total", "one video answers", "renders take", "renders end", "listed while",
)  # fmt: skip


class YoutubeSpeech(Speech):
    """Videos of one channel."""

    once_for_an_upload: ClassVar[bool] = True

    def __init__(self) -> None:
        self.resources: dict[str, Mapping[str, Any]] = {}

    def creates(self, ask: Ask) -> bool:
        span = ask.headers.get("content-range", "").removeprefix("bytes ")
        where, _, total = span.partition("/")
        return ask.path == SESSIONS and ask.method == "PUT" and where.rpartition("-")[2] == str(int(total) - 1)

    def heard(self, server: LiarServer, ask: Ask) -> Ask:
        if self.creates(ask):
            session = ask.query.get("upload_id", "")
            snippet = self.resources.get(session, {}).get("snippet", {})
            upload = "" if server.who["sessions"] == "make one for each last piece" else session
            fields = {"prompt": snippet.get("description", "")}
            return replace(ask, path=CREATES, fields=fields, upload=upload, named={**snippet, "session": session})
        if ask.path == ITEMS:
            query = {"limit": ask.query.get("maxResults", "5"), "after": ask.query.get("pageToken", "")}
            return replace(ask, path=CREATES, query=query)
        if ask.path == VIDEOS:
            return replace(ask, path=f"{CREATES}/{ask.query.get('id', '')}")
        return ask

    def own(self, server: LiarServer, ask: Ask) -> Reply | None:
        if ask.path == SESSIONS and ask.method == "POST":
            session = f"session-{len(self.resources)}"
            self.resources[session] = ask.fields
            server.uploads[session] = None
            return Reply(200, b"", {"Location": f"http://{ask.headers['host']}{SESSIONS}?upload_id={session}"})
        if ask.path == SESSIONS:
            return self._session(server, ask)
        if ask.path == CHANNELS:
            uploads = {"contentDetails": {"relatedPlaylists": {"uploads": "UU1"}}}
            return Reply(200, {"items": [{"id": "UC1", **uploads}]})
        return None

    def _session(self, server: LiarServer, ask: Ask) -> Reply:
        """Answer the question how far an upload is."""
        session = ask.query.get("upload_id", "")
        if session not in server.uploads:
            return _gone()
        made = server.uploads[session]
        how = server.who["a session that waits" if made is None else "a session that has made its video"]
        late = made is not None and ask.at > made.at + 60
        forms = {
            "is gone": _gone(),
            "answers 503": Reply(503, b""),
            "answers 400": Reply(400, {"error": {"code": 400, "message": "Bad request"}}),
            "answers HTML": Reply(200, PAGE, {"Content-Type": "text/html"}),
            "says nothing": Reply(200, b""),
            "names no id": Reply(200, {"kind": "youtube#video"}),
            "asks for the rest": Reply(308, b"", {"Range": "bytes=0-31"}),
            "asks for all of it": Reply(308, b""),
        }
        if how == "is gone after a minute" and late:
            return _gone()
        if how in forms:
            return forms[how]
        return Reply(308, b"") if made is None else Reply(200, _video(made))

    def refusal(self, server: LiarServer, ask: Ask) -> Reply | None:
        return None if ask.named["session"] in server.uploads else _gone()

    def said(self, server: LiarServer, ask: Ask, reply: Reply) -> Reply:
        if ask.method != "GET":
            return replace(reply, body=told(reply.body, lambda entry: {**_video(entry.render), "id": entry["id"]}))
        if ask.path != CREATES:
            # A video that is not known is an empty list.
            shown = [] if reply.status == 404 else [told(reply.body, _shown)]
            return replace(reply, status=200, body={"items": shown}) if reply.status in (200, 404) else reply
        return replace(reply, body=_page(told(reply.body, _item)))


def _gone() -> Reply:
    return Reply(404, {"error": {"code": 404, "message": "Not Found", "errors": [{"reason": "notFound"}]}})


def _page(body: Any) -> Any:
    if not isinstance(body, dict) or "data" not in body:
        return body
    page = renamed(
        {name: one for name, one in body.items() if name not in ("has_more", "total")}, {"data": "items"}
    )
    items = page["items"] if isinstance(page["items"], list) else []
    last = next((one["contentDetails"]["videoId"] for one in reversed(items) if _named(one)), "")
    more = {"nextPageToken": str(last)} if body.get("has_more") not in (None, False, 0, "false") else {}
    total = {"pageInfo": {"totalResults": body["total"]}} if "total" in body else {}
    return {**page, **more, **total}


def _named(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("contentDetails"), dict)


def _item(entry: Entry) -> dict[str, Any]:
    snippet = {"title": entry.render.named.get("title", "Somebody's video")}
    if "prompt" in entry:
        snippet["description"] = entry["prompt"]
    if "created_at" in entry:
        snippet["publishedAt"] = when(entry)
    return {"kind": "youtube#playlistItem", "snippet": snippet, "contentDetails": {"videoId": entry["id"]}}


def _video(render: Render) -> dict[str, Any]:
    snippet = {name: one for name, one in render.named.items() if name != "session"}
    return {"kind": "youtube#video", "id": render.id, "snippet": snippet, "status": {"uploadStatus": "uploaded"}}


def _shown(entry: Entry) -> dict[str, Any]:
    word = {"completed": "processed", "failed": "failed"}.get(entry.get("status", ""), "uploaded")
    return {"id": entry["id"], "status": {"uploadStatus": word, "privacyStatus": "public"}}


class MarkedYoutube(Youtube):
    """The real plugin; the judge sees which effect each video belongs to."""

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        token = TAG.set(effect.key)
        try:
            return await super().publish(post, job, effect)
        finally:
            TAG.reset(token)


LIES = lies_about(SHOWN, OWN)
BEYOND = beyond_about(SHOWN, OWN)
ACCOUNT = json.dumps(
    {
        "accounts": {
            "youtube": {
                "kind": "youtube",
                "kept_in": "file",
                "shown": {"channel": "UC1"},
                "secret": {"access_token": "token-of-the-liar"},
                "identity": "UC1",
            }
        }
    }
)
"""A file of accounts, signed in with a token that does not end."""
