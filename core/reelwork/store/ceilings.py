"""Ceilings of what is spent and sent: budgets of money, and quotas of an account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Ceilings in millionths of a US dollar; None means no ceiling."""

    per_job: int | None = None
    per_run: int | None = None
    per_day: int | None = None
    per_month: int | None = None
    brand: str = ""
    """The brand whose money the last two count."""
    brand_per_day: int | None = None
    brand_per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits on an account; None means no limit."""

    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    concurrent: int | None = None
