"""Options by which jobs are picked from a long list, and amounts of money."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import click

UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class Since(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A moment: an age such as `30m`, `12h`, `7d` or `2w`, or a date with or without a time."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds since the epoch. A time without a zone is meant as the clock on the wall shows it."""
        if isinstance(value, float):
            return value
        if age := re.fullmatch(r"(\d{1,6})([mhdw])", value.strip()):
            return time.time() - int(age[1]) * UNITS[age[2]]
        try:
            # A date without a zone is local time: a person means their own day.
            return datetime.fromisoformat(value.strip()).timestamp()
        except (ValueError, OverflowError, OSError):
            today = f"{datetime.now() - timedelta(days=7):%Y-%m-%d}"
            self.fail(f"{value!r} is not a time; write it like 12h, 7d or {today}.", param, ctx)


class KeyValue(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """`KEY=VALUE`, as metadata is written."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the two parts."""
        if isinstance(value, tuple):
            return value
        key, equals, wanted = str(value).partition("=")
        if not equals or not key.strip() or '"' in key:
            self.fail(f"{value!r} is not KEY=VALUE.", param, ctx)
        return key.strip(), wanted


class Dollars(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """An amount of US dollars, such as `2.50`."""

    name = "usd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Return the amount, exactly as written."""
        if isinstance(value, Decimal):
            return value
        try:
            amount = Decimal(str(value).strip().removeprefix("$"))
        except InvalidOperation:
            amount = Decimal("nan")
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount in dollars; write it like 2.50.", param, ctx)
        return amount


DOLLARS = Dollars()
