"""The flow for devices (RFC 8628): the person types a code in a browser on another machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwork.credentials.oauth.code_flow import SignInFailed
from reelwork.credentials.oauth.token_endpoint import (
    Client,
    Refused,
    body_of,
    check_address,
    granted,
    post_form,
    words,
)
from reelwork_hooks.accounts import OAuth
from reelwork_hooks.errors import Unavailable
from reelwork_hooks.plugin import Context

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SHORTEST_INTERVAL, LONGEST_INTERVAL = 1.0, 60.0
"""Seconds between two requests, whatever the server says."""
SLOWER = 5.0
"""Seconds that `slow_down` adds (RFC 8628, 3.5)."""


@dataclass(frozen=True)
class DeviceCode:
    """The codes that a network gives out to start with."""

    code: str = field(repr=False)
    user_code: str
    """What the person types."""
    address: str
    """Where the person types it."""
    interval: float
    seconds: float
    """How long it is valid."""


async def start(oauth: OAuth, client: Client, context: Context) -> DeviceCode:
    """Ask for a code. Raises `SignInFailed` or `Unavailable`."""
    check_address(oauth.device_url)
    form = {client.client_id_name: client.client_id}
    if oauth.scopes:
        form["scope"] = oauth.scope_separator.join(oauth.scopes)
    response = await post_form(context, oauth.device_url, form)
    body = body_of(response)
    code, user_code = body.get("device_code"), body.get("user_code")
    # Google names it otherwise than RFC 8628.
    address = body.get("verification_uri") or body.get("verification_url")
    if not all(isinstance(one, str) and one for one in (code, user_code, address)):
        raise SignInFailed(f"{oauth.device_url} answered {response.status_code} {words(body)}".strip() + ".")
    interval = min(max(_number(body, "interval", 5.0), SHORTEST_INTERVAL), LONGEST_INTERVAL)
    return DeviceCode(str(code), str(user_code), str(address), interval, _number(body, "expires_in", 900.0))


async def wait(device: DeviceCode, client: Client, context: Context, seconds: float) -> Mapping[str, Any]:
    """Ask until the person has typed the code; return the answer with the token.

    Raises `SignInFailed` when they declined or took too long, and `Unavailable`.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + min(device.seconds, seconds)
    interval = device.interval
    form = {"grant_type": GRANT, "device_code": device.code}
    while loop.time() + interval < ends:
        await asyncio.sleep(interval)
        try:
            return granted(await client.ask(context, form), client.token_url)
        except Refused as error:
            if error.code == "access_denied":
                raise SignInFailed("The sign-in was declined in the browser.") from error
            if error.code not in ("authorization_pending", "slow_down"):
                raise SignInFailed(error.message) from error
            interval += SLOWER if error.code == "slow_down" else 0.0
        except Unavailable:
            # RFC 8628, 3.5: after a connection that failed, the pause grows.
            interval = min(interval * 2, LONGEST_INTERVAL)
    raise SignInFailed("The code was not typed in time.", hint="Start again.")


def _number(body: Mapping[str, Any], name: str, otherwise: float) -> float:
    try:
        return float(body[name])
    except (KeyError, TypeError, ValueError):
        return otherwise
