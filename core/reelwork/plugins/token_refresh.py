"""The refresh of accounts' tokens before they end.

A token is refreshed under its account's lock, which all processes share, by the plugin that made the account.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from reelwork.credentials.accounts import Accounts, AnotherIdentity, Entry, StoredAccount
from reelwork.credentials.oauth.token_endpoint import Client, Refused, end_of, granted
from reelwork.files import held
from reelwork.plugins.account_kinds import Kind, KindOf, sign_in_again
from reelwork.plugins.guard import within
from reelwork_hooks.accounts import Credentials
from reelwork_hooks.errors import InvalidInput, NotSent, OutcomeUnknown, ReelworkError, Unavailable
from reelwork_hooks.plugin import Context

log = logging.getLogger("reelwork.accounts")

SPARE_SECONDS = 300.0
"""A token that ends within this time is refreshed first."""
REFRESH_SECONDS = 120.0
"""Seconds a refresh may take. Less than another process waits for the lock."""
LAST_SECONDS = 10.0
"""Seconds for which a refresh goes on when the hook that waits for it is cancelled, by Ctrl-C for example."""


def is_due(entry: Entry, now: float) -> bool:
    """Return whether an account's token should be refreshed."""
    if entry.refresh_from is not None and entry.refresh_from <= now:
        return True
    return entry.expires_at is not None and entry.expires_at - SPARE_SECONDS <= now


async def renew(account: StoredAccount, refused: str, kind_of: KindOf, context: Context) -> None:
    """Refresh an account's token if it ends soon, or if it is `refused`.

    Raises `Unavailable` when that cannot be done now and the token has ended, and `InvalidInput` when a person has
    to sign in again.
    """
    accounts, name = account.accounts, account.name
    if not _wanted(accounts.credentials(name), accounts.entry(name), refused, context):
        return
    kind = Kind(kind_of(account.kind))
    if not kind.refreshes:
        return
    await _to_its_end(_Refresh(account, refused, kind, context))


@dataclass
class _Refresh:
    """One refresh of an account's token."""

    account: StoredAccount
    refused: str
    kind: Kind
    context: Context
    sent: bool = False
    """The old token may be used up already: what replaces it is in the answer only."""

    async def run(self) -> None:
        """Refresh, and store the answer, under the account's lock. Raises as `renew` does."""
        accounts, name, context = self.account.accounts, self.account.name, self.context
        together = accounts.of_one_sign_in(name)
        async with AsyncExitStack() as locks:
            # All in the order of their names: in another order, two processes could wait for each other.
            for one in together:
                await locks.enter_async_context(held(accounts.lock_of(one)))
            # Read again under the lock. Many networks take a refresh token once: another process may have used it.
            kept, entry = accounts.credentials(name), accounts.entry(name)
            if not _wanted(kept, entry, self.refused, context):
                return
            # Committed before anything leaves: after a kill, it says why the network may know the token no more.
            accounts.mark_refreshing(name, context.now().timestamp())
            self.sent = True
            try:
                after = await _refreshed(self.kind, name, kept, context)
            except (Unavailable, NotSent, OutcomeUnknown) as error:
                _keep_using(kept, entry, self.refused, name, error, context)
                return
            except Refused as error:
                raise _sign_in_ended(self.account, entry, error, lost=self._may_be_lost(kept, entry)) from error
            if after.identity and kept.identity and after.identity != kept.identity:
                raise AnotherIdentity(
                    f"The refreshed token of the account {name!r} belongs to {after.identity}, not to "
                    f"{kept.identity}.",
                    hint=sign_in_again(self.account),
                )
            accounts.put_credentials(name, replace(after, identity=after.identity or kept.identity))
            _hand_on(accounts, kept, after, [one for one in together if one != name])

    def _may_be_lost(self, kept: Credentials, entry: Entry) -> bool:
        """Return whether a refresh that was sent before and never answered may have used the token up."""
        # Without a token for it, none was sent.
        sent = self.kind.method("refreshed") is not None or "refresh_token" in kept.secret
        return sent and entry.refreshing_since is not None


