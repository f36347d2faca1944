from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from reelwork_hooks import Absent, Found, RenderRequest, Submitted, Unavailable, Unsure

LIST = "GET /v1/videos"
STARTED = datetime.now(UTC).timestamp() - 30
Outcome = Found[Submitted] | Absent | Unsure


def video(remote_id: str, **changes: Any) -> dict[str, Any]:
    job = {
        "id": remote_id, "object": "video", "status": "queued", "model": "sora-2", "seconds": "4",
        "size": "1280x720", "prompt": "a red kite over the sea", "created_at": int(STARTED) + 2, **changes,
    }  # fmt: skip
    return {name: value for name, value in job.items() if value != "absent"}


OLD = video("video_old", created_at=int(STARTED) - 9000)


@pytest.fixture
def find(bench: Any, server: Any, request_for: Callable[..., RenderRequest], answer: Any) -> Callable[..., Outcome]:
    def look(
        *pages: Any, started_at: float = STARTED, prompt: str = "a red kite over the sea", **settings: Any
    ) -> Outcome:
        server.says(LIST, *(page if isinstance(page, answer) else answer.of(page) for page in pages))
        at = bench(model="sora-2", **settings)
        request = request_for(prompt)
        outcome: Outcome = at.run(lambda provider: provider.find(request, at.effect(started_at=started_at)))
        return outcome

    return look


def page(*jobs: dict[str, Any], more: bool | None = False) -> dict[str, Any]:
    return {"object": "list", "data": list(jobs), **({} if more is None else {"has_more": more})}


def found(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Found), outcome
    return [candidate.remote_id for candidate in outcome.candidates]


def test_the_same_request_is_found_oldest_first(find: Any) -> None:
    later = video("video_b", created_at=int(STARTED) + 20)
    other = video("video_c", prompt="a blue kite")
    assert found(find(page(later, video("video_a"), other, OLD))) == ["video_a", "video_b"]


def test_a_complete_list_without_it_shows_that_it_never_arrived(find: Any) -> None:
    assert find(page()) == Absent()
    assert find(page(video("video_a", prompt="a blue kite"), OLD)) == Absent()


@pytest.mark.parametrize(
    "difference",
    [
        {"seconds": "12"},
        {"size": "720x1280"},
        {"prompt": "a red kite"[::-1]},
        {"created_at": int(STARTED) - 300},
    ],
)
def test_what_differs_is_another_request(find: Any, difference: dict[str, Any]) -> None:
    assert find(page(video("video_a", **difference), OLD)) == Absent()


@pytest.mark.parametrize(
    "difference",
    [
        {"seconds": "4.04"},  # Unsloth
        {"seconds": 4},  # SGLang
        {"size": "1280x704"},
        {"size": None},
        {"model": "sora-2-2025-10-06"},
        {"model": "absent"},
        {"prompt": "a  red kite\nover the sea "},
        {"created_at": int(STARTED) - 40},
    ],
)
def test_small_differences_are_the_same_request(find: Any, difference: dict[str, Any]) -> None:
    assert found(find(page(video("video_a", **difference), OLD))) == ["video_a"]


@pytest.mark.parametrize(
    "difference",
    [
        {"prompt": None},
        {"prompt": "absent"},
        {"prompt": "a red kite over…"},
        {"prompt": "Cinematic. a red kite over the sea. Best quality."},
        {"model": "some-alias"},
        {"created_at": None},
    ],
)
def test_what_cannot_be_compared_is_left_to_a_person(find: Any, difference: dict[str, Any]) -> None:
    outcome = find(page(video("video_a", **difference)))
    assert isinstance(outcome, Unsure)
    assert "video_a" in outcome.reason


def test_a_list_without_prompts_still_excludes_other_lengths(find: Any) -> None:
    # SGLang lists no prompts.
    assert find(page(video("video_a", prompt="absent", seconds=12))) == Absent()


