"""A campaign at four networks, in which much goes wrong: the rest is published, and nothing twice."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sides import NetworkSide

from reelwork_plugins.simulator import RunningSimulator
from reelwork_plugins.simulator.networks.mastodon.handlers import SCOPES
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token

GOOD = ("Dawn", "Noon", "Dusk")
LONG = "Fox"
REFUSED = "Fire"
PUBLISH = ("youtube", "tiktok", "x", "brand-a", "brand-b")
RUN = ("run", "rows.csv", "--workflow", "campaign.toml", "--yes")
WORKFLOW = """
[brief]
duration = 4
resolution = "720p"
aspect_ratio = "9:16"
[provider]
use = "videos-api"
base_url = "{provider}/v1"
dialect = "sora"
model = "sora-2"
poll_interval = 0.2
settle_seconds = 0.5
[plugins]
pre_moderate = ["rules"]
publish = ["youtube", "tiktok", "x", "brand-a", "brand-b"]
[plugin.rules]
block = ["forbidden"]
[plugin.youtube]
base_url = "{youtube}"
[plugin.tiktok]
direct = true
[plugin.brand-a]
use = "mastodon"
instance = "{mastodon}"
access_token = "env:BRAND_A"
[plugin.brand-b]
use = "mastodon"
instance = "{mastodon}"
access_token = "env:BRAND_B"
"""


@dataclass(frozen=True)
class Campaign:
    """The networks, the provider, and a person at a terminal."""

    sides: Mapping[str, NetworkSide]
    provider: RunningSimulator
    terminal: Any

    def __post_init__(self) -> None:
        folder = self.terminal.folder
        for side in self.sides.values():
            side.begin(folder, side.url)
        urls = {name: side.url for name, side in self.sides.items()}
        text = WORKFLOW.format(provider=self.provider.url_of("sora"), **urls)
        (folder / "campaign.toml").write_text(text)
        rows = [f'{title},"A harbour at {title.lower()}, seen from a hill","{title}",' for title in GOOD]
        rows.append(f'{LONG},"A red fox in the snow","{LONG}","{"word " * 200}"')
        rows.append(f'{REFUSED},"A forbidden fire","{REFUSED}",')
        (folder / "rows.csv").write_text("id,prompt,title,destination.x.caption\n" + "\n".join(rows) + "\n")
        self.terminal.env |= {"REELWORK_ACCOUNTS": str(folder / "accounts.json"), "BRAND_A": OPEN_TOKEN}
        self.sign_in(until=None)

    def sign_in(self, until: float | None) -> None:
        """Give the second account at Mastodon a token that is good until then."""
        self.terminal.env["BRAND_B"] = Token("mastodon", "brand-b", tuple(sorted(SCOPES)), until).written()

    def requests(self) -> int:
        """The requests that all sides have had."""
        return sum(len(side.simulator.requests()) for side in self.sides.values())

    def is_killed(self, after: int) -> None:
        """Run it, and kill it after so many requests, or a few seconds later."""
        target, ends = self.requests() + after, time.monotonic() + 8
        process = self.terminal.start(*RUN)
        while process.poll() is None and self.requests() < target and time.monotonic() < ends:
            time.sleep(0.002)
        process.kill()
        process.communicate()

    def posts(self) -> Counter[tuple[str, str]]:
        """The posts by the place they were made at and the title they begin with."""
        found: Counter[tuple[str, str]] = Counter()
        for name, side in self.sides.items():
            for post in side.simulator.posts():
                at_mastodon = "brand-a" if post["account"] == ANYONE else str(post["account"])
                found[at_mastodon if name == "mastodon" else name, post["text"].split()[0]] += 1
        return found

    def renders(self) -> Counter[str]:
        """The renders that were paid for, by their prompts."""
        made = [one for one in self.provider.requests(method="POST") if one["job_id"]]
        return Counter(one["fields"]["prompt"] for one in made)


@pytest.fixture
def campaign(simulator: Callable[..., RunningSimulator], terminal: Any) -> Iterator[Campaign]:
    with ExitStack() as open_sides:
        sides = {name: NetworkSide(name, {}) for name in ("youtube", "tiktok", "x", "mastodon")}
        for side in sides.values():
            open_sides.callback(side.close)
        yield Campaign(sides, simulator(canned=False, render_seconds=0.5), terminal)


def every(*titles: str) -> Counter[tuple[str, str]]:
    return Counter((place, title) for place in PUBLISH for title in titles)


def test_what_can_be_published_is_and_the_rest_follows_once_it_can(campaign: Campaign) -> None:
    campaign.sides["x"].simulator.set_faults(["begin:drop"])
    campaign.sides["youtube"].simulator.set_faults(["begin:reason=quotaExceeded"])
    campaign.sides["tiktok"].simulator.set_faults([])
    campaign.sign_in(until=time.time() - 5)
    code, told = campaign.terminal.run(*RUN, seconds=300)
    assert code == 3, told
    lines = " ".join(told.split())
    assert Counter(campaign.posts()) == Counter(
        {(place, title): 1 for place in ("tiktok", "brand-a") for title in (*GOOD, LONG)}
    )
    # One line for each failure, with what to do.
    assert "held youtube: beginning the upload was answered 403 (quotaExceeded)" in lines
    assert "Resume the job tomorrow." in lines
    assert "failed x: POST" in lines
    assert "failed brand-b: preparing the post failed: mastodon: the upload was answered 401" in lines
    assert "Sign in again: reelwork accounts add mastodon --replace" in lines
    assert "reason the brief is rejected by 'rules': \"forbidden\" is on the block list" in lines
    assert "next reelwork resume" in lines
    paid = campaign.renders()
    assert (len(paid), set(paid.values())) == (4, {1})
    for side in campaign.sides.values():
        side.fail("")
    campaign.sign_in(until=None)
    code, told = campaign.terminal.run(*RUN, seconds=300)
    assert code == 3, told
    assert campaign.posts() == every(*GOOD, LONG), told
    assert campaign.renders() == paid
    assert "5 jobs: 4 done, 1 rejected" in told
    [at_x] = [post["text"] for post in campaign.sides["x"].simulator.posts() if post["text"].startswith(LONG)]
    assert at_x.endswith("…")


def test_killed_every_few_requests_it_ends_the_same(campaign: Campaign) -> None:
    youtube = ["begin:reason=quotaExceeded*3", "publish:accept-then-drop@nth=1"]
    campaign.sides["youtube"].simulator.set_faults(youtube)
    campaign.sides["x"].simulator.set_faults(["begin:drop*6", "publish:accept-then-drop@nth=2"])
    for step in range(1, 9):
        campaign.is_killed(after=4 + step)
    # TikTok and X give each refresh token once: a process that was killed as it got one has lost the sign-in.
    for name in ("tiktok", "x"):
        campaign.sides[name].sign_in(campaign.terminal.folder, campaign.sides[name].url)
    told = ""
    for _ in range(4):
        if "5 jobs: 4 done, 1 rejected" not in told:
            _, told = campaign.terminal.run(*RUN, seconds=300)
    assert campaign.posts() == every(*GOOD, LONG), told
    paid = campaign.renders()
    assert (len(paid), set(paid.values())) == (4, {1})
    assert "5 jobs: 4 done, 1 rejected" in told
