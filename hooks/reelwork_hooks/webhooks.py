"""Webhooks: what came in, what a genuine one says, how a forged one is recognised, and how one is signed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from reelwork_hooks.context import Context
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.plugin import Config, SecretRef

_SHORTEST_KEY = 16
"""Bytes of a secret that signs."""


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


def signature_headers(secrets: Sequence[str], id_: str, now: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove where a body comes from (standardwebhooks.com), with each of the secrets.

    `id_` is what the receiver knows it by when it comes again, and has no full stop; `now` is in seconds since the
    epoch. Raises `InvalidInput`.
    """
    message = f"{id_}.{now}.".encode() + body
    digests = [hmac.new(signing_key(secret), message, hashlib.sha256).digest() for secret in secrets]
    signatures = " ".join(f"v1,{base64.b64encode(digest).decode('ascii')}" for digest in digests)
    return {"webhook-id": id_, "webhook-timestamp": str(now), "webhook-signature": signatures}


def signing_key(secret: str) -> bytes:
    """Return the key that a secret `whsec_…` stands for. Raises `InvalidInput`."""
    plain = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _SHORTEST_KEY:
        raise InvalidInput(
            f"the secret of a webhook must be whsec_ and {_SHORTEST_KEY} bytes or more in base64",
            hint='Make one: echo "whsec_$(head -c 24 /dev/urandom | base64)"',
        )
    return key


def render_ids(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the id that the body of a webhook names, where providers usually have it; nothing if it has none.

    Looks at `data.id`, `request_id` and `id`, in this order.
    """
    data = values.get("data")
    places = (data.get("id") if isinstance(data, Mapping) else None, values.get("request_id"), values.get("id"))
    return next(((place,) for place in places if isinstance(place, str) and place), ())
