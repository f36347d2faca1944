"""The dashboard of the month, with its clock standing at the end of a week, for a person and a scripted reader."""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
import select
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from month_sides import marked_catalog
from month_world import STORE, Month, MonthSession

from reelwork.credentials.accounts import Accounts
from reelwork.server.access import Exposure
from reelwork.server.app import create_app
from reelwork.server.listening import listen
from reelwork.server.meters import Meters
from reelwork.server.offered import Offered
from reelwork.server.operations import Served
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.sessions import make_link
from reelwork.store.sqlite.store import SqliteStore

READER = "ana"
SCOPES = ("run", "approve", "admin")
LONGEST_WAIT = 3600.0
"""Seconds for which a person may read; then the next week begins."""
HOST = "http://127.0.0.1:8686"
OWN = {"origin": HOST, "sec-fetch-site": "same-origin"}


@contextlib.contextmanager
def served(month: Month) -> Iterator[tuple[SqliteStore, Any]]:
    """The store, and the application on it, which says that jobs are driven: they are, once time goes on."""
    store = SqliteStore(month.folder / STORE, clock=month.clock)
    # Time stands still for this one too: it would be dead ten seconds after its only beat.
    pulse = Pulse(ServiceManager({}), clock=lambda: 0.0)
    pulse.beat()
    session = MonthSession(store, marked_catalog(), clock=month.clock)
    meters = Meters(store, Accounts())
    try:
        yield store, create_app(
            Served(
                store, Exposure(reaches_others=False), pulse, meters, Offered(month.folder), session=session,
                owner="the-office", now=month.clock,
            )
        )  # fmt: skip
    finally:
        asyncio.run(session.__aexit__())
        store.close()


def let_read(month: Month, week: int) -> None:
    """Serve the dashboard until Enter is pressed, or `week-N.done` is there. Bounded."""
    done = month.folder / f"week-{week + 1}.done"
    with served(month) as (store, app), contextlib.closing(listen("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False, log_config=None)
        server = uvicorn.Server(config)
        web = threading.Thread(target=lambda: asyncio.run(server.serve([bound])), daemon=True)
        web.start()
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        code = asyncio.run(make_link(store, READER, SCOPES, month.clock()))
        print(f"\nWeek {week + 1} has ended. Read what needs doing, and do it:")
        print(f"  {address}/sign-in?code={code}")
        print(f"  files: {month.folder}")
        print(f"  signing in at a network: touch {month.folder}/signed-in")
        print(f"Then press Enter, or: touch {done}", flush=True)
        _wait(month, done)
        server.should_exit = True
        web.join(10)


def _wait(month: Month, done: Path) -> None:
    ends, signed_in = time.monotonic() + LONGEST_WAIT, month.folder / "signed-in"
    while time.monotonic() < ends and not done.exists():
        if signed_in.exists():
            signed_in.unlink()
            month.sides.sign_in(None)
            print("Signed in: the channel accepts the new token.", flush=True)
        if not sys.stdin.isatty():
            time.sleep(0.5)
        elif select.select([sys.stdin], [], [], 0.5)[0]:
            sys.stdin.readline()
            return


@dataclass
class Browser:
    """One browser at the dashboard, signed in; it knows no more than its pages."""

    app: Any
    jar: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """Send a request as a browser does."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=self.jar) as client:
                answer = await client.request(method, path, data=data, headers=OWN if method == "POST" else {})
                self.jar.update(client.cookies)
                return answer

        return asyncio.run(asked())

    def page(self, path: str) -> str:
        """Return a page."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {text_of(answer.text)}"
        return answer.text

    def press(self, form: Form, **more: str) -> None:
        """Press the button of a form."""
        answer = self.ask("POST", form.action, {**form.fields, **more})
        assert answer.status_code in (200, 303), f"{form.action}: {answer.status_code} {text_of(answer.text)}"

    def sign_in(self, store: SqliteStore, now: float) -> None:
        """Use a link to sign in."""
        code = asyncio.run(make_link(store, READER, SCOPES, now))
        assert self.ask("POST", "/sign-in", {"code": code}).status_code == 303


@dataclass(frozen=True)
class Form:
    """A form of a page, with what it holds before anybody types."""

    action: str
    fields: dict[str, str]
    button: str


def forms_of(page: str) -> list[Form]:
    """Return the forms of a page."""
    found = []
    for head, body in re.findall(r"<form ([^>]*)>(.*?)</form>", page, re.DOTALL):
        action = re.search(r'action="([^"]*)"', head)
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', body)
        button = re.search(r"<button[^>]*>(.*?)</button>", body, re.DOTALL)
        if action and button:
            found.append(Form(unescaped(action[1]), {n: unescaped(v) for n, v in hidden}, text_of(button[1])))
    return found


def unescaped(text: str) -> str:
    """Return a text as it was before it was put into a page."""
    return html.unescape(text)


def text_of(page: str) -> str:
    """Return what a person reads of a page, in lines."""
    # What a person cannot see is no help to one, and none to the reader.
    body = re.sub(r"<(style|script|head)\b.*?</\1>", "", page, flags=re.DOTALL)
    lines = re.sub(r"<(?:/?(?:h\d|p|li|tr|div|section|dt|dd|details|summary|form|ol|ul|table))\b[^>]*>", "\n", body)
    plain = unescaped(re.sub(r"<[^>]*>", " ", lines))
    return "\n".join(line for raw in plain.splitlines() if (line := " ".join(raw.split())))
