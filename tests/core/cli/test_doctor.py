"""What `reelwork doctor` finds, against a real server, a real store and real packages."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

KEY = "sk-test-0123456789"
FLOW = """
[brief]
prompt = "A lighthouse in the fog"
platforms = ["youtube"]
[provider]
use = "videos-api"
base_url = "{base_url}"
model = "{model}"
api_key = "env:DOCTOR_KEY"
"""


class Server(BaseHTTPRequestHandler):
    """A gateway that knows two models, asks for a key, and counts what is written to it."""

    writes = 0
    date_ahead = 0.0

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + self.date_ahead)

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.answer(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})
        if self.path == "/v1/models":
            return self.answer(200, {"data": [{"id": "sora-2"}, {"id": "wan-2.2"}]})
        return self.answer(404, {"error": {"message": "no such video", "code": "not_found"}})

    def do_POST(self) -> None:
        type(self).writes += 1
        self.answer(500, {})

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Not on the terminal of the tests."""


@pytest.fixture
def server() -> Iterator[str]:
    Server.writes, Server.date_ahead = 0, 0.0
    served = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()
    assert Server.writes == 0, "doctor wrote to the provider"


@pytest.fixture
def flow(folder: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def write(base_url: str = server, model: str = "sora-2", key: str | None = KEY) -> str:
        if key is not None:
            monkeypatch.setenv("DOCTOR_KEY", key)
        (folder / "flow.toml").write_text(FLOW.format(base_url=base_url, model=model))
        return "flow.toml"

    return write


def findings(outcome: Any, area: str, level: str | None = None) -> list[str]:
    found = outcome.json["findings"]
    return [one["text"] for one in found if one["area"] == area and level in (None, one["level"])]


def test_a_machine_without_anything_wrong(cli) -> None:
    outcome = cli("doctor", "--json")
    assert outcome.code == 0, outcome.out
    assert {one["area"] for one in outcome.json["findings"]} >= {
        "system", "extras", "plugins", "video", "fonts", "store", "disk", "clock", "workflow", "output", "reach",
    }  # fmt: skip
    assert findings(outcome, "reach", "ok") == ["preview answers"]


def test_nothing_is_written(cli, folder: Path, tmp_path: Path) -> None:
    cli("doctor")
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "data").exists()


def test_what_a_key_reaches_is_told(cli, flow) -> None:
    outcome = cli("doctor", flow(), "--json")
    assert outcome.code == 0, outcome.out
    assert findings(outcome, "reach", "ok") == ["videos-api answers", "the key reaches 2 models: sora-2, wan-2.2"]
    assert findings(outcome, "secrets", "ok") == ["provider.api_key: env:DOCTOR_KEY is there"]
    assert KEY not in outcome.out


def test_a_model_the_key_does_not_reach_is_a_warning(cli, flow) -> None:
    outcome = cli("doctor", flow(model="veo-9"), "--json")
    assert "the model 'veo-9' is not among them" in findings(outcome, "models", "warning")


def test_a_key_that_is_refused_is_a_failure(cli, flow) -> None:
    outcome = cli("doctor", flow(key="sk-wrong-0123456789"), "--json")
    assert outcome.code == 1
    assert "answered 401" in findings(outcome, "reach", "failure")[0]
    assert "sk-wrong" not in outcome.out + outcome.err


