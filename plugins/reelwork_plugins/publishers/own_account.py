"""The account that a publisher posts with."""

from __future__ import annotations

from reelwork_hooks import Account, Context, InvalidInput


def own_account(context: Context, name: str, kind: str) -> Account:
    """Return the stored account of that name. Raises `InvalidInput` if it is missing or of another kind."""
    account = context.account(name)
    # Its token would be sent to another network.
    if account.kind != kind:
        raise InvalidInput(
            f"The account {account.name!r} is for {account.kind}, not for {kind}.",
            hint=f"Name another `account`, or add one: reelwork accounts add {kind} --name NAME",
        )
    return account
