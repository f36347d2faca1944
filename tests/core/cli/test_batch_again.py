"""A batch that is run again and again, with rows added: only what is new counts, and all that is wrong is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

WORKFLOW = """
[provider]
use = "videos-api"
base_url = "{url}"
model = "sora-2"
poll_interval = 0.05

[brief]
duration = 4

[budget]
per_run = 0.8
"""
ROWS = 'id,prompt\na,"A lighthouse in the fog"\nb,"A lighthouse at dawn"\n'


@pytest.fixture
def simulator(folder: Path) -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.05)) as running:
        (folder / "live.toml").write_text(WORKFLOW.format(url=running.base_url))
        (folder / "rows.csv").write_text(ROWS)
        yield running


def test_what_earlier_runs_paid_does_not_count_against_this_run(cli, folder, simulator) -> None:
    run = ("run", "rows.csv", "--workflow", "live.toml")
    assert cli(*run).code == 0
    again = cli(*run)
    assert (again.code, "2 jobs: 2 done. Spent: nothing" in again.out) == (0, True)
    (folder / "rows.csv").write_text(ROWS + 'c,"A lighthouse at noon"\nd,"A lighthouse by night"\n')
    assert "2 new jobs at videos-api. Cost: $0.80" in cli("plan", *run[1:]).out
    grown = cli(*run)
    assert (grown.code, "4 jobs: 4 done. Spent: $0.80" in grown.out) == (0, True)


def test_what_goes_on_counts_with_what_is_new(cli, folder, simulator) -> None:
    run = ("run", "rows.csv", "--workflow", "live.toml", "--set", "budget.per_day=0.4")
    assert cli(*run, "--yes").code == 3
    (folder / "rows.csv").write_text(ROWS + 'c,"A lighthouse at noon"\nd,"A lighthouse by night"\n')
    refused = cli("run", "rows.csv", "--workflow", "live.toml")
    assert refused.code == 2
    assert "This would cost $1.20; the budget per_run is $0.80." in refused.err


def test_all_rows_that_cannot_be_made_are_named_at_once(cli, folder, simulator) -> None:
    head = "prompt,duration,platforms\n"
    (folder / "rows.csv").write_text(f"{head}A lighthouse in fog,5,\nA lighthouse,4,youtub\nA lighthouse,7,\n")
    refused = cli("plan", "rows.csv", "--workflow", "live.toml")
    assert refused.code == 2
    for told in ("3 of 3 rows are wrong", "line 2: The provider", "line 3: There is no platform", "7 s; it makes"):
        assert told in refused.err


def test_one_row_with_an_unknown_platform_is_named_by_its_line(cli, folder, simulator) -> None:
    (folder / "rows.csv").write_text("prompt,platforms\nA lighthouse in fog,youtube\nA lighthouse at dawn,youtub\n")
    refused = cli("plan", "rows.csv", "--workflow", "live.toml")
    assert "rows.csv, line 3: There is no platform named 'youtub'. Did you mean 'youtube'?" in refused.err
