"""The read side of the API at a real server: each answer is in its schema, and is what the command line tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from tests.core.server.conftest import Machine, Running

from reelwork.store.commands import NewJob
from reelwork.store.records import RunRow
from reelwork.store.sqlite.store import SqliteStore

PROMPTS = ("A harbour at dawn", "A lighthouse in the rain", "Tea, poured slowly")


class Desk:
    """A machine with some finished jobs and a schedule, and a server on it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        for prompt in PROMPTS:
            made = ("run", prompt, "--provider", "preview", "--duration", "1", "--yes", "--no-sheet")
            done = machine.reelwork(*made, "--metadata", f"first={prompt[0]}")
            assert done.returncode == 0, done.stderr
        (machine.folder / "tea.toml").write_text(
            '[brief]\nprompt = "Tea"\n[provider]\nuse = "preview"\n[posts]\nunasked = true\n'
        )
        assert machine.reelwork("schedule", "add", "weekly tea", "tea.toml", "--cron", "0 9 * * 1").returncode == 0
        self.server: Running = machine.start().until_ready()
        self.schema: dict[str, Any] = self.server.client.get("/api/v1/openapi.json").json()

    def get(self, path: str, **query: Any) -> Any:
        """Return an answer, once it is seen to be in its schema."""
        answer = self.server.client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        self.check(path, answer)
        return answer.json()

    def check(self, path: str, answer: httpx.Response, method: str = "get") -> None:
        described = self.schema["paths"][self._described(f"/api/v1{path}")][method]
        told = described["responses"].get(str(answer.status_code), described["responses"]["default"])
        kind = answer.headers["content-type"].partition(";")[0]
        schema = {**told["content"][kind]["schema"], "components": self.schema["components"]}
        Draft202012Validator(schema).validate(answer.json())

    def _described(self, path: str) -> str:
        fitting = [one for one in self.schema["paths"] if one == path]
        parts = path.split("/")
        return (fitting or [one for one in self.schema["paths"] if _fits(one.split("/"), parts)])[0]

    def cli(self, *arguments: str) -> Any:
        done = self.machine.reelwork(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def _fits(described: list[str], parts: list[str]) -> bool:
    return len(described) == len(parts) and all(
        one.startswith("{") or one == part for one, part in zip(described, parts, strict=True)
    )


@pytest.fixture(scope="module")
def desk(new_machine: Callable[[], Machine]) -> Desk:
    return Desk(new_machine())


def test_lists_and_pages_tell_what_the_command_line_tells(desk: Desk) -> None:
    assert desk.get("/jobs")["items"] == desk.cli("jobs", "list")
    job = desk.get("/jobs")["items"][0]["id"]
    assert desk.get(f"/jobs/{job}") == desk.cli("jobs", "show", job)
    assert desk.get(f"/jobs/{job[-8:]}")["id"] == job
    assert desk.get("/spend", by="provider") == desk.cli("spend", "--by", "provider")
    assert desk.get("/schedules")["items"] == desk.cli("schedule", "list")
    assert desk.get("/schedules/weekly tea") == desk.cli("schedule", "show", "weekly tea")
    assert desk.get("/schedules/weekly tea/next")["items"] == desk.cli("schedule", "next", "weekly tea")
    assert desk.get("/plugins")["items"] == desk.cli("plugins", "list")
    assert desk.get("/accounts")["items"] == desk.cli("accounts", "list") == []


def test_filters_are_those_of_the_command_line(desk: Desk) -> None:
    assert [job["prompt"] for job in desk.get("/jobs", search="lighthouse")["items"]] == [PROMPTS[1]]
    assert [job["prompt"] for job in desk.get("/jobs", metadata="first=T")["items"]] == [PROMPTS[2]]
    run = desk.get("/runs")["items"][-1]
    assert run["jobs"] == {"done": 1}
    assert desk.get(f"/runs/{run['id']}") == run
    assert [job["prompt"] for job in desk.get("/jobs", run=run["id"])["items"]] == [PROMPTS[0]]
    assert desk.get("/jobs", status=["held", "failed"])["items"] == []
    assert len(desk.get("/jobs", status=["held", "done"], since="2020-01-01T00:00:00Z")["items"]) == len(PROMPTS)
    assert desk.get("/jobs", since="2999-01-01T00:00:00Z")["items"] == []


def test_each_post_has_its_receipt(desk: Desk) -> None:
    jobs = desk.get("/jobs")["items"]
    told = desk.get("/receipts")["items"]
    assert [(one["job"], one["receipt"]) for one in told] == [
        (job["id"], job["receipts"]["gallery"]) for job in jobs
    ]
    assert [one["job"] for one in desk.get("/receipts", job=jobs[1]["id"])["items"]] == [jobs[1]["id"]]


@pytest.mark.parametrize("path", ["/jobs", "/runs", "/receipts"])
def test_pages_together_are_the_list_whatever_is_added_meanwhile(desk: Desk, path: str) -> None:
    whole = [one["id"] for one in desk.get(path)["items"]]
    found, query = [], {}
    while True:
        page = desk.get(path, limit=1, **query)
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        query = {"cursor": page["next"]}
        _add_job(desk.machine)
    assert found == whole


def _add_job(machine: Machine) -> None:
    store = SqliteStore(machine.store)

    async def add() -> None:
        name = f"added-{len(store.jobs())}"
        data = {"brief": {"prompt": "added"}, "provider": "preview"}
        await store.add_run(RunRow(name, None, "flow", "{}", 0.0))
        await store.add_jobs(name, [NewJob(name, name, "transform", json.dumps(data))])
        # Nobody is to drive it.
        await store.claim_job(name, "nobody", 3600)

    asyncio.run(add())
    store.close()


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("/jobs", {"statsu": "done"}, "statsu"),
        ("/jobs", {"limit": "0"}, "limit"),
        ("/jobs", {"limit": "many"}, "limit"),
        ("/jobs", {"status": "finished"}, "status"),
        ("/jobs", {"metadata": 'a"b=c'}, "metadata"),
        ("/jobs", {"run": ["a", "b"]}, "run"),
        ("/jobs", {"cursor": "bm9uZQ"}, "cursor"),
        ("/runs", {"cursor": "%%%"}, "cursor"),
        ("/receipts", {"cursor": "\xe9"}, "cursor"),
        ("/spend", {"since": "2026-02-30"}, "since"),
        ("/spend", {"since": "2026-02-02", "until": "2026-02-01"}, "until"),
        ("/plugins", {"x": "1"}, "x"),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(desk: Desk, path: str, query: Any, named: str) -> None:
    answer = desk.server.client.get(f"/api/v1{path}", params=query)
    assert answer.status_code == 422, answer.text
    desk.check(path, answer)
    assert named in answer.json()["detail"]


def test_errors_are_in_the_words_of_the_command_line(desk: Desk) -> None:
    for path, command in (
        ("/jobs/abcdefgh-none", ("jobs", "show", "abcdefgh-none")),
        ("/schedules/weekly", ("schedule", "show", "weekly")),
    ):
        answer = desk.server.client.get(f"/api/v1{path}")
        assert answer.status_code == 404
        desk.check(path, answer)
        assert answer.json()["detail"] in desk.machine.reelwork(*command).stderr


def test_the_description_is_whole(desk: Desk) -> None:
    assert desk.schema["openapi"] == "3.1.0"
    for schema in desk.schema["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = [one["operationId"] for path in desk.schema["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))
    text = json.dumps(desk.schema)
    used = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(desk.schema["components"]["schemas"])
