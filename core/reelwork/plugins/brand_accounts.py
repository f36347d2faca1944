"""Whose accounts are whose: a brand posts with its own accounts, and nobody else does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from reelwork.errors import WorkflowInvalid
from reelwork.settings.paths import SETTINGS_FILE
from reelwork.settings.validation import line_of
from reelwork.settings.workflow import Loaded, Workflow


class Publisher(Protocol):
    """The part of an instance that says as whom it posts."""

    @property
    def account_name(self) -> str | None:
        """The account it signs in with; None if it has none."""
        ...

    @property
    def public(self) -> bool:
        """False if it only writes on this machine."""
        ...


def check_accounts(loaded: Loaded, publishers: Mapping[str, Publisher]) -> None:
    """Refuse a workflow that would post with an account of another brand. Raises `WorkflowInvalid`."""
    workflow = loaded.workflow
    if not workflow.brands:
        return
    for name, publisher in publishers.items():
        # What only writes on this machine posts as nobody.
        if not publisher.public and not publisher.account_name:
            continue
        if problem := _problem(workflow, publisher.account_name or name):
            raise WorkflowInvalid(
                f"{_where(loaded, name)}: {_said(name, publisher.account_name)} {problem[0]}.",
                money="Nothing was sent.",
                hint=problem[1],
            )


def _problem(workflow: Workflow, account: str) -> tuple[str, str] | None:
    """Return why a workflow may not post with an account, and what to do about it; None if it may."""
    own = workflow.own_brand.accounts
    if account in own:
        return None
    others = [brand for brand, table in workflow.brands.items() if account in table.accounts]
    mine = f"the brand {workflow.brand}" if workflow.brand else "no brand"
    if others:
        hint = f'Name another account, or write brand = "{others[0]}".'
        return f"belongs to the brand {others[0]}, and this workflow is for {mine}", hint
    if own:
        hint = f"It posts with: {', '.join(own)}. More are added to accounts under [brands.{workflow.brand}]"
        return f"is none of the accounts of {mine}", f"{hint} in {SETTINGS_FILE}."
    return None


def _said(destination: str, account: str | None) -> str:
    return f"the account {account!r} of {destination}" if account else f"{destination}, which names no account,"


def _where(loaded: Loaded, destination: str) -> str:
    line = line_of(loaded.text, f"plugin.{destination}.account") or line_of(loaded.text, "brand")
    source = loaded.source or "the workflow"
    return f"{source}, line {line}" if line else source
