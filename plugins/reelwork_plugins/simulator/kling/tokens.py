"""Checks the token that signs a request, as Kling does: its form, its times, and whose it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from reelwork_plugins.simulator.refusals import Refused


def check_token(header: str, api_key: str | None, now: float) -> None:
    """Refuse a token that is not valid now. Raises `Refused`.

    `api_key` is `ACCESS:SECRET`. With None, whoever signed it is let in.
    """
    scheme, _, text = header.partition(" ")
    parts = text.split(".")
    if scheme.lower() != "bearer" or not text:
        raise Refused(401, "Authorization is empty", code="1001")
    try:
        head, claims = (json.loads(_bytes(part)) for part in parts[:2])
        signature = _bytes(parts[2])
        issuer, starts, ends = claims["iss"], float(claims["nbf"]), float(claims["exp"])
    except (ValueError, IndexError, KeyError, TypeError, binascii.Error):
        raise Refused(401, "Authorization is invalid", code="1002") from None
    if (
        head != {"alg": "HS256", "typ": "JWT"}
        or len(parts) != 3
        or not _is_theirs(parts, issuer, signature, api_key)
    ):
        raise Refused(401, "Authentication failed", code="1000")
    if now < starts:
        raise Refused(401, "Authorization is not yet valid", code="1003")
    if now >= ends:
        raise Refused(401, "Authorization has expired", code="1004")


def _is_theirs(parts: list[str], issuer: Any, signature: bytes, api_key: str | None) -> bool:
    if api_key is None:
        return bool(issuer)
    access, _, secret = api_key.partition(":")
    expected = hmac.digest(secret.encode(), ".".join(parts[:2]).encode(), hashlib.sha256)
    return issuer == access and hmac.compare_digest(signature, expected)


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
