"""The server that lies: each of its lies can be seen in its answers, and the honest one does what it should."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from liar_server import LiarServer
from liar_traits import BEYOND, LIES, TRAITS, Lie, Personality
from liar_values import CREATES, Ask, Reply

START = 1_795_860_000.0
PROMPTS = (
    "A red fox",
    'An old sailor says "hold on" & waves <twice>',
    "A kite 🪁 over the sea,  gulls crying,\nwaves breaking on the pier, and the café – öffnet at dusk",
    "A red fox, seen from far above, in a wide and empty field of snow",
    "cat",
    "dog",
    "A red fox",
)
COMPANIONS = {
    "prompt rewritten when": (Lie("prompt", "upper case"),),
    "prompt rewritten where": (Lie("prompt", "upper case"),),
    "seconds rewritten when": (Lie("seconds", "zero"),),
    "size rewritten when": (Lie("size", "720p"),),
    "model rewritten when": (Lie("model", "dated"),),
    "cursor": (Lie("page size", "3"),),
    "has_more": (Lie("page size", "3"),),
    "keys": (Lie("create answers", "201"),),
    "page size": (Lie("others make", "thirty before each"),),
    "list cut": (Lie("others make", "thirty before each"),),
}
"""Lies that show another one."""
ELSEWHERE = ("lost answers look like", "acts after")
"""Traits of the way to the server: `liar_net`."""


def transcript(who: Personality) -> list[Reply]:
    """What the same requests are answered."""
    server, said = LiarServer(who), []
    now = START
    for number, prompt in enumerate(PROMPTS):
        key = {"idempotency-key": f"key-{number % 5}"} if who["keys"] != "not taken" or number % 5 > 4 else {}
        fields = {"prompt": prompt, "seconds": "4", "size": "1280x704", "model": "m1"}
        ask = Ask("POST", CREATES, now, headers=key, fields=fields, tag=f"reelwork-{number}-render-1")
        render, new = server.act(ask)
        said.append(server.created(ask, render, new=new))
        said += _read(server, now + 1, render.id)
        now += 2.5
    said.append(server.busy(Ask("POST", CREATES, now)))
    for later in (3.0, 20.0, 31.0, 400.0, 700.0, 4000.0, 9000.0):
        said += _read(server, now + later, server.renders[0].id)
    server.restart()
    render, new = server.act(
        Ask("POST", CREATES, now + 9001, fields={"prompt": "after"}, tag="reelwork-9-render-1")
    )
    said += [
        server.created(Ask("POST", CREATES, now + 9001), render, new=new),
        *_read(server, now + 9002, "video_0001"),
    ]
    return said


def _read(server: LiarServer, now: float, id_: str) -> list[Reply]:
    said, after = [], ""
    for _ in range(4):
        query = {"limit": "100", "order": "desc", **({"after": after} if after else {})}
        page = server.answer(Ask("GET", CREATES, now, query))
        said.append(page)
        data = page.body.get("data") if isinstance(page.body, dict) else None
        if not isinstance(data, list) or not data or not isinstance(data[-1], dict):
            break
        after = str(data[-1].get("id", ""))
    return [*said, server.answer(Ask("GET", f"{CREATES}/{id_}", now))]


@pytest.mark.parametrize("lie", [lie for lie in (*LIES, *BEYOND) if lie.trait not in ELSEWHERE], ids=str)
def test_each_lie_shows(lie: Lie) -> None:
    companions = COMPANIONS.get(lie.trait, ())
    others = (Lie("keys", "honoured"),) if lie.value == "ignored" and lie.trait == "keys" else ()
    lying, honest = transcript(Personality((lie, *companions))), transcript(Personality((*others, *companions)))
    assert [(one.status, one.raw, one.headers) for one in lying] != [
        (one.status, one.raw, one.headers) for one in honest
    ]


def test_an_honest_server_lists_what_it_made() -> None:
    server = LiarServer(Personality())
    for prompt in PROMPTS:
        server.act(
            Ask("POST", CREATES, START, fields={"prompt": prompt, "seconds": "4", "size": "1280x720"}, tag="t")
        )
    page = server.answer(Ask("GET", CREATES, START + 1, {"limit": "100"}))
    assert [one["prompt"] for one in page.body["data"]] == list(PROMPTS)
    assert page.body["has_more"] is False
    assert {one["status"] for one in page.body["data"]} == {"queued"}
    assert len({one["id"] for one in page.body["data"]}) == len(PROMPTS)


def test_the_same_requests_are_answered_the_same() -> None:
    who = Personality.of(LIES[::5])
    assert transcript(who) == transcript(who)


def test_there_are_at_least_forty_traits() -> None:
    assert len(TRAITS) >= 40
    assert all(trait.honest not in (*trait.lies, *trait.beyond) for trait in TRAITS.values())
