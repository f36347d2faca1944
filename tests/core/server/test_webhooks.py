"""Webhooks that come in, asked of the application: only genuine ones do something, and that is one poll."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import standardwebhooks
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.catalog import Catalog
from reelwork.server.access import Exposure
from reelwork.server.app import create_app
from reelwork.server.meters import Meters
from reelwork.server.operations import Served
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.serving import receivers_in
from reelwork.server.webhooks import LARGEST_BODY
from reelwork.store.commands import AddRender, NewJob, SetJob, StillWaiting
from reelwork.store.records import ACTIVE, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.webhooks import EXTRA_POLL_SECONDS, render_token
from reelwork.studio.session import Session
from reelwork_hooks import InvalidInput

SECRET, OLD, STRANGERS = (f"whsec_{base64.b64encode(bytes([at] * 24)).decode()}" for at in range(3))
LATE = 3600.0
"""Seconds after which a render is polled without webhooks."""
HOOKS_PAGE = Path(__file__).resolve().parents[3] / "docs/hooks.md"
TABLES = """
[webhooks_in.openai]
scheme = "standard"
secrets = ["env:HOOK_SECRET", "env:HOOK_OLD"]
[webhooks_in.gateway]
scheme = "openrouter"
secrets = ["env:HOOK_SECRET"]
[webhooks_in.tutorial]
scheme = "body-hmac"
secrets = ["env:HOOK_SECRET"]
[webhooks_in.kling]
scheme = "unsigned"
[webhooks_in.down]
scheme = "fal"
key_set = "http://127.0.0.1:9/jwks.json"
"""


class Desk:
    """A store with a render that waits, and the application that takes webhooks for it."""

    def __init__(self, store: SqliteStore, served: Served) -> None:
        self.store, self.served = store, served
        self.now = time.time()

    async def wait_for(self, remote_id: str) -> None:
        lease = await self.job(remote_id)
        await self.accept(remote_id, lease)

    async def job(self, name: str) -> Lease:
        await self.store.add_run(RunRow("run", "run", "flow", "{}", 0.0))
        await self.store.add_jobs("run", [NewJob(f"job-{name}", name, "submit", "{}")])
        [row] = await self.store.claim_jobs("worker", 60, 1, None)
        return Lease(row.id, row.fence, "worker")

    async def accept(self, remote_id: str, lease: Lease) -> None:
        at = time.time()
        render = AddRender(f"r-{remote_id}", "videos-api", "a", remote_id, "{}", "{}", at + LATE, at + 2 * LATE)
        await self.store.apply(lease, [render, SetJob(ACTIVE, "render", None, render_id=render.id)])

    async def post(self, account: str, body: bytes, headers: Any = (), token: str = "") -> int:
        transport = httpx.ASGITransport(create_app(self.served), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8686") as client:
            path = f"/webhooks/{account}" + (f"/{token}" if token else "")
            answer = await client.post(path, content=body, headers=headers)
        assert answer.status_code == 204 or answer.json()["status"] == answer.status_code
        return answer.status_code

    async def polled(self) -> list[str]:
        """Poll what is due, as an engine does; returns the ids at the provider."""
        rows = await self.store.claim_renders("poller", 60, 100, None)
        same = StillWaiting(time.time() + LATE, tuple((row.id, row.fence) for row in rows))
        await self.store.update_renders("poller", (), [same])
        return [row.remote_id for row in rows]

    @property
    def counted(self) -> dict[str, float]:
        families = text_string_to_metric_families(self.served.meters.text().decode())
        samples = (
            sample for family in families for sample in family.samples if sample.name == "reelwork_webhooks_total"
        )
        found: Counter[str] = Counter()
        for sample in samples:
            found[sample.labels["outcome"]] += int(sample.value)
        return dict(found)


@contextmanager
def desk_in(folder: Path, tables: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (folder / "reelwork.toml").write_text(tables, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_OLD", OLD)
    store = SqliteStore(folder / "store.db")
    meters = Meters(store, Accounts(folder / "accounts.json"))
    session = Session(store, Catalog(noting=False))
    receivers = asyncio.run(receivers_in(session))
    yield Desk(
        store, Served(store, Exposure(reaches_others=False), Pulse(ServiceManager({})), meters, receivers=receivers)
    )
    asyncio.run(session.__aexit__())
    store.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with desk_in(tmp_path, TABLES, monkeypatch) as desk:
        yield desk


def event(remote_id: str = "video_1") -> bytes:
    return json.dumps({"id": "evt_1", "type": "video.completed", "data": {"id": remote_id}}).encode()


def signed(body: bytes, id_: str = "m1", secret: str = SECRET, *, after: float = 0.0) -> dict[str, str]:
    at = datetime.fromtimestamp(int(time.time() + after), UTC)
    signature = standardwebhooks.Webhook(secret).sign(id_, at, body.decode())
    return {"webhook-id": id_, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def test_a_genuine_one_makes_one_poll(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.wait_for("video_1")
        await desk.wait_for("video_2")
        assert await desk.polled() == []
        assert await desk.post("openai", event(), signed(event())) == 204
        assert await desk.polled() == ["video_1"]
        assert await desk.polled() == []

    asyncio.run(scenario())
    assert desk.counted == {"accepted": 1}


@pytest.mark.parametrize("odd", ['"\\ud800"', '"a\\u0000b"', '" video_1"', '"video\\n1"'])
def test_an_id_that_no_render_can_have_is_passed_over(desk: Desk, odd: str) -> None:
    body = b'{"type": "video.completed", "data": {"id": %s}}' % odd.encode()

    async def scenario() -> None:
        await desk.wait_for("video_1")
        assert await desk.post("openai", body, signed(body)) == 204
        assert await desk.polled() == []
        assert await desk.post("openai", event(), signed(event(), "m2")) == 204
        assert await desk.polled() == ["video_1"]

    asyncio.run(scenario())


def test_what_is_not_genuine_changes_nothing_and_is_counted(desk: Desk) -> None:
    good = signed(event())
    bodies = {
        "no signature": (event(), {}),
        "a stranger's": (event(), signed(event(), secret=STRANGERS)),
        "another body": (event("video_2"), good),
        "another id": (event(), {**good, "webhook-id": "m2"}),
        "another time": (event(), {**good, "webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}),
    }

    async def scenario() -> None:
        await desk.wait_for("video_1")
        await desk.wait_for("video_2")
        with _unchanged(desk):
            for name, (body, headers) in bodies.items():
                assert await desk.post("openai", body, headers) == 401, name
            for account in ("gateway", "tutorial"):
                assert await desk.post(account, event(), good) == 401
            assert await desk.post("openai", event(), signed(event(), after=-301)) == 401
            assert await desk.post("openai", event(), signed(event(), after=302)) == 401
        assert await desk.polled() == []
        # What was refused does not stand in the way of the true one.
        assert await desk.post("openai", event(), good) == 204

    asyncio.run(scenario())
    assert desk.counted == {"forged": 7, "stale": 2, "accepted": 1}


@contextmanager
def _unchanged(desk: Desk) -> Iterator[None]:
    """Nothing is written into the store meanwhile."""
    import sqlite3

    with closing(sqlite3.connect(desk.store.path)) as db, db:
        before = "\n".join(db.iterdump())
        yield
        assert "\n".join(db.iterdump()) == before
    db.close()


def test_times_within_the_tolerance_are_good(desk: Desk) -> None:
    async def scenario() -> None:
        assert await desk.post("openai", event(), signed(event(), "past", after=-290)) == 204
        assert await desk.post("openai", event(), signed(event(), "future", after=290)) == 204

    asyncio.run(scenario())


def test_a_secret_is_changed_without_a_restart(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.server.receivers.KNOWN_SECONDS", 0.0)

    async def scenario() -> None:
        await desk.wait_for("video_1")
        assert await desk.post("openai", event(), signed(event(), "m1", OLD)) == 204
        assert await desk.post("openai", event(), signed(event(), "m2", SECRET)) == 204
        monkeypatch.setenv("HOOK_OLD", STRANGERS)
        assert await desk.post("openai", event(), signed(event(), "m3", OLD)) == 401
        assert await desk.post("openai", event(), signed(event(), "m3", STRANGERS)) == 204

    asyncio.run(scenario())


def test_duplicates_and_replays_make_no_further_poll_in_any_order(desk: Desk) -> None:
    first, second = signed(event(), "m1"), signed(event(), "m2")

    async def scenario() -> None:
        await desk.wait_for("video_1")
        # As a network may deliver them: the later one first, then the earlier, and each again.
        for headers in (second, first, second, first):
            assert await desk.post("openai", event(), headers) == 204
        assert await desk.polled() == ["video_1"]
        assert await desk.post("openai", event(), {**first, "webhook-id": "m1"}) == 204
        # The sender tries again with a new time, since it did not hear our answer.
        assert await desk.post("openai", event(), signed(event(), "m1")) == 204
        assert await desk.polled() == []

    asyncio.run(scenario())
    assert desk.counted == {"accepted": 2, "duplicate": 4}


def test_one_without_an_id_of_its_own_is_known_by_what_is_signed(desk: Desk) -> None:
    body = event()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    told = str(int(time.time()))
    by_gateway = hmac.new(SECRET.encode(), f"{told},".encode() + body, hashlib.sha256).hexdigest()

    async def scenario() -> None:
        await desk.wait_for("video_1")
        for at in range(3):
            headers = {
                "X-OpenRouter-Signature": f"t={told},v1={by_gateway}",
                "X-OpenRouter-Idempotency-Key": f"{at}",
            }
            assert await desk.post("gateway", body, headers) == 204
            assert await desk.post("tutorial", body, {"x-openai-signature": digest, "x-other": str(at)}) == 204
        assert await desk.polled() == ["video_1"]

    asyncio.run(scenario())
    assert desk.counted == {"accepted": 2, "duplicate": 4}


def test_one_earlier_than_the_answer_to_its_request_is_not_lost(desk: Desk) -> None:
    async def scenario() -> None:
        lease = await desk.job("video_1")
        assert await desk.post("openai", event(), signed(event())) == 204
        assert await desk.polled() == []
        await desk.accept("video_1", lease)
        assert await desk.polled() == ["video_1"]

    asyncio.run(scenario())
    assert desk.counted == {"unknown": 1}


def test_who_signs_nothing_needs_the_token_of_a_job(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.wait_for("one")
        await desk.wait_for("two")
        token = render_token(await desk.store.salt(), "job-one")
        with _unchanged(desk):
            for wrong in ("", "x", token[:-1] + ("0" if token[-1] != "0" else "1"), "job-two" + token[7:]):
                assert await desk.post("kling", event(), token=wrong) == 404
            assert await desk.post("nobody", event(), token=token) == 404
        # Its body is not looked at: anyone could have written it.
        assert await desk.post("kling", event("two"), token=token) == 204
        assert await desk.polled() == ["one"]
        # Beside a signature the token names the job too, and is checked too.
        body = json.dumps({"no": "id"}).encode()
        two = render_token(await desk.store.salt(), "job-two")
        assert await desk.post("openai", body, signed(body, "m1"), token=two) == 204
        assert await desk.post("openai", body, signed(body, "m2"), token=f"{two}0") == 404
        assert await desk.post("openai", body, {}, token=two) == 401
        assert await desk.polled() == ["two"]

    asyncio.run(scenario())


def test_bodies_are_bounded_and_need_not_be_json(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.wait_for("video_1")
        whole = event() + b" " * (LARGEST_BODY - len(event()))
        assert await desk.post("openai", whole, signed(whole, "m1")) == 204
        assert await desk.polled() == ["video_1"]
        larger = whole + b" "
        assert await desk.post("openai", larger, signed(larger, "m2")) == 413
        for at, body in enumerate(
            (b"", b"no JSON", b"[1, 2]", b'"text"', b"\x00", b'{"data": {"id": ["video_1"]}}')
        ):
            assert await desk.post("openai", body, signed(body, f"x{at}")) == 204
        many = json.dumps({"id": "v" * 600}).encode()
        assert await desk.post("openai", many, signed(many, "long")) == 204
        assert await desk.polled() == []

    asyncio.run(scenario())
    assert desk.counted == {"accepted": 1, "oversize": 1, "unknown": 7}


def test_a_body_without_an_end_is_not_read_to_it(desk: Desk) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 65536
            yield b"x" * 65536

    async def scenario() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(desk.served))) as client:
            answer = await client.post("http://127.0.0.1/webhooks/openai", content=endless())
        assert answer.status_code == 413

    asyncio.run(scenario())
    assert read <= 2 * LARGEST_BODY


def test_what_cannot_be_checked_now_is_sent_again(desk: Desk) -> None:
    headers = {
        "x-fal-webhook-request-id": "r", "x-fal-webhook-user-id": "u",
        "x-fal-webhook-timestamp": str(int(time.time())), "x-fal-webhook-signature": "00" * 64,
    }  # fmt: skip
    assert asyncio.run(desk.post("down", b"{}", headers)) == 503
    assert desk.counted == {"unchecked": 1}


def test_a_poll_is_asked_for_once_in_a_while(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.wait_for("video_1")
        assert await desk.post("openai", event(), signed(event(), "m1")) == 204
        assert await desk.polled() == ["video_1"]
        assert await desk.post("openai", event(), signed(event(), "m2")) == 204
        render = await desk.store.render("r-video_1")
        assert render is not None
        assert render.due_at is not None
        assert 0 < render.due_at - time.time() <= EXTRA_POLL_SECONDS

    asyncio.run(scenario())


NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature", "svix-id", "svix-timestamp", "svix-signature",
         "x-openrouter-signature", "x-openai-signature", "x-fal-webhook-signature", "x-fal-webhook-timestamp",
         "x-fal-webhook-request-id", "content-length", "content-type"]  # fmt: skip
VALUES = st.one_of(
    st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60),
    st.sampled_from([str(int(time.time())), "v1,AAAA v1,=", "t=1,v1=0", "00" * 64, "-1", "1e9", "9" * 40, "nan"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(
    account=st.sampled_from(["openai", "gateway", "tutorial", "kling", "nobody"]),
    token=st.sampled_from(["", "a-b", "%00", "..%2f..", "é"]),
    headers=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
    body=st.binary(max_size=300),
    true_signature=st.booleans(),
)
@example(account="openai", token="", headers={}, body=b"[" * 100_000, true_signature=True)
def test_no_request_is_a_fault_of_ours(
    desk: Desk, account: str, token: str, headers: dict[str, str], body: bytes, true_signature: bool
) -> None:
    given_ = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    if true_signature:
        stamp, key = str(int(time.time())), base64.b64decode(SECRET[6:])
        digest = base64.b64encode(hmac.new(key, f"h.{stamp}.".encode() + body, hashlib.sha256).digest())
        given_ |= {b"webhook-id": b"h", b"webhook-timestamp": stamp.encode(), b"webhook-signature": b"v1," + digest}
        given_.pop(b"content-length", None)
    status = asyncio.run(desk.post(account, body, list(given_.items()), token))
    assert status in (204, 401, 404, 413)
    assert status != 204 or (true_signature and account == "openai")


def test_the_example_of_a_scheme_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example_ = re.search(
        r"^```python\n# (wave_webhooks\.py)\n(.*?)^```$", HOOKS_PAGE.read_text("utf-8"), re.M | re.S
    )
    assert example_ is not None
    (tmp_path / example_[1]).write_text(example_[2], encoding="utf-8")
    table = '[webhooks_in.wave]\nscheme = "./wave_webhooks.py"\nsecrets = ["env:HOOK_SECRET"]\n'
    body = b'{"job": "wave-7"}'

    def headers(at: float, secret: str = SECRET) -> dict[str, str]:
        digest = hmac.new(secret.encode(), f"{int(at)}:".encode() + body, hashlib.sha256).hexdigest()
        return {"wave-time": str(int(at)), "wave-signature": digest}

    async def scenario(desk: Desk) -> None:
        await desk.wait_for("wave-7")
        assert await desk.post("wave", body, headers(time.time(), STRANGERS)) == 401
        # The time is compared by Reelwork: a scheme only says what was signed.
        assert await desk.post("wave", body, headers(time.time() - 400)) == 401
        assert await desk.polled() == []
        genuine = headers(time.time())
        assert await desk.post("wave", body, genuine) == 204
        assert await desk.post("wave", body, genuine) == 204
        assert await desk.polled() == ["wave-7"]

    with desk_in(tmp_path, table, monkeypatch) as desk:
        asyncio.run(scenario(desk))
        assert desk.counted == {"forged": 1, "stale": 1, "accepted": 1, "duplicate": 1}


BROKEN = """
from reelwork_hooks import Genuine, WebhookScheme, hookimpl
class Broken(WebhookScheme):
    needs_secrets = False
    async def read(self, webhook):
        {}
