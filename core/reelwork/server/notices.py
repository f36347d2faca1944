"""Notices: people are told what needs them, once for each cause and hour, and when it is mended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool

from reelwork.credentials.accounts import Accounts
from reelwork.credentials.ended import SOON_SECONDS, Ended, ended_accounts
from reelwork.errors import WorkflowInvalid
from reelwork.plugins.pipeline import MakeContext
from reelwork.plural import counted
from reelwork.redaction.redactor import mask
from reelwork.schedules.as_json import foreseen, there
from reelwork.schedules.not_fired import refused_last
from reelwork.schedules.spec import Schedule
from reelwork.server.listening import NOT_STARTED
from reelwork.server.notice_places import refused
from reelwork.settings.notify import NotifySettings, address_of
from reelwork.store.causes import Notice
from reelwork.store.protocol import Store
from reelwork.store.reader import SyncReader
from reelwork.store.statuses import Status
from reelwork.studio.causes import Cause, causes_of, failures_of
from reelwork.text import shown
from reelwork_hooks.errors import ReelworkError

LOOK_SECONDS = 5.0
"""Seconds between two looks at what needs people."""
SENDING_SECONDS = 60.0
"""Seconds for a notice to be taken, by all addresses together."""
AGAIN_SECONDS = 300.0
"""Seconds after which a notice is tried again that no address took."""
# What failed before a server had `[notify]` is not news.
RECENT_SECONDS = 86_400.0
"""Seconds for which a failure is news."""
LONGEST_REASON = 600
FORMS = "See github.com/caronc/apprise for the forms of addresses."
REFUSED = "which is refused unless it is configured"

log = logging.getLogger("reelwork.notices")
Send = Callable[[str, str], bool]
"""Sends a title and a text to people; False when nobody got it."""


@dataclass(frozen=True)
class Telling:
    """A cause in words."""

    cause: str
    title: str
    text: str
    path: str
    """The page that shows it."""
    count: int = 1
    is_news: bool = True
    """False for what is to be told to nobody any more, though it is there."""


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


class Notices:
    """Tells people what needs them, until it is stopped. Several servers on a store tell each thing once."""

    def __init__(
        self,
        store: Store,
        recipients: Sequence[Recipient],
        origin: str,
        told: Callable[[str], None] = lambda outcome: None,
        accounts: Accounts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._recipients, self._origin, self._told = store, recipients, origin, told
        self._clock, self._accounts = clock, accounts or Accounts()

    async def run(self, stopping: asyncio.Event) -> None:
        """Tell until `stopping` is set."""
        while not stopping.is_set():
            if self._recipients:
                # A store that cannot be read now is told of elsewhere; notices go on when it can.
                with suppress(ReelworkError):
                    await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()

    async def look(self) -> None:
        """Look once at what needs people, and tell what is due."""
        # Beside each other: an address that takes its time for one brand keeps no other waiting.
        looks = (self._look_for(one) for one in self._recipients)
        for failure in await asyncio.gather(*looks, return_exceptions=True):
            if failure is not None:
                raise failure

    async def _look_for(self, whom: Recipient) -> None:
        found = await run_in_threadpool(lambda: list(self._found(whom)))
        by_cause = {one.cause: one for one in found}
        notices = [Notice(one.cause, f"{one.title}. {one.text}", one.count, one.is_news) for one in found]
        due = await self._store.keep_notices(notices, whom.whom)
        for cause in due.causes:
            one = by_cause[cause]
            if not await self._tell(whom, one.title, f"{one.text}\n{self._origin}{one.path}"):
                await self._store.put_off_notice(cause, AGAIN_SECONDS, whom.whom)
        home = f"/?brand={whom.brand}" if whom.brand else "/"
        for mended in due.mended:
            await self._tell(whom, "Mended", f"{mended.words}\n{self._origin}{home}")

    def _found(self, whom: Recipient) -> Iterator[Telling]:
        # Limited where the store is read, so whatever is told later obeys too.
        store = self._store.of_brand(whom.brand) if whom.brand else self._store
        yield from tellings(store, self._clock(), whom.without)
        for one in ended_accounts(self._accounts, self._clock() + SOON_SECONDS):
            if whom.hears_of(one.name):
                # The page of the accounts tells of all of them, and is refused to whoever is of one brand.
                page = f"/?brand={whom.brand}" if whom.brand else "/accounts"
                yield from _of_account(one, self._clock(), page)

    async def _tell(self, whom: Recipient, title: str, text: str) -> bool:
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


def tellings(store: SyncReader, now: float, without: Sequence[str] = ()) -> Iterator[Telling]:
    """Yield what needs people now in a store, each cause once; that of the brands `without` is left out."""
    yield from _of_jobs(causes_of(store, Status.HELD, without), "wait for you", "waits for you")
    for cause in failures_of(store, without).open:
        # What failed longer ago is told to nobody, and has not been mended by that.
        is_news = cause.newest_at > now - RECENT_SECONDS
        yield from (replace(one, is_news=is_news) for one in _of_jobs([cause], "failed", "failed"))
    for schedule in there(store.schedules()):
        if schedule.spec.brand in without:
            continue
        if schedule.row.trouble:
            text = _plain(schedule.row.trouble)
            yield Telling(
                f"schedule {schedule.name}",
                f"Schedule {schedule.name} will not fire",
                text,
                f"/schedules/{schedule.name}",
            )
        yield from _unfired(store, schedule, now)
    for target in store.webhook_targets():
        if target.off_at is not None:
            yield Telling(
                f"webhook {target.name}", f"Webhook {target.name} is off", _plain(target.reason), "/webhooks"
            )


def _of_account(one: Ended, now: float, page: str) -> Iterator[Telling]:
    """Tell of a sign-in that ends soon, and again when it has ended."""
    text, day = f"Sign in again: {one.command}", datetime.fromtimestamp(one.at, UTC).date()
    # Kept after the end, though no news by then: a cause that is gone would be told as mended.
    title = f"The token of {one.name} ends on {day}"
    yield Telling(f"account {one.name} ends", title, text, page, is_news=one.at > now)
    if one.at <= now:
        yield Telling(f"account {one.name}", f"The token of {one.name} has ended", text, page)


def _unfired(store: SyncReader, schedule: Schedule, now: float) -> Iterator[Telling]:
    """Tell what does not fire for want of money, rows or consent: once, until it fires again."""
    # One cause for times foreseen and refused: a time that has passed without a firing has mended nothing.
    cause, path = f"unfired {schedule.name}", f"/schedules/{schedule.name}"
    refused = refused_last(store, schedule, now)
    if refused is not None:
        # Without amounts: no price leaves in a message.
        reason = refused.newest.reason
        told = f"Why: reelwork schedule show {schedule.name}" if "$" in reason else _plain(reason)
        yield Telling(cause, f"Schedule {schedule.name} did not fire at {refused.newest.key}", told, path)
        return
    for key, reason in foreseen(store, schedule.name).items():
        fate, _, _ = reason.partition(":")
        told = f"A budget or limit will have no room for it. Which: reelwork schedule next {schedule.name}"
        yield Telling(cause, f"Schedule {schedule.name} {fate} at {key}", told, path)


def _of_jobs(causes: Sequence[Cause], several: str, one: str) -> Iterator[Telling]:
    for cause in causes:
        count = len(cause.jobs)
        title = f"{counted(count, 'job')} {one if count == 1 else several}"
        # The reason alone: a prompt is nobody's business in a message.
        yield Telling(cause.key, title, _plain(cause.reason), f"/jobs/{cause.first.id}", count)


def _plain(text: str) -> str:
    # Masked before it is cut: of a cut secret the head would show.
    return shown(mask(text), LONGEST_REASON)
