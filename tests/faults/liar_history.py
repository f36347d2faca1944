"""What happens around a server that lies: launches, lost answers, kills, clock steps, edited settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from liar_net import Fate
from liar_services import SERVICES
from liar_traits import BEYOND, LIES, Lie, Personality

PROMPTS = (
    "A red fox in the snow",
    "A red fox in the snow at night",
    "Snow falls on a red fox",
    'An old sailor says "hold on" & waves <twice>',
    "Ein Käfer überquert die Straße – ganz langsam",
    "夕暮れの東京、雨に濡れた歩道を歩く猫",
    "A kite 🪁 over the sea, gulls   crying,\nwaves breaking on the pier",
    "A slow dolly shot through an empty greenhouse at dawn, dust in the light, ferns on both sides, the camera "
    "ends on a broken chair beside a red watering can",
    "A slow dolly shot through an empty greenhouse at dusk, dust in the light, ferns on both sides, the camera "
    "ends on a broken chair beside a red watering can",
    "cat",
)
CONTROLS = (
    'A lighthouse keeper says "good night" & closes the <door>,\nwaves   breaking on the pier, a kite 🪁 far '
    "out, the camera slowly drawing back over the wet stones until the bay can be seen – Käse, Straße, 東京の猫",
    'Two sparrows quarrel about a crumb & "win" it <together>,\nsnow   melting on the sill, a balloon 🎈 drifting '
    "by, the camera resting on the window for a long time until the light goes – Käse, Straße, 東京の猫",
)
"""Prompts of controls: as long as most, and with every special character."""
DURATIONS = (4, 4, 8)
POINTS = ("before commit", "after commit", "leaving", "arrived", "answered")
PROCESSES = 3
RENDERS = ("sora", "sora", "sora", "sora as main", "vllm-omni", "litellm", "sora with a key")
POSTS = ("list", "list", "compares", "compares", "key", "handle", "none")
PLAYED: Mapping[str, tuple[str, ...]] = {
    "mastodon": ("mastodon", "mastodon", "mastodon with keys"),
    "youtube": ("youtube",),
    "fal": ("fal",),
    "kling": ("kling",),
}
"""The connections of each plugin that comes with Reelwork, at a service that the liar plays."""


@dataclass(frozen=True)
class Launch:
    """New jobs, and what becomes of the next creates."""

    prompts: tuple[int, ...]
    duration: int
    takes: int
    fates: tuple[Fate, ...]


@dataclass(frozen=True)
class Work:
    """A process drives for so many seconds; it begins if it does not run."""

    number: int
    seconds: float


@dataclass(frozen=True)
class Strike:
    """A process dies, or stops, when it comes to a point for the nth time."""

    number: int
    point: str
    nth: int
    how: str


@dataclass(frozen=True)
class Event:
    """Something else: `kill`, `clock`, `reboot`, `restart`, `down`, `up`, `edit` or `resume`."""

    name: str
    value: Any = None


Step = Launch | Work | Strike | Event


@dataclass(frozen=True)
class History:
    """One world from its beginning to its end."""

    who: Personality
    warm: int
    """Jobs that are made before anything goes wrong."""
    duration: int
    """Their length in seconds."""
    connection: str
    steps: tuple[Step, ...]


LOST = (Fate(arrives=True, answer=False), Fate(arrives=False, answer=False))
fates = st.lists(
    st.sampled_from((*LOST, *LOST, *LOST, Fate(), Fate(busy=True), Fate(refused=True))), min_size=3, max_size=12
).map(tuple)
launches = st.builds(
    Launch,
    prompts=st.lists(st.integers(0, len(PROMPTS) - 1), min_size=2, max_size=8).map(tuple),
    duration=st.sampled_from(DURATIONS),
    takes=st.sampled_from((1, 1, 1, 2)),
    fates=fates,
)
works = st.builds(Work, number=st.integers(0, PROCESSES - 1), seconds=st.sampled_from((1.0, 8.0, 40.0, 130.0)))
strikes = st.builds(
    Strike,
    number=st.integers(0, PROCESSES - 1),
    point=st.sampled_from(POINTS),
    nth=st.integers(1, 3),
    how=st.sampled_from(("dies", "dies", "stops")),
)
events = st.one_of(
    st.builds(Event, name=st.just("kill"), value=st.integers(0, PROCESSES - 1)),
    st.builds(Event, name=st.just("clock"), value=st.sampled_from((-600, 600, -3600, 7200, -172800, 172800))),
    st.builds(Event, name=st.sampled_from(("reboot", "restart", "down", "up", "resume"))),
    st.builds(Event, name=st.just("edit"), value=st.sampled_from(("key", "server", "dialect", "model", "account"))),
)
episodes = st.tuples(launches, st.lists(st.one_of(works, works, strikes, events), min_size=1, max_size=6)).map(
    lambda drawn: (drawn[0], *drawn[1])
)
steps = st.lists(episodes, min_size=1, max_size=3).map(lambda drawn: tuple(step for each in drawn for step in each))


def personalities(lies: tuple[Lie, ...] = LIES) -> st.SearchStrategy[Personality]:
    """Mostly servers with a few lies: one that lies about everything is asked about everything."""
    few = st.lists(st.sampled_from(lies), max_size=3)
    many = st.lists(st.sampled_from(lies), min_size=4, max_size=20)
    return st.one_of(few, few, few, many).map(Personality.of)


def beyond(cannot: tuple[Lie, ...] = BEYOND, lies: tuple[Lie, ...] = LIES) -> st.SearchStrategy[Personality]:
    """Servers that no client can survive."""
    one = st.sampled_from(cannot)
    return st.tuples(one, st.lists(st.sampled_from(lies), max_size=2)).map(
        lambda drawn: Personality.of([drawn[0], *drawn[1]])
    )


def served(connection: str, *, survivable: bool = True) -> st.SearchStrategy[History]:
    """Worlds at a service that the liar plays for one of the plugins that come with Reelwork."""
    service = SERVICES[connection]
    who = personalities(service.lies) if survivable else beyond(service.beyond, service.lies)
    return histories(who, (connection,))


def histories(
    who: st.SearchStrategy[Personality] | None = None, connections: tuple[str, ...] = RENDERS
) -> st.SearchStrategy[History]:
    """Whole worlds."""
    return st.builds(
        History,
        who=personalities() if who is None else who,
        warm=st.sampled_from((1, 1, 2, 0)),
        duration=st.sampled_from(DURATIONS),
        connection=st.sampled_from(connections),
        steps=steps,
    ).map(_with_true_keys)


def faithful_histories(connections: tuple[str, ...] = RENDERS) -> st.SearchStrategy[History]:
    """Worlds in which the server tells the truth, and one control is known; everything else goes wrong as ever."""
    return histories(st.just(Personality(())), connections).map(lambda history: _like_the_control(history))


def calm_histories(connections: tuple[str, ...] = RENDERS) -> st.SearchStrategy[History]:
    """Worlds in which the server tells the truth, one control is known, and only answers are lost."""
    calm = st.lists(st.tuples(launches, works), min_size=1, max_size=3)
    return st.builds(
        History,
        who=st.just(Personality(())),
        warm=st.just(1),
        duration=st.just(4),
        connection=st.sampled_from(connections),
        steps=calm.map(lambda drawn: tuple(step for each in drawn for step in each)),
    ).map(lambda history: _with_true_keys(_like_the_control(history)))


def _like_the_control(history: History) -> History:
    """One control is known, and all that is made is as long as it: of other lengths it says nothing."""
    steps_ = (replace(one, duration=4) if isinstance(one, Launch) else one for one in history.steps)
    return replace(history, warm=1, duration=4, steps=tuple(steps_))


def _with_true_keys(history: History) -> History:
    """Whoever says that keys are honoured where they are not cannot be helped: the person is honest here."""
    keyed = "key" in history.connection or Event("edit", "key") in history.steps
    if not keyed or history.who["keys"] != "not taken":
        return history
    return replace(history, who=Personality((*history.who.lies, Lie("keys", "honoured for 48 h"))))
