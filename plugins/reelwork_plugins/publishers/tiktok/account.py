"""Checks of an account at TikTok, before a first post fails."""

from __future__ import annotations

from reelwork_hooks import Context, InvalidInput, OutOfFunds, Problem, Rejected, StoredAccount
from reelwork_plugins.publishers.tiktok.api import Api
from reelwork_plugins.publishers.tiktok.sign_in import API


async def account_problems(account: StoredAccount, context: Context) -> list[Problem]:
    """Ask what the account may post now. Raises `Unavailable`."""
    api = Api(context, account.read().get("service") or API, account.name)
    try:
        await api.creator()
    except (InvalidInput, OutOfFunds, Rejected) as error:
        return [Problem(message=error.message, hint=error.hint)]
    return []
