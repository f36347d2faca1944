"""The destinations of the fault matrix: a wall of its own, and the networks that the simulator plays.

Each keeps what was posted in a log of its own, which is counted in place of Reelwork's.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from side_accounts import BY_PAGE, stored_account
from wall import Wall

from reelwork.credentials.accounts import Accounts
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.discord.channel import HOOKS, Channel
from reelwork_plugins.simulator.networks.discord.handlers import Discord
from reelwork_plugins.simulator.networks.facebook.handlers import Facebook
from reelwork_plugins.simulator.networks.facebook.store import Pages
from reelwork_plugins.simulator.networks.instagram.handlers import Instagram
from reelwork_plugins.simulator.networks.linkedin.handlers import Linkedin
from reelwork_plugins.simulator.networks.linkedin.store import Feed
from reelwork_plugins.simulator.networks.mastodon.handlers import Mastodon
from reelwork_plugins.simulator.networks.mastodon.instance import Instance
from reelwork_plugins.simulator.networks.meta.store import Accounts as MetaAccounts
from reelwork_plugins.simulator.networks.telegram.chats import Chats
from reelwork_plugins.simulator.networks.telegram.handlers import TOKEN as BOT_TOKEN
from reelwork_plugins.simulator.networks.telegram.handlers import Telegram
from reelwork_plugins.simulator.networks.tiktok.handlers import Tiktok
from reelwork_plugins.simulator.networks.tiktok.posts import Posts
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN
from reelwork_plugins.simulator.networks.webhook.handlers import OPEN_SECRET, WebhookReceiver
from reelwork_plugins.simulator.networks.webhook.inbox import Inbox
from reelwork_plugins.simulator.networks.x.handlers import X
from reelwork_plugins.simulator.networks.x.store import Timeline
from reelwork_plugins.simulator.networks.youtube.channel import Channels
from reelwork_plugins.simulator.networks.youtube.handlers import Youtube

LATE_SECONDS = 20.0
"""Seconds to wait for what a network was to do late, as long as a slow machine may take."""
NETWORK_FAULTS: Mapping[str, str] = {
    "answered": "",
    "answer lost": "publish:accept-then-drop*1",
    "5xx after acceptance": "publish:accept-then-500*1",
    "429": "publish:429:retry-after=0.05*1",
    "dropped before acceptance": "publish:drop-before*1",
    "time-out after sending": "publish:accept-then-slow=1.8*1",
    "late success": "publish:accept-late=0.5*1",
    "time-out before sending": "publish:silent=1.8*1",
    "connection refused": "",
}
"""The faults of the matrix, as the simulator spells them; several are parted by semicolons."""
LISTS_THAT_LIE: Mapping[str, str] = {
    "answer lost, then an empty list": "publish:accept-then-drop*1;list:empty*3",
    "answer lost, then a list that is late": "publish:accept-then-drop*1;list:late=2*6",
    "never arrived, then an empty list": "publish:silent=0.3*1;list:empty*3",
}
"""What a network may show of a post in doubt that is not so."""
UNTOLD: Mapping[str, str] = {
    "answer lost, then no post is told of": "publish:accept-then-drop*1;posts:forgotten*3",
}
"""What a receiver of webhooks may say of a post in doubt that is not so."""
NOT_CLEAR: Mapping[str, str] = {
    "no id in the answer": "publish:no-id*1",
    "a web page for an answer": "publish:accept-then-html*1",
}
"""Answers to a post that are none."""
TOKENS: Mapping[str, str] = {"mastodon": OPEN_TOKEN, "telegram": BOT_TOKEN, "webhook": OPEN_SECRET}
"""Of the networks to which a token is given in the workflow."""
VIDEO_FAULTS = ("video:fail", "video:reject")


class Side(ABC):
    """A destination: what may go wrong there, and what was posted."""

    url: str
    ending = "txt"
    """Of the files of rows."""
    faults: Mapping[str, str]

    @abstractmethod
    def fail(self, fault: str) -> None:
        """Let this go wrong, and nothing else."""

    @abstractmethod
    def begin(self, folder: Path, url: str) -> Mapping[str, Any]:
        """Forget what was posted; return the tables of a workflow that posts here, under this address."""

    @abstractmethod
    def posted_twice(self, asked: Counter[str]) -> int:
        """The number of posts beyond one for each job; `asked` counts the jobs by their prompts."""

    @abstractmethod
    def count(self) -> int:
        """The number of posts."""

    def environment(self, folder: Path) -> Mapping[str, str]:
        """What the processes of a case find in their environment."""
        return {}

    def row(self, prompt: str) -> str:
        """A line of a file of rows."""
        return prompt

    def head(self) -> str:
        """What such a file begins with."""
        return ""

    @property
    def can_be_asked(self) -> bool:
        """False if a lost answer stays in doubt: nothing tells what was posted."""
        return True

    def ends_without(self, fault: str) -> bool:
        """Return whether a job may end unpublished under this fault, and is not tried again."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Stop."""


