"""The settings of a simulator."""

from __future__ import annotations

import base64
import binascii
import math
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator.dialects import DIALECTS
from reelwork_plugins.simulator.faults import parse_fault

PROTOCOLS = ("videos", "fal", "kling")
"""The protocols that can be played. Each is a module, or a package, of `reelwork_plugins.simulator`."""
NETWORKS = (
    "discord",
    "facebook",
    "instagram",
    "linkedin",
    "mastodon",
    "telegram",
    "threads",
    "tiktok",
    "webhook",
    "x",
    "youtube",
)
"""The networks that can be played instead. Each is a package of `reelwork_plugins.simulator.networks`."""


def new_webhook_secret() -> str:
    """Return a new secret in the form of the Standard Webhooks specification."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode("ascii")


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """The settings of a simulator. Raises `InvalidInput` for values that make no sense."""

    protocol: str = "videos"
    """The service that is played; see `reelwork_plugins.simulator.protocols`."""
    network: str | None = None
    """The network that is played instead of a service that makes videos."""
    dialect: str = "sora"
    """Served at `/v1`. Every dialect is also served at `/NAME/v1`."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    allow_hosts: tuple[str, ...] = ()
    """Names under which others reach it, beside those of this machine and addresses."""
    api_key: str | None = None
    """The bearer token that every request must carry. Only `sglang`, which has no keys, asks for none."""
    models: tuple[str, ...] = ()
    """The only models `vllm-omni`, `litellm` and `openrouter` serve; any name when empty. `sora` has its own table,
    `sglang` takes any name."""
    render_seconds: float = 2.0
    """The length of one render, or of the look that a network takes at a video."""
    concurrent: int | None = None
    """Renders that run at once; the others wait in the queue. None: all of them."""
    faults: tuple[str, ...] = ()
    """See `reelwork_plugins.simulator.faults`."""
    seed: int = 0
    """Seed of the faults that strike by chance: the same requests are struck each time."""
    webhook: str | None = None
    """The address that events are sent to. `:token` in it stands for the last part of the request's own address."""
    webhook_secret: str | None = None
    """`whsec_…`. A fresh one is made when there is a `webhook` and no secret."""
    canned: bool = False
    """Serve small grey clips of the right length instead of drawn previews."""
    state: Path | None = None
    """A folder that stores jobs and clips between runs."""
    requests_per_minute: int | None = None
    """More are answered 429 with `Retry-After`."""
    creates_per_minute: int | None = None
    """The same for creates alone, as services limit them; polls and downloads stay free."""
    refuse_above: int | None = None
    """A create is answered 429 while so many renders are not done."""
    idempotency_keys: bool = False
    """Answer a create whose `Idempotency-Key` was seen in this run with the video made for it, and make nothing."""
    log_file: Path | None = None
    """A file that the request log is written to as well, as JSON lines."""
    rate_limits: bool = True
    """A network refuses more uploads and posts than the real one takes."""

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise InvalidInput(f"no protocol {self.protocol!r}: there are {', '.join(PROTOCOLS)}")
        self._check_network()
        if self.dialect not in DIALECTS:
            raise InvalidInput(f"no dialect {self.dialect!r}: there are {', '.join(DIALECTS)}")
        if not 0 <= self.port <= 65535:
            raise InvalidInput(f"{self.port} is no port: give 1 to 65535, or 0 for any free one")
        if not (math.isfinite(self.render_seconds) and self.render_seconds >= 0):
            raise InvalidInput("a render takes 0 seconds or more")
        for name in ("concurrent", "requests_per_minute", "creates_per_minute", "refuse_above"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InvalidInput(f"{name.replace('_', '-')} must be 1 or more")
        for spec in self.faults:
            parse_fault(spec)
        self._check_webhook()

    def _check_network(self) -> None:
        if self.network is None:
            return
        if self.network not in NETWORKS:
            raise InvalidInput(f"no network {self.network!r}: there are {', '.join(NETWORKS)}")
        if self.protocol != "videos":
            raise InvalidInput("give either a protocol or a network: one simulator plays one of them")
        if self.state is not None:
            raise InvalidInput("a network forgets its posts when the simulator stops: it takes no state folder")

    def _check_webhook(self) -> None:
        if self.webhook is not None:
            parts = urlsplit(self.webhook)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise InvalidInput(f"the webhook {self.webhook!r} is not an http(s) address")
            if self.webhook_secret is None:
                object.__setattr__(self, "webhook_secret", new_webhook_secret())
        if self.webhook_secret is not None:
            try:
                key = base64.b64decode(self.webhook_secret.removeprefix("whsec_"), validate=True)
            except binascii.Error:
                key = b""
            if not self.webhook_secret.startswith("whsec_") or not key:
                raise InvalidInput("a webhook secret is whsec_ followed by base64; leave it out to get a fresh one")
