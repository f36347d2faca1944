"""A Mastodon instance that lies, or a server that only has its API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from liar_net import TAG
from liar_rewriting import digest
from liar_server import LiarServer
from liar_speech import LISTS, TIMES, Speech, beyond_about, lies_about, told, when
from liar_traits import Lie, Trait, own
from liar_values import CREATES, Ask, Entry, Reply

from reelwork_hooks import Effect, Job, Post, Receipt, hookimpl
from reelwork_plugins.publishers.mastodon import Mastodon

STATUSES, MEDIA, UPLOAD = "/api/v1/statuses", "/api/v1/media", "/api/v2/media"
OWN = own(
    Trait(
        "attachments",
        "with their ids",
        ("left out", "null", "an empty list", "by their addresses", "with other ids", "with numbers as ids"),
    ),
    # A second post is then made without the video, or with it once more.
    Trait("an upload posted again", "is refused", ("is left out", "is shared")),
    Trait("an upload", "is shown until it is posted", ("is always shown", "is never shown", "answers 503")),
)
SHOWN = (*LISTS, *TIMES)
# Each is longer than the plugin declares that a post may take to be listed.
TOO_LATE = (Lie("acts after", "10"), Lie("listed after", "12"))


class MastodonSpeech(Speech):
    """Statuses of one account, each with an upload."""

    once_for_an_upload: ClassVar[bool] = False
    # https://docs.joinmastodon.org/methods/statuses/#headers
    key_seconds: ClassVar[float] = 3600.0

    def creates(self, ask: Ask) -> bool:
        return ask.method == "POST" and ask.path == STATUSES

    def heard(self, server: LiarServer, ask: Ask) -> Ask:
        if self.creates(ask):
            media = [str(one) for one in ask.fields.get("media_ids", ())]
            said = {"prompt": str(ask.fields.get("status", ""))}
            return replace(ask, path=CREATES, fields=said, upload=media[0] if media else "")
        if ask.path.endswith("/statuses"):
            query = {"limit": ask.query.get("limit", "20"), "after": ask.query.get("max_id", "")}
            return replace(ask, path=CREATES, query=query)
        return ask

    def own(self, server: LiarServer, ask: Ask) -> Reply | None:
        if ask.path == "/api/v2/instance":
            return Reply(200, {"version": "4.5.1", "source_url": "https://github.com/mastodon/mastodon"})
        if ask.path == "/api/v1/accounts/verify_credentials":
            return Reply(200, {"id": "1", "acct": "liar"})
        if ask.path == UPLOAD:
            id_ = str(100_000 + len(server.uploads) + 1000 * int(ask.at) % 10**9)
            server.uploads[id_] = None
            return Reply(200, {"id": id_, "type": "video", "url": None})
        if ask.path.startswith(MEDIA):
            return _upload(server, ask.path.rpartition("/")[2])
        return None

    def refusal(self, server: LiarServer, ask: Ask) -> Reply | None:
        if ask.upload not in server.uploads:
            return _refused(ask.upload)
        again = server.uploads[ask.upload] is not None and server.who["an upload posted again"] == "is refused"
        return _refused(ask.upload) if again and server._of_key(_key(ask), ask.at) is None else None

    def said(self, server: LiarServer, ask: Ask, reply: Reply) -> Reply:
        def status(entry: Entry) -> dict[str, Any]:
            return _status(server, entry)

        body = reply.body
        if ask.method == "GET" and isinstance(body, dict) and isinstance(body.get("data"), list):
            # Its list is bare: where the next page begins, and how many there are, is not said.
            body = body["data"]
        return replace(reply, body=told(body, status))


def _key(ask: Ask) -> str:
    return ask.headers.get("idempotency-key", "")


def _refused(media: str) -> Reply:
    return Reply(422, {"error": f"Validation failed: Media {media} not found or already attached to another post"})


def _upload(server: LiarServer, id_: str) -> Reply:
    how = server.who["an upload"]
    if how == "answers 503":
        return Reply(503, {"error": "Remote data could not be fetched"})
    free = id_ in server.uploads and (server.uploads[id_] is None or how == "is always shown")
    shown = free and how != "is never shown"
    return Reply(200, {"id": id_, "type": "video"}) if shown else Reply(404, {"error": "Record not found"})


def _status(server: LiarServer, entry: Entry) -> dict[str, Any]:
    id_, files = str(entry["id"]), _attachments(server, entry)
    status = {
        "id": entry["id"], "created_at": when(entry), "visibility": "public", "media_attachments": files,
        "content": f"<p>{entry['prompt']}</p>", "url": f"https://liar.example/@liar/{quote(id_, safe='')}",
        "uri": f"https://liar.example/statuses/{digest(id_)}",
    }  # fmt: skip
    if server.who["attachments"] == "left out":
        del status["media_attachments"]
    if "created_at" not in entry:
        del status["created_at"]
    return status


def _attachments(server: LiarServer, entry: Entry) -> Any:
    # What others of the account make has an upload, too, and what is posted without one has none.
    id_ = entry.render.upload if entry.render.tag else f"9{entry.render.number}"
    whole = {"id": id_, "type": "video", "url": f"https://files.liar.example/{id_}/original/clip.mp4"}
    forms = {
        "null": None,
        "an empty list": [],
        "by their addresses": [{"type": "video", "url": f"https://files.liar.example/{id_}"}],
        "with other ids": [{**whole, "id": f"7{id_}"}],
        "with numbers as ids": [{**whole, "id": int(id_) if id_ else 0}],
    }
    return forms.get(server.who["attachments"], [whole] if id_ else [])


class MarkedMastodon(Mastodon):
    """The real plugin; the judge sees which effect each post belongs to."""

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        token = TAG.set(effect.key)
        try:
            return await super().publish(post, job, effect)
        finally:
            TAG.reset(token)


LIES = lies_about(SHOWN, OWN, TOO_LATE)
KEYED_LIES = lies_about((*SHOWN, "keys"), OWN, TOO_LATE)
BEYOND = beyond_about(SHOWN, OWN, TOO_LATE)
