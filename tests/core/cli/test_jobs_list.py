from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.core.cli.conftest import Cli

from reelwork.cli.views.statuses import DONE_FIRST, NEEDED_FIRST, counted_by_status
from reelwork.store.commands import NewJob
from reelwork.store.records import RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.statuses import FINAL, GOES_ON, Status, exit_code

DAY = 86_400.0


@pytest.fixture
def many(tmp_path: Path) -> list[str]:
    """Twelve jobs, one a day, the last one today; returns their ids, newest first."""
    import time

    path = tmp_path / "data" / "reelwork" / "store.db"
    now = [time.time()]
    store = SqliteStore(path, clock=lambda: now[0])

    async def add() -> None:
        await store.add_run(RunRow("run", None, "flow", "", now[0]))
        start = now[0]
        for number in range(12):
            now[0] = start - (11 - number) * DAY
            brief = {
                "prompt": f'A fox number {number} says "hello" to Ünal',
                "metadata": {"client": "acme" if number % 3 else "other", "draft": number == 5, "round": number},
            }
            data = {"brief": brief, "workflow": "flow", "provider": "preview", "row": f"r{number}"}
            await store.add_jobs(
                "run", [NewJob(f"1jobs{number:04d}", f"k{number}", "submit", json.dumps(data, ensure_ascii=False))]
            )

    asyncio.run(add())
    store.close()
    return [f"1jobs{number:04d}" for number in reversed(range(12))]


def ids(cli: Cli, *options: str) -> list[str]:
    return [job["id"] for job in cli("jobs", "list", "--json", *options).json]


def test_pages_follow_each_other_without_a_gap(cli: Cli, many: list[str]) -> None:
    first = ids(cli, "--limit", "5")
    second = ids(cli, "--limit", "5", "--cursor", first[-1])
    third = ids(cli, "--limit", "5", "--cursor", second[-1])
    assert first + second + third == many
    assert ids(cli, "--cursor", many[-1]) == []


def test_more_jobs_are_named_with_the_way_to_them(cli: Cli, many: list[str]) -> None:
    listed = cli("jobs", "list", "--limit", "5")
    assert f"--cursor {many[4][-8:]}" in listed.err
    assert cli("jobs", "list", "--limit", "12").err == ""


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (("--since", "50h"), [11, 10, 9]),
        (("--search", "number 1"), [11, 10, 1]),
        (("--search", 'says "hello"'), list(reversed(range(12)))),
        (("--search", "FOX NUMBER 7"), [7]),
        (("--search", "100%"), []),
        (("--search", "Ünal"), list(reversed(range(12)))),
        (("--search", "r11"), [11]),
        (("--search", "preview"), []),
        (("--metadata", "client=other"), [9, 6, 3, 0]),
        (("--metadata", "draft=true"), [5]),
        (("--metadata", "round=7"), [7]),
        (("--metadata", "client=acme", "--metadata", "draft=true"), [5]),
        (("--metadata", "nothing=here"), []),
        (("--status", "active", "--since", "26h"), [11, 10]),
    ],
)
def test_jobs_are_picked(cli: Cli, many: list[str], options: tuple[str, ...], numbers: list[int]) -> None:
    assert ids(cli, *options) == [f"1jobs{number:04d}" for number in numbers]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--since", "yesterday"), "'yesterday' is not a time; write it like 12h"),
        (("--metadata", "client"), "'client' is not KEY=VALUE"),
        (("--cursor", "nonesuch"), "nonesuch"),
    ],
)
def test_what_picks_nothing_for_being_wrong_is_told(
    cli: Cli, many: list[str], options: tuple[str, ...], told: str
) -> None:
    ended = cli("jobs", "list", *options)
    assert (ended.code, told in ended.err) == (2, True), ended.err


def test_a_list_in_pages_is_one_table_and_one_document(
    cli: Cli, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.cli.commands.jobs_list.PAGE", 5)
    assert ids(cli) == many
    assert sum(line.startswith("JOB") for line in cli("jobs", "list").out.splitlines()) == 1


def test_every_status_can_be_asked_for_and_has_its_place(cli: Cli) -> None:
    assert f"[{'|'.join(Status)}]" in cli("jobs", "list", "--help").out
    for order in (NEEDED_FIRST, DONE_FIRST):
        assert sorted(order) == sorted(Status)
    assert counted_by_status({Status.HELD: 2, Status.DONE: 1, Status.ACTIVE: 0}) == "1 done, 2 held"
    # What may go on, and what has ended for good, are all there is; the exit code tells them apart.
    assert {*GOES_ON, *FINAL} == set(Status)
    assert [exit_code([status]) for status in Status] == [3, 0, 1, 3, 3, 1]
    assert (exit_code([]), exit_code(["done", "held", "cancelled"])) == (0, 1)
