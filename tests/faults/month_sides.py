"""The other sides of the month: a provider and two networks, each with its own record of what it carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from liar_mastodon import MarkedMastodon, MastodonSpeech
from liar_net import Fate, Net
from liar_process import Marked
from liar_server import LiarServer
from liar_speech import Speech
from liar_traits import Personality
from liar_values import CREATES, Ask, Render, Reply
from liar_youtube import MarkedYoutube, YoutubeSpeech

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.catalog import Catalog
from reelwork_hooks import Credentials, Provider, hookimpl

PROVIDER, MASTODON, YOUTUBE = 9000, 9001, 9002
HONEST = Personality(())
PRICE_PER_SECOND = 0.1
PICTURES = "/upload/youtube/v3/thumbnails/set"
SHOP, CHANNEL = "acme-shop", "bolt-channel"


class Side(LiarServer):
    """A server that tells the truth, accepts some tokens, and has a real video for every render."""

    def __init__(self, speech: Speech, films: Mapping[float, bytes], tokens: set[str]) -> None:
        super().__init__(HONEST, speech)
        self.films, self.tokens = films, tokens

    def refusal(self, ask: Ask) -> Reply | None:
        """The answer to a create that is refused: its token is not accepted, or it cannot be carried out."""
        return self._unknown(ask) or super().refusal(ask)

    def answer(self, ask: Ask) -> Reply:
        """The answer to a request that only reads, or gives a video its picture."""
        if ask.path == PICTURES:
            return self._unknown(ask) or self._with_headers(Reply(200, {"items": []}), ask.at)
        return self._unknown(ask) or super().answer(ask)

    def _unknown(self, ask: Ask) -> Reply | None:
        token = ask.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.tokens or token in self.tokens:
            return None
        return self._with_headers(Reply(401, {"error": {"code": 401, "message": "Invalid Credentials"}}), ask.at)

    def _one(self, ask: Ask) -> Reply:
        if ask.path.endswith("/content"):
            made = next(one for one in self.renders if ask.path == f"{CREATES}/{one.id}/content")
            return Reply(200, self.films[made.seconds], {"Content-Type": "video/mp4"})
        return super()._one(ask)


def marked_catalog() -> Catalog:
    """The real plugins; the judge sees which effect each create belongs to."""

    class Brings:
        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            return {"studio-video": Marked}

    found = Catalog()
    found.add("studio-video", Brings)
    found.add("mastodon", MarkedMastodon)
    found.add("youtube", MarkedYoutube)
    return found


@dataclass
class Sides:
    """All other sides, with the faults that the month has for them."""

    net: Net
    provider: Side
    mastodon: Side
    youtube: Side
    accounts: Path
    signed_in: int = 0
    """How often somebody signed in to the channel."""

    @classmethod
    def of(cls, now: Any, films: Mapping[float, bytes], accounts: Path) -> Sides:
        """Return them at the beginning of the month, with both accounts signed in."""
        provider, mastodon = Side(Speech(), films, set()), Side(MastodonSpeech(), films, {"shop-1"})
        youtube = Side(YoutubeSpeech(), films, set())
        made = cls(
            Net(now, {PROVIDER: provider, MASTODON: mastodon, YOUTUBE: youtube}),
            provider, mastodon, youtube, accounts,
        )  # fmt: skip
        shop = {
            "service": f"http://127.0.0.1:{MASTODON}", "identifier": "@shop@acme.example", "id": "1",
            "software": "Mastodon", "idempotency_key": "no",
        }  # fmt: skip
        Accounts(accounts).add(SHOP, "mastodon", Credentials(shop, {"access_token": "shop-1"}, identity="acme 1"))
        return made

    def sign_in(self, ends: float | None) -> None:
        """Sign in to the channel, in place of a person at a browser."""
        # A new token, and the network accepts no other one: a process that kept the old one is found out.
        self.signed_in += 1
        token = f"channel-{self.signed_in}"
        self.youtube.tokens = {token}
        shown = {"channel": "UC1", "identifier": "Bolt", "service": f"http://127.0.0.1:{YOUTUBE}"}
        values = Credentials(shown, {"access_token": token}, identity=f"{shown['service']} UC1")
        Accounts(self.accounts).add(CHANNEL, "youtube", _ending(values, ends), replace=True)

    def lose_next_answer(self) -> None:
        """Carry the next create out, and lose its answer."""
        self.net.fates.append(Fate(answer=False))

    def provider_is(self, *, up: bool) -> None:
        """Let the provider be reached, or not."""
        if up:
            self.net.servers[PROVIDER] = self.provider
        else:
            self.net.servers.pop(PROVIDER, None)

    def token_ends(self) -> None:
        """Let the channel accept its token no more."""
        self.youtube.tokens = {"none"}

    def made(self) -> Mapping[str, list[Render]]:
        """Everything that each side has carried out."""
        return {
            "provider": self.provider.renders, "mastodon": self.mastodon.renders, "youtube": self.youtube.renders,
        }  # fmt: skip


def _ending(values: Credentials, ends: float | None) -> Credentials:
    when = None if ends is None else datetime.fromtimestamp(ends, UTC)
    return replace(values, expires_at=when)
