"""Notices: people are told what needs them, once for each cause and hour, and when it is mended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool

from reelwork.credentials.accounts import Accounts
from reelwork.credentials.ended import SOON_SECONDS, Ended, ended_accounts
from reelwork.plural import counted
from reelwork.redaction.redactor import mask
from reelwork.schedules.as_json import foreseen, there
from reelwork.schedules.not_fired import refused_last
from reelwork.schedules.spec import Schedule
from reelwork.server.recipients import AGAIN_SECONDS, Messenger, Recipient
from reelwork.store.causes import Notice
from reelwork.store.protocol import Store
from reelwork.store.reader import SyncReader
from reelwork.store.statuses import Status
from reelwork.studio.causes import Cause, causes_of, failures_of
from reelwork.text import shown
from reelwork_hooks.errors import ReelworkError

LOOK_SECONDS = 5.0
"""Seconds between two looks at what needs people."""
# What failed before a server had `[notify]` is not news.
RECENT_SECONDS = 86_400.0
"""Seconds for which a failure is news."""
LONGEST_REASON = 600


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


class Notices:
    """Tells people what needs them, until it is stopped. Several servers on a store tell each thing once."""

    def __init__(
        self,
        store: Store,
        recipients: Sequence[Recipient],
        origin: str,
        messenger: Messenger | None = None,
        accounts: Accounts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._recipients, self._origin = store, recipients, origin
        self._messenger = messenger or Messenger()
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
            if not await self._messenger.tell(whom, one.title, f"{one.text}\n{self._origin}{one.path}"):
                await self._store.put_off_notice(cause, AGAIN_SECONDS, whom.whom)
        home = f"/?brand={whom.brand}" if whom.brand else "/"
        for mended in due.mended:
            await self._messenger.tell(whom, "Mended", f"{mended.words}\n{self._origin}{home}")

    def _found(self, whom: Recipient) -> Iterator[Telling]:
        # Limited where the store is read, so whatever is told later obeys too.
        store = self._store.of_brand(whom.brand) if whom.brand else self._store
        yield from tellings(store, self._clock(), whom.without)
        for one in ended_accounts(self._accounts, self._clock() + SOON_SECONDS):
            if whom.hears_of(one.name):
                # The page of the accounts tells of all of them, and is refused to whoever is of one brand.
                page = f"/?brand={whom.brand}" if whom.brand else "/accounts"
                yield from _of_account(one, self._clock(), page)


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
