"""Who gets notices, by the settings, and how a notice reaches them: by Apprise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reelwork.errors import WorkflowInvalid
from reelwork.plugins.pipeline import MakeContext
from reelwork.redaction.redactor import mask
from reelwork.server.listening import NOT_STARTED
from reelwork.server.notice_places import refused
from reelwork.settings.notify import NotifySettings, address_of

SENDING_SECONDS = 60.0
"""Seconds for a notice to be taken, by all addresses together."""
AGAIN_SECONDS = 300.0
"""Seconds after which a notice is tried again that no address took."""
FORMS = "See github.com/caronc/apprise for the forms of addresses."
REFUSED = "which is refused unless it is configured"

log = logging.getLogger("reelwork.notices")
Send = Callable[[str, str], bool]
"""Sends a title and a text to people; False when nobody got it."""


@dataclass(frozen=True)
class Recipient:
    """People who are told, by one table of the settings."""

    send: Send
    name: str = ""
    """That of `[notify.NAME]`; empty for `[notify]`."""
    brand: str = ""
    """They are told what belongs to this brand alone; empty: everything."""
    accounts: frozenset[str] = frozenset()
    """The accounts of the brand."""
    without: tuple[str, ...] = ()
    """The brands they are told nothing of."""
    not_accounts: frozenset[str] = frozenset()
    """The accounts that belong to those alone."""

    @property
    def whom(self) -> str:
        """The name under which the store keeps what they were told."""
        # With the brands: whoever is given others is not told that what the first ones had is mended.
        if self.without:
            return f"{self.name}/!{','.join(sorted(self.without))}"
        return f"{self.name}/{self.brand}" if self.brand else self.name

    def hears_of(self, account: str) -> bool:
        """Return whether they are told of an account."""
        return account in self.accounts if self.brand else account not in self.not_accounts


def recipients_of(settings: NotifySettings, make_context: MakeContext) -> list[Recipient]:
    """Return who is told, with every address looked at once. Raises `InvalidInput`."""
    return [_recipient(settings, name, _sender(settings, name, make_context)) for name in settings.tables]


def _recipient(settings: NotifySettings, name: str, send: Send) -> Recipient:
    brand, without = settings.tables[name].brand or "", settings.tables[name].exclude_brands
    own = {one: accounts for one, accounts in settings.accounts.items() if one not in without}
    theirs = frozenset().union(*(settings.accounts[one] for one in without))
    # An account that another brand has too is not left out.
    not_accounts = theirs.difference(*own.values())
    return Recipient(send, name, brand, settings.accounts.get(brand, frozenset()), without, not_accounts)


def _sender(settings: NotifySettings, name: str, make_context: MakeContext) -> Send:
    table, field = settings.tables[name], f"{address_of(name)}.to"
    try:
        # Here, and not above: it takes half a second, and most servers send no notices.
        import apprise
    except ImportError:
        raise WorkflowInvalid(
            f"{settings.loaded.source}: notify needs a package that is not installed.",
            money=NOT_STARTED,
            hint='Install it: pip install "reelwork[notify]". Or leave out [notify].',
        ) from None
    context = make_context("notify", settings.loaded)
    # Its own log names addresses, which are secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)

    asset, private = apprise.AppriseAsset(), table.private

    def made() -> Iterator[tuple[str, Any]]:
        for number, reference in enumerate(table.to, 1):
            # Each time anew: a secret may have been changed. One may have several addresses.
            found, named = apprise.Apprise(asset=asset), f"the secret {reference} (number {number})"
            if not found.add(context.secret(reference)):
                raise _unusable(settings, field, f"{named} is no address that Apprise knows.", FORMS)
            for service in found:
                # What an address leads to must not lead on: it could be this network.
                service.redirects = False
                yield named, service

    for named, service in made():
        if not private and (why := refused(service, asking=False)):
            raise _unusable(
                settings, field, f"{named} leads to {why}, {REFUSED}.", "Allow it there: private = true"
            )

    def send(title: str, text: str) -> bool:
        found = apprise.Apprise(asset=asset)
        for named, service in made():
            if not private and (why := refused(service, asking=True)):
                log.warning("%s: %s leads to %s, %s: private = true", field, named, why, REFUSED)
            else:
                found.add(service)
        return bool(found.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT))

    return send


def _unusable(settings: NotifySettings, field: str, told: str, hint: str) -> WorkflowInvalid:
    return WorkflowInvalid(f"{settings.loaded.source}: {field}: {told}", money=NOT_STARTED, hint=hint)


class Messenger:
    """Sends notices, and says what became of each: `sent` or `failed`."""

    def __init__(self, told: Callable[[str], None] = lambda outcome: None) -> None:
        self._told = told

    async def tell(self, whom: Recipient, title: str, text: str) -> bool:
        """Send a notice; False when nobody got it."""
        try:
            async with asyncio.timeout(SENDING_SECONDS):
                # Whatever a job, a model or a network wrote: no known secret leaves in it.
                sent = await asyncio.to_thread(whom.send, mask(f"Reelwork: {title}"), mask(text))
        except Exception as error:
            # Its text may name the address.
            log.warning("a notice could not be sent: %s", type(error).__name__)
            sent = False
        else:
            if not sent:
                log.warning("a notice could not be sent: no address took all of it")
        self._told("sent" if sent else "failed")
        return sent