def _hand_on(accounts: Accounts, kept: Credentials, after: Credentials, others: Iterable[str]) -> None:
    """Give the other accounts of the sign-in its new tokens, if the old ones are used up."""
    used, new = kept.secret.get("refresh_token"), after.secret.get("refresh_token")
    if not used or not new or new == used:
        return
    for name in others:
        try:
            one = accounts.credentials(name)
            if one.secret.get("refresh_token") == used:
                accounts.put_credentials(name, _with_tokens(one, kept, after))
        except ReelworkError as error:
            log.warning("The account %r was not given the new token of its sign-in: %s", name, error.message)


def _with_tokens(one: Credentials, kept: Credentials, after: Credentials) -> Credentials:
    secret = {**one.secret, "refresh_token": after.secret["refresh_token"]}
    # Some networks give each channel an access token of its own.
    if one.secret.get("access_token") != kept.secret.get("access_token"):
        return replace(one, secret=secret)
    secret["access_token"] = after.secret.get("access_token", "")
    return replace(one, secret=secret, expires_at=after.expires_at, refresh_from=after.refresh_from)


async def _to_its_end(refresh: _Refresh) -> None:
    """Wait for a refresh. One that has been sent is not cancelled with whoever waits for it, but given a while."""
    task = asyncio.create_task(refresh.run())
    # Until it has ended: the event loop alone would not keep it, and nobody may be left to be told of its error.
    _under_way.add(task)
    task.add_done_callback(_ended)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        if refresh.sent:
            await asyncio.wait({task}, timeout=LAST_SECONDS)
        task.cancel()
        raise


_under_way: set[asyncio.Task[None]] = set()


def _ended(task: asyncio.Task[None]) -> None:
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()


def _wanted(kept: Credentials, entry: Entry, refused: str, context: Context) -> bool:
    if refused:
        # The one refused is no longer what is stored: another process was faster.
        return refused in kept.secret.values()
    return is_due(entry, context.now().timestamp())


async def _refreshed(kind: Kind, account: str, kept: Credentials, context: Context) -> Credentials:
    own = kind.method("refreshed")
    if own is not None:
        callee = kind.callee_of(account)
        answer: Any = await within(callee, "refreshed", own(kept, context), REFRESH_SECONDS)
        if not isinstance(answer, Credentials):
            problem = f"returned {type(answer).__name__}; it must return Credentials"
            raise kind.callee.failed("refreshed", problem)
        return answer
    client, token = Client.stored(kept.secret), kept.secret.get("refresh_token")
    if client is None or not token:
        raise Refused("there is no refresh token")
    now = context.now()
    body = granted(
        await client.ask(context, {"grant_type": "refresh_token", "refresh_token": token}), client.token_url
    )
    next_token = body.get("refresh_token")
    secret = {**kept.secret, "access_token": str(body["access_token"])}
    if isinstance(next_token, str) and next_token:
        secret["refresh_token"] = next_token
    return replace(kept, secret=secret, expires_at=end_of(body, now), refresh_from=None)


def _keep_using(
    kept: Credentials, entry: Entry, refused: str, name: str, error: ReelworkError, context: Context
) -> None:
    """Use the old token as long as it is valid. Raises `Unavailable` when it is not."""
    said = f"The token of the account {name!r} could not be refreshed: {error.message.rstrip('.')}."
    still_valid = entry.expires_at is None or entry.expires_at > context.now().timestamp()
    if still_valid and not refused:
        log.warning("%s The old one is used as long as it is valid.", said)
        return
    raise Unavailable(
        said,
        retry_after=getattr(error, "retry_after", None),
        hint="The old token is kept, and it is tried again the next time. If that is refused: "
        f"reelwork accounts add {entry.kind} --name {name} --replace",
    ) from error


def _sign_in_ended(account: StoredAccount, entry: Entry, error: Refused, *, lost: bool) -> InvalidInput:
    used_up = " An earlier refresh was not answered or not stored, which may have used its token up."
    return InvalidInput(
        f"The sign-in of the account {account.name!r} has ended: {error.message.rstrip('.')}."
        f"{used_up if lost else ''}",
        money="Nothing was posted.",
        hint=sign_in_again(account),
    )
