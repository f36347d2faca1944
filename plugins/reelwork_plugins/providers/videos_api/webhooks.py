"""The ways in which servers of the protocol, and gateways before them, sign their webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from reelwork_hooks import Genuine, InvalidInput, Webhook, WebhookConfig, WebhookScheme, is_signed, render_ids

_SECONDS = re.compile(r"[0-9]{1,12}\Z", re.ASCII)
_PREFIX = "whsec_"


class Standard(WebhookScheme):
    """Standard Webhooks, as OpenAI, Replicate and Svix sign them: the headers `webhook-…` or `svix-…`.

    The signature is the HMAC-SHA256 of id, time and body (standardwebhooks.com).
    """

    async def read(self, webhook: Webhook) -> Genuine | None:
        """Return what a webhook says; None if it is not genuine. Raises `InvalidInput` for what is no secret."""
        prefix = "webhook" if webhook.header("webhook-signature") else "svix"
        id_, told, signed = (webhook.header(f"{prefix}-{name}") for name in ("id", "timestamp", "signature"))
        # A server may sign in several ways at once, or with the old secret and the new one.
        given = [part[3:] for part in signed.split() if part.startswith("v1,")]
        keys = [key for secret in webhook.secrets for key in _keys(secret)]
        message = b"%b.%b.%b" % (_bytes(id_), _bytes(told), webhook.body)
        if not id_ or not _SECONDS.match(told) or not is_signed(message, given, keys, coding="base64"):
            return None
        return Genuine(render_ids(webhook.values()), id_, float(told))


def _keys(secret: str) -> Iterator[bytes]:
    """Yield the keys that a secret may mean. Raises `InvalidInput`."""
    plain = secret.removeprefix(_PREFIX)
    try:
        # Some tools leave out the padding.
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if key:
        yield key
    elif secret.startswith(_PREFIX):
        raise InvalidInput(f"a secret that begins with {_PREFIX} is not base64 after it", hint="Copy it again.")
    if not secret.startswith(_PREFIX):
        # OpenAI's library takes a secret without the prefix as it stands, the specification's decodes it.
        yield secret.encode()


class OpenRouter(WebhookScheme):
    """OpenRouter's: the header `X-OpenRouter-Signature` with `t=…,v1=…`, over time and body."""

    async def read(self, webhook: Webhook) -> Genuine | None:
        """Return what a webhook says; None if it is not genuine."""
        parts = [part.strip().partition("=") for part in webhook.header("x-openrouter-signature").split(",")]
        told = next((value for name, _, value in parts if name == "t"), "")
        given = [value for name, _, value in parts if name == "v1"]
        message = b"%b,%b" % (_bytes(told), webhook.body)
        if not _SECONDS.match(told) or not is_signed(message, given, webhook.secrets):
            return None
        # Its idempotency key is not signed: whoever sends a webhook again could give it another one.
        return Genuine(render_ids(webhook.values()), _hash(message), float(told))


class BodyHmacConfig(WebhookConfig):
    """The settings of `body-hmac`."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "x-openai-signature"
    """The header with the signature, in hex; `sha256=` may stand before it."""


class BodyHmac(WebhookScheme):
    """The HMAC-SHA256 of the body alone, in a header such as `x-openai-signature`.

    It has no time and no id of its own: one that was overheard can be sent again a day later, and then only makes
    Reelwork look at a render once more.
    """

    Config = BodyHmacConfig
    config: BodyHmacConfig

    async def read(self, webhook: Webhook) -> Genuine | None:
        """Return what a webhook says; None if it is not genuine."""
        given = webhook.header(self.config.header).removeprefix("sha256=")
        if not is_signed(webhook.body, [given], webhook.secrets):
            return None
        return Genuine(render_ids(webhook.values()), _hash(webhook.body))


def _bytes(header: str) -> bytes:
    # As it was received: servers read headers as Latin-1.
    return header.encode("latin-1", "replace")


def _hash(message: bytes) -> str:
    return hashlib.sha256(message).hexdigest()
