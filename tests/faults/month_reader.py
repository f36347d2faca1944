"""A reader with fresh eyes: it knows the pages of the dashboard, and does what their words say needs doing.

What no page can do is done as a person would: rows are written into the file that a card names, a ceiling into the
settings, and signing in at the network happens in a browser. Nothing else is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from month_office import Browser, Form, forms_of, served, text_of
from month_sides import CHANNEL
from month_world import Month

MOST_ROUNDS = 20
CLOSED = "the shop is closed for a week"
"""The note of the one pause, which the owner of the shop has asked for."""
RAISED = 16
NEW_ROWS = 12


@dataclass(frozen=True)
class Card:
    """A card of the first page."""

    text: str
    address: str
    forms: tuple[Form, ...]


@dataclass
class Reader:
    """Reads the first page at the end of a week, and acts until nothing is left that it has not done."""

    month: Month
    did: list[list[str]] = field(default_factory=list)
    """By week."""
    said: list[str] = field(default_factory=list)
    """What the first page said needs doing, by week, before anything was done."""

    def read(self, week: int) -> list[str]:
        """Read and act; return what was said and done, in lines."""
        done: list[str] = []
        self.did.append(done)
        with served(self.month) as (store, app):
            browser = Browser(app)
            browser.sign_in(store, self.month.clock())
            page = browser.page("/")
            self.said.append(heading_of(page))
            lines = [f"“{self.said[-1]}”", *(f"- {card.text}" for card in cards_of(page))]
            # The page is read again after each act, as a person sees it: what was done may have changed the rest.
            for _ in range(MOST_ROUNDS):
                fresh = [card for card in cards_of(browser.page("/")) if not self._acted(browser, card, done)]
                if not fresh:
                    break
            else:
                raise AssertionError(f"there is no end to what needs doing: {done}")
            self._pauses(browser, week, done)
        return [*lines, *(f"→ {one}" for one in done)]

    def _acted(self, browser: Browser, card: Card, done: list[str]) -> bool:
        """Do what a card says, unless that was done; return whether there was nothing to do."""
        for what, act in self._acts(browser, card):
            if what not in done:
                act()
                done.append(what)
                return False
        return True

    def _acts(self, browser: Browser, card: Card) -> Iterator[tuple[str, Act]]:
        """Yield what the words of a card ask for, each with a name."""
        if "Its token has ended" in card.text:
            assert f"reelwork accounts add youtube --name {CHANNEL} --replace" in card.text
            yield "signed in to the channel again", partial(self.month.sides.sign_in, None)
        if rows := re.search(r"All (\d+) rows of \S+ were used. Add rows to (\S+?)\.?(?: |$)", card.text):
            yield f"added rows to {Path(rows[2]).name}", partial(_add_rows, Path(rows[2]))
        if "The budget per_month of bolt" in card.text and "Raise brands.bolt.per_month" in card.text:
            yield f"raised the budget of bolt to ${RAISED}", self._raise
        for form in card.forms:
            if form.button.startswith("Resume") and self._may_resume(card):
                yield f"pressed {form.button!r}: {card.text[:60]}", partial(browser.press, form)
        if card.address.startswith("/jobs/"):
            yield from _decisions(browser, card)

    def _may_resume(self, card: Card) -> bool:
        # Nothing is gained by trying again before somebody has signed in.
        return "sign-in" not in card.text or self.month.sides.signed_in > 1

    def _raise(self) -> None:
        settings = self.month.folder / "reelwork.toml"
        text = settings.read_text(encoding="utf-8")
        bolt = text.index("[brands.bolt]")
        raised = re.sub(r"per_month = \S+", f"per_month = {RAISED}", text[bolt:], count=1)
        settings.write_text(text[:bolt] + raised, encoding="utf-8")

    def _pauses(self, browser: Browser, week: int, done: list[str]) -> None:
        """Pause the loops for the second week, as the owner of the shop has asked; then see them paused."""
        address = "/schedules/acme-loops"
        wanted = {0: "Pause", 1: "Resume"}.get(week)
        assert (f'"{address}"' in browser.page("/").partition('id="paused"')[2].partition("</section>")[0]) == (
            week == 1
        )
        for form in forms_of(browser.page(address)):
            if form.button == wanted:
                browser.press(form, **({"note": CLOSED} if wanted == "Pause" else {}))
                done.append(f"pressed {wanted!r} at acme-loops")


Act = Callable[[], object]


def _decisions(browser: Browser, card: Card) -> Iterator[tuple[str, Act]]:
    """Yield what the page of a job that is held offers: it is approved, a late post too."""
    for form in forms_of(browser.page(card.address)):
        if form.button.startswith(("Approve", "Post it now")):
            yield (
                f"pressed {form.button!r} at {card.address}: {card.text[:60]}",
                lambda form=form: browser.press(form),
            )  # type: ignore[misc]
            return


def _add_rows(path: Path) -> None:
    rows = "".join(f"The sea on day {number}\n" for number in range(1, NEW_ROWS + 1))
    path.write_text(path.read_text(encoding="utf-8") + rows, encoding="utf-8")


def heading_of(page: str) -> str:
    """Return what the first page says first."""
    found = re.search(r'<h1 id="needs-title">(.*?)</h1>', page, re.DOTALL)
    assert found is not None
    return text_of(found[1])


def cards_of(page: str) -> list[Card]:
    """Return the cards of the first page."""
    found = re.findall(r'<li class="card">(.*?)</li>', page, re.DOTALL)
    return [
        Card(
            " ".join(text_of(card).split()),
            next(iter(re.findall(r'<a class="button" href="([^"]*)"', card)), ""),
            tuple(forms_of(card)),
        )
        for card in found
    ]
