"""Signing in at X, or at a simulator of it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from reelwork_hooks import (
    Context,
    Credentials,
    InvalidInput,
    OAuth,
    OutOfFunds,
    Problem,
    Rejected,
    Service,
    StoredAccount,
    Tokens,
    is_loopback,
)
from reelwork_plugins.publishers.x.api import Api, refusal

API, PAGES = "https://api.x.com", "https://x.com"
SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")
NEEDED = ("tweet.write", "media.write")
# X takes the address only as it is registered, with its port.
REDIRECT = "http://127.0.0.1:8080/callback"


def service_in(given: Mapping[str, str]) -> str:
    """Return the address of a simulator that a person gave; empty for X. Raises `InvalidInput`."""
    service = given.get("service", "").strip().rstrip("/")
    # The account's token goes there.
    if service and (not is_loopback(service) or not service.startswith(("http://", "https://"))):
        raise InvalidInput("service: give a simulator on this machine, since the account's token is sent there.")
    return service


def oauth_of(given: Mapping[str, str]) -> OAuth:
    """Return the sign-in. Raises `InvalidInput`."""
    service, asked = service_in(given), given.get("redirect_uri", "").strip()
    if asked and (not is_loopback(asked) or urlsplit(asked).scheme != "http"):
        raise InvalidInput(
            "redirect_uri: give an address of this machine, such as http://127.0.0.1:8080/callback.",
            hint="It must be one of those that are registered for the app.",
        )
    return OAuth(
        authorize_url=f"{service or PAGES}/i/oauth2/authorize",
        token_url=f"{service or API}/2/oauth2/token",
        scopes=SCOPES,
        # An app of the type Native App has no secret.
        client_auth="basic" if given.get("client_secret") else "none",
        redirect_uri=asked or ("" if service else REDIRECT),
    )


async def who_signed_in(tokens: Tokens, context: Context) -> Credentials:
    """Return the account. Raises `InvalidInput` or `Unavailable`."""
    service = service_in(tokens.given)
    if missing := [one for one in NEEDED if one not in tokens.scopes]:
        raise InvalidInput(
            f"x: the app was not allowed {' and '.join(missing)}, and cannot post videos.",
            hint="Give it read and write permission at console.x.com, and sign in again.",
        )
    api = service or API
    signed = Service(context, [api], auth={"Authorization": f"Bearer {tokens.access}"})
    answer = await signed.get(f"{api}/2/users/me")
    id_, name = answer.text_at("data", "id"), answer.text_at("data", "username")
    if not answer.ok or not id_:
        raise refusal(answer, "the question who signed in")
    shown = {"identifier": f"@{name}", "username": name, "id": id_, **({"service": service} if service else {})}
    return Credentials(
        shown=shown,
        secret=tokens.secret(),
        identity=f"{service} x {id_}".strip(),
        expires_at=tokens.expires_at,
        scopes=tokens.scopes,
    )


def home_of(values: Mapping[str, str]) -> str:
    """Return the address under which an account's posts are shown."""
    return f"{values.get('service') or PAGES}/{values.get('username') or 'i/web'}"


async def problems_of(account: StoredAccount, context: Context) -> list[Problem]:
    """Ask whose token it is. Raises `Unavailable`."""
    values = account.read()
    api = Api(context, values.get("service") or API, account.name)
    answer = await api.get(f"{api.base_url}/2/users/me")
    again = f"Sign in again: reelwork accounts add x --name {account.name} --replace"
    if answer.ok and answer.text_at("data", "id") == values["id"]:
        return []
    if answer.ok and answer.text_at("data", "id"):
        return [Problem(message="x: the token is not this account's", hint=again)]
    error = refusal(answer, "the question who signed in")
    if isinstance(error, InvalidInput | OutOfFunds | Rejected):
        return [Problem(message=error.message, hint=error.hint or again)]
    raise error
