"""Every page in a real browser, on a phone and a desktop, by day and by night."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.core.server.browser.conftest import DESKTOP, EVIL, PHONE, Place, Visitor, barriers

LARGEST = 100 * 1024
"""Bytes of a page with its style and script."""
PATHS = (
    "/",
    "/jobs",
    "/jobs?status=held",
    "/jobs?search=nothing-is-called-so",
    "/gallery",
    "/calendar",
    "/accounts",
    "/webhooks",
    "/settings",
    "/start",
    "/schedules",
    "/schedules/weekly",
    "/schedules/none",
    "/spend",
    "/spend?by=workflow",
    "/sign-in",
    "/sign-in?code=old",
    "/?brand=acme",
    "/jobs?brand=acme",
    "/?brand=none",
    "/r/none",
    "client",
    "evil",
    "review",
    "train",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_barrier_fits_the_screen_and_runs_nothing(
    place: Place, visit: Callable[..., Visitor], path: str
) -> None:
    if path == "/schedules/weekly":
        place.machine.reelwork("schedule", "add", "weekly", "held.toml", "--cron", "0 9 * * 1", "--yes")
        place.machine.reelwork("schedule", "pause", "weekly", "--note", "<img src=x onerror=alert(6)> away")
    visitor = visit("mouse")
    address = {"evil": "svg/onload", "train": "train", "review": "A heron"}
    visitor.received.clear()
    if path == "client":
        page = visitor.open(place.client_link("A heron"))
    else:
        page = visitor.open(place.job(address[path]) if path in address else path)
    kinds = ("document", "stylesheet", "script")
    assert sum(len(one.body()) for one in visitor.received if one.request.resource_type in kinds) <= LARGEST
    if path == "evil":
        assert EVIL in page.locator("h1").inner_text()
    for width, height in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert barriers(page) == [], f"{width} {scheme}"
