"""The webhook that posts, of an account or of the workflow, and what would stand in its way."""

from __future__ import annotations

from collections.abc import Mapping

from reelwork_hooks import Context, Credentials, InvalidInput, Problem
from reelwork_plugins.publishers.discord.api import Address, Webhook
from reelwork_plugins.publishers.discord.config import DEFAULT_ACCOUNT, DiscordConfig
from reelwork_plugins.publishers.own_account import own_account


async def sign_in(given: Mapping[str, str], context: Context) -> Credentials:
    """Return the account of a webhook that is there. Raises `InvalidInput` or `Unavailable`."""
    address = Address.of(given["webhook"])
    about = await Webhook(context, address).look()
    shown = {
        "service": address.server,
        "identifier": about.name or address.id,
        "webhook": address.id,
        "channel": about.channel,
    }
    return Credentials(shown, {"token": address.token}, identity=identity_of(address.id))


def identity_of(webhook: str, thread: str = "") -> str:
    """Return a destination's name."""
    return f"webhook {webhook}{f' thread {thread}' if thread else ''}"


def signed_in(config: DiscordConfig, context: Context) -> Webhook:
    """Return the webhook that posts. Raises `InvalidInput`."""
    if config.webhook:
        return Webhook(context, Address.of(context.secret(config.webhook)))
    return Webhook(context, address_in(account_values(config, context)))


def address_in(values: Mapping[str, str]) -> Address:
    """Return the webhook of an account."""
    return Address(values["service"], values["webhook"], values["token"])


def account_values(config: DiscordConfig, context: Context) -> Mapping[str, str]:
    """Return what is stored of the account. Raises `InvalidInput`."""
    return own_account(context, config.account or DEFAULT_ACCOUNT, "discord").read()


async def problems_of(webhook: Webhook) -> list[Problem]:
    """Return why a first post would fail. Raises `Unavailable`."""
    try:
        await webhook.look()
    except InvalidInput as error:
        return [Problem(message=error.message, hint=error.hint)]
    return []
