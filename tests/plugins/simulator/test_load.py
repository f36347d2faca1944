"""Ten thousand jobs: pages stay whole, and a client at work meanwhile is served."""

from __future__ import annotations

import httpx

from reelwork_plugins.simulator import SimulatorSettings, run_simulator
from reelwork_plugins.simulator.asks import Ask
from reelwork_plugins.simulator.dialects import DIALECTS


def test_ten_thousand_jobs_are_listed_page_by_page() -> None:
    ask = Ask("x", "sora-2", "4", 720, 1280, 120, 30)
    with (
        run_simulator(SimulatorSettings(canned=True, render_seconds=0)) as simulator,
        httpx.Client(base_url=simulator.base_url, timeout=60) as client,
    ):
        made = [simulator.simulation.create(DIALECTS["sora"], ask).id for _ in range(10_000)]
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = client.get("/v1/videos", params={"limit": 100, **after}).json()
            seen += [video["id"] for video in page["data"]]
            if not page["has_more"]:
                break
            after = {"after": page["last_id"]}
        statuses = {video["status"] for video in page["data"]}
        clips = {client.get(f"/v1/videos/{made[place]}/content").content for place in (0, 5_000, 9_999)}
    assert seen == made[::-1]
    assert statuses == {"completed"}
    assert len(clips) == 1
