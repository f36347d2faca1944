"""Appeals over the API, at a real server: once for each key, bound to what was seen, and only with the scope."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.core.server.conftest import PATIENCE, Machine

from reelwork.ids import new_id

PLAY = """
[brief]
prompt = "A stabbing in the theatre: the actors take a bow"
duration = 1
resolution = "480p"
[provider]
use = "preview"
[plugin.rules]
block = ["stabbing"]
[plugins]
publish = []
"""
BECAUSE = {"because": "It is a play, nobody is hurt"}


class Desk:
    """A server, and a client for each scope."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        (machine.folder / "play.toml").write_text(PLAY)
        self.tokens = {}
        for scope in ("read", "run", "approve"):
            done = machine.reelwork("tokens", "add", f"ana-{scope}", "--scope", scope, "--json")
            self.tokens[scope] = json.loads(done.stdout)["token"]
        self.server = machine.start().until_ready()

    def post(self, path: str, document: Any, scope: str = "run", key: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[scope]}", "idempotency-key": key or new_id()}
        return self.server.client.post(f"/api/v1{path}", json=document, headers=headers)

    def get(self, path: str) -> Any:
        return self.server.client.get(f"/api/v1{path}").json()

    def until(self, job: str, status: str) -> Any:
        ends = time.monotonic() + PATIENCE
        while (found := self.get(f"/jobs/{job}"))["status"] != status:
            assert time.monotonic() < ends, found
            time.sleep(0.1)
        return found

    def refused(self) -> str:
        """Return a job that moderation refused."""
        (job,) = self.post("/runs", {"workflow": "play"}).json()["jobs"]
        assert "reelwork review appeal" in self.until(job, "rejected")["next"]
        return str(job)


@pytest.fixture(scope="module")
def desk(new_machine: Callable[[], Machine]) -> Desk:
    return Desk(new_machine())


def test_an_appeal_is_made_once_with_its_scope_and_waits_in_the_list(desk: Desk) -> None:
    job, key = desk.refused(), new_id()
    for scope in ("read", "approve"):
        assert desk.post(f"/jobs/{job}/appeal", BECAUSE, scope).status_code == 403
    made = [desk.post(f"/jobs/{job}/appeal", BECAUSE, key=key) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert (made[1].headers["idempotency-replayed"], made[0].json() == made[1].json()) == ("true", True)
    assert (made[0].json()["subject"], made[0].json()["by"]) == ("the brief", "ana-run")
    other = desk.post(f"/jobs/{job}/appeal", BECAUSE)
    assert (other.status_code, "has appealed already" in other.json()["detail"]) == (422, True)
    (review,) = [one for one in desk.get("/reviews")["items"] if one["job"] == job]
    assert (review["posts"], review["appeals"][0]["state"], review["status"]) == ([], "waiting", "held")
    metrics = desk.server.client.get("/metrics").text
    assert "reelwork_reviews_pending 1.0" in metrics
    # As it was seen, and by whoever may approve.
    assert desk.post(f"/reviews/{job}/approve", {"version": review["version"]}).status_code == 403
    assert desk.post(f"/reviews/{job}/approve", {"version": "another"}, "approve").status_code == 409
    answer = desk.post(f"/reviews/{job}/approve", {"version": review["version"]}, "approve")
    assert (answer.status_code, answer.json()["appeals"], answer.json()["destinations"]) == (200, ["the brief"], [])
    assert desk.until(job, "done")["appealable"] is False
    assert "reelwork_reviews_pending 0.0" in desk.server.client.get("/metrics").text


def test_a_rejected_appeal_is_final(desk: Desk) -> None:
    job = desk.refused()
    desk.post(f"/jobs/{job}/appeal", BECAUSE)
    version = desk.get(f"/reviews/{job}")["version"]
    asked = {"version": version, "reason": "no"}
    assert desk.post(f"/reviews/{job}/reject", asked, "approve").json()["appeals"] == ["the brief"]
    again = desk.post(f"/jobs/{job}/appeal", BECAUSE)
    assert again.status_code == 422
    assert "ana-approve has rejected an appeal against just this: no" in again.json()["detail"]
    assert again.json()["money"] == "Nothing was changed; nothing more is spent or posted."


def test_the_commands_do_the_same_from_afar(desk: Desk) -> None:
    job = desk.refused()

    def afar(*words: str, scope: str = "run") -> Any:
        return desk.machine.reelwork("--server", desk.server.url, *words, REELWORK_TOKEN=desk.tokens[scope])

    made = afar("review", "appeal", job, "--because", BECAUSE["because"])
    assert (made.returncode, f"reelwork --server {desk.server.url} review show" in made.stdout) == (0, True)
    assert "appeal: the brief" in afar("review", "list").stdout
    assert afar("review", "approve", job, scope="approve").returncode == 0
    assert desk.get(f"/jobs/{job}")["status"] == "done"
