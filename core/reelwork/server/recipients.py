"""Who gets notices, by the settings, and how a notice reaches them: by Apprise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from reelwork.errors import WorkflowInvalid
from reelwork.net.own_sockets import proxy_places, public_only
from reelwork.plugins.pipeline import MakeContext
from reelwork.redaction.redactor import mask
from reelwork.server.listening import NOT_STARTED
from reelwork.server.notice_places import refused
from reelwork.settings.notify import NotifySettings, address_of
from reelwork_hooks import Context

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
    try:
        # Here, and not above: it takes half a second, and most servers send no notices.
        import apprise
    except ImportError:
        raise WorkflowInvalid(
            f"{settings.loaded.source}: notify needs a package that is not installed.",
            money=NOT_STARTED,
            hint='Install it: pip install "reelwork[notify]". Or leave out [notify].',
        ) from None
    # Its own log names addresses, which are secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    addresses = _Addresses(settings, name, make_context("notify", settings.loaded), apprise)
    addresses.check()
    return addresses.send


class _Addresses:
    """The addresses of one table, and how a notice is sent to them."""

    def __init__(self, settings: NotifySettings, name: str, context: Context, apprise: Any) -> None:
        self._settings, self._context, self._apprise = settings, context, apprise
        self._table, self._field = settings.tables[name], f"{address_of(name)}.to"

    def check(self) -> None:
        """Look at every address without connecting. Raises `InvalidInput`."""
        for named, service in self._services():
            if not self._table.private and (why := refused(service, asking=False)):
                told = f"{named} leads to {why}, {REFUSED}."
                raise _unusable(self._settings, self._field, told, "Allow it there: private = true")

    def send(self, title: str, text: str) -> bool:
        """Send to all addresses beside each other; False if none took it."""
        services = list(self._services())
        with ThreadPoolExecutor(len(services)) as pool:
            taken = [pool.submit(self._takes, named, service, title, text) for named, service in services]
        return any(one.result() for one in taken)

    def _services(self) -> Iterator[tuple[str, Any]]:
        for number, reference in enumerate(self._table.to, 1):
            # Each time anew: a secret may have been changed. One may have several addresses.
            found, named = self._apprise.Apprise(), f"the secret {reference} (number {number})"
            if not found.add(self._context.secret(reference)):
                told = f"{named} is no address that Apprise knows."
                raise _unusable(self._settings, self._field, told, FORMS)
            for service in found:
                # What an address leads to must not lead on: it could be this network.
                service.redirects = False
                yield named, service

    def _takes(self, named: str, service: Any, title: str, text: str) -> bool:
        try:
            if self._table.private:
                return self._notified(named, service, title, text)
            if why := refused(service, asking=True):
                self._say_refused(named, why)
                return False
            with public_only(proxy_places()) as reasons:
                took = self._notified(named, service, title, text)
        except Exception as error:
            # Its text may name the address. The others still get the notice.
            log.warning("%s: %s could not be sent to: %s", self._field, named, type(error).__name__)
            return False
        for why in reasons[:1]:
            self._say_refused(named, why)
        return took

    def _notified(self, named: str, service: Any, title: str, text: str) -> bool:
        # Each by itself: Apprise sends to one in this thread, and to several in threads of its own.
        alone = self._apprise.Apprise()
        alone.add(service)
        took = bool(alone.notify(body=text, title=title, body_format=self._apprise.NotifyFormat.TEXT))
        if not took:
            log.warning("%s: %s did not take a notice", self._field, named)
        return took

    def _say_refused(self, named: str, why: str) -> None:
        log.warning("%s: %s leads to %s, %s: private = true", self._field, named, why, REFUSED)


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
                log.warning("a notice could not be sent: no address took it")
        self._told("sent" if sent else "failed")
        return sent