def test_pages_are_read_until_older_videos(find: Any, server: Any) -> None:
    first = page(video("video_b", prompt="other"), more=True)
    assert found(find(first, page(video("video_a"), OLD, more=True))) == ["video_a"]
    assert server.asked[1].query["after"] == "video_b"
    assert server.count(LIST) == 2


def test_older_videos_prove_nothing_in_an_unordered_list(find: Any) -> None:
    # Oldest first: the server ignored `order`, and the newest are on the next page.
    assert found(find(page(OLD, video("x", prompt="other"), more=True), page(video("video_a")))) == ["video_a"]


@pytest.mark.parametrize(
    "pages",
    [
        [page(video("x", prompt="other"), more=True)],  # the same page again and again
        [page(video("x", prompt="other"), more=None)],  # it says nothing of an end and ignores `after`
        [page(video("x", prompt="other"), more=True), page()],  # the cursor was lost
        [{"data": [{"status": "queued"}], "has_more": False}],
        [{"object": "list"}],
        [page(video("x", prompt="other"), more=True), {"error": "no such cursor"}],
    ],
)
def test_a_list_that_may_be_incomplete_is_no_proof(find: Any, pages: list[Any]) -> None:
    assert isinstance(find(*pages), Unsure)


def test_a_server_that_does_not_say_is_asked_for_one_more_page(find: Any) -> None:
    assert find(page(video("x", prompt="other"), more=None), page(more=None)) == Absent()


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_a_list_proves_nothing(find: Any, answer: Any, status: int) -> None:
    outcome = find(answer.of({"error": "no"}, status))
    assert isinstance(outcome, Unsure)
    assert str(status) in outcome.reason


def test_html_is_no_proof(find: Any, answer: Any) -> None:
    assert isinstance(find(answer.html()), Unsure)


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
        find(page(video("x", prompt="other"), more=True), answer(drop=True))


def test_a_longer_list_than_is_read_is_no_proof(find: Any, server: Any) -> None:
    endless = [page(video(f"x{number}", prompt="other"), more=True) for number in range(25)]
    outcome = find(*endless)
    assert isinstance(outcome, Unsure)
    assert server.count(LIST) == 20


@pytest.mark.parametrize("hours", [-3, 3])
def test_clocks_may_differ(find: Any, answer: Any, hours: int) -> None:
    there = datetime.now(UTC) + timedelta(hours=hours)
    shift = hours * 3600
    ours = video("video_a", created_at=int(STARTED) + shift + 2)
    earlier = video("video_z", created_at=int(STARTED) + shift - 600)
    reply = answer.of(page(ours, earlier, more=True), Date=format_datetime(there, usegmt=True))
    assert found(find(reply)) == ["video_a"]


def test_litellm_lists_cannot_tell(find: Any, server: Any) -> None:
    assert isinstance(find(page(), dialect="litellm"), Unsure)
    assert server.asked == []


def test_an_id_seen_on_the_way_is_looked_at_first(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    server.says("GET /v1/videos/video_7", answer.of(video("video_7")))
    at = bench()
    effect = at.effect(evidence={"remote_id": "video_7"})
    assert found(at.run(lambda provider: provider.find(request_for(), effect))) == ["video_7"]
    assert server.count(LIST) == 0


def test_an_id_that_leads_nowhere_leaves_the_list(bench: Any, server: Any, request_for: Any, answer: Any) -> None:
    # A gateway's error may carry the id of the request rather than of a video.
    server.says("GET /v1/videos/req_7", answer.of({"detail": "not found"}, 404))
    server.says(LIST, answer.of(page(video("video_8"), OLD)))
    at = bench()
    effect = at.effect(evidence={"remote_id": "req_7"}, started_at=STARTED)
    assert found(at.run(lambda provider: provider.find(request_for(), effect))) == ["video_8"]


def test_without_the_servers_time_a_wrong_clock_is_allowed_for(find: Any, answer: Any) -> None:
    ours = video("video_a", created_at=int(STARTED) - 7200)
    assert found(find(answer.of(page(ours), Date=""))) == ["video_a"]