def test_a_missing_key_is_a_failure_and_nobody_is_asked(cli, flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCTOR_KEY", raising=False)
    outcome = cli("doctor", flow(key=None), "--json")
    assert outcome.code == 1
    assert "DOCTOR_KEY is not set" in findings(outcome, "secrets", "failure")[0]
    assert findings(outcome, "reach") == []


def test_a_server_that_is_down_is_a_failure(cli, flow) -> None:
    outcome = cli("doctor", flow("http://127.0.0.1:9"), "--json")
    assert outcome.code == 1
    assert "could not be reached" in findings(outcome, "reach", "failure")[0]


def test_offline_nobody_is_asked(cli, flow) -> None:
    outcome = cli("doctor", flow("http://127.0.0.1:9"), "--offline", "--json")
    assert outcome.code == 0
    assert findings(outcome, "reach") == []


NEEDY = """
from reelwork_hooks import InvalidInput, Plugin, Problem, hookimpl

class Needy(Plugin):
    @hookimpl
    def post_download(self, clip):
        return None

    async def doctor_problems(self, offline):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "level", "text", "code"),
    [
        ("return []", "ok", "needy: what it needs is in order", 0),
        ('return [Problem(message="it ends soon", hint="Renew it.", warning=True)]', "warning", "it ends soon", 0),
        ('return [Problem(message="it is away")]', "failure", "needy: it is away", 1),
        ('raise InvalidInput("no such key")', "failure", "needy: no such key", 1),
        ("return 1 / 0", "failure", "ZeroDivisionError", 1),
        ('return "words"', "failure", "returned str; it must return a list of Problem", 1),
        ('return [] if offline else [Problem(message="it is away")]', "failure", "it is away", 1),
    ],
)
def test_a_plugin_says_what_it_needs(cli, folder: Path, body: str, level: str, text: str, code: int) -> None:
    (folder / "needy.py").write_text(NEEDY.format(body=body))
    (folder / "flow.toml").write_text('plugins = ["./needy.py"]\n[brief]\nprompt = "A lighthouse"\n')
    outcome = cli("doctor", "flow.toml", "--json")
    [found] = [one for one in findings(outcome, "plugins", level) if "needy" in one]
    assert (text in found, outcome.code) == (True, code)
    if "offline" in body:
        outcome = cli("doctor", "flow.toml", "--offline", "--json")
        seen = "needy: what it needs is in order, as far as that can be seen offline"
        assert (outcome.code, [one for one in findings(outcome, "plugins", "ok") if "needy" in one]) == (0, [seen])


def test_a_model_that_was_shut_down_is_a_failure_with_its_date(cli, flow) -> None:
    outcome = cli("doctor", flow("https://api.openai.com"), "--json")
    assert outcome.code == 1
    assert findings(outcome, "models", "failure") == ["videos-api, model sora-2: shut down on 2026-09-24"]
    assert findings(outcome, "reach") == []


def test_a_clock_that_differs_from_the_provider_s_is_a_warning(cli, flow) -> None:
    Server.date_ahead = 3600
    outcome = cli("doctor", flow(), "--json")
    assert "s behind the provider's" in findings(outcome, "clock", "warning")[0]


def test_a_price_that_is_not_known_stops_at_a_budget(cli, flow, folder: Path) -> None:
    path = Path(flow(model="wan-2.2"))
    path.write_text(path.read_text() + "[budget]\nper_run = 2\n")
    outcome = cli("doctor", str(path), "--json")
    assert "[budget] lets nothing through" in findings(outcome, "models", "warning")[0]


def test_quotas_and_audits_of_the_platforms_are_told(cli, flow) -> None:
    outcome = cli("doctor", flow(), "--json")
    told = " ".join(findings(outcome, "youtube", "note"))
    assert "100 uploads a day" in told
    assert "private videos" in told
    assert findings(outcome, "tiktok") == []


def test_a_wrong_workflow_is_a_failure(cli, folder: Path) -> None:
    (folder / "flow.toml").write_text("[brief]\nduratoin = 3\n[plugins]\npublish = ['galery']\n")
    outcome = cli("doctor", "flow.toml", "--json")
    assert outcome.code == 1
    assert "galery" in findings(outcome, "workflow", "failure")[0]
    outcome = cli("doctor", "none.toml", "--json")
    assert outcome.code == 1
    assert "There is no file none.toml" in findings(outcome, "workflow", "failure")[0]


# --- the store ----------------------------------------------------------------------------------------------


@pytest.fixture
def store(cli, tmp_path: Path) -> Path:
    cli("run", "A lighthouse in the fog", "--duration", "0.5", "--resolution", "480p")
    return tmp_path / "data" / "reelwork" / "store.db"


def test_a_sound_store_is_told_with_its_jobs(cli, store: Path) -> None:
    [told] = findings(cli("doctor", "--offline", "--json"), "store")
    assert "sound" in told
    assert "1 done" in told


def test_a_damaged_store_is_a_failure(cli, store: Path) -> None:
    connection = sqlite3.connect(store)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with store.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))
    outcome = cli("doctor", "--offline", "--json")
    assert outcome.code == 1
    assert findings(outcome, "store", "failure")


def test_a_store_that_is_none_is_a_failure(cli, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_text("not a database, and long enough to be looked at")
    outcome = cli("doctor", "--offline", "--json", "--store", str(path))
    assert outcome.code == 1
    assert "not a Reelwork store" in findings(outcome, "store", "failure")[0]


def test_a_clock_that_went_back_is_a_failure(cli, store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE jobs SET updated_at = ?", (time.time() + 7200,))
    connection.close()
    outcome = cli("doctor", "--offline", "--json")
    assert outcome.code == 1
    assert "this machine's clock went back" in findings(outcome, "clock", "failure")[0]


def test_unknown_outcomes_are_a_warning(cli, store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE effects SET state = 'unknown' WHERE kind = 'submit'")
    connection.close()
    told = findings(cli("doctor", "--offline", "--json"), "store", "warning")
    assert told == ["the outcome of 1 paid request or post is unknown"]


def test_for_a_person_it_ends_with_a_count(cli) -> None:
    outcome = cli("doctor", "--offline")
    assert outcome.out.splitlines()[-1] == "0 failures, 0 warnings."
