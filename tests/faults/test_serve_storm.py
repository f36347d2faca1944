"""A bounded form of the campaign under a server that is killed; `make serve-storm` plays the long form."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import serve_storm
from storm_sides import NetworkThere

from reelwork_plugins.simulator import SimulatorSettings, run_simulator

KILLS = 6


@pytest.mark.timeout(900)
def test_a_server_that_is_killed_in_a_campaign_posts_once_for_each_firing() -> None:
    verdict, kept = serve_storm.play(KILLS, 1)
    assert not verdict.wrong, "\n".join([str(verdict), *verdict.wrong, str(kept)])
    assert (verdict.kills, verdict.posts > 3) == (KILLS, True), str(verdict)
    assert verdict.posts + verdict.in_doubt == verdict.firings, str(verdict)


def test_what_is_paid_or_posted_twice_or_not_at_all_is_found(tmp_path: Path) -> None:
    with run_simulator(SimulatorSettings()) as simulator, closing(NetworkThere("mastodon")) as there:
        campaign = serve_storm.Campaign(tmp_path, simulator, there, 1)
        with closing(campaign.store):
            campaign.fire_alone("first")
            (job,) = campaign.store.jobs()
            title = "first and the tide 0"
            once, twice, never = Counter({title: 1}), Counter({title: 2}), Counter[str]()
            assert list(campaign.wrong_with(job, once, once)) == []
            assert "paid twice" in next(campaign.wrong_with(job, twice, once))
            assert "has 2 posts" in next(campaign.wrong_with(job, once, twice))
            assert "has 0 posts" in next(campaign.wrong_with(job, once, never))
    shutil.rmtree(tmp_path)
