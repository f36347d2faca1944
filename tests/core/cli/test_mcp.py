"""`reelwork mcp` beside the official client of the protocol, at a real server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from tests.core.cli.test_afar import FREE, REVIEWED, Pair
from tests.core.server.conftest import Machine, new_machine  # noqa: F401

FAKE_PAID = FREE.replace('use = "preview"', 'use = "preview"\nprice_per_second = 0.10')


@pytest.fixture(scope="module")
def pair(new_machine: Callable[[], Machine]) -> Pair:  # noqa: F811
    made = Pair(new_machine(), new_machine())
    (made.there.folder / "priced.toml").write_text(FAKE_PAID)
    return made


def talk(
    pair: Pair, say: Callable[[ClientSession], Awaitable[Any]], *options: str, token: str | None = None
) -> Any:
    """Start the command as an agent's program does, and talk with it."""
    environ = pair.here.environ(REELWORK_TOKEN=pair.token if token is None else token)
    command = ["-m", "reelwork", "--server", pair.server.url, "mcp", *options]

    async def talking() -> Any:
        parameters = StdioServerParameters(command=sys.executable, args=command, env=environ, cwd=pair.here.folder)
        async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
            await session.initialize()
            return await say(session)

    return asyncio.run(talking())


async def call(session: ClientSession, tool: str, **arguments: Any) -> Any:
    answer = await session.call_tool(tool, arguments)
    text = "".join(part.text for part in answer.content if part.type == "text")
    return {"error": text} if answer.is_error else json.loads(text)


async def ended(session: ClientSession, job: str) -> Any:
    for _ in range(300):
        told = await call(session, "status", job=job)
        if told["status"] not in ("active",):
            return told
        await asyncio.sleep(0.1)
    raise AssertionError("it did not end")


def test_its_tools_say_which_only_read(pair: Pair) -> None:
    found = talk(pair, lambda session: session.list_tools()).tools
    reads = {tool.name: tool.annotations.read_only_hint for tool in found}
    expected = dict.fromkeys(("workflows", "plan", "status", "jobs", "reviews", "spend"), True)
    assert reads == {**expected, "run": False}
    assert all(tool.description for tool in found)


def test_a_workflow_is_planned_started_once_and_watched(pair: Pair) -> None:
    async def say(session: ClientSession) -> Any:
        assert "free" in [one["name"] for one in (await call(session, "workflows"))["items"]]
        plan = await call(session, "plan", workflow="free", prompt="A lighthouse in the rain")
        assert (plan["cost"], len(plan["jobs"])) == ("0", 1)
        before = await call(session, "jobs")
        starts = [
            await call(session, "run", workflow="free", prompt="A lighthouse", idempotency_key="lighthouse-1")
            for _ in range(2)
        ]
        assert starts[0] == starts[1]
        (job,) = starts[0]["jobs"]
        told = await ended(session, job)
        after = await call(session, "jobs", limit=100)
        assert len(after["items"]) == len(before["items"]) + 1
        assert (await call(session, "spend"))["total"] is not None
        return told

    told = talk(pair, say)
    assert (told["status"], told["id"][:4].isalnum()) == ("done", True)


def test_a_start_that_costs_is_left_to_a_person_unless_it_is_allowed(pair: Pair) -> None:
    async def say(session: ClientSession) -> Any:
        return await call(session, "run", workflow="priced", idempotency_key="priced-0001")

    left = talk(pair, say)
    assert left["started"] is False
    assert left["needs"] == {"agree": {"cost": "0.1"}}
    assert left["a_person_starts_it_with"][-2:] == ["--workflow", "priced"]
    assert talk(pair, say, "--spend-up-to", "0.09")["started"] is False
    started = talk(pair, say, "--spend-up-to", "0.10")
    assert len(started["jobs"]) == 1
    # Its answer was lost, say: asked again, it is the same start.
    assert talk(pair, say, "--spend-up-to", "0.10") == started


def test_a_person_is_given_all_that_the_agent_asked_for(pair: Pair) -> None:
    (pair.there.folder / "filled.toml").write_text(
        FAKE_PAID.replace('at dawn"', 'in {vars.weather}"\nvars = {weather = "sun"}')
    )
    asked = {"workflow": "filled", "values": {"weather": "rain"}}

    async def say(session: ClientSession) -> Any:
        (job,) = (await call(session, "plan", **asked))["jobs"]
        rows = [{"prompt": f"A lighthouse in {place}"} for place in ("Cork", "Brest")]
        batch = await call(session, "plan", workflow="priced", rows=rows)
        left = await call(session, "run", **asked, prompt="--a pier", idempotency_key="filled-0001")
        left_batch = await call(session, "run", workflow="priced", rows=rows, idempotency_key="rows-000001")
        return job, batch, left, left_batch

    job, batch, left, left_batch = talk(pair, say)
    assert "A harbour in rain" in json.dumps(job)
    assert len(batch["jobs"]) == 2
    assert left["a_person_starts_it_with"][-4:] == ["--var", "weather=rain", "--", "--a pier"]
    assert (left_batch["started"], "a_person_starts_it_with" in left_batch) == (False, False)
    assert "batch file" in left_batch["next"]


def test_a_review_is_shown_and_never_decided(pair: Pair) -> None:
    (pair.there.folder / "shown.toml").write_text(REVIEWED)

    async def say(session: ClientSession) -> Any:
        started = await call(session, "run", workflow="shown", idempotency_key="shown-00001")
        (job,) = started["jobs"]
        told = await ended(session, job)
        assert told["status"] == "held"
        assert job in [one["job"] for one in (await call(session, "reviews"))["items"]]
        return await call(session, "reviews", job=job), await session.list_tools()

    shown, tools = talk(pair, say)
    assert shown["version"]
    assert not {"approve", "reject"} & {tool.name for tool in tools.tools}


def test_mistakes_are_told_in_the_words_of_the_server(pair: Pair) -> None:
    async def say(session: ClientSession) -> Any:
        return [
            await call(session, "run", workflow="nowhere", idempotency_key="nowhere-001"),
            await call(session, "status", job="zzzzzzzz"),
            await call(session, "run", workflow="free", idempotency_key="x"),
        ]

    unknown, no_job, short = talk(pair, say)
    assert "nowhere" in unknown["error"]
    assert "zzzzzzzz" in no_job["error"]
    assert "idempotency_key" in short["error"]
    without = talk(
        pair, lambda session: call(session, "run", workflow="free", idempotency_key="no-token-1"), token=""
    )
    assert "error" in without


@pytest.mark.parametrize("amount", ["lots", "-1", "nan"])
def test_an_amount_that_is_none_is_refused(pair: Pair, amount: str) -> None:
    refused = pair.afar("mcp", "--spend-up-to", amount)
    assert refused.returncode == 2
    assert amount in refused.stderr
