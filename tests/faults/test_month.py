"""The month in its bounded form: played once, and read by the scripted reader from the dashboard alone."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from month_judge import judge, whole
from month_reader import Reader
from month_world import WEEKS, Month, in_the_month


@pytest.fixture
def month(tmp_path: Path) -> Iterator[Month]:
    # Hundreds of lines about what goes wrong on purpose help nobody.
    logging.disable()
    with in_the_month(tmp_path / "month"):
        made = Month(tmp_path / "month")
        yield made
        made.close()
    logging.disable(logging.NOTSET)


@pytest.mark.slow
def test_a_month_is_told_by_its_dashboard_and_needs_nothing_else(month: Month) -> None:
    month.begin()
    reader = Reader(month)
    for week in range(WEEKS):
        month.play(week)
        reader.read(week)
    for week, expected in enumerate(DID):
        for one in expected:
            assert any(one in done for done in reader.did[week]), (week, one, reader.did[week])
    assert any("full" in one for one in month.died)
    judge(month)
    # What was found by the last reading goes on in the month after.
    assert all("waits for a review" in one or one.startswith("active") for one in whole(month)), whole(month)


DID = (
    ("pressed 'Approve 1 post'", "pressed 'Resume all", "pressed 'Pause' at acme-loops"),
    (
        "pressed 'Approve 1 post'",
        "added rows to ideas.csv",
        "raised the budget of bolt",
        "pressed 'Resume' at acme-loops",
    ),
    ("signed in to the channel again", "pressed 'Resume'", "pressed 'Approve 1 post'"),
    ("pressed 'Approve 1 post'", "pressed 'Post it now'"),
)
"""What the reader did after each week: nobody told it, but the pages."""
