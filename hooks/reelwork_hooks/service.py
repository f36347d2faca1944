"""Requests to one service: its key or an account's token in a header, and every answer read safely."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from reelwork_hooks.answers import Answer
from reelwork_hooks.context import Context
from reelwork_hooks.errors import InvalidInput, Unavailable, errors_as


async def read_key(context: Context, reference: str) -> str:
    """Return the secret behind a reference, as a header can carry it.

    Raises `SecretNotFound`, and `InvalidInput` when it is empty or has characters that cannot be sent.
    """
    key = (await asyncio.to_thread(context.secret, reference)).strip()
    if not key:
        raise InvalidInput(f"{reference} holds an empty key")
    # Such as a byte order mark or a line break that came along when the key was copied.
    if not (key.isascii() and key.isprintable()):
        hint = "Copy it again: a key has only plain letters, digits and punctuation."
        raise InvalidInput(f"the key in {reference} has characters that cannot be sent", hint=hint)
    return key


class Service:
    """A client for one service, whose requests carry a key or the token of an account.

    `trust` is what `context.http` takes: only these addresses get the key. `auth` is the headers with it, or a
    function that returns them, called for each request. `account` instead is the name of an account that was signed
    in by OAuth: its token is sent, and refreshed once when it is refused. That is for services at which a 401 means
    that nothing was done.
    """

    def __init__(
        self,
        context: Context,
        trust: Sequence[str],
        *,
        auth: Mapping[str, str] | Callable[[], Awaitable[Mapping[str, str]]] | None = None,
        account: str = "",
    ) -> None:
        self.context, self._auth, self._account = context, auth, account
        self._http = context.http(trust=trust)

    async def get(self, url: str, params: Mapping[str, str | int] | None = None) -> Answer:
        """Read, with retries, past any cache. Raises `Unavailable`, also when there is no key just now."""
        # An old copy of a list does not show a new entry, which would then be taken for absent.
        with errors_as(Unavailable, InvalidInput):
            return await self.request("GET", url, params=params, headers={"Cache-Control": "no-cache"})

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **rest: Any
    ) -> Answer:
        """Send a request as `HttpClient.request` does; `rest` is what that takes.

        Raises what it raises, and `InvalidInput` when the key or token cannot be read: then nothing has left. A
        body that comes in pieces is not sent again with a new token.
        """
        if not self._account:
            auth = await self._auth() if callable(self._auth) else self._auth or {}
            return await self._sent(method, url, auth, headers, rest)
        account, refused = self.context.account(self._account), ""
        while True:
            token = (await account.fresh(refused=refused)).get("access_token", "")
            answer = await self._sent(method, url, {"Authorization": f"Bearer {token}"}, headers, rest)
            # Turned away for its token alone: nothing of it was carried out.
            if answer.status != 401 or refused:
                return answer
            refused = token

    async def _sent(
        self,
        method: str,
        url: str,
        auth: Mapping[str, str],
        headers: Mapping[str, str] | None,
        rest: Mapping[str, Any],
    ) -> Answer:
        return Answer.of(await self._http.request(method, url, headers={**auth, **(headers or {})}, **rest))
