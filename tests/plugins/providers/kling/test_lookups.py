from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelwork_hooks import Effect, OutcomeUnknown, RenderRef, Unavailable

KEY = "reelwork-job-render-0"


def find(at: Any, request: Any, key: str = KEY) -> Any:
    return at.run(lambda provider: provider.find(request, Effect(key)))


def ref_of(at: Any, request: Any, key: str = KEY, **changes: Any) -> RenderRef:
    submitted = at.run(lambda provider: provider.submit(request, at.effect(key)))
    fields = {"details": submitted.details, "request": request, "submitted_at": datetime.now(UTC), **changes}
    return RenderRef(remote_id=submitted.remote_id, **fields)


@pytest.fixture
def three(bench: Any, request_for: Any) -> list[RenderRef]:
    return [ref_of(bench(), request_for(), f"other-{number}") for number in range(3)]


def test_a_lost_answer_is_found_by_our_own_id(
    bench: Any, simulator: Any, request_for: Any, three: list[RenderRef]
) -> None:
    simulator.set_faults(["create:accept-then-drop"])
    at = bench()
    with pytest.raises(OutcomeUnknown):
        at.run(lambda provider: provider.submit(request_for(), at.effect()))
    listing = find(at, request_for())
    mine = [one for one in listing.candidates if one.ref == KEY]
    assert [one.result.remote_id for one in mine] == [simulator.jobs()[-1]["id"]]
    assert mine[0].result.details["path"] == "text2video"
    assert {one.ref for one in listing.candidates} == {KEY, "other-0", "other-1", "other-2"}
    # What it says is enough to claim, and not a proof of what is missing.
    assert not listing.complete


def test_a_list_that_is_late_is_not_the_last_word(bench: Any, simulator: Any, request_for: Any) -> None:
    ref_of(bench(), request_for())
    simulator.set_faults(["list:empty"])
    listing = find(bench(), request_for())
    assert [one.ref for one in listing.candidates] == [KEY]


def test_what_is_not_there_shows_both_lists_whole(
    bench: Any, simulator: Any, request_for: Any, picture: Any, three: list[RenderRef]
) -> None:
    picture("first.png")
    ref_of(bench(), request_for(references=[{"source": "first.png"}]), "of-a-picture")
    listing = find(bench(), request_for())
    assert listing.complete
    assert {one.ref for one in listing.candidates} == {"other-0", "other-1", "other-2", "of-a-picture"}
    assert listing.age is None
    assert abs(listing.date - datetime.now(UTC)) < timedelta(seconds=30)
    assert all(one.state == "ended" and not one.fields for one in listing.candidates)


@pytest.mark.parametrize("fault", ["list:html", "poll:html", "list:404"])
def test_a_list_that_cannot_be_read_proves_nothing(
    bench: Any, simulator: Any, request_for: Any, fault: str
) -> None:
    simulator.set_faults([fault])
    listing = find(bench(), request_for())
    assert not listing.complete
    assert listing.why


@pytest.mark.parametrize("fault", ["list:503", "list:code=1302", "list:code=1000"])
def test_a_list_that_may_be_read_later_is_asked_later(
    bench: Any, simulator: Any, request_for: Any, fault: str
) -> None:
    simulator.set_faults([fault])
    with pytest.raises(Unavailable):
        find(bench(), request_for())


def test_many_are_polled_by_the_list_and_a_few_one_by_one(
    bench: Any, simulator: Any, request_for: Any, three: list[RenderRef]
) -> None:
    more = [ref_of(bench(), request_for(), f"more-{number}") for number in range(9)]
    simulator.simulation.log.clear()
    told = bench().run(lambda provider: provider.poll(more))
    assert {one.remote_id for one in more} <= {one.remote_id for one in told}
    assert len(simulator.requests()) == 1
    told = bench().run(lambda provider: provider.poll(three))
    assert {(one.remote_id, one.state, one.word, one.charged) for one in told} == {
        (one.remote_id, "completed", "succeed", True) for one in three
    }
    assert abs(told[0].expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    assert len(simulator.requests()) == 4


@pytest.mark.parametrize(("end", "charged"), [("fail", False), ("fail=charged", True)])
def test_a_failed_render_says_whether_it_was_charged(
    bench: Any, simulator: Any, request_for: Any, end: str, charged: bool
) -> None:
    simulator.set_faults([f"render:{end}"])
    ref = ref_of(bench(), request_for())
    (status,) = bench().run(lambda provider: provider.poll([ref]))
    assert (status.state, status.charged) == ("failed", charged)
    assert "could not be made" in status.error_message


def test_an_unknown_word_is_work_in_progress(bench: Any, simulator: Any, request_for: Any) -> None:
    ref = ref_of(bench(), request_for())
    simulator.set_faults(["poll:unknown-status=reviewing"])
    (status,) = bench().run(lambda provider: provider.poll([ref]))
    assert (status.state, status.word, status.charged) == ("running", "reviewing", None)


def test_a_task_that_is_gone_is_lost_and_a_page_is_not(
    bench: Any, simulator: Any, request_for: Any, three: list[RenderRef]
) -> None:
    gone = three[0].replace(remote_id="../of-somebody-else")
    (status,) = bench().run(lambda provider: provider.poll([gone]))
    assert status.state == "lost"
    assert simulator.requests()[-1]["path"].startswith("/v1/videos/text2video/")
    simulator.set_faults(["poll:html"])
    with pytest.raises(Unavailable, match="200"):
        bench().run(lambda provider: provider.poll([three[0]]))


def test_the_link_needs_no_token_and_is_asked_for_again(bench: Any, simulator: Any, request_for: Any) -> None:
    ref = ref_of(bench(), request_for())
    source = bench().run(lambda provider: provider.fetch(ref.replace(details={"url": "https://old.example/v.mp4"})))
    assert (source.url, source.headers) == ("https://old.example/v.mp4", {})
    fresh = ref.replace(fresh=True, details={"url": "https://old.example/v.mp4", "path": "text2video"})
    source = bench().run(lambda provider: provider.fetch(fresh))
    assert source.url.startswith(f"{simulator.base_url}/stored/{ref.remote_id}")
    assert source.trusted_origin == simulator.base_url


@pytest.mark.parametrize("data", [{"task_id": 5}, {"task_id": None, "task_status": "submitted"}, ["t-1"]])
def test_something_under_our_own_id_that_cannot_be_read_is_not_missing(
    bench: Any, recorded_http: Any, request_for: Any, data: Any
) -> None:
    videos = "/v1/videos"
    for path, found in (
        (f"{videos}/text2video", []),
        (f"{videos}/image2video", []),
        (f"{videos}/text2video/reelwork-job-render-0", data),
    ):
        answer = {"status": 200, "json": {"code": 0, "data": found}}
        recorded_http.play([{"request": {"method": "GET", "path": path}, "response": answer, "times": None}])
    at = bench(base_url=recorded_http.url)
    listing = at.run(lambda provider: provider.find(request_for(), at.effect()))
    assert not listing.complete
    assert "our own id" in listing.why