class WallSide(Side):
    """The wall, to which the matrix's own publisher posts."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.wall, self.faults = Wall(), faults
        self.url = self.wall.url

    def fail(self, fault: str) -> None:
        self.wall.faults[:] = [fault] if fault else []

    def begin(self, folder: Path, url: str) -> Mapping[str, Any]:
        self.wall.faults.clear()
        self.wall.posts.clear()
        return {"plugins": ["wall"], "plugin": {"wall": {"url": url}}}

    def posted_twice(self, asked: Counter[str]) -> int:
        return sum(times - 1 for times in Counter(self.wall.posts).values())

    def count(self) -> int:
        return len(self.wall.posts)

    def close(self) -> None:
        self.wall.close()


@dataclass
class NetworkSide(Side):
    """A network that the simulator plays, and the plugin of that name."""

    name: str
    table: Mapping[str, Any]
    always: tuple[str, ...] = ()
    """Faults of the network that are its nature."""
    operations: tuple[str, ...] = ()
    """What the plugin asks of it: each may lose its answer, or refuse the token."""
    as_person: bool = False
    """At LinkedIn: it posts as a person, whose posts cannot be listed, and not for a page."""
    ending: str = "csv"
    simulator: RunningSimulator = field(init=False)
    _there: str = field(default="", init=False)
    """The address that the processes are given."""
    _open: ExitStack = field(default_factory=ExitStack, init=False)

    def __post_init__(self) -> None:
        # Long enough to be waited for, so that a process can be killed meanwhile.
        settings = SimulatorSettings(network=self.name, render_seconds=0.15, rate_limits=False, canned=True)
        self.simulator = self._open.enter_context(run_simulator(settings))
        self.url = self.simulator.base_url
        self.faults = {**NETWORK_FAULTS, **self._own_faults()}

    def _own_faults(self) -> dict[str, str]:
        lost = {f"{one}: answer lost": f"{one}:{_losing(one)}*1" for one in self.operations if one != "publish"}
        refused = {f"{one}: token refused": f"{one}:401*1" for one in self.operations}
        if not self.can_be_asked:
            return {**lost, **refused, **NOT_CLEAR}
        own = {"the video cannot be used": "video:fail*1", **NOT_CLEAR}
        if self.name == "webhook":
            return {**lost, **refused, **own, **UNTOLD}
        own |= LISTS_THAT_LIE if "list" in self.operations else {}
        if "ask" in self.operations:
            # Its session no longer knows what became of it: only the channel's list can tell.
            own["answer lost, and the session is gone"] = "publish:accept-then-drop*1;ask:expired@nth=2*4"
        if self.name == "instagram":
            # Its container no longer tells: only the account's list can.
            own["answer lost, and the container is forgotten"] = (
                "publish:accept-then-drop*1;container:forgotten@nth=2*4"
            )
        if self.name == "facebook":
            # The video says that it was not published, and the list says so, too, for a while.
            own["answer lost, and a status that lags"] = "publish:accept-then-drop*1;container:stale@nth=3*2"
        if self.name == "tiktok":
            # The post's id says that its bytes have not come, to whoever asks before it is sent again, too.
            own["answer lost, and a status that lags"] = "publish:accept-then-drop*1;container:stale@nth=3*3"
            own["the upload's hour is over"] = "publish:expired*1"
        return {**lost, **refused, **own}

    def fail(self, fault: str) -> None:
        # What the fault before it was to do late must not be done in the next case.
        ends = time.monotonic() + LATE_SECONDS
        while self.simulator.simulation.has_late_work and time.monotonic() < ends:
            time.sleep(0.01)
        self.simulator.set_faults([*self.always, *filter(None, fault.split(";"))])

    def begin(self, folder: Path, url: str) -> Mapping[str, Any]:
        self.fail("")
        self._forget()
        self.sign_in(folder, url)
        self._there = url
        return {"plugins": [self.name], "plugin": {self.name: {**self.table, **self._place(url)}}}

    def _forget(self) -> None:
        played = self.simulator.simulation.network
        if isinstance(played, Mastodon):
            played.instance = Instance()
        elif isinstance(played, Youtube):
            played.channels = Channels()
        elif isinstance(played, Facebook):
            played.pages = Pages()
        elif isinstance(played, Instagram):
            played.accounts = MetaAccounts()
            # Whatever the length of the provider's clips.
            played.shortest = 0.0
        elif isinstance(played, Tiktok):
            played.store = Posts()
            # Whatever the size of the provider's clips.
            played.any_video = True
        elif isinstance(played, Linkedin):
            # Whatever the size of the provider's clips.
            played.feed = Feed(any_video=True)
        elif isinstance(played, Telegram):
            played.chats = Chats()
        elif isinstance(played, Discord):
            played.channel = Channel()
        elif isinstance(played, WebhookReceiver):
            played.inbox = Inbox()
        elif isinstance(played, X):
            played.timeline = Timeline()
        self.simulator.simulation.log.clear()

    def _place(self, url: str) -> dict[str, Any]:
        if self.name == "mastodon":
            return {"instance": url, "access_token": "env:REELWORK_FAULTS_TOKEN"}
        if self.name in BY_PAGE or self.name in ("linkedin", "tiktok", "x"):
            # Its account tells where it is.
            return {}
        if self.name == "discord":
            return {"webhook": "env:REELWORK_FAULTS_TOKEN"}
        if self.name == "webhook":
            asked = {"lookup": f"{url}/posts/{{id}}"} if "lookup" in self.table else {}
            return {"url": f"{url}/posts", "secret": "env:REELWORK_FAULTS_TOKEN", "private": True, **asked}
        if self.name == "telegram":
            return {"base_url": url, "token": "env:REELWORK_FAULTS_TOKEN", "chat": "@rehearsal", "link_base": url}
        return {"base_url": url}

    def sign_in(self, folder: Path, url: str) -> None:
        """Store the account that posts, where there is one."""
        if self.name in SILENT or self.name in TOKENS:
            return
        account = stored_account(self.name, self.url, url, as_person=self.as_person)
        Accounts(folder / "accounts.json").add(self.name, self.name, account, replace=True)

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {
            "REELWORK_ACCOUNTS": str(folder / "accounts.json"),
            "REELWORK_FAULTS_TOKEN": self._token(),
        }

    def _token(self) -> str:
        if self.name == "discord":
            return f"{self._there}/api/webhooks/{HOOKS[0].id}/{OPEN_TOKEN}"
        return TOKENS.get(self.name, "")

    def head(self) -> str:
        return "prompt,title\n"

    def row(self, prompt: str) -> str:
        # By its title a post is known here: neither network is told the prompt.
        return f'"{prompt}","{prompt}"'

    def posted_twice(self, asked: Counter[str]) -> int:
        return (Counter(self._titles(asked)) - asked).total()

    def _titles(self, prompts: Iterable[str]) -> list[str]:
        shown = [json.dumps(post, ensure_ascii=False) for post in self.simulator.posts()]
        return [next((prompt for prompt in prompts if prompt in text), text) for text in shown]

    def count(self) -> int:
        return len(self.simulator.posts())

    @property
    def can_be_asked(self) -> bool:
        # A receiver of webhooks is as its settings say.
        return not self.as_person and (self.name not in SILENT or bool(self.table))

    def ends_without(self, fault: str) -> bool:
        # A process that is killed between the answer with the next refresh token and its commit has lost the
        # sign-in: X gives each once. Its job then says so, and a person signs in.
        return fault.startswith(VIDEO_FAULTS) or (self.name == "x" and ":401" in fault)

    def close(self) -> None:
        self._open.close()


def _losing(operation: str) -> str:
    return "accept-then-drop" if operation in ("upload", "begin", "finish") else "drop"


MASTODON = ("instance", "upload", "processing", "publish", "account", "list")
FACEBOOK = ("begin", "upload", "processing", "publish", "list")
INSTAGRAM = ("account", "begin", "upload", "processing", "publish", "list")
DISCORD = ("account", "publish")
LINKEDIN = ("begin", "upload", "finish", "processing", "publish")
TELEGRAM = ("account", "chat", "member", "publish")
TIKTOK = ("account", "begin", "publish", "processing")
WEBHOOK = ("publish",)
X_ASKS = ("begin", "upload", "finish", "processing", "publish", "list")
YOUTUBE = ("begin", "ask", "publish", "processing", "account", "list")
SIDES: Mapping[str, Callable[[], Side]] = {
    "facebook": lambda: NetworkSide("facebook", {}, (), FACEBOOK),
    "instagram": lambda: NetworkSide("instagram", {}, (), INSTAGRAM),
    "linkedin": lambda: NetworkSide("linkedin", {}, (), (*LINKEDIN, "list")),
    # What a person posted cannot be asked for: a lost answer is held.
    "linkedin-person": lambda: NetworkSide("linkedin", {}, (), LINKEDIN, as_person=True),
    # Other software takes the key and ignores it: all that is told comes from its list.
    "mastodon": lambda: NetworkSide("mastodon", {}, ("keys:ignored",), MASTODON),
    "mastodon-keys": lambda: NetworkSide("mastodon", {"idempotency_key": True}, (), MASTODON),
    # What was posted cannot be asked for: a lost answer is held.
    "discord": lambda: NetworkSide("discord", {}, (), DISCORD),
    "telegram": lambda: NetworkSide("telegram", {}, (), TELEGRAM),
    # A token that ends in the middle of whatever is being done, and a refresh token that is good for one use.
    "tiktok": lambda: NetworkSide("tiktok", {"direct": True}, ("access:expire=0.4",), TIKTOK),
    # It posts again what it has seen, unless it is said to know it.
    "webhook": lambda: NetworkSide("webhook", {}, ("keys:ignored",), WEBHOOK),
    "webhook-keys": lambda: NetworkSide("webhook", {"repeatable": True}, (), WEBHOOK),
    "webhook-lookup": lambda: NetworkSide(
        "webhook", {"lookup": "", "settle_seconds": 0.8}, ("keys:ignored",), (*WEBHOOK, "ask")
    ),
    "x": lambda: NetworkSide("x", {}, (), X_ASKS),
    # A token that ends in the middle of whatever is being done.
    "youtube": lambda: NetworkSide("youtube", {}, ("access:expire=0.4",), YOUTUBE),
}
SILENT = ("discord", "telegram", "webhook")
"""Those that cannot be asked what was posted."""
