"""The way in which fal signs its webhooks: Ed25519, with keys that it publishes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
import time
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from reelwork_hooks import (
    Context,
    Genuine,
    InvalidInput,
    Unavailable,
    Webhook,
    WebhookConfig,
    WebhookScheme,
    render_ids,
)

KEY_SET = "https://rest.fal.ai/.well-known/jwks.json"
# fal's documentation asks for no more than a day.
KEPT_SECONDS = 24 * 3600.0
"""Seconds for which fetched keys are used."""
# A forged webhook fits no key. It must not make us ask fal for new ones each time.
PAUSE = 60.0
"""Seconds between two fetches of the keys while there are some."""
PAUSE_WITHOUT = 5.0
"""Seconds between two tries while there are none."""
MOST_KEYS = 20
_SECONDS = re.compile(r"[0-9]{1,12}\Z", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){64}\Z", re.ASCII)


class FalWebhooksConfig(WebhookConfig):
    """The settings of `fal`. It signs with keys that it publishes, so it needs no `secrets`."""

    key_set: Annotated[str, Field(pattern=r"^https?://")] = KEY_SET
    """The address of fal's public keys (JWKS)."""


class FalWebhooks(WebhookScheme):
    """fal's: Ed25519 over request, user, time and body; the headers `X-Fal-Webhook-…`.

    Needs the extra `webhooks`: pip install "reelwork[webhooks]".
    """

    Config = FalWebhooksConfig
    needs_secrets = False
    config: FalWebhooksConfig

    def __init__(self, config: FalWebhooksConfig, context: Context) -> None:
        super().__init__(config, context)
        try:
            from cryptography.hazmat.primitives.asymmetric import ed25519
        except ImportError:
            hint = 'Install it: pip install "reelwork[webhooks]"'
            raise InvalidInput("webhooks of fal need a package that is not installed", hint=hint) from None
        self._read_key = ed25519.Ed25519PublicKey.from_public_bytes
        self._http = context.http(trust=[config.key_set])
        self._keys: tuple[bytes, ...] = ()
        self._fetched = self._tried = float("-inf")
        self._fetching = asyncio.Lock()

    async def read(self, webhook: Webhook) -> Genuine | None:
        """Return what a webhook says; None if it is not genuine. Raises `Unavailable` without keys."""
        request, user, told, signed = (
            webhook.header(f"x-fal-webhook-{name}") for name in ("request-id", "user-id", "timestamp", "signature")
        )
        if not request or not _SECONDS.match(told) or not _HEX.match(signed):
            return None
        digest = hashlib.sha256(webhook.body).hexdigest()
        message = "\n".join((request, user, told, digest)).encode("latin-1", "replace")
        signature = bytes.fromhex(signed)
        if not self._fits(signature, message, await self._known_keys()):
            # fal may have begun to sign with a new key.
            before = self._keys
            if (new := await self._known_keys(anew=True)) == before or not self._fits(signature, message, new):
                return None
        return Genuine(render_ids(webhook.values()) or (request,), f"{request} {told}", float(told))

    def _fits(self, signature: bytes, message: bytes, keys: Sequence[bytes]) -> bool:
        from cryptography.exceptions import InvalidSignature

        for key in keys:
            try:
                self._read_key(key).verify(signature, message)
            except (InvalidSignature, ValueError):
                continue
            return True
        return False

    async def _known_keys(self, *, anew: bool = False) -> tuple[bytes, ...]:
        async with self._fetching:
            now = time.monotonic()
            usable = self._keys if now - self._fetched < KEPT_SECONDS else ()
            if (usable and not anew) or now - self._tried < (PAUSE if usable else PAUSE_WITHOUT):
                return self._or_unavailable(usable)
            self._tried = now
            try:
                self._keys = usable = await self._fetch()
                self._fetched = now
            except Unavailable:
                # With keys at hand, what fits none of them is forged, as far as anyone can tell.
                if not usable:
                    raise
            return usable

    def _or_unavailable(self, keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
        if not keys:
            raise Unavailable("the keys of fal's webhooks could not be fetched a moment ago")
        return keys

    async def _fetch(self) -> tuple[bytes, ...]:
        answer = await self._http.get(self.config.key_set, timeout=10)
        if answer.status_code != 200:
            raise Unavailable(f"the keys of fal's webhooks could not be fetched: HTTP {answer.status_code}")
        try:
            told = answer.json()["keys"]
            keys = tuple(key for entry in told[:MOST_KEYS] if (key := _key_of(entry)))
        except (ValueError, TypeError, KeyError):
            keys = ()
        if not keys:
            raise Unavailable("the keys of fal's webhooks could not be read")
        return keys


def _key_of(entry: Any) -> bytes:
    """Return the public key of an entry (RFC 8037); empty if it is of another kind."""
    if not isinstance(entry, dict) or entry.get("kty") != "OKP" or entry.get("crv") != "Ed25519":
        return b""
    text = entry.get("x")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""
