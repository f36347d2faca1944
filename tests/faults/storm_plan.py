"""What a round of the storm is to be, drawn from its seed: what there is to do, and what goes wrong when."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from lab import KNOWN
from storm_sides import NETWORKS

from reelwork.store.records import EffectRow

COST = 0.4
"""US dollars for one render."""
LOOKUP_DIALECTS = ("sora", "vllm-omni")
NONE_DIALECT = "litellm"
PROTOCOLS = ("fal", "kling")
LISTED_LATE = "fal"
"""It lists what has ended only: what is lost there cannot be told from what is not there yet."""

PROVIDER_FAULTS = (
    "create:accept-then-drop*2",
    "create:accept-then-500*2",
    "create:accept-then-slow=0.6*2",
    "create:accept-then-html*1",
    "create:no-id*1",
    "create:drop-before*2",
    "create:silent=0.5*2",
    "create:slow=0.5*2",
    "create:429:retry-after=0.1*3",
    "create:500*1",
    "list:500*4",
    "list:drop*4",
    "list:slow=0.6*2",
    "poll:500*4",
    "poll:drop*4",
    "content:500*2",
    "content:truncate*2",
)
WALL_FAULTS = (
    "accept-then-drop",
    "accept-then-500",
    "accept-then-slow",
    "429",
    "drop-before",
    "late",
    "silent",
)
NETWORK_FAULTS = (
    "publish:accept-then-drop*2",
    "publish:accept-then-500*2",
    "publish:accept-then-slow=0.6*2",
    "publish:accept-then-html*1",
    "publish:accept-late=0.3*1",
    "publish:no-id*1",
    "publish:429:retry-after=0.1*3",
    "publish:drop-before*2",
    "publish:silent=0.5*1",
    "upload:accept-then-drop*2",
    "begin:accept-then-drop*2",
    "ask:drop*2",
    "ask:500*2",
    "processing:drop*2",
    "processing:500*2",
    "list:500*4",
    "list:drop*4",
    "account:500*2",
)
"""For the networks that the simulator plays; what one of them is never asked does not strike there."""
WARM = 0.75
"""The share of rounds in which all that can be looked up must be settled. In the others it may be held."""
KINDS = {"kill": 6, "pause": 5, "start": 5, "provider": 6, "wall": 5, "wall-deaf": 1, "calm": 1}


@dataclass(frozen=True)
class Weather:
    """What a round is played with."""

    dialect: str
    wall: str
    """What a post's outcome can be told by: `LOOKUP`, `KEY` or `NONE`; or a network, such as `youtube`."""
    prompts: tuple[str, ...]
    """One for each row; some are the same."""
    lease: float
    render_seconds: float
    budget: int | None
    """Renders that may be paid for."""
    concurrent: int | None
    per_minute: int | None
    warm: bool = True
    """Whether the store knows of renders and posts there when it begins."""

    @property
    def known(self) -> tuple[str, ...]:
        """What is made before it begins."""
        return KNOWN if self.warm else ()

    @property
    def provider_is_blind(self) -> bool:
        """Whether what became of a create can never be told."""
        return self.dialect in (NONE_DIALECT, LISTED_LATE)

    @property
    def protocol(self) -> str:
        """What the simulator plays."""
        return self.dialect if self.dialect in PROTOCOLS else "videos"

    @property
    def most_per_minute(self) -> int | None:
        """Requests in a minute, with those for what is known."""
        return None if self.per_minute is None else self.per_minute + len(self.known)

    def can_be_told(self, effect: EffectRow) -> bool:
        """Whether a look can tell what became of it, with what is known there.

        What was sent a second time on the word of a list is not sent a third time.
        """
        looks = not self.provider_is_blind if effect.kind == "submit" else self.wall not in ("KEY", "NONE")
        return looks and not effect.resent

    def __str__(self) -> str:
        limits = {"budget": self.budget, "concurrent": self.concurrent, "per minute": self.per_minute}
        told = [f"{name} {value}" for name, value in limits.items() if value is not None]
        start = "warm" if self.warm else "cold"
        return ", ".join([f"{self.dialect} to {self.wall}", start, f"{len(self.prompts)} jobs", *told])


@dataclass(frozen=True)
class Act:
    """Something that happens `at` seconds after the round began. `dice`, from 0 to 1, picks whom it meets."""

    at: float
    kind: str
    dice: float
    what: tuple[str, ...] = ()
    seconds: float = 0.0


def weather(random: Random, jobs: tuple[int, int]) -> Weather:
    """Draw a round. Limits on requests whose outcome is never told would be used up for good."""
    dialect = random.choice([*LOOKUP_DIALECTS, *LOOKUP_DIALECTS, NONE_DIALECT, *PROTOCOLS, *PROTOCOLS])
    blind = dialect in (NONE_DIALECT, LISTED_LATE)
    rows = random.randint(*jobs)
    limit = random.choice(["", "budget", "concurrent", "per minute", "budget and concurrent"])
    return Weather(
        dialect=dialect,
        wall=random.choice(["LOOKUP", "LOOKUP", "KEY", "NONE", *NETWORKS]),
        prompts=_prompts(random, rows),
        lease=random.choice([0.5, 0.7, 1.0]),
        render_seconds=random.choice([0.1, 0.5, 1.5]),
        budget=random.randint(rows // 2, rows) if "budget" in limit else None,
        concurrent=random.randint(3, 6) if "concurrent" in limit and not blind else None,
        per_minute=random.randint(rows // 2, rows + 4) if limit == "per minute" else None,
        warm=random.random() < WARM,
    )


def _prompts(random: Random, rows: int) -> tuple[str, ...]:
    """Most of them once, some up to four times."""
    prompts: list[str] = []
    while len(prompts) < rows:
        times = random.choice([1, 1, 1, 1, 2, 3, 4])
        prompts += [f"A quiet harbour at dawn with boat {len(prompts)}"] * times
    return tuple(prompts[:rows])


def acts(random: Random, weather: Weather, seconds: float) -> list[Act]:
    """What happens, in order of time; some of it before the first process begins."""
    count = round(seconds * random.uniform(3, 6))
    times = sorted(random.uniform(0.1, seconds) for _ in range(count))
    kinds = random.choices(list(KINDS), weights=list(KINDS.values()), k=count)
    first = [_act(random, weather, 0, kind) for kind in ("provider", "wall")]
    return [*first, *(_act(random, weather, at, kind) for at, kind in zip(times, kinds, strict=True))]


def _act(random: Random, weather: Weather, at: float, kind: str) -> Act:
    dice = random.random()
    if kind == "pause":
        return Act(at, kind, dice, seconds=random.choice([0.3, 0.8, 1.5, 3.0]) * weather.lease)
    if kind == "start":
        return Act(at, kind, dice, (random.choice(["run", "run", "resume", "reconcile"]),))
    if kind == "provider":
        return Act(at, kind, dice, tuple(random.sample(PROVIDER_FAULTS, random.randint(1, 4))))
    if kind == "wall":
        faults = NETWORK_FAULTS if weather.wall in NETWORKS else WALL_FAULTS
        return Act(at, kind, dice, tuple(random.choices(faults, k=random.randint(1, 3))))
    return Act(at, kind, dice)
