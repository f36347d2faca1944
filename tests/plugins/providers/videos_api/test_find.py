"""`find` reports the list as it is listed; the ledger judges it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reelwork_hooks import Found, Listing, RenderRequest, Submitted, Unavailable, Unsure

LIST = "GET /v1/videos"
AT = 1_795_000_000


def video(remote_id: str, **changes: Any) -> dict[str, Any]:
    job = {
        "id": remote_id, "object": "video", "status": "queued", "model": "sora-2", "seconds": "4",
        "size": "1280x720", "prompt": "a red kite over the sea", "created_at": AT, **changes,
    }  # fmt: skip
    return {name: value for name, value in job.items() if value != "absent"}


@pytest.fixture
def find(bench: Any, server: Any, request_for: Callable[..., RenderRequest], answer: Any) -> Callable[..., Any]:
    def look(*pages: Any, evidence: dict[str, Any] | None = None, **settings: Any) -> Any:
        server.says(LIST, *(page if isinstance(page, answer) else answer.of(page) for page in pages))
        at = bench(model="sora-2", **settings)
        effect = at.effect(evidence=evidence or {})
        return at.run(lambda provider: provider.find(request_for(), effect))

    return look


def page(*jobs: dict[str, Any], more: bool | None = False, **beside: Any) -> dict[str, Any]:
    return {"object": "list", "data": list(jobs), **({} if more is None else {"has_more": more}), **beside}


def ids(listing: Any) -> list[str]:
    assert isinstance(listing, Listing), listing
    return [candidate.result.remote_id for candidate in listing.candidates]


def test_everything_is_reported_what_looks_unlike_ours_too(find: Any) -> None:
    read = find(page(video("a"), video("b", prompt="a blue kite", seconds=12), video("c", created_at=0)))
    assert ids(read) == ["a", "b", "c"]
    assert (read.complete, read.why) == (True, "")


def test_fields_are_named_as_the_ledger_compares_them(find: Any) -> None:
    entry = video(
        "a", status="completed", negative_prompt="fog", fps=24, seed="7", size="1280*720", created_at="absent"
    )
    [candidate] = find(page(entry)).candidates
    assert candidate.fields == {
        "prompt": "a red kite over the sea", "negative_prompt": "fog", "model": "sora-2", "duration": 4,
        "size": "1280x720", "fps": 24, "seed": 7,
    }  # fmt: skip
    assert (candidate.state, candidate.created_at, candidate.ref) == ("ended", None, None)


@pytest.mark.parametrize(
    ("listed", "field", "value"),
    [
        ({"prompt": ""}, "prompt", ""),
        ({"prompt": None}, "prompt", None),
        ({"prompt": ["a"]}, "prompt", None),
        ({"seconds": 0}, "duration", 0),
        ({"seconds": "4.04"}, "duration", 4.04),
        ({"seconds": "absent", "duration": 5}, "duration", 5),
        ({"seconds": "absent"}, "duration", None),
        ({"size": "absent", "width": 832, "height": 480}, "size", "832x480"),
        ({"size": None}, "size", None),
        ({"model": ""}, "model", None),
        ({"seed": True}, "seed", None),
        ({"prompt": "absent", "request": {"prompt": "a kite"}}, "prompt", "a kite"),
    ],
)
def test_what_is_not_said_is_left_out(find: Any, listed: dict[str, Any], field: str, value: Any) -> None:
    [candidate] = find(page(video("a", **listed))).candidates
    assert candidate.fields.get(field) == value
    assert (field in candidate.fields) == (value is not None)


@pytest.mark.parametrize(
    ("status", "state"),
    [("queued", "queued"), ("in_progress", "queued"), ("completed", "ended"), ("failed", "ended")],
)
def test_the_state_is_told(find: Any, status: str, state: str) -> None:
    [candidate] = find(page(video("a", status=status))).candidates
    assert candidate.state == state


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("written", [AT, AT * 1000, str(AT), "2026-11-18T11:06:40", "2026-11-18T12:06:40+01:00"])
def test_a_time_without_a_zone_is_utc(find: Any, monkeypatch: pytest.MonkeyPatch, written: Any, zone: str) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        [candidate] = find(page(video("a", created_at=written))).candidates
    finally:
        monkeypatch.undo()
        time.tzset()
    assert candidate.created_at == datetime.fromtimestamp(AT, UTC)


@pytest.mark.parametrize("written", [0, -5, "soon", None, float(10**20), "9" * 400])
def test_a_time_that_is_none_does_not_keep_an_entry_out(find: Any, written: Any) -> None:
    assert ids(find(page(video("a", created_at=written)))) == ["a"]


def test_pages_are_read_to_the_end(find: Any, server: Any) -> None:
    first, second = page(video("b"), more=True), page(video("a"))
    read = find(first, second, first)
    assert (ids(read), read.complete) == (["b", "a"], True)
    assert server.asked[1].query["after"] == "b"
    assert "after" not in server.asked[2].query, "the first page is read again"


def test_what_arrives_while_pages_are_read_is_reported(find: Any) -> None:
    first, second = page(video("b"), more=True), page(video("a"))
    read = find(first, second, page(video("new"), video("b"), more=True))
    assert sorted(ids(read)) == ["a", "b", "new"]
    assert read.complete


def test_an_order_that_changes_while_pages_are_read_proves_nothing(find: Any) -> None:
    first, second = page(video("c"), video("b"), more=True), page(video("a"))
    read = find(first, second, page(video("b"), video("c"), more=True))
    assert not read.complete
    assert "changed while it was read" in read.why


def test_what_left_the_first_page_while_later_ones_were_read_proves_nothing(find: Any) -> None:
    # What was behind it may have moved to a page that was read already.
    first, second = page(video("c"), video("b"), more=True), page(video("a"))
    assert not find(first, second, page(video("c"), more=True)).complete
    assert not find(first, second, page(more=True)).complete
    assert not find(first, second, {"error": "no list"}).complete


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ([page(video("x"), more=True)], "repeats"),
        ([page(video("x"), more=None)], "repeats"),
        ([page(video("x"), more=True), page()], "broke off"),
        ([{"data": [{"status": "queued"}], "has_more": False}], "without an id"),
        ([{"object": "list"}], "no list"),
        ([page(video("x"), more=True), {"error": "no such cursor"}], "no list"),
        ([page(video("x"), video("x"))], "twice"),
        ([page(video("x"), more=True), page(video("x"), video("y")), page(video("x"))], "twice"),
        ([page(video("x"), total=3)], "1 of 3"),
        ([page(video("x"), total="3")], "1 of 3"),
        ([page(video("x"), meta={"total_count": 3})], "1 of 3"),
        ([page(video("x"), pagination={"total": 3}, total=1)], "1 of 3"),
        ([{"total": 3, "data": {"items": [video("x")], "has_more": False}}], "1 of 3"),
        ([page(*(video(f"v{number}") for number in range(20)))], "repeats"),
    ],
)
def test_a_list_that_may_be_incomplete_says_so(find: Any, pages: list[Any], why: str) -> None:
    read = find(*pages)
    assert isinstance(read, Listing)
    assert not read.complete
    assert why in read.why


def test_a_full_page_is_no_end(find: Any, server: Any) -> None:
    # It says that nothing follows, of a page of a length at which lists are cut.
    full = page(*(video(f"v{number}") for number in range(20)))
    read = find(full, page(video("old")), full)
    assert len(ids(read)) == 21
    assert read.complete


def test_a_full_page_that_is_the_end_after_all(find: Any) -> None:
    full = page(*(video(f"v{number}") for number in range(20)))
    read = find(full, page(), full)
    assert (len(ids(read)), read.complete) == (20, True)


def test_a_server_that_does_not_say_is_asked_for_one_more_page(find: Any) -> None:
    first = page(video("x"), more=None)
    assert find(first, page(more=None), first).complete


@pytest.mark.parametrize(
    "wrapped", [lambda jobs: {"data": {"items": jobs, "total": 1}}, lambda jobs: {"videos": jobs}]
)
def test_a_list_in_a_wrapper_is_read(find: Any, wrapped: Callable[[list[Any]], Any]) -> None:
    read = find(wrapped([video("a")]), wrapped([]), wrapped([video("a")]))
    assert (ids(read), read.complete) == (["a"], True)


def test_a_longer_list_than_is_read_is_not_complete(find: Any, server: Any) -> None:
    read = find(*[page(video(f"x{number}"), more=True) for number in range(60)])
    assert not read.complete
    assert server.count(LIST) == 50


def test_dates_and_ages_are_reported_and_caches_asked_to_stand_aside(find: Any, server: Any, answer: Any) -> None:
    read = find(answer.of(page(video("a")), Date="Wed, 18 Nov 2026 11:06:40 GMT", Age="7"))
    assert (read.date, read.age) == (datetime.fromtimestamp(AT, UTC), 7.0)
    assert server.asked[0].headers["cache-control"] == "no-cache"
    assert find(page(video("a"))).age is None
    assert find(answer.of(page(video("a")), Age="old")).age > 0


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_a_list_proves_nothing(find: Any, answer: Any, status: int) -> None:
    read = find(answer.of({"error": "no"}, status))
    assert (read.candidates, read.complete) == ((), False)
    assert str(status) in read.why


def test_html_is_no_list(find: Any, answer: Any) -> None:
    assert not find(answer.html()).complete


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_list_that_may_be_readable_later_is_asked_again(find: Any, answer: Any, status: int) -> None:
    with pytest.raises(Unavailable, match=str(status)):
        find(answer.of({"error": "not now"}, status))


def test_silence_and_a_missing_key_may_pass(find: Any, answer: Any) -> None:
    with pytest.raises(Unavailable):
        find(answer(drop=True))
    with pytest.raises(Unavailable):
        find(page(), api_key="env:GONE")
    with pytest.raises(Unavailable):
        find(page(video("x"), more=True), answer(drop=True))


def test_litellm_lists_cannot_tell(find: Any, server: Any) -> None:
    assert isinstance(find(page(), dialect="litellm"), Unsure)
    assert server.asked == []


# --- ids seen on the way


def test_an_id_seen_on_the_way_is_looked_at_first(find: Any, server: Any, answer: Any) -> None:
    server.says("GET /v1/videos/video_7", answer.of(video("video_7")))
    assert found(find(evidence={"remote_id": "video_7"})) == ["video_7"]
    assert server.count(LIST) == 0


def test_of_several_the_only_one_that_is_known_there_is_it(find: Any, server: Any, answer: Any) -> None:
    server.says("GET /v1/videos/t-7", answer.of(video("t-7")))
    assert found(find(evidence={"remote_ids": ["req-1", "t-7"]})) == ["t-7"]
    server.says("GET /v1/videos/req-1", answer.of(video("req-1")))
    assert ids(find(page(video("a")), evidence={"remote_ids": ["req-1", "t-7"]})) == ["a"]


def test_an_id_that_leads_nowhere_leaves_the_list(find: Any, server: Any, answer: Any) -> None:
    # A gateway's error may carry the id of the request rather than of a video.
    server.says("GET /v1/videos/req_7", answer.of({"detail": "not found"}, 404))
    assert ids(find(page(video("video_8")), evidence={"remote_id": "req_7"})) == ["video_8"]


def test_a_server_that_answered_the_create_itself_had_it(find: Any) -> None:
    read = find(page(video("a")), evidence={"answered": True, "status": 200})
    assert (ids(read), read.complete) == (["a"], False)
    assert "had the request" in read.why


def found(outcome: Any) -> list[str]:
    assert isinstance(outcome, Found), outcome
    results: tuple[Submitted, ...] = outcome.candidates
    return [candidate.remote_id for candidate in results]
