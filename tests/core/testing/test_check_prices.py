"""`plugins check` asks for a price, and refuses a unit that is worth nothing known."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.testing.check import check

PLUGIN = '''"""Posts for stamps."""
from datetime import date
from decimal import Decimal

from reelwork_hooks import Idempotency, Plugin, Post, Quote, Receipt, hookimpl


class Stamps(Plugin):
    """Posts for stamps."""

    public = False
    idempotency = Idempotency.KEY
    units = {}

    def post_price(self, post: Post) -> Quote:
        return Quote(most=Decimal(2), unit="stamps", as_of=date(2026, 8, 1))

    @hookimpl
    def publish(self, post: Post, effect: object) -> Receipt:
        return Receipt(id="1")
'''


@pytest.mark.parametrize(
    ("units", "level", "told"),
    [
        ('{"stamps": Decimal("0.5")}', "note", "names a price for a sample post: $1.00 (2 stamps at $0.50)"),
        ("{}", "error", "prices in stamps, and what one costs is not known"),
        ('{"stamps": "much"}', "error", "units.stamps = 'much': it is not a number"),
    ],
)
def test_the_price_of_a_post_is_asked_for(tmp_path: Path, units: str, level: str, told: str) -> None:
    file = tmp_path / "stamps.py"
    file.write_text(PLUGIN.replace("units = {}", f"units = {units}"), encoding="utf-8")
    (report,) = check(str(file))
    found = {finding.about: finding for finding in report.findings}
    assert (found["post_price"].level, told in found["post_price"].message) == (level, True), report.findings
