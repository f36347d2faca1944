"""A plugin package that misbehaves, once for each prompt that holds "evil": the environment says where and how."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import click
from pydantic import field_validator
from tests.strangers.evil import THINGS

from reelwork.testing import FakeRemote, fake_provider
from reelwork_hooks import Config, Plugin, Provider, Receipt, hookimpl
from reelwork_hooks.effects import Absent, Idempotency

PLACE, THING = os.environ.get("EVIL_PLACE", ""), os.environ.get("EVIL_THING", "")
REMOTE: FakeRemote = None  # type: ignore[assignment]
"""The service behind the provider; the test gives it."""
done: set[str] = set()


def at(place: str, about: str = "evil") -> Any:
    """Do the bad thing if this is the place, and it was not done for this before; its answer is the bad answer."""
    if place != PLACE or "evil" not in about or about in done:
        return None
    done.add(about)
    return THINGS[THING]()


at("import")


class EvilConfig(Config):
    """Settings."""

    word: str = "evil"

    @field_validator("word")
    @classmethod
    def _check(cls, word: str) -> str:
        at("config", word)
        return word


class Evil(Plugin):
    """Posts nowhere."""

    Config = EvilConfig
    public = False
    idempotency = Idempotency.LOOKUP if PLACE == "find_post" else Idempotency.NONE
    settle_seconds = 0.1

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        at("init")

    @property
    def account_name(self) -> str | None:
        at("declaration")
        return None

    @hookimpl
    def pre_moderate(self, content: Any, job: Any) -> Any:
        return at("pre_moderate", job.brief.prompt)

    @hookimpl
    def prompt_transform(self, prompt: Any, job: Any) -> Any:
        return at("prompt_transform", job.brief.prompt)

    @hookimpl
    def post_download(self, clip: Any, job: Any) -> Any:
        return at("post_download", job.brief.prompt)

    @hookimpl
    def prepare_publish(self, post: Any, job: Any) -> Any:
        return at("prepare_publish", job.brief.prompt)

    @hookimpl
    def publish(self, post: Any, job: Any, effect: Any) -> Any:
        if PLACE == "find_post" and effect.attempt == 1 and "evil" in job.brief.prompt:
            raise ConnectionError("the answer is lost")
        return at("publish", job.brief.prompt) or Receipt(id=job.id)

    if PLACE == "find_post":

        @hookimpl
        def find_post(self, post: Any, job: Any, effect: Any) -> Any:
            return at("find_post", job.brief.prompt) or Absent()

    @hookimpl
    def job_event(self, event: Any) -> Any:
        return at("job_event", event.job.brief.prompt)


class EvilAsync(Evil):
    """The same, within the event loop."""

    @hookimpl
    async def pre_moderate(self, content: Any, job: Any) -> Any:
        return await _slept(at("pre_moderate", job.brief.prompt))

    @hookimpl
    async def prompt_transform(self, prompt: Any, job: Any) -> Any:
        return await _slept(at("prompt_transform", job.brief.prompt))

    @hookimpl
    async def post_download(self, clip: Any, job: Any) -> Any:
        return await _slept(at("post_download", job.brief.prompt))

    @hookimpl
    async def publish(self, post: Any, job: Any, effect: Any) -> Any:
        return await _slept(at("publish", job.brief.prompt)) or Receipt(id=job.id)


async def _slept(answer: Any) -> Any:
    await asyncio.sleep(0)  # Where a cancellation comes out.
    return await answer if THING == "hangs" and answer is not None else answer


class Providers:
    """Brings a provider."""

    @hookimpl
    @staticmethod
    def register_providers() -> Any:
        return at("register_providers") or {"evil-provider": _provider()}


def _provider() -> type[Provider]:
    good: Any = fake_provider(REMOTE)

    class EvilProvider(good):  # type: ignore[misc]
        """Makes what the service makes."""

        def capabilities(self, model: str | None) -> Any:
            return at("capabilities") or super().capabilities(model)

        async def prepare(self, request: Any) -> Any:
            return await _slept(at("prepare", request.prompt)) or await super().prepare(request)

        async def submit(self, request: Any, effect: Any) -> Any:
            return await _slept(at("submit", request.prompt)) or await super().submit(request, effect)

        async def poll(self, renders: Any) -> Any:
            return await _slept(at("poll")) or await super().poll(renders)

        async def fetch(self, render: Any) -> Any:
            return await _slept(at("fetch", render.request.prompt)) or await super().fetch(render)

        async def close(self) -> Any:
            return await _slept(at("close"))

    return EvilProvider


@click.command()
def command() -> None:
    """Misbehave."""
    answer = at("command")
    if answer is not None:
        raise TypeError("a bad answer")
    click.echo("done")
