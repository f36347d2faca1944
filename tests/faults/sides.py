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
from side_faults import faults_of
from wall import Wall

from reelwork.credentials.accounts import Accounts
from reelwork.testing import Asked, serving
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
from reelwork_plugins.simulator.networks.threads.handlers import Threads
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
TOKENS: Mapping[str, str] = {"mastodon": OPEN_TOKEN, "telegram": BOT_TOKEN, "webhook": OPEN_SECRET}
"""Of the networks to which a token is given in the workflow."""


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

    def bare(self, fault: str) -> int:
        """Return the number of posts without their captions, where this fault does not explain it."""
        return 0

    def struck(self) -> Mapping[str, int]:
        """Return the faults that are switched on, with how often each has struck."""
        return {}

    def sign_in_again(self, folder: Path) -> None:
        """Do what a person does whose sign-in has ended."""
        return

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
    dressed: bool = False
    """Its videos have captions and a picture of their own, and its posts an alternative text."""
    ending: str = "csv"
    simulator: RunningSimulator = field(init=False)
    _there: str = field(default="", init=False)
    """The address that the processes are given."""
    _open: ExitStack = field(default_factory=ExitStack, init=False)
    _files: str = field(default="", init=False)

    def __post_init__(self) -> None:
        # Long enough to be waited for, so that a process can be killed meanwhile.
        settings = SimulatorSettings(network=self.name, render_seconds=0.15, rate_limits=False, canned=True)
        self.simulator = self._open.enter_context(run_simulator(settings))
        self.url = self.simulator.base_url
        # It takes no bytes: it fetches each video.
        self._files = self._open.enter_context(serving(_file)) if self.name == "threads" else ""
        self.faults = faults_of(self.name, self.operations, can_be_asked=self.can_be_asked)

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
        before = [*(["dresser"] if self.dressed else []), *(["shelf"] if self._files else [])]
        tables = {self.name: {**self.table, **self._place(url)}}
        tables |= {"shelf": {"address": self._files}} if self._files else {}
        return {"before": before, "plugins": [self.name], "plugin": tables}

    def _forget(self) -> None:
        played = self.simulator.simulation.network
        if isinstance(played, Mastodon):
            played.instance = Instance()
        elif isinstance(played, Youtube):
            played.channels = Channels()
        elif isinstance(played, Facebook):
            played.pages = Pages()
        elif isinstance(played, Instagram | Threads):
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
        return "prompt,title,alt_text\n"

    def row(self, prompt: str) -> str:
        # By its title a post is known here: neither network is told the prompt.
        return f'"{prompt}","{prompt}",{"Gulls" if self.dressed else ""}'

    def posted_twice(self, asked: Counter[str]) -> int:
        return (Counter(self._titles(asked)) - asked).total()

    def _titles(self, prompts: Iterable[str]) -> list[str]:
        shown = [json.dumps(post, ensure_ascii=False) for post in self.simulator.posts()]
        return [next((prompt for prompt in prompts if prompt in text), text) for text in shown]

    def count(self) -> int:
        return len(self.simulator.posts())

    def bare(self, fault: str) -> int:
        # What a video goes without after such a fault is told in its receipt.
        if not self.dressed or any(one in fault for one in ("captions:", "token:")):
            return 0
        return sum(not post.get("captions") for post in self.simulator.posts())

    def struck(self) -> Mapping[str, int]:
        shown = self.simulator.simulation.switchboard.describe()
        return {one["fault"]: one["struck"] for one in shown if one["fault"] not in self.always}

    def sign_in_again(self, folder: Path) -> None:
        self.sign_in(folder, self._there)

    @property
    def can_be_asked(self) -> bool:
        # A receiver of webhooks is as its settings say.
        return not self.as_person and (self.name not in SILENT or bool(self.table))

    def ends_without(self, fault: str) -> bool:
        return fault.startswith("video:")

    def close(self) -> None:
        self._open.close()


def _file(asked: Asked) -> tuple[int, bytes]:
    return 200, Path(asked.path).read_bytes()


MASTODON = ("instance", "upload", "processing", "publish", "account", "list")
FACEBOOK = ("begin", "upload", "processing", "publish", "list", "captions", "thumbnail")
INSTAGRAM = ("account", "begin", "upload", "processing", "publish", "list")
DISCORD = ("account", "publish")
LINKEDIN = ("begin", "upload", "finish", "processing", "publish")
TELEGRAM = ("account", "chat", "member", "publish")
THREADS = ("account", "begin", "processing", "publish", "list", "token")
TIKTOK = ("account", "begin", "publish", "processing", "token")
WEBHOOK = ("publish",)
X_ASKS = ("begin", "upload", "finish", "processing", "publish", "list", "captions", "describe", "token")
YOUTUBE = ("begin", "ask", "publish", "processing", "captions", "thumbnail", "token")
SIDES: Mapping[str, Callable[[], Side]] = {
    "facebook": lambda: NetworkSide("facebook", {}, (), FACEBOOK, dressed=True),
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
    "threads": lambda: NetworkSide("threads", {}, (), THREADS),
    # A token that ends in the middle of whatever is being done, and a refresh token that is good for one use.
    "tiktok": lambda: NetworkSide("tiktok", {"direct": True}, ("access:expire=0.4",), TIKTOK),
    # It posts again what it has seen, unless it is said to know it.
    "webhook": lambda: NetworkSide("webhook", {}, ("keys:ignored",), WEBHOOK),
    "webhook-keys": lambda: NetworkSide("webhook", {"repeatable": True}, (), WEBHOOK),
    "webhook-lookup": lambda: NetworkSide(
        "webhook", {"lookup": "", "settle_seconds": 0.8}, ("keys:ignored",), (*WEBHOOK, "ask")
    ),
    "x": lambda: NetworkSide("x", {}, (), X_ASKS, dressed=True),
    # A token that ends in the middle of whatever is being done.
    "youtube": lambda: NetworkSide("youtube", {}, ("access:expire=0.4",), YOUTUBE, dressed=True),
}
SILENT = ("discord", "telegram", "webhook")
"""Those that cannot be asked what was posted."""
