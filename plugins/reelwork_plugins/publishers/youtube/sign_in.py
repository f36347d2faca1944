"""Signing in at Google, or at a simulator of it."""

from __future__ import annotations

from collections.abc import Mapping

from reelwork_hooks import Context, Credentials, InvalidInput, OAuth, Service, Tokens
from reelwork_plugins.publishers.youtube.api import refusal
from reelwork_plugins.publishers.youtube.config import checked_address

API = "https://www.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/youtube"


def service_in(given: Mapping[str, str]) -> str:
    """Return the address of a simulator that a person gave; empty for Google. Raises `InvalidInput`."""
    service = given.get("service", "").strip().rstrip("/")
    try:
        return checked_address(service) if service else ""
    except ValueError as error:
        raise InvalidInput(f"service: {error}.") from None


def captions_in(given: Mapping[str, str]) -> bool:
    """Return whether captions may be added with the account. Raises `InvalidInput`."""
    said = given.get("captions", "").strip().casefold()
    if said not in ("", "no", "yes"):
        raise InvalidInput(f"captions: {said!r} is neither yes nor no.")
    return said == "yes"


def google(service: str, *, captions: bool = False) -> OAuth:
    """Return the sign-in."""
    # Captions take a permission that includes the others, and more: nobody gives it unasked.
    parts = (".force-ssl",) if captions else (".upload", ".readonly")
    return OAuth(
        authorize_url=f"{service}/o/oauth2/v2/auth" if service else "https://accounts.google.com/o/oauth2/v2/auth",
        token_url=f"{service}/token" if service else "https://oauth2.googleapis.com/token",
        scopes=tuple(f"{_SCOPE}{part}" for part in parts),
        client_auth="post",
        extra={"access_type": "offline", "prompt": "consent"},
    )


async def channel_of(tokens: Tokens, context: Context) -> Credentials:
    """Return the account of the channel that signed in. Raises `InvalidInput` when there is none."""
    service = service_in(tokens.given)
    api = service or API
    signed = Service(context, [api], auth={"Authorization": f"Bearer {tokens.access}"})
    answer = await signed.get(f"{api}/youtube/v3/channels", {"part": "id,snippet", "mine": "true"})
    if answer.status != 200:
        raise refusal(answer, "reading the channel")
    channel = answer.text_at("items", 0, "id")
    if not channel:
        raise InvalidInput("youtube: this Google account has no YouTube channel.", hint="Make one first.")
    shown = {"channel": channel, "identifier": answer.text_at("items", 0, "snippet", "title")}
    # A channel at a simulator is another one than any at YouTube.
    shown |= {"service": service} if service else {}
    return Credentials(
        shown=shown,
        secret=tokens.secret(),
        identity=f"{service} {shown['channel']}".strip(),
        expires_at=tokens.expires_at,
        scopes=tokens.scopes,
    )
