"""Asks a service whether posts with an account would work."""

from __future__ import annotations

from pathlib import Path

from reelwork.plugins.account_kinds import problems_of
from reelwork.studio.sign_in import context_of, kind_of_account
from reelwork_hooks.models import Problem


async def problems_with(name: str, kind_name: str, work_dir: Path) -> tuple[Problem, ...]:
    """Return why a first post with an account would fail. Raises `ReelworkError`."""
    kind = kind_of_account(kind_name)
    async with context_of(kind, work_dir) as context:
        account = context.account(name)
        account.read()
        return await problems_of(account, kind, context)
