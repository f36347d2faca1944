"""`bluesky` at a real server: each request of a post is lost, or its answer is, or its token is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from tests.services.bluesky.conftest import Proxy
from tests.services.bluesky.test_posting import OF_NOBODY
from tests.services.bluesky.test_video_service import VideoServer

from reelwork_hooks import (
    Asset,
    Effect,
    Found,
    InvalidInput,
    NotDone,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Role,
    Unavailable,
)

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "answer lost": {"forward": True},
    "lost on the way": {"forward": False},
    "token refused": {
        "forward": False,
        "answer": (
            400,
            {"Content-Type": "application/json"},
            json.dumps({"error": "ExpiredToken", "message": "Token has expired"}).encode(),
        ),
    },
}
TRIES = 4
WORDS = "WEBVTT\n\n00:00.000 --> 00:00.400\nGood morning.\n"


@pytest.fixture
def films(pds: Any) -> Iterator[tuple[VideoServer, Proxy]]:
    """A video service, and what stands between Reelwork and it."""
    running = VideoServer(pds)
    between = Proxy(running.url)
    # The grants are for the address that Reelwork knows.
    running.did = f"did:web:{quote(urlsplit(between.url).netloc, safe='.')}"
    yield running, between
    between.close()
    running.close()


@pytest.fixture
def with_captions(post: Any, tmp_path: Path) -> Any:
    path = tmp_path / "words.en.vtt"
    path.write_text(WORDS)
    return post.replace(captions=(Asset.from_file(path, Role.CAPTIONS, media_type="text/vtt"),))


async def carried_through(plugin: Any, post: Any, job: Any, key: str) -> Any:
    """Post as the engine does: what was not sent is sent again, and what is in doubt is looked up first."""
    prepared, attempt = None, 0
    for _ in range(TRIES):
        try:
            prepared = prepared or await plugin.prepare_publish(post, job)
            attempt += 1
            effect = Effect(key=key, attempt=attempt, prepared=prepared, started_at=job.created_at.timestamp())
            try:
                return await plugin.publish(post, job, effect)
            except OutcomeUnknown:
                found = await plugin.find_post(post, job, effect)
                if isinstance(found, Found):
                    return found.candidates[0]
                assert isinstance(found, NotDone)
        except (Unavailable, InvalidInput, NotSent):
            continue
    raise AssertionError(f"not posted after {TRIES} tries")


def strike(proxies: tuple[Proxy, ...], asked: list[tuple[int, str]], at: int, fault: Mapping[str, Any]) -> None:
    """Let the fault strike one request of those that an undisturbed post sends."""
    proxy, name = asked[at]
    for other in proxies:
        other.faults.clear()
    for _ in range(asked[:at].count(asked[at])):
        proxies[proxy].will(name, relay=True)
    proxies[proxy].will(name, **fault)


@pytest.mark.parametrize("by_video_service", [False, True], ids=["to the server", "by a video service"])
def test_each_request_of_a_post_may_be_lost_or_refused(
    bench: Any, pds: Any, proxy: Proxy, person: Any, with_captions: Any, job: Any, films: Any, by_video_service: Any
) -> None:
    service, between = films
    settings = {"video_service": between.url} if by_video_service else {}
    proxies, order = (proxy, between), []
    for place, one in enumerate(proxies):
        one.seen = lambda name, place=place: order.append((place, name))

    def once(key: str) -> Any:
        service.jobs.clear()
        service.looks.clear()
        bench.run(_nothing)
        # A token that was replaced: a post begins with a new one.
        bench.change_account(access=OF_NOBODY)
        order.clear()
        return bench.run(lambda plugin: carried_through(plugin, with_captions, job, key), **settings)

    once("undisturbed")
    asked = list(order)
    receipts = []
    for name, fault in FAULTS.items():
        for at in range(len(asked)):
            strike(proxies, asked, at, fault)
            receipts.append(once(f"{name} {at}").id)
            assert not any(one.faults.get(asked[at][1]) for one in proxies), (name, asked[at])
    ids = [one["uri"] for one in pds.posts(person)]
    assert len(ids) == len(receipts) + 1
    assert set(receipts) < set(ids)


async def _nothing(plugin: Any) -> None:
    """Be signed in."""


def test_a_video_that_cannot_be_encoded_is_posted_by_nobody(
    bench: Any, pds: Any, person: Any, with_captions: Any, job: Any, films: Any
) -> None:
    service, between = films
    service.fails = True
    for _ in range(2):
        with pytest.raises(Rejected, match="could not encode"):
            bench.run(lambda plugin: carried_through(plugin, with_captions, job, "key"), video_service=between.url)
    assert pds.posts(person) == []


def test_doctor_asks_about_a_password_of_a_workflow(
    bench: Any, proxy: Proxy, person: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUESKY_PASSWORD", person.password)
    own = {"service": proxy.url, "identifier": person.handle, "password": "env:BLUESKY_PASSWORD"}
    assert bench.run(lambda plugin: plugin.doctor_problems(False), **own) == []
    monkeypatch.setenv("BLUESKY_PASSWORD", "revoked")
    [problem] = bench.run(lambda plugin: plugin.doctor_problems(False), **own)
    assert "did not accept" in problem.message
    assert bench.run(lambda plugin: plugin.doctor_problems(True), **own) == []
    # Its account is checked as such.
    assert bench.run(lambda plugin: plugin.doctor_problems(False)) == []
