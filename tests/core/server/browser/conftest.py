"""A real browser at a real server, and everything that a page did while it was looked at."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, sync_playwright
from tests.core.server.conftest import PATIENCE, Machine, Running

NAMES = (os.environ.get("REELWORK_CHROMIUM", "chromium"), "chromium-browser", "google-chrome")
PHONE, DESKTOP = (390, 844), (1280, 900)
EVIL = "celebrity <script>alert(1)</script><img src=//evil.example/x onerror=alert(2)><svg/onload=alert(3)>"
"""What a model could write; with a word at which the workflow of the tests holds it."""
VISITORS: dict[str, tuple[tuple[int, int], Any, bool, bool]] = {
    "mouse": (DESKTOP, "light", True, False),
    "keys": (DESKTOP, "dark", True, True),
    "phone": (PHONE, "dark", False, False),
    "bare-keys": (PHONE, "light", False, True),
}
"""Who visits: the size and the colours of the screen, with scripts or not, by keyboard alone or not."""
CAPTION = "<script>alert(7)</script> dawn <img src=//evil.example/y onerror=alert(8)>"
MOST_KEYS = 150
"""Presses of the Tab key after which something counts as out of reach."""
# Only what a browser can never be asked to run: each of these would be an escape that is missing.
LISTEN = "addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective))"


# Not for the session: an event loop turns as long as it is there, beside which other tests could start none.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        missing = "no Chromium: run tests/services/chromium.sh"
        if os.environ.get("REELWORK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        # Without its sandbox, which containers and root do not have. It sees pages of this machine alone.
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@dataclass
class Visitor:
    """A person at a browser: by mouse or by keyboard, with scripts or without."""

    context: BrowserContext
    url: str
    scripts: bool
    keyboard: bool
    told: list[str] = field(default_factory=list)
    """Errors, dialogs and requests to elsewhere."""
    received: list[Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE * 1000)
        self.context.add_init_script(LISTEN)
        self.context.on("request", lambda request: self._check(request.url))
        self.context.on("response", lambda response: self.received.append(response))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.told.append(f"error: {error}"))
        self.page.on("console", self._console)
        self.page.on("dialog", self._dialog)

    def _check(self, address: str) -> None:
        parts = urlsplit(address)
        if f"{parts.scheme}://{parts.netloc}" != self.url and parts.scheme not in ("data", "blob"):
            self.told.append(f"request: {address}")

    def _console(self, message: Any) -> None:
        # A page that answers 4xx on purpose is logged as a resource that failed.
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self.told.append(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.told.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def press(self, name: str, within: str = "body", *, exact: bool = True) -> None:
        """Use the button or link of this name, and wait until the page that follows is there."""
        part = self.page.locator(within)
        found = part.get_by_role("button", name=name, exact=exact).or_(
            part.get_by_role("link", name=name, exact=exact)
        )
        with self.page.expect_navigation():
            self.use(found.first)

    def until(self, text: str, within: str = "main") -> None:
        """Wait until the page shows this: by itself with scripts, without them when it is loaded again."""
        shown = self.page.locator(within).get_by_text(text).first
        if self.scripts:
            self.page.evaluate("window.marked = true")
        self.wait(lambda: shown.is_visible(), again=not self.scripts)
        # A page that was loaded again would have lost its mark.
        assert not self.scripts or self.page.evaluate("window.marked")

    def wait(self, true: Callable[[], bool], *, again: bool = False) -> None:
        """Wait until something is so; load the page again meanwhile if that is asked for."""
        ends = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < ends, self.page.locator("main").inner_text()
            self.page.wait_for_timeout(500)
            if again:
                self.page.reload()

    def use(self, found: Locator) -> None:
        if not self.keyboard:
            found.click()
            return
        self.reach(found)
        self.page.keyboard.press("Enter")

    def reach(self, found: Locator) -> None:
        """Go there by the Tab key alone."""
        found.wait_for()
        for _ in range(MOST_KEYS):
            if found.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"cannot be reached by Tab: {found}")


@dataclass
class Place:
    """A folder with a store, the server on it, and a simulated provider beside it."""

    machine: Machine
    server: Running
    provider: str

    def run(self, *arguments: str) -> None:
        """Run a workflow to the end of its jobs, whatever that is."""
        done = self.machine.reelwork("run", *arguments, "--yes", "--out", "out", API_KEY="none")
        assert done.returncode in (0, 1, 3), done.stdout + done.stderr

    def fault(self, *specs: str) -> None:
        """Let the provider go wrong from now on."""
        httpx.post(f"{self.provider}/_simulator/faults", json=specs, trust_env=False).raise_for_status()

    def link(self, name: str, scope: str) -> str:
        """Return the address that signs a person in."""
        made = self.machine.reelwork("tokens", "link", name, "--scope", scope)
        code = re.search(r"/sign-in\?code=\S+", made.stdout)
        assert code is not None, made.stdout + made.stderr
        return code[0]

    def client_link(self, prompt: str) -> str:
        """Return the address of a link for somebody outside, to a job in review."""
        job = self.job(prompt).rpartition("/")[2]
        made = self.machine.reelwork("review", "link", job, "--for", "<b>Acme</b> Ltd")
        assert made.returncode == 0, made.stderr
        return made.stdout.strip().removeprefix(self.server.url)

    def job(self, prompt: str) -> str:
        """Return the address of the newest job with this in its prompt."""
        found = json.loads(self.machine.reelwork("jobs", "list", "--json", "--search", prompt).stdout)
        return f"/jobs/{found[0]['id']}"


HELD = """
[brief]
prompt = "A celebrity walks along a red carpet"
duration = 0.5
resolution = "480p"

