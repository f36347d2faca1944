"""No answer shows a secret, wherever a plugin may have left it: every operation of the table that reads."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.core.server.test_access import ALONE, Office

from reelwork.process_output import protect, release
from reelwork.redaction.redactor import Redactor
from reelwork.server.app import OPERATIONS
from reelwork.server.operations import Operation
from reelwork.store.commands import NewJob
from reelwork.store.records import RunRow
from reelwork.store.sqlite.store import SqliteStore

KEY = 'sk-live-"Qx7Zk2\\Vn9Rb4Tc8Yp1Wd6/Hf3+Jm5Lg0é'
FORMS = (KEY, json.dumps(KEY)[1:-1], quote(KEY, safe=""), base64.b64encode(f"Bearer {KEY}".encode()).decode())
READING = [one for one in OPERATIONS if one.method == "GET"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    store = SqliteStore(tmp_path_factory.mktemp("office") / "store.db")
    redactor = Redactor()
    redactor.add(KEY)
    protect(redactor)
    asyncio.run(_leave(store))
    yield Office(store, {})
    release(redactor)
    store.close()


async def _leave(store: SqliteStore) -> None:
    """Add a job whose every text has a form of the secret, as a careless plugin would leave it."""
    told = " ".join(f"<{form}>" for form in FORMS)
    file = {"role": "video", "bytes": 1, "sha256": "0" * 64, "media_type": "video/mp4"}
    video = {**file, "path": told, "stored_at": [f"https://me:{KEY}@example.com/?token={KEY}"]}
    data = {
        "brief": {"prompt": told},
        "workflow": told,
        "spec": {
            "width": 1280,
            "height": 720,
            "duration": 4,
            "fps": 30,
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "quality": "standard",
        },
        "provider": "preview",
        "posts": {"there": {"state": "published", "receipt": {"id": told, "details": {KEY: [told]}}}},
        "clip": {"video": video, "assets": []},
    }
    await store.add_run(RunRow("run", None, f"flow {KEY}", "{}", 0.0))
    await store.add_jobs("run", [NewJob("job-with-secrets", "key", "transform", json.dumps(data))])


@pytest.mark.parametrize("operation", READING, ids=lambda one: one.path)
def test_no_answer_shows_a_secret(office: Office, operation: Operation) -> None:
    path = re.sub(r"\{job\}", "job-with-secrets", operation.path)
    answer = office.ask(ALONE, Operation(path=path, scope=operation.scope, answer=operation.answer))
    assert answer.status_code < 500
    for form in FORMS:
        assert form not in answer.text
        assert json.dumps(form)[1:-1] not in answer.text
    for part in (KEY[:14], KEY[-14:]):
        assert part not in answer.text


def test_what_is_masked_is_still_json(office: Office, tmp_path: Path) -> None:
    shown = next(one for one in READING if one.path == "/api/v1/jobs/{job}")
    path = shown.path.replace("{job}", "job-with-secrets")
    told = office.ask(ALONE, Operation(path=path, scope=shown.scope, answer=shown.answer)).json()
    assert "***" in told["prompt"]
    assert told["id"] == "job-with-secrets"
