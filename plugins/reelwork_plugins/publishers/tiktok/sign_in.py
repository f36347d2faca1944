"""Signing in at TikTok, or at a simulator of it.

https://developers.tiktok.com/doc/login-kit-desktop
"""

from __future__ import annotations

from collections.abc import Mapping

from reelwork_hooks import Context, Credentials, InvalidInput, OAuth, Service, Tokens, is_loopback
from reelwork_plugins.publishers.tiktok.api import refusal

API = "https://open.tiktokapis.com"
PAGE = "https://www.tiktok.com"
SCOPES = ("user.info.basic", "video.publish", "video.upload")


def service_in(given: Mapping[str, str]) -> str:
    """Return the address of a simulator that a person gave; empty for TikTok. Raises `InvalidInput`."""
    service = given.get("service", "").strip().rstrip("/")
    # The account's token goes there.
    if service and (not is_loopback(service) or not service.startswith(("http://", "https://"))):
        raise InvalidInput("service: give a simulator on this machine, since the account's token is sent there.")
    return service


def oauth_of(service: str) -> OAuth:
    """Return the sign-in. TikTok takes the code challenge in hex, and a secret also from programs on a desktop."""
    return OAuth(
        authorize_url=f"{service or PAGE}/v2/auth/authorize/",
        token_url=f"{service or API}/v2/oauth/token/",
        scopes=SCOPES,
        scope_separator=",",
        client_id_name="client_key",
        client_auth="post",
        pkce="S256-hex",
    )


async def account_of(tokens: Tokens, context: Context) -> Credentials:
    """Return the account that signed in. Raises `InvalidInput`, `Rejected` or `Unavailable`."""
    service = service_in(tokens.given)
    api = service or API
    signed = Service(context, [api], auth={"Authorization": f"Bearer {tokens.access}"})
    answer = await signed.get(f"{api}/v2/user/info/", {"fields": "open_id,display_name"})
    id_ = answer.text_at("data", "user", "open_id")
    if not answer.ok or not id_:
        raise refusal(answer, "reading the account")
    if missing := [one for one in SCOPES[1:] if one not in tokens.scopes]:
        raise InvalidInput(
            f"tiktok: the sign-in did not allow {' and '.join(missing)}.",
            hint="Add the scope to the app at developers.tiktok.com, and allow everything that is asked for.",
        )
    shown = {"identifier": answer.text_at("data", "user", "display_name") or id_, "id": id_}
    # An account at a simulator is another one than any at TikTok.
    shown |= {"service": service} if service else {}
    return Credentials(
        shown=shown,
        secret=tokens.secret(),
        identity=f"{service} tiktok {id_}".strip(),
        expires_at=tokens.expires_at,
        scopes=tokens.scopes,
    )