@hookimpl
def register_webhooks():
    return {{"broken": Broken}}
"""


@pytest.mark.parametrize(
    "line", ["raise ValueError('x')", "return 5", "return Genuine((), '')", "raise SystemExit"]
)
def test_a_broken_scheme_lets_nothing_in_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(line), encoding="utf-8")
    with desk_in(tmp_path, '[webhooks_in.broken]\nscheme = "broken.py"\n', monkeypatch) as desk, _unchanged(desk):
        assert asyncio.run(desk.post("broken", b"{}")) == 503


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[webhooks_in.a]\nscheme = "standard"\n', "webhooks_in.a has no secrets"),
        ('[webhooks_in.a]\nscheme = "standart"\nsecrets = ["env:HOOK_SECRET"]\n', "Did you mean 'standard'"),
        ('[webhooks_in.a]\nscheme = "standard"\nsecrets = ["env:NOT_SET"]\n', "NOT_SET is not set"),
        ('[webhooks_in.a]\nscheme = "standard"\nsecrets = ["whsec_AAAA"]\n', "give a reference"),
        ('[webhooks_in.a]\nscheme = "standard"\nsecret = "env:HOOK_SECRET"\n', "secrets"),
        ('[webhooks_in.a]\nscheme = "unsigned"\nsecrets = ["env:HOOK_SECRET"]\n', "an unsigned webhook has no"),
        ('[webhooks_in."a/b"]\nscheme = "unsigned"\n', "webhooks_in"),
        ("[webhooks_in.a]\n", "scheme"),
        ('[webhooks_in.a]\nscheme = "none.py"\n', "does not exist"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused, desk_in(tmp_path, table, monkeypatch):
        pass
    assert said in f"{refused.value.message} {refused.value.hint}"
    assert "whsec_" not in f"{refused.value.message} {refused.value.hint}"
