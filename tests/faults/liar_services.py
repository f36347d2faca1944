"""The services that the liar plays for the plugins that come with Reelwork."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import liar_fal
import liar_kling
import liar_mastodon
import liar_youtube
from liar_speech import Speech
from liar_traits import SETTLE, Lie

from reelwork_hooks import Plugin, Provider

TOKEN = "REELWORK_LIAR_TOKEN"


@dataclass(frozen=True)
class Service:
    """One service, and the real plugin that works with it."""

    plugin: str
    kind: type[Plugin | Provider]
    speech: type[Speech]
    settings: Mapping[str, Any]
    """Its plugin's settings, beside the address."""
    lies: tuple[Lie, ...]
    beyond: tuple[Lie, ...]
    address: str = "base_url"
    """The setting with the address."""
    edits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings that `reelwork resume --set` may change, beside the server, by the name of the edit."""
    keyed: bool = False
    """The person says that it honours keys."""
    knows_ours: bool = True
    """True if entries are told apart by something of ours: no job may take what another one made."""

    @property
    def renders(self) -> bool:
        """True if it makes videos; else it posts them."""
        return issubclass(self.kind, Provider)

    def workflow(self, address: str) -> dict[str, Any]:
        """The tables of a workflow that uses it."""
        return self._tables({**self.settings, self.address: address})

    def edit(self, what: str, address: str) -> dict[str, Any]:
        """The tables of one edit; `address` is the other server's."""
        return self._tables({self.address: address} if what == "server" else self.edits.get(what, {}))

    def _tables(self, told: Mapping[str, Any]) -> dict[str, Any]:
        return {"provider": dict(told)} if self.renders else {"plugin": {self.plugin: dict(told)}}


MASTODON = Service(
    "mastodon",
    liar_mastodon.MarkedMastodon,
    liar_mastodon.MastodonSpeech,
    {"access_token": f"env:{TOKEN}"},
    liar_mastodon.LIES,
    liar_mastodon.BEYOND,
    "instance",
    {"model": {"text": "{prompt} – {hashtags}"}},
)
SERVICES: Mapping[str, Service] = {
    "mastodon": MASTODON,
    "mastodon with keys": Service(
        "mastodon",
        liar_mastodon.MarkedMastodon,
        liar_mastodon.MastodonSpeech,
        {**MASTODON.settings, "idempotency_key": True},
        liar_mastodon.KEYED_LIES,
        liar_mastodon.BEYOND,
        "instance",
        {**MASTODON.edits, "key": {"idempotency_key": False}},
        keyed=True,
    ),
    "youtube": Service(
        "youtube",
        liar_youtube.MarkedYoutube,
        liar_youtube.YoutubeSpeech,
        {},
        liar_youtube.LIES,
        liar_youtube.BEYOND,
        edits={"model": {"chunk": 1}},
    ),
    "fal": Service(
        "fal",
        liar_fal.MarkedFal,
        liar_fal.FalSpeech,
        {"model": liar_fal.MODEL, "settle_seconds": SETTLE, "submit_timeout": 90, "api_key": f"env:{TOKEN}"},
        liar_fal.LIES,
        liar_fal.BEYOND,
        edits={"model": {"model": liar_fal.OTHER_MODEL}},
        knows_ours=False,
    ),
    "kling": Service(
        "kling",
        liar_kling.MarkedKling,
        liar_kling.KlingSpeech,
        {
            "settle_seconds": SETTLE,
            "submit_timeout": 90,
            "access_key": f"env:{TOKEN}",
            "secret_key": f"env:{TOKEN}",
        },
        liar_kling.LIES,
        liar_kling.BEYOND,
        edits={"model": {"model": "kling-v2-6"}, "key": {"durations": [4, 5, 8, 10]}},
    ),
}
