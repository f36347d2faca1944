"""Lists that are caches are found out; lists that are right are not, though renders move while they are read."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reelwork_hooks import RenderStatus
from reelwork_plugins.providers.videos_api.answers import Job
from reelwork_plugins.providers.videos_api.stalled import INTERVALS, TURN, Stalled

INTERVAL = 10.0
IDS = [f"video_{number}" for number in range(200)]
MOST = 100


def stood_still(stalled: Stalled, polls: int = INTERVALS, begun: float = 0.0) -> list[str]:
    """Show the same list until renders are read singly; return those."""
    for poll in range(polls):
        assert listed(stalled, begun + poll * INTERVAL) == []
    return listed(stalled, begun + polls * INTERVAL)


def listed(stalled: Stalled, now: float) -> list[str]:
    return stalled.turn([Job(id_, "running", "running", 10.0) for id_ in IDS], IDS, now, INTERVAL, MOST)


def read(ids: Sequence[str], moved: int) -> list[RenderStatus]:
    """The single reads of these, the first of which have moved."""
    return [
        RenderStatus(remote_id=id_, state="running", word="running", progress=11.0 if at < moved else 10.0)
        for at, id_ in enumerate(ids)
    ]


def test_a_list_that_shows_what_was_is_not_believed() -> None:
    stalled = Stalled()
    chosen = stood_still(stalled)
    assert len(chosen) == TURN
    stalled.compare(read(chosen, TURN))
    assert len(listed(stalled, (INTERVALS + 1) * INTERVAL)) == MOST


def test_one_that_moved_while_the_list_was_read_says_nothing_against_it() -> None:
    stalled = Stalled()
    chosen = stood_still(stalled)
    stalled.compare(read(chosen, 1))
    again = listed(stalled, (INTERVALS + 1) * INTERVAL)
    assert len(again) == TURN
    assert not set(again) & set(chosen)


@given(st.integers(0, 20))
def test_a_list_that_is_right_is_believed_again(by_chance: int) -> None:
    stalled = Stalled()
    stalled.compare(read(stood_still(stalled), TURN))
    chosen = listed(stalled, (INTERVALS + 1) * INTERVAL)
    stalled.compare(read(chosen, by_chance))
    assert len(listed(stalled, (2 * INTERVALS + 2) * INTERVAL)) == TURN


def test_a_single_render_that_stands_still_on_the_list_is_found_out() -> None:
    stalled = Stalled()
    job = [Job("video_1", "running", "running", 10.0)]
    for poll in range(INTERVALS):
        assert stalled.turn(job, ["video_1"], poll * INTERVAL, INTERVAL, MOST) == []
    assert stalled.turn(job, ["video_1"], INTERVALS * INTERVAL, INTERVAL, MOST) == ["video_1"]
    stalled.compare(read(["video_1"], 1))
    assert stalled.turn(job, ["video_1"], (INTERVALS + 1) * INTERVAL, INTERVAL, MOST) == ["video_1"]


def test_what_is_read_since_the_list_left_it_out_says_nothing_about_the_list() -> None:
    stalled = Stalled()
    stalled.compare(read(stood_still(stalled), TURN))
    stalled.compare(read(["another"], 1))
    assert len(listed(stalled, (INTERVALS + 1) * INTERVAL)) == MOST
