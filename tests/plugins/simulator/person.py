"""Somebody at a terminal with a browser, who signs in at a simulated network."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
from click.testing import CliRunner, Result

from reelwork.cli.app import reelwork

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


def answers(page: str, account: str = "rehearsal", answer: str = "allow") -> httpx.Response:
    """What comes back when the page of a sign-in is answered; no redirect is followed."""
    shown = httpx.get(page, timeout=20).raise_for_status().text
    fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(shown)}
    return httpx.post(urljoin(page, "?"), data={**fields, "account": account, "answer": answer}, timeout=20)


@dataclass(frozen=True)
class Person:
    """Their folder, their accounts, and a browser that allows whatever it is shown."""

    folder: Path
    browser: ThreadPoolExecutor

    def visits(self, page: str) -> bool:
        self.browser.submit(lambda: httpx.get(answers(page).headers["location"], timeout=20))
        return True

    def runs(self, *words: str) -> Result:
        return CliRunner().invoke(reelwork, ["--store", str(self.folder / "store.db"), *words])
