"""The ways a plugin class may sign in, so that `reelwork accounts add` can make its accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from reelwork_hooks.accounts import Credentials, OAuth, Tokens
from reelwork_hooks.context import Context


class SignsIn(Protocol):
    """A plugin class with a static method `sign_in`: `reelwork accounts add` can make its accounts."""

    @staticmethod
    async def sign_in(given: Mapping[str, str], context: Context) -> Credentials:
        """Sign in with what the person gave (`identifier`, `password`, perhaps `service`); return what to store.

        Raises `InvalidInput` when it is refused, `Unavailable` when the service did not answer.
        """
        ...


class SignsInByOAuth(Protocol):
    """A plugin class that signs in by OAuth: `reelwork accounts add` can make its accounts.

    `oauth` may be an `OAuth` value instead of a method. Two more static methods are optional:
    `async refreshed(kept: Credentials, context) -> Credentials` where the network refreshes in its own way, and
    `async check_account(account: StoredAccount, context) -> Iterable[Problem]` to say why a first post would fail.
    """

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Return how to sign in with these account fields, for instance after registering a client there.

        `redirect_uri` is where the answer will come back; `urn:ietf:wg:oauth:2.0:oob` where there is no browser.
        """
        ...

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Ask the network who signed in. Return what to store: one account, or several, such as its channels."""
        ...
