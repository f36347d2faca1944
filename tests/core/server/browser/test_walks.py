"""Walks of a person through the dashboard in a real browser: by mouse and by keyboard, with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from tests.core.server.browser.conftest import VISITORS, Place, Visitor, barriers

Visit = Callable[..., Visitor]
all_visitors = pytest.mark.parametrize("who", VISITORS)


@all_visitors
def test_a_job_of_another_process_is_watched_to_its_end_and_played(place: Place, visit: Visit, who: str) -> None:
    visitor, prompt = visit(who, signed_in=False), f"A balloon over the harbour, {who}"
    page = visitor.open("/")
    run = place.machine.start(
        "run", "paid.toml", "--set", f"brief.prompt={prompt}", "--yes", "--out", "out", API_KEY="none"
    )
    visitor.until(prompt, "#running")
    visitor.press(prompt, "#running", exact=False)
    visitor.until("done", "#head")
    assert run.process.wait(90) == 0, run.text
    film = page.locator("video").first
    film.wait_for()
    if visitor.keyboard:
        visitor.reach(film)
        page.keyboard.press("Space")
    else:
        film.evaluate("film => film.play()")
    visitor.wait(lambda: film.evaluate("film => film.currentTime > 0.2"))


@all_visitors
def test_a_film_is_stepped_frame_by_frame_where_scripts_run(visit: Visit, who: str) -> None:
    visitor = visit(who, signed_in=False)
    _find(visitor, "A heron at dawn")
    page = visitor.page
    film, told = page.locator("video").first, page.locator(".film output").first
    assert film.is_visible()
    if not visitor.scripts:
        assert page.get_by_role("button", name="Frame on").count() == 0
        return

    def steps(key: str, button: str, frame: int) -> None:
        if visitor.keyboard:
            page.keyboard.press(key)
        else:
            page.get_by_role("button", name=button).click()
        visitor.wait(lambda: told.inner_text().startswith(f"Frame {frame} of "))

    if visitor.keyboard:
        visitor.reach(film)
    steps(".", "Frame on", 2)
    steps(".", "Frame on", 3)
    steps(",", "Frame back", 2)
    one = 1 / float(film.get_attribute("data-fps") or 0)
    assert film.evaluate("film => film.paused")
    assert one < film.evaluate("film => film.currentTime") < 2 * one
    for _ in range(2):
        steps(",", "Frame back", 1)
    # Elsewhere on the page the keys do nothing.
    page.locator("#main").focus()
    page.keyboard.press(".")
    assert told.inner_text().startswith("Frame 1 of ")


def test_the_words_of_a_post_that_changed_are_marked(place: Place, visit: Visit) -> None:
    prompt, caption = "A heron in the reeds", "Rain <b>falls</b> over 東京"
    review = ("--set", "review.always=true", "--set", f"brief.caption={caption}")
    place.run("held.toml", "--set", f"brief.prompt={prompt}", *review)
    visitor = visit("mouse")
    _find(visitor, prompt)
    page = visitor.page
    page.get_by_text("Edit the post to gallery").click()
    page.get_by_label("Caption").fill(caption.replace("Rain", "Fog").replace("東", "西"))
    visitor.press("Save")
    told = page.get_by_text("Changed by mouse-browser since it was first shown")
    visitor.wait(told.is_visible, again=True)
    changed = page.locator(".edit .diff").first
    assert changed.inner_text() == "RainFog <b>falls</b> over 東西京"
    marked = {tag: changed.locator(tag).all_inner_texts() for tag in ("del", "ins", "b")}
    assert marked == {"del": ["Rain", "東"], "ins": ["Fog", "西"], "b": []}
    assert barriers(page) == []


@all_visitors
def test_a_link_signs_in_and_a_button_signs_out(place: Place, visit: Visit, who: str) -> None:
    visitor = visit(who, signed_in=False)
    visitor.open(place.link(f"eve-{who}", "approve"))
    visitor.press(f"Sign in as eve-{who}")
    cookie = visitor.context.cookies()[0]
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")
    visitor.press(f"Sign out eve-{who}-browser")
    assert visitor.context.cookies() == []
    assert visitor.page.get_by_role("button", name="Stop posts").count() == 0


@all_visitors
def test_posts_are_stopped_and_started(visit: Visit, who: str) -> None:
    visitor = visit(who)
    page = visitor.open("/jobs")
    visitor.press("Stop posts")
    assert f"Posts stopped by {who}-browser" in page.locator("#bar-state").inner_text()
    visitor.press("Start posts")
    assert "Posts stopped" not in page.locator("body").inner_text()


@all_visitors
def test_a_held_job_is_approved_and_made(visit: Visit, who: str) -> None:
    visitor = visit(who)
    _find(visitor, f"A celebrity to approve {who}")
    assert "celebrity" in visitor.page.locator("#head .reason").inner_text()
    visitor.press("Approve", "#head")
    visitor.until("done", "#head")


@all_visitors
def test_a_held_job_is_rejected(visit: Visit, who: str) -> None:
    visitor = visit(who)
    _find(visitor, f"A celebrity to reject {who}")
    visitor.press("Reject", "#head")
    assert "rejected" in visitor.page.locator("#head").inner_text()


@all_visitors
def test_a_refusal_is_appealed_and_overruled(place: Place, visit: Visit, who: str) -> None:
    prompt, block = f"A paparazzo at the harbour {who}", 'plugin.rules.block=["paparazzo"]'
    place.run("held.toml", "--set", f"brief.prompt={prompt}", "--set", block)
    visitor = visit(who)
    _find(visitor, prompt)
    assert not visitor.scripts or barriers(visitor.page) == []
    field = visitor.page.get_by_label("Why it may pass")
    if visitor.keyboard:
        visitor.reach(field)
        visitor.page.keyboard.type("He is the hero")
    else:
        field.fill("He is the hero")
    visitor.press("Appeal")
    # A name that somebody has already gets a number.
    told = visitor.page.locator("#head .reason").inner_text()
    assert re.search(rf"{who}-browser(-\d+)? appeals: He is the hero", told), told
    assert not visitor.scripts or barriers(visitor.page) == []
    visitor.press("Approve 1 appeal")
    visitor.until("done", "#head")


@all_visitors
def test_a_failed_job_is_made_again_for_the_price_that_its_button_names(visit: Visit, who: str) -> None:
    visitor = visit(who)
    _find(visitor, f"A train to retry {who}")
    visitor.press("Make again ($0.40)", "#head")
    visitor.until("done", "#head")
    assert "$0.80" in visitor.page.locator("main").inner_text()


@all_visitors
def test_a_schedule_is_paused_and_resumed(place: Place, visit: Visit, who: str) -> None:
    added = place.machine.reelwork(
        "schedule", "add", who, "held.toml", "--cron", "0 9 * * 1", "--tz", "Europe/Berlin", "--yes"
    )
    assert added.returncode == 0, added.stderr
    visitor = visit(who)
    page = visitor.open("/schedules")
    visitor.press(who, "main")
    why = page.get_by_label("Why")
    if visitor.keyboard:
        visitor.reach(why)
        page.keyboard.type("the holidays <script>alert(5)</script>")
    else:
        why.fill("the holidays <script>alert(5)</script>")
    visitor.press("Pause", "main")
    assert "Paused: the holidays <script>" in page.locator("main").inner_text()
    visitor.press("Resume", "main")
    assert "Paused" not in page.locator("main").inner_text()


def test_a_page_says_since_when_it_hears_nothing_and_goes_on_by_itself(visit: Visit) -> None:
    visitor = visit("mouse", signed_in=False)
    page = visitor.open("/")
    visitor.context.set_offline(True)
    page.get_by_text("Live updates lost").wait_for()
    assert page.locator("#lost").get_by_role("link", name="Reload").is_visible()
    visitor.context.set_offline(False)
    page.get_by_text("Live updates lost").wait_for(state="hidden")
    # The browser itself notes that it has no network.
    visitor.told = [one for one in visitor.told if "ERR_INTERNET_DISCONNECTED" not in one]


def _find(visitor: Visitor, prompt: str) -> None:
    """Find a job by searching for it, as a person does, and open it."""
    page = visitor.open("/jobs")
    field = page.get_by_label("Search")
    if visitor.keyboard:
        visitor.reach(field)
        page.keyboard.type(prompt)
    else:
        field.fill(prompt)
    visitor.press("Show")
    visitor.press(prompt, "main", exact=False)


@all_visitors
def test_a_workflow_is_started_with_a_yes_to_its_price(visit: Visit, who: str) -> None:
    visitor = visit(who)
    page = visitor.open("/jobs")
    visitor.press("Start a workflow")
    page.get_by_label("Workflow").select_option("paid")
    page.get_by_label("Prompt").fill(f"A kite over the dunes, {who}")
    visitor.press("Show the plan")
    assert f"A kite over the dunes, {who}" in page.locator("main").inner_text()
    visitor.press("Make it for $0.40")
    visitor.until("done", "#head")


@all_visitors
def test_a_post_is_moved_in_the_calendar(place: Place, visit: Visit, who: str) -> None:
    # Always in the next month, so that there are days before and after it.
    month = (datetime.now().replace(day=1) + timedelta(days=32)).replace(day=1)
    at = f"{month:%Y-%m}-14T18:00:00{datetime.now().astimezone():%z}"
    prompt = f"A gull for {who}"
    small = ("--duration", "0.5", "--resolution", "480p", "--yes", "--out", "out")
    place.machine.start("run", prompt, "--set", f"brief.publish_at={at}", *small)
    visitor = visit(who)
    page = visitor.open(f"/calendar?month={month:%Y-%m}")
    post = page.locator("li", has=page.get_by_role("link", name=prompt)).last
    visitor.wait(post.is_visible, again=True)
    # Once it waits for its time; before, a process works on it.
    visitor.wait(lambda: "is posted" in place.machine.reelwork("jobs", "list", "--json", "--search", prompt).stdout)
    page.reload()
    if visitor.scripts and not visitor.keyboard:
        with page.expect_navigation():
            post.drag_to(page.locator(".day").nth(19))
    else:
        visitor.use(post.locator("summary"))
        post.get_by_label("Day").fill(f"{month:%Y-%m}-20")
        with page.expect_navigation():
            visitor.use(post.get_by_role("button", name="Move"))
    day = page.locator(".day", has=page.get_by_role("link", name=prompt))
    assert day.locator("h2 time").get_attribute("datetime") == f"{month:%Y-%m}-20"
    assert "18:00" in day.inner_text()
