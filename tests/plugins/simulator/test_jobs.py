"""Who renders when, and what outlives a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator import SimulatorSettings, run_simulator
from reelwork_plugins.simulator.asks import Ask
from reelwork_plugins.simulator.jobs import Fate, Job, JobStore

ASK = Ask("x", "sora-2", "4", 720, 1280, 120, 30)


def job(name: str, created_at: float, seconds: float = 10.0, **fate: Any) -> Job:
    return Job(name, "sora", ASK, Fate(seconds, **fate), created_at)


def states(store: JobStore, now: float) -> dict[str, str]:
    return {one.id: one.state(now) for one in store.everything(now)}


def test_renders_wait_for_a_free_place_and_start_the_moment_one_is_free() -> None:
    store = JobStore(concurrent=2)
    for number in range(4):
        store.add(job(str(number), 100.0 + number))
    assert states(store, 109.0) == {"0": "in_progress", "1": "in_progress", "2": "queued", "3": "queued"}
    assert states(store, 112.0) == {"0": "completed", "1": "completed", "2": "in_progress", "3": "in_progress"}
    # Nobody looked in between: the third still began when the first ended.
    assert [one.started_at for one in store.everything(200.0)] == [100.0, 101.0, 110.0, 111.0]
    assert [one.ended_at for one in store.everything(200.0)] == [110.0, 111.0, 120.0, 121.0]


def test_states_and_progress_follow_the_clock() -> None:
    store = JobStore()
    store.add(job("ok", 100.0))
    store.add(job("bad", 100.0, failure="moderation_blocked"))
    seen = [
        [(one.state(at), one.progress(at)) for one in store.everything(at)] for at in (100.0, 105.0, 109.99, 110.0)
    ]
    assert seen == [
        [("queued", 0), ("queued", 0)],
        [("in_progress", 50), ("in_progress", 50)],
        [("in_progress", 99), ("in_progress", 99)],
        [("completed", 100), ("failed", 99)],
    ]


def test_a_stuck_render_holds_its_place() -> None:
    store = JobStore(concurrent=1)
    stuck = job("stuck", 0.0, stuck=True)
    store.add(stuck)
    store.add(job("next", 1.0))
    assert states(store, 1e6) == {"stuck": "in_progress", "next": "queued"}
    store.delete(stuck, 1e6)
    assert states(store, 1e6 + 10) == {"next": "completed"}


@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0, 20)), min_size=1, max_size=30),
    st.integers(1, 4),
    st.lists(st.floats(0, 200), max_size=5),
)
def test_never_more_renders_than_places_however_often_one_looks(
    jobs: list[tuple[float, float]], places: int, looks: list[float]
) -> None:
    store, now = JobStore(places), 0.0
    for number, (pause, seconds) in enumerate(jobs):
        now += pause
        store.add(job(str(number), now, seconds))
    for look in sorted(looks):
        store.everything(now + look)
    done = store.everything(1e9)
    assert all(one.ended_at is not None for one in done)
    for one in done:
        assert one.started_at is not None
        under_way = [
            other for other in done
            if other.started_at is not None and other.ended_at is not None
            and other.started_at <= one.started_at < other.ended_at
        ]  # fmt: skip
        assert len(under_way) <= places
        assert one.started_at >= one.created_at


@given(st.integers(0, 40), st.integers(1, 7), st.booleans(), st.sets(st.integers(0, 39)))
def test_pages_together_are_the_whole_list(count: int, limit: int, newest_first: bool, gone: set[int]) -> None:
    store = JobStore()
    jobs = [job(str(number), float(number), 0.0) for number in range(count)]
    for one in jobs:
        store.add(one)
    for number in gone:
        if number < count:
            store.delete(jobs[number], 1e6)
    expected = [one.id for one in jobs if not one.deleted]
    seen: list[str] = []
    more = True
    while more:
        after = seen[-1] if seen else None
        page, more = store.page("sora", 1e6, after=after, limit=limit, newest_first=newest_first)
        seen += [one.id for one in page]
        assert page or not more
    assert seen == (expected[::-1] if newest_first else expected)


def test_a_state_folder_keeps_jobs_clips_and_deletions(tmp_path: Path) -> None:
    settings = SimulatorSettings(canned=True, render_seconds=0, state=tmp_path)

    def create(client: httpx.Client, base: str) -> str:
        return str(client.post(base, files={"prompt": (None, "x")}).json()["id"])

    with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
        kept, deleted = create(client, "/v1/videos"), create(client, "/v1/videos")
        memory_only = create(client, "/vllm-omni/v1/videos")
        client.delete(f"/v1/videos/{deleted}")
        clip = client.get(f"/v1/videos/{kept}/content").content
        before = client.get(f"/v1/videos/{kept}").json()
    with (tmp_path / "jobs.jsonl").open("ab") as journal:
        journal.write(b'{"event": "created", "at"')  # What a kill in the middle of a line leaves.
    for _ in range(2):
        with run_simulator(settings) as simulator, httpx.Client(base_url=simulator.base_url, timeout=60) as client:
            assert client.get(f"/v1/videos/{kept}").json() == before
            assert client.get(f"/v1/videos/{kept}/content").content == clip
            assert client.get(f"/v1/videos/{deleted}").status_code == 404
            assert client.get(f"/vllm-omni/v1/videos/{memory_only}").status_code == 404
            later = create(client, "/v1/videos")
            simulator.restart()
            assert client.get(f"/v1/videos/{later}").status_code == 200
    with run_simulator(settings) as simulator:
        assert len(simulator.jobs()) == 3


def test_a_render_under_way_goes_on_after_a_restart(tmp_path: Path) -> None:
    settings = SimulatorSettings(canned=True, render_seconds=1000, state=tmp_path)
    with run_simulator(settings) as simulator:
        httpx.post(f"{simulator.base_url}/v1/videos", json={"prompt": "x"}, timeout=60)
        before = simulator.jobs()
    with run_simulator(settings) as simulator:
        assert simulator.jobs() == before
        assert before[0]["ended_at"] is None


def test_temporary_files_go_with_the_simulator() -> None:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0)) as simulator:
        video = httpx.post(f"{simulator.base_url}/v1/videos", json={"prompt": "x"}, timeout=60).json()["id"]
        httpx.get(f"{simulator.base_url}/v1/videos/{video}/content", timeout=60)
        folder = simulator.simulation.clips._folder
        assert [path.suffix for path in folder.iterdir()] == [".mp4"]
    assert not folder.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"dialect": "veo"},
        {"port": 70000},
        {"render_seconds": -1},
        {"render_seconds": float("nan")},
        {"concurrent": 0},
        {"requests_per_minute": 0},
        {"creates_per_minute": 0},
        {"refuse_above": 0},
        {"faults": ("create:nonsense",)},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        SimulatorSettings(**wrong)


def test_folders_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folders: tuple[dict[str, Any], ...] = (
        {"state": tmp_path / "file" / "x"},
        {"log_file": tmp_path / "missing" / "x"},
    )
    for wrong in folders:
        with pytest.raises(InvalidInput, match="cannot be written"), run_simulator(SimulatorSettings(**wrong)):
            pass
