"""Pings to a dead man's switch, which tells a person when they stop coming: the protocol of Healthchecks.

A ping is news for people. It never holds up or breaks what it tells of.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from reelwork.credentials.named_secrets import SECRET
from reelwork.errors import describe, in_a_line
from reelwork.net.addresses import place
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import mask
from reelwork.schedules.ping_address import is_address
from reelwork.settings.workflow import Loaded, Workflow
from reelwork_hooks.errors import ReelworkError, Unavailable
from reelwork_hooks.http import HttpClient

log = logging.getLogger("reelwork.pings")

START, SUCCESS, FAIL = "/start", "", "/fail"
"""The ends of an address that say what is told."""
AGAIN = (15.0, 60.0)
"""Seconds before a ping that was lost is sent again; the client itself has tried a few times each time."""
SILENCE = 10.0
"""Seconds for which a switch may stay silent."""
MOST_UNDER_WAY = 64
"""Pings that are under way at once; more are lost, and said to be."""
LONGEST_TEXT = 2000
"""Characters of what went wrong."""


@dataclass(frozen=True)
class Ping:
    """One thing that a switch is told."""

    who: str
    """Whose it is, for the log: `schedule weekly`."""
    written: str
    """The address, or a reference to it."""
    folder: Path
    """Where relative paths in a reference are meant from."""
    signal: str = SUCCESS
    text: str = ""
    rid: str = ""
    """A UUID that ties an end to its start."""


class Pings:
    """Sends pings beside all other work. Use it in one event loop, and `close` it there."""

    def __init__(
        self,
        make_context: Callable[[str, Loaded], PluginContext],
        *,
        again: Sequence[float] = AGAIN,
        private: bool = False,
    ) -> None:
        """Name what makes contexts; `private` allows switches in this network."""
        self._make_context, self._again, self._private = make_context, again, private
        self._under_way: set[asyncio.Task[None]] = set()
        # One after the other for each switch: an end that overtook its start would leave it counting.
        self._turns: dict[str, asyncio.Lock] = {}

    @property
    def busy(self) -> bool:
        """True if a ping is under way."""
        return bool(self._under_way)

    def send(self, ping: Ping) -> None:
        """Send a ping, without waiting for it. What goes wrong is logged."""
        if len(self._under_way) >= MOST_UNDER_WAY:
            log.warning("%s: a ping was lost: %d others are under way", ping.who, len(self._under_way))
            return
        task = asyncio.create_task(self._send(ping))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self, seconds: float) -> None:
        """Let the pings under way end for some seconds, and leave the rest."""
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _send(self, ping: Ping) -> None:
        problem = ""
        async with self._turns.setdefault(ping.who, asyncio.Lock()):
            problem = ""
            for pause in (0.0, *self._again):
                await asyncio.sleep(pause)
                problem, again = await self._try(ping)
                if not problem:
                    return
                if not again:
                    break
            log.warning("%s: a ping was lost: %s", ping.who, problem)

    async def _try(self, ping: Ping) -> tuple[str, bool]:
        """Send it; return what went wrong, if anything, and whether to send it again."""
        try:
            return await self._sent(ping)
        except ReelworkError as error:
            return in_a_line(error), isinstance(error, Unavailable)
        except Exception as error:
            # Of no concern to what is pinged for, whatever it is.
            log.debug("%s: a ping failed", ping.who, exc_info=True)
            return describe(error), False

    async def _sent(self, ping: Ping) -> tuple[str, bool]:
        context = self._make_context("ping", Loaded(Workflow(), ping.folder, "", ping.folder))
        address = ping.written
        if SECRET.match(address):
            # In a thread: a secret may be read over the network.
            address = (await asyncio.to_thread(context.secret, address)).strip()
        if not is_address(address):
            return "its address is not http(s)://", False
        _mask(context, address)
        # A workflow may come from elsewhere, so this network must be meant. Where it redirects to is never in it.
        client: HttpClient = context.http(trust=[address] if self._private else [])
        target = _target(address, ping)
        if ping.text:
            body = mask(ping.text)[:LONGEST_TEXT].encode()
            headers = {"Content-Type": "text/plain; charset=utf-8"}
            # Told twice is as good as told once.
            answer = await client.request(
                "POST", target, content=body, headers=headers, timeout=SILENCE, repeatable=True
            )
        else:
            answer = await client.request("GET", target, timeout=SILENCE)
        status = answer.status_code
        return "" if status < 300 else f"{place(address)} answered {status}", status == 429 or status >= 500


def _mask(context: PluginContext, address: str) -> None:
    context.mask(address)
    # A server may name only the part that is secret in what it answers.
    for part in urlsplit(address).path.split("/"):
        if len(part) >= len("00000000-0000"):
            context.mask(part)


def _target(address: str, ping: Ping) -> str:
    parts = urlsplit(address)
    query = "&".join(part for part in (parts.query, f"rid={ping.rid}" if ping.rid else "") if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + ping.signal, query, ""))
