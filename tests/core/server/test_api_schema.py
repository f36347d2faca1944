"""Requests that nobody thought of, made from the description of the API: no fault, each answer in its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.core.server.conftest import PATIENCE, Machine

from reelwork.server.api.operations import OPERATIONS
from reelwork.server.operations import Operation

schemathesis = pytest.importorskip("schemathesis", reason="it comes with the test group")
conformance = pytest.importorskip("schemathesis.specs.openapi.checks")
EXAMPLES = 12
"""Requests of each operation, of each kind: as the description allows, and as it does not."""


@pytest.fixture(scope="module")
def place(new_machine: Callable[[], Machine]) -> dict[str, Any]:
    """A server with a job, a post in review, a schedule and a token that may do everything."""
    machine = new_machine()
    (machine.folder / "coast.toml").write_text(
        '[review]\nalways = true\n[brief]\nprompt = "Rain on the coast"\nduration = 1\n'
        '[provider]\nuse = "preview"\n'
    )
    assert machine.reelwork("run", "coast.toml", "--yes", "--no-sheet").returncode == 3
    (machine.folder / "harbour.toml").write_text(
        '[brief]\nprompt = "A harbour at dawn"\nduration = 1\n[provider]\nuse = "preview"\n'
    )
    assert machine.reelwork("run", "harbour.toml", "--yes", "--no-sheet").returncode == 0
    assert machine.reelwork("schedule", "add", "weekly", "harbour.toml", "--cron", "0 9 * * 1").returncode == 0
    token = json.loads(machine.reelwork("tokens", "add", "any", "--scope", "admin", "--json").stdout)["token"]
    server = machine.start().until_ready()
    job = server.client.get("/api/v1/jobs").json()["items"][0]
    reviewed = server.client.get("/api/v1/reviews").json()["items"][0]["job"]
    link = json.loads(machine.reelwork("review", "link", reviewed, "--for", "Acme", "--json").stdout)["id"]
    known = {"job": job["id"], "run": job["run"], "schedule": "weekly", "link": link}
    api = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")
    return {"api": api, "token": token, "known": known, "reviewed": reviewed, "server": server}


def _kinds(described: Any) -> Any:
    """Requests as the description allows, and such as it does not, where there can be any."""
    modes = schemathesis.GenerationMode
    return st.one_of(*(described.as_strategy(generation_mode=mode) for mode in (modes.POSITIVE, modes.NEGATIVE)))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_each_answer_is_in_its_schema(operation: Operation, place: dict[str, Any]) -> None:
    described = place["api"][operation.path][operation.method]
    checks = [
        schemathesis.checks.not_a_server_error,
        conformance.status_code_conformance,
        conformance.content_type_conformance,
        conformance.response_schema_conformance,
    ]

    @seed(20261129)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=_kinds(described), there=st.booleans())
    def ask(case: Any, there: bool) -> None:
        if there:
            known = {**place["known"], **({"job": place["reviewed"]} if "/reviews/" in operation.path else {})}
            case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
        if operation.path.endswith("/events"):
            # A stream that follows has no end.
            case.query = {**(case.query or {}), "follow": "false"}
        answer = case.call(headers={"Authorization": f"Bearer {place['token']}"}, timeout=PATIENCE)
        case.validate_response(answer, checks=checks)

    ask()
    assert "Traceback" not in place["server"].text
