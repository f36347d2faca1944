"""A request whose answer was lost is found again, in the list as the simulator plays it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from reelwork_hooks import Found, Listing, OutcomeUnknown, OutOfFunds, Unavailable

CROWD = 130


def find(here: Any, request: Any) -> Any:
    return here.run(lambda provider: provider.find(request, here.effect()))


def test_a_lost_answer_is_listed_with_what_was_asked(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    request = here.request(negative_prompt="text", spec={"seed": 7})
    simulator.set_faults(["create:accept-then-drop"])
    with pytest.raises(OutcomeUnknown):
        here.submit(request)
    read = find(here, request)
    assert isinstance(read, Listing)
    assert read.complete
    [one] = read.candidates
    [job] = simulator.jobs()
    assert one.result.remote_id == job["id"]
    assert one.state == "ended"
    assert one.fields == {
        "model": "fal-ai/veo3.1/lite", "prompt": request.prompt, "negative_prompt": "text", "seed": 7,
        "duration": 4.0, "size": "1280x720",
    }  # fmt: skip
    assert one.created_at is not None
    assert abs((datetime.now(UTC) - one.created_at).total_seconds()) < 60
    assert one.result.details["urls"] == [f"{simulator.base_url}/files/{job['id']}/video.mp4"]


def test_another_shape_is_no_candidate_of_ours(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    here.submit(here.request(spec={"aspect_ratio": "9:16", "width": 720, "height": 1280}))
    [one] = find(here, here.request()).candidates
    assert one.fields["size"] == "9:16 720p"


def test_a_long_list_is_read_to_its_end(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)

    with httpx.Client(base_url=simulator.base_url, timeout=30) as other:
        for number in range(CROWD):
            other.post("/fal-ai/veo3.1/lite", json={"prompt": f"kite {number}"}).raise_for_status()
    read = find(here, here.request())
    assert read.complete
    assert len({one.result.remote_id for one in read.candidates}) == CROWD


def test_a_list_that_lags_does_not_show_it(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    here.submit()
    simulator.set_faults(["list:late=3600"])
    assert find(here, here.request()).candidates == ()


@pytest.mark.parametrize("fault", ["list:500", "list:html", "list:401"])
def test_a_list_that_cannot_be_read_shows_nothing(fault: str, desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    simulator.set_faults([fault])
    with pytest.raises(Unavailable):
        find(here, here.request())


def test_a_list_without_prompts_is_told_as_it_is(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    here.submit()
    simulator.set_faults(["list:no-prompt"])
    [one] = find(here, here.request()).candidates
    assert "prompt" not in one.fields


def test_an_unclear_answer_that_names_nothing_known_is_looked_up(desk: Any, simulator: Any) -> None:
    here = desk(simulator.base_url)
    simulator.set_faults(["create:accept-then-500"])
    with pytest.raises(OutcomeUnknown):
        here.submit()
    read = find(here, here.request())
    assert not isinstance(read, Found)
    assert len(read.candidates) == 1


def test_an_account_without_money_is_told_so(desk: Any, simulator: Any) -> None:
    simulator.set_faults(["create:no-funds"])
    with pytest.raises(OutOfFunds, match="Exhausted balance"):
        desk(simulator.base_url).submit()
    assert simulator.jobs() == []
