"""The built-in providers and publishers run the suite that authors run.

`REELWORK_CONFORMANCE=full` plays every scene and kills at every commit; otherwise it is a sample.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request, urlopen

import jwt
from tests.plugins.publishers.mastodon.conftest import TOKEN, crowd

from reelwork.testing import Counterpart, ProviderConformance, PublisherConformance
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

KLING_KEYS = "access:a-secret-of-the-tests-that-is-long-enough"
CARD = re.compile(r'<article class="card [^"]*" id="([^"]+)"')
CROWD = 120
"""More than fits on a page of the list."""


class TestPreview(ProviderConformance):
    name = "preview"
    brief: ClassVar[Mapping[str, Any]] = {"duration": 0.5, "resolution": "480p", "fps": 12}
    every = 8

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        # What it was asked for is kept in its work folder, a file for each render.
        yield Counterpart(lambda: sorted(path.stem for path in folder.rglob("preview_*.json")))

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {}


class TestGallery(PublisherConformance):
    name = "gallery"

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        def cards() -> list[str]:
            page = folder / "gallery" / "index.html"
            return CARD.findall(page.read_text()) if page.exists() else []

        yield Counterpart(cards)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"folder": str(folder / "gallery")}


class VideosApiConformance(ProviderConformance):
    name = "videos-api"
    dialect: ClassVar[str] = "sora"
    model: ClassVar[str] = "sora-2"
    crowds: ClassVar[bool] = False
    keys: ClassVar[bool] = False
    brief: ClassVar[Mapping[str, Any]] = {"duration": 4, "resolution": "720p"}

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(canned=True, render_seconds=1.0, idempotency_keys=self.keys)
        with run_simulator(settings) as simulator:
            url = simulator.url_of(self.dialect)

            def crowd() -> list[str]:
                before = len(simulator.jobs())
                for number in range(CROWD):
                    fields = {
                        "prompt": f"Another's, {number}",
                        "model": self.model,
                        "seconds": "4",
                        "size": "1280x720",
                    }
                    head = {"Content-Type": "application/json"}
                    with urlopen(Request(f"{url}/v1/videos", json.dumps(fields).encode(), head)) as answer:
                        answer.read()
                return [job["id"] for job in simulator.jobs()[before:]][:CROWD]

            yield Counterpart(lambda: [job["id"] for job in simulator.jobs()], url, crowd if self.crowds else None)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"base_url": url, "dialect": self.dialect, "model": self.model}


class TestSora(VideosApiConformance):
    crowds = True
    every = 6


class TestSoraWithKeys(VideosApiConformance):
    """A server that honours the key: what is unknown is sent again with it, and makes nothing twice."""

    keys = True
    every = 12

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {**super().settings(url, folder), "idempotency_header": "Idempotency-Key"}


class TestVllmOmni(VideosApiConformance):
    dialect = "vllm-omni"
    model = "wan-2.2"
    every = 24
    scenes = (
        "answer lost",
        "late success",
        "answer lost, then a web page for a look",
        "answer lost, killed at every commit",
    )


class TestKling(ProviderConformance):
    """Signed tokens, a list without prompts, and tasks that are found by our own id."""

    name = "kling"
    brief: ClassVar[Mapping[str, Any]] = {"duration": 5, "resolution": "720p"}
    environment: ClassVar[Mapping[str, str]] = {
        "KLING_ACCESS": "access",
        "KLING_SECRET": KLING_KEYS.partition(":")[2],
    }
    every = 24
    scenes = (
        "answer lost",
        "late success",
        "answer lost, then a web page for a look",
        "answer lost, a crowd of others after it",
        "lost on the way, what came before and after it is there",
    )

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(protocol="kling", canned=True, render_seconds=2.0, api_key=KLING_KEYS)
        with run_simulator(settings) as simulator:
            yield Counterpart(
                lambda: [job["id"] for job in simulator.jobs()], simulator.base_url, partial(kling_crowd, simulator)
            )

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"base_url": url, "access_key": "env:KLING_ACCESS", "secret_key": "env:KLING_SECRET"}


def kling_crowd(simulator: RunningSimulator) -> list[str]:
    """Make tasks of other people in the account: with ids of their own, and without."""
    before = len(simulator.jobs())
    access, _, secret = KLING_KEYS.partition(":")
    for number in range(CROWD):
        now = int(time.time())
        claims = {"iss": access, "nbf": now - 5, "exp": now + 60}
        head = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}",
        }
        fields = {"model_name": "kling-v3", "prompt": f"Another's, {number}", "duration": "5"}
        own = {"external_task_id": f"theirs-{number}"} if number % 2 else {}
        url = f"{simulator.base_url}/v1/videos/text2video"
        with urlopen(Request(url, json.dumps({**fields, **own}).encode(), head)) as answer:
            answer.read()
    return [job["id"] for job in simulator.jobs()[before:]]


class Unfindable(VideosApiConformance):
    """A server whose list tells too little: what is unknown is held."""

    every = 24
    scenes = ("answer lost", "500 after acceptance", "429", "late success", "killed at every commit")


class TestLitellm(Unfindable):
    dialect = "litellm"
    same_ids = False


class TestSglang(Unfindable):
    dialect = "sglang"
    model = "wan-2.2"


class TestOpenrouter(Unfindable):
    dialect = "openrouter"
    model = "openai/sora-2"


class TestFal(ProviderConformance):
    """A list of what has ended: what is lost is found there, and what is not there is held."""

    name = "fal"
    brief: ClassVar[Mapping[str, Any]] = {"duration": 4, "resolution": "720p"}
    every = 60
    scenes = ("answer lost", "late success", "500 after acceptance", "answer lost, killed at every commit")

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(protocol="fal", canned=True, render_seconds=0.2)
        with run_simulator(settings) as simulator:
            yield Counterpart(lambda: [job["id"] for job in simulator.jobs()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"base_url": url, "model": "fal-ai/veo3.1/lite"}


class TestMastodon(PublisherConformance):
    """A server that takes the key and ignores it: what is lost is found by its upload."""

    name = "mastodon"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    honours_key: ClassVar[bool] = False
    environment: ClassVar[Mapping[str, str]] = {"MASTODON_TOKEN": TOKEN}
    every = 6

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        faults = () if self.honours_key else ("keys:ignored", "instance:other")
        settings = SimulatorSettings(network="mastodon", render_seconds=0.2, rate_limits=False, faults=faults)
        with run_simulator(settings) as simulator:
            url = simulator.base_url
            crowds = None if self.honours_key else partial(crowd, url)
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], url, crowds)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"instance": url, "access_token": "env:MASTODON_TOKEN", "idempotency_key": self.honours_key}


class TestMastodonWithKeys(TestMastodon):
    """Mastodon itself: a repeated post is known by its key."""

    honours_key = True
    every = 12
