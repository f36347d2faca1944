"""The services that the liar plays: each lie of their own can be seen in their answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import liar_fal
import liar_kling
import liar_mastodon
import liar_youtube
from liar_fal import FalSpeech
from liar_kling import KlingSpeech
from liar_mastodon import MastodonSpeech
from liar_server import LiarServer
from liar_speech import Speech
from liar_traits import Lie, Personality, Trait
from liar_values import Ask, Reply
from liar_youtube import YoutubeSpeech

from reelwork_plugins.providers.kling.tokens import token

START = 1_795_860_000.0


class Talk:
    """Requests to a server, one after the other, and what they are answered."""

    def __init__(self, who: Personality, speech: Speech) -> None:
        self.server, self.now, self.said = LiarServer(who, speech), START, list[Reply]()

    def ask(self, method: str, path: str, *, after: float = 0.0, **parts: Any) -> Reply:
        self.now += after
        headers = {"host": "liar.example", "authorization": f"Bearer {token('key', 'secret', self.now)}"}
        headers |= parts.pop("headers", {})
        ask = Ask(method, path, self.now, headers=headers, tag="reelwork-1-render-1", **parts)
        self.said.append(self._answer(ask))
        return self.said[-1]

    def _answer(self, ask: Ask) -> Reply:
        if not self.server.creates(ask):
            return self.server.answer(ask)
        refused = self.server.refusal(ask)
        if refused is not None:
            return refused
        render, new = self.server.act(ask)
        return self.server.created(ask, render, new=new)


def mastodon(talk: Talk) -> None:
    media = talk.ask("POST", "/api/v2/media").body["id"]
    talk.ask("GET", f"/api/v1/media/{media}")
    for _ in range(2):
        talk.ask("POST", "/api/v1/statuses", fields={"status": "A red fox", "media_ids": [media]})
        talk.ask("GET", f"/api/v1/media/{media}")
    talk.ask("GET", "/api/v1/accounts/1/statuses", after=5.0, query={"limit": "40"})


def youtube(talk: Talk) -> None:
    place = liar_youtube.SESSIONS
    talk.ask("POST", place, fields={"snippet": {"title": "A red fox", "description": "Snow"}})
    of = {"upload_id": "session-0"}
    whole, question = {"content-range": "bytes 0-63/64"}, {"content-range": "bytes */64"}
    talk.ask("PUT", place, headers=question, query=of)
    talk.ask("PUT", place, headers=whole, query=of)
    talk.ask("PUT", place, headers=question, query=of)
    talk.ask("PUT", place, headers=question, after=90.0, query=of)
    talk.ask("PUT", place, headers=whole, query=of)
    talk.ask("GET", liar_youtube.ITEMS, query={"maxResults": "50"})
    talk.ask("GET", liar_youtube.VIDEOS, query={"id": "video_0001"})


def fal(talk: Talk) -> None:
    talk.ask("POST", f"/{liar_fal.MODEL}", fields={"prompt": "A red fox", "duration": "4s"})
    for after in (1.0, 30.0, 7200.0):
        since = {"endpoint_id": liar_fal.MODEL, "start": "2026-11-28T00:00:00+00:00"}
        talk.ask("GET", liar_fal.LIST, after=after, query=since)
        talk.ask("GET", liar_fal.LIST, query={**since, "start": "2026-12-31T00:00:00+00:00"})
    talk.ask("GET", "/fal-ai/veo3.1/requests/video_0001/status")
    talk.ask("GET", "/fal-ai/veo3.1/requests/video_0001")


def kling(talk: Talk) -> None:
    fields = {"prompt": "A red fox", "duration": "4", "external_task_id": "reelwork-1-render-1"}
    for _ in range(2):
        talk.ask("POST", liar_kling.TEXT, fields=fields)
        for path in (liar_kling.TEXT, "/v1/videos/image2video"):
            talk.ask("GET", path, query={"pageNum": "1", "pageSize": "500"})
            talk.ask("GET", f"{path}/reelwork-1-render-1")
    talk.ask("GET", f"{liar_kling.TEXT}/reelwork-2-render-1")
    talk.ask("GET", liar_kling.TEXT, after=30.0, query={"pageNum": "1", "pageSize": "500"})


SERVICES: Mapping[str, tuple[type[Speech], Callable[[Talk], None], tuple[Trait, ...]]] = {
    "mastodon": (MastodonSpeech, mastodon, liar_mastodon.OWN),
    "youtube": (YoutubeSpeech, youtube, liar_youtube.OWN),
    "fal": (FalSpeech, fal, liar_fal.OWN),
    "kling": (KlingSpeech, kling, liar_kling.OWN),
}


def lies() -> Iterator[tuple[str, Lie]]:
    """Every lie of a service's own."""
    for name, (_, _, own) in SERVICES.items():
        for trait in own:
            yield from ((name, Lie(trait.name, value)) for value in (*trait.lies, *trait.beyond))


def transcript(name: str, *lies_told: Lie) -> list[tuple[int, bytes]]:
    speech, script, _ = SERVICES[name]
    talk = Talk(Personality(lies_told), speech())
    script(talk)
    return [(one.status, one.raw + repr(sorted(one.headers.items())).encode()) for one in talk.said]


@pytest.mark.parametrize(("name", "lie"), list(lies()), ids=str)
def test_each_lie_of_a_service_shows(name: str, lie: Lie) -> None:
    assert transcript(name, lie) != transcript(name)


@pytest.mark.parametrize("name", SERVICES)
def test_the_lies_of_every_list_show_at_a_service(name: str) -> None:
    honest = transcript(name)
    assert transcript(name) == honest
    for lie in (Lie("list cut", "none at all"), Lie("list answers", "500"), Lie("ids", "random")):
        assert transcript(name, lie) != honest, lie


def test_a_service_refuses_a_token_of_another_time() -> None:
    talk = Talk(Personality(), KlingSpeech())
    talk.now += 1.0
    late = {"authorization": f"Bearer {token('key', 'secret', START - 7200)}"}
    refused = talk.ask("POST", liar_kling.TEXT, headers=late, fields={"prompt": "A red fox"})
    assert (refused.status, refused.body["code"]) == (401, 1004)
    assert not talk.server.renders
