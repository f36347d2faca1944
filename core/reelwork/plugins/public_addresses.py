"""Addresses from which anyone can read a file, from the storage plugins of a workflow."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reelwork.errors import WorkflowInvalid, in_a_line
from reelwork.plugins.guard import Callee, called
from reelwork.plugins.instances import Instance
from reelwork_hooks.errors import InvalidInput
from reelwork_hooks.models import Asset

SIGNING_SECONDS = 60.0
"""Seconds a storage plugin may take: it may have to fetch the credentials it signs with."""
LONGEST_ADDRESS = 8192
"""Characters."""

HINT = "Add the plugin storage with a bucket to post_download, and credentials that can sign links."
NO_STORAGE = "it has no storage plugin"

GiveAddress = Callable[[Asset, float], Awaitable[str]]


@dataclass(frozen=True)
class Storages:
    """The storage plugins of a workflow, in its order."""

    members: Sequence[tuple[Callee, Any]]
    """Each plugin with its instance."""

    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return the first address that one of them gives. Raises `InvalidInput` when none does."""
        if not math.isfinite(seconds) or seconds <= 0:
            raise InvalidInput(f"a public address for {seconds} seconds is none")
        reasons = []
        for callee, target in self.members:
            give = getattr(target, "public_url", None)
            if give is None:
                reasons.append(f"{callee.name} gives none")
                continue
            try:
                given = [asset, float(seconds)]
                is_async = inspect.iscoroutinefunction(give)
                answer = await called(callee, "public_url", give, given, SIGNING_SECONDS, is_async=is_async)
            except InvalidInput as error:
                reasons.append(in_a_line(error))
                continue
            return _checked(callee, answer)
        why = "; ".join(reasons) or NO_STORAGE
        raise InvalidInput(
            f"{asset.path.name} has no public address: {why}.",
            money="",
            hint=HINT,
        )


def check_addresses(instances: Mapping[str, Instance], stores: Sequence[str], source: str) -> None:
    """Refuse a workflow with a plugin that needs a public address and no storage that gives one.

    `stores` are the storage plugins. Raises `WorkflowInvalid`.
    """
    needing = [name for name, instance in instances.items() if instance.needs_public_address]
    reasons = [_why_none(name, instances[name]) for name in stores]
    if not needing or not all(reasons):
        return
    why = "; ".join(reasons) or NO_STORAGE
    raise WorkflowInvalid(
        f"{needing[0]} needs a public address of the video, and {source or 'the workflow'} has none: {why}.",
        money="Nothing was sent.",
        hint=f'{HINT} For example: post_download = ["local", "storage"], and [plugin.storage] with '
        f'url = "s3://BUCKET".',
    )


def _why_none(name: str, instance: Instance) -> str:
    """Return why a storage plugin gives no address; empty if it can."""
    if getattr(instance.target, "public_url", None) is None:
        return f"{name} gives none"
    return f"{name}: {instance.no_public_address}" if instance.no_public_address else ""


async def no_address(asset: Asset, seconds: float) -> str:
    """Raise `InvalidInput`: here is no workflow whose storage could give one."""
    raise InvalidInput(f"{asset.path.name} has no public address: there is no workflow here.")


def _checked(callee: Callee, answer: Any) -> str:
    problem = ""
    if not isinstance(answer, str) or len(answer) > LONGEST_ADDRESS or not answer.isprintable() or " " in answer:
        problem = "it must return an address as text"
    else:
        try:
            parts = urlsplit(answer)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                problem = "it must return an http or https address"
        except ValueError:
            problem = "it must return an address"
    if problem:
        raise callee.failed("public_url", f"returned something else: {problem}")
    return str(answer)