[provider]
use = "preview"

[plugin.rules]
hold = ["celebrity"]
"""
PAID = """
[brief]
prompt = "A lantern floats down a river"
duration = 4

[provider]
use = "videos-api"
base_url = "PROVIDER"
api_key = "env:API_KEY"
price_per_second = 0.10

[budget]
per_day = 50

[posts]
unasked = true
"""


@pytest.fixture(scope="module")
def place(new_machine: Callable[[], Machine]) -> Place:
    """A server in a process of its own, with a job for each thing that a person decides about."""
    machine = new_machine()
    simulator = machine.start("simulator", "--port", "0", "--canned", "--render-seconds", "4")
    provider = simulator.until_told(r"http://127\.0\.0\.1:\d+")
    (machine.folder / "reelwork.toml").write_text("[brands.acme]\nper_month = 50\n", encoding="utf-8")
    (machine.folder / "held.toml").write_text(HELD, encoding="utf-8")
    (machine.folder / "paid.toml").write_text(PAID.replace("PROVIDER", provider), encoding="utf-8")
    found = Place(machine, machine.start("serve", "--port", "0", API_KEY="none").until_ready(), provider)
    found.fault("render:fail=<script>alert(4)</script>")
    _run_rows(found, "paid.toml", [f"A train to retry {who}" for who in VISITORS])
    found.fault()
    held = [f"A celebrity to {what} {who}" for what in ("approve", "reject") for who in VISITORS]
    _run_rows(found, "held.toml", [*held, EVIL])
    found.run(
        "held.toml",
        "--set",
        "brief.prompt=A heron at dawn",
        "--set",
        "review.always=true",
        "--set",
        f"brief.caption={CAPTION}",
    )
    return found


def _run_rows(place: Place, workflow: str, prompts: Iterable[str]) -> None:
    rows = place.machine.folder / f"{workflow}.jsonl"
    rows.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts), encoding="utf-8")
    place.run(rows.name, "--workflow", workflow)


@pytest.fixture
def visit(browser: Browser, place: Place) -> Iterator[Callable[..., Visitor]]:
    """Opens browsers; at the end, says what their pages should not have done."""
    made: list[Visitor] = []

    def opened(who: str, *, signed_in: bool = True) -> Visitor:
        size, scheme, scripts, keyboard = VISITORS[who]
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=scripts
        )
        made.append(Visitor(context, place.server.url, scripts, keyboard))
        if signed_in:
            made[-1].open(place.link(who, "admin"))
            made[-1].press(f"Sign in as {who}")
        return made[-1]

    yield opened
    told = [one for visitor in made for one in visitor.told]
    for visitor in made:
        visitor.context.close()
    assert told == []


AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds that is serious or worse."""
    # By the debugger, since the page's own policy lets nobody put a script in.
    page.evaluate(AXE + "\nundefined")
    found = page.evaluate("() => axe.run()")["violations"]
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']][:3]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
