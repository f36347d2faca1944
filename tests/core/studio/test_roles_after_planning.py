"""A role that was planned for one provider never reaches another that does not take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reelwork.testing import studio_with
from reelwork_hooks import (
    Capabilities,
    Effect,
    Idempotency,
    InvalidInput,
    Plugin,
    Provider,
    ProviderConfig,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Submitted,
    hookimpl,
)


class StrictConfig(ProviderConfig):
    roles: tuple[Any, ...] = ()


class Strict(Provider):
    """Takes the roles it is told to, and never gets as far as a render."""

    Config = StrictConfig
    config: StrictConfig
    submitted = 0

    def capabilities(self, model: str | None) -> Capabilities:
        return Capabilities(idempotency=Idempotency.NONE, references=2, reference_roles=self.config.roles)

    async def prepare(self, request: RenderRequest) -> None:
        raise InvalidInput("not today")

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        raise AssertionError("was asked for a render")

    async def poll(self, renders: Sequence[RenderRef]) -> list[RenderStatus]:
        return []

    async def fetch(self, render: RenderRef) -> Any:
        raise AssertionError("there is no render")


class Brings(Plugin):
    """Brings the provider."""

    @staticmethod
    @hookimpl
    def register_providers() -> Mapping[str, type[Provider]]:
        return {"strict": Strict}


def test_settings_that_changed_since_are_judged_before_the_request(tmp_path: Path) -> None:
    workflow = {"provider": {"use": "strict", "roles": ["last_frame"]}, "plugins": {"publish": []}}
    reference = {"source": "https://example.org/a.png", "role": "last_frame"}
    with studio_with({"strict": Brings}, tmp_path, workflow) as studio:
        (job,) = studio.run_sync("A lighthouse at dawn", duration=1, references=[reference]).jobs
        assert job.status == "failed"
        assert "not today" in job.reason
        result = studio.resume_sync(job.id, settings={"provider": {"roles": ["subject"]}})
    (job,) = result.jobs
    assert job.status == "failed"
    assert "strict takes no reference as last_frame; it takes subject" in job.reason
