"""A batch killed several times and started again pays for each row once."""

from __future__ import annotations

import collections
import json
from typing import Any

import pytest

ROWS = 60
WARM = 2
KNOWN = "An old tram climbs a steep street in the rain, its windows lit and empty, and carries the line"


def write_workflow(folder: Any, base_url: str, dialect: str) -> None:
    (folder / "live.toml").write_text(
        f"""
        [brief]
        duration = 4
        resolution = "720p"
        [provider]
        use = "videos-api"
        base_url = "{base_url}"
        dialect = "{dialect}"
        model = "sora-2"
        poll_interval = 0.2
        settle_seconds = 0.5
        [plugins]
        prompt_transform = []
        post_download = []
        publish = ["gallery"]
        """
    )


def write_rows(folder: Any, count: int = ROWS, prompt: str = "A quiet harbour at dawn with boat number") -> None:
    row = "known" if prompt == KNOWN else "row"
    rows = "".join(f'{row}-{at},"{prompt} {at}"\n' for at in range(count))
    (folder / "rows.csv").write_text("id,prompt\n" + rows)


def warm_up(server: Any, terminal: Any, command: tuple[str, ...]) -> None:
    """Make what shows that a list is complete, and twice was fresh: else what is lost is held."""
    for rows in range(1, WARM + 1):
        write_rows(terminal.folder, rows, prompt=KNOWN)
        code, output = terminal.run(*command)
        assert code == 0, output
    server.simulation.log.clear()


def creates(simulator: Any) -> collections.Counter[str]:
    """Accepted create requests by prompt, from the simulator's own log."""
    asked = [request for request in simulator.requests(method="POST") if request["job_id"]]
    return collections.Counter(request["fields"]["prompt"] for request in asked)


@pytest.mark.parametrize("dialect", ["sora", "vllm-omni"])
def test_kill_nine_several_times_and_each_row_is_paid_once(simulator: Any, terminal: Any, dialect: str) -> None:
    server = simulator(render_seconds=1.0)
    write_workflow(terminal.folder, server.url_of(dialect) + "/v1", dialect)
    command = ("run", "rows.csv", "--workflow", "live.toml", "--yes", "--out", "out")
    warm_up(server, terminal, command)
    write_rows(terminal.folder)
    # Few at once, as each kill may leave so many in doubt.
    limited = (*command, "--set", "limits.concurrent=4")
    for target in (3, 17, 31, 44):
        terminal.run_killed(*limited, until=lambda target=target: sum(creates(server).values()) >= target)
    code, output = terminal.run(*command)
    assert code in (0, 3), output
    # Rows that are nearly alike may wait for each other to be found, and be held for that long.
    code, output = terminal.run("resume")
    assert code == 0, output
    counted = creates(server)
    assert len(counted) == ROWS
    assert set(counted.values()) == {1}
    code, output = terminal.run("jobs", "list", "--limit", "100", "--json")
    listed = json.loads(output)
    jobs = listed["jobs"] if isinstance(listed, dict) else listed
    assert len(jobs) == ROWS + WARM
    assert {job["status"] for job in jobs} == {"done"}
    entries = list((terminal.folder / "out" / "gallery" / "entries").glob("*.json"))
    assert len(entries) == ROWS + WARM


def test_running_a_finished_batch_again_does_nothing(simulator: Any, terminal: Any) -> None:
    server = simulator()
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    write_rows(terminal.folder, 5)
    command = ("run", "rows.csv", "--workflow", "live.toml", "--yes")
    assert terminal.run(*command)[0] == 0
    before = len(server.requests())
    code, output = terminal.run(*command)
    assert code == 0, output
    assert len(server.requests()) == before
    write_rows(terminal.folder, 6)
    assert terminal.run(*command)[0] == 0
    assert set(creates(server).values()) == {1}
    assert len(creates(server)) == 6


FAULTS = ["create:accept-then-drop*5", "create:accept-then-500*5", "create:drop-before*5", "create:html*5"]


@pytest.mark.parametrize("fault", FAULTS)
def test_lost_answers_in_a_batch_are_looked_up(simulator: Any, terminal: Any, fault: str) -> None:
    server = simulator(render_seconds=1.0)
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    command = ("run", "rows.csv", "--workflow", "live.toml", "--yes")
    warm_up(server, terminal, command)
    server.set_faults([fault])
    write_rows(terminal.folder, 12)
    code, output = terminal.run(*command)
    assert code in (0, 3), output
    code, output = terminal.run("resume")
    assert code == 0, output
    assert len(creates(server)) == 12
    assert set(creates(server).values()) == {1}


@pytest.mark.parametrize("fault", FAULTS)
def test_lost_answers_where_nothing_is_known_are_found_or_held(simulator: Any, terminal: Any, fault: str) -> None:
    server = simulator(faults=(fault,))
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    write_rows(terminal.folder, 8)
    command = ("run", "rows.csv", "--workflow", "live.toml", "--yes")
    accepted = "accept" in fault
    assert terminal.run(*command)[0] == (0 if accepted else 3)
    code, output = terminal.run("resume")
    assert code == (0 if accepted else 3), output
    assert len(creates(server)) == (8 if accepted else 3)
    assert set(creates(server).values()) == {1}
