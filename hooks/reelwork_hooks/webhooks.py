"""Webhooks of providers: what came in, what a genuine one says, and how a plugin tells it from a forged one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from reelwork_hooks.context import Context
from reelwork_hooks.plugin import Config, SecretRef


@dataclass(frozen=True)
class Webhook:
    """A request that came in. Nothing of it is known to be true."""

    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes = field(repr=False)
    """As it was received, byte for byte: a signature is about these bytes, not about what they mean."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The secrets of the settings. Any of them may have signed it."""

    def header(self, name: str) -> str:
        """Return a header; empty if there is none."""
        return self.headers.get(name.lower(), "")

    def values(self) -> Mapping[str, Any]:
        """Return the JSON object in the body; empty if there is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Genuine:
    """A webhook that is genuine. It is a hint to look at renders now, and is believed about nothing else."""

    remote_ids: tuple[str, ...]
    """The provider's ids of the renders it is about."""
    # Whoever sends it again could give it another one.
    id: str
    """What it is known by when it comes again. Make it of what is signed, such as its own id or the signature."""
    sent_at: float | None = None
    """The time at which it was sent, in seconds since the epoch, if that is signed. Far from now it is refused."""


class WebhookConfig(Config):
    """The settings of a scheme, from `[webhooks_in.NAME]`. A scheme with more of them derives its own."""

    secrets: tuple[SecretRef, ...] = ()
    """The secrets, any of which may have signed a webhook. To change one, give the new and the old for a while."""
    tolerance: Annotated[float, Field(gt=0, le=3600)] = 300
    """Seconds by which the time of a webhook may differ from now, in both directions."""


class WebhookScheme:
    """The way in which a provider proves that a webhook comes from it.

    A plugin brings schemes with `register_webhooks`. Reelwork itself bounds the body, compares the time, refuses
    what came before, and looks at the renders; a scheme only says whether a webhook is genuine.
    """

    Config: ClassVar[type[WebhookConfig]] = WebhookConfig
    """The model of its settings."""
    # A scheme that signs and has no secret to compare with would let everything in, or nothing.
    needs_secrets: ClassVar[bool] = True
    """False for a scheme that does without `secrets`, such as one with public keys."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    async def read(self, webhook: Webhook) -> Genuine | None:
        """Return what a webhook says; None if it is not genuine.

        Raise `Unavailable` when that cannot be told now: the sender is asked to send it again.
        """
        raise NotImplementedError


def is_signed(
    message: bytes,
    signatures: Iterable[str],
    keys: Iterable[str | bytes],
    *,
    coding: Literal["hex", "base64"] = "hex",
) -> bool:
    """Return whether one of the signatures is the HMAC-SHA256 of a message under one of the keys.

    It takes as long whichever fits, so that nobody learns a signature by measuring.
    """
    given = [signature.strip().encode("utf-8", "replace") for signature in signatures]
    found = False
    for key in keys:
        digest = hmac.new(key.encode() if isinstance(key, str) else key, message, hashlib.sha256).digest()
        expected = digest.hex().encode() if coding == "hex" else base64.b64encode(digest)
        for signature in given:
            found |= hmac.compare_digest(signature.lower() if coding == "hex" else signature, expected)
    return found


def render_ids(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the id that the body of a webhook names, where providers usually have it; nothing if it has none.

    Looks at `data.id`, `request_id` and `id`, in this order.
    """
    data = values.get("data")
    places = (data.get("id") if isinstance(data, Mapping) else None, values.get("request_id"), values.get("id"))
    return next(((place,) for place in places if isinstance(place, str) and place), ())
