"""Who is let in: every operation × token × page it comes from × name it calls the server."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from reelwork.credentials.accounts import Accounts
from reelwork.net.addresses import Origin
from reelwork.server import tokens
from reelwork.server.access import HEADERS, LINKS, Exposure
from reelwork.server.app import OPERATIONS, create_app
from reelwork.server.meters import Meters
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.rendering import HEADERS as PAGE_HEADERS
from reelwork.server.pages.rendering import failure
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.tokens import Scope
from reelwork.store.sqlite.store import SqliteStore

ALONE = Exposure(reaches_others=False)
LISTENING = Exposure(reaches_others=True)
BEHIND_A_PROXY = Exposure(reaches_others=False, public=Origin("https", "studio.example.com", 443))
EXPOSURES = {"alone": ALONE, "listening": LISTENING, "behind a proxy": BEHIND_A_PROXY}
HOLDERS: dict[str, tuple[Scope, ...]] = {scope.value: (scope,) for scope in Scope} | {
    "both": (Scope.RUN, Scope.APPROVE)
}


@dataclass
class Office:
    """A store with a token of each scope, and applications on it."""

    store: SqliteStore
    tokens: dict[str, str]

    def ask(self, exposure: Exposure, operation: Operation, **headers: str) -> httpx.Response:
        pulse = Pulse(ServiceManager({}))
        pulse.beat()
        served = Served(
            self.store, exposure, pulse, Meters(self.store, Accounts(self.store.path.parent / "none.json"))
        )
        # What would stream for ever ends once it has told what there is.
        served.stopping.set()

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(create_app(served))
            path = re.sub(r"\{\w+\}", "none", operation.path)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8686") as client:
                sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
                return await client.request(operation.method, path, headers=sent)

        return asyncio.run(asked())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    store = SqliteStore(tmp_path_factory.mktemp("office") / "store.db")
    made = {name: asyncio.run(tokens.add(store, name, scopes, 0.0)) for name, scopes in HOLDERS.items()}
    yield Office(store, made)
    store.close()


def may(exposure: Exposure, scope: Scope | None, holder: str | None) -> bool:
    """The rule, written anew: who may do what."""
    if scope is None:
        return True
    if holder is None:
        return scope == Scope.READ and exposure is ALONE
    held = HOLDERS[holder]
    return scope in held or Scope.ADMIN in held or scope == Scope.READ


def is_problem(answer: httpx.Response) -> bool:
    told: dict[str, Any] = answer.json()
    typed = answer.headers["content-type"] == "application/problem+json"
    return typed and told["status"] == answer.status_code and bool(told["detail"])


def is_page(answer: httpx.Response) -> bool:
    return answer.headers.get("content-type") == "text/html; charset=utf-8"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
@pytest.mark.parametrize("name", EXPOSURES)
def test_each_operation_is_for_those_with_its_scope(office: Office, name: str, operation: Operation) -> None:
    exposure = EXPOSURES[name]
    for holder in (None, *HOLDERS):
        headers = {} if holder is None else {"authorization": f"Bearer {office.tokens[holder]}"}
        answer = office.ask(exposure, operation, **headers)
        refused = answer.status_code in (401, 403)
        assert refused is not may(exposure, operation.scope, holder), (holder, answer.status_code, answer.text)
        assert not refused or (is_page(answer) if operation.fails is failure else is_problem(answer))
        told = dict(HEADERS)
        if is_page(answer):
            told.update(PAGE_HEADERS)
        if operation.path.startswith(LINKS):
            # The address of each is a secret.
            told["Referrer-Policy"] = "no-referrer"
        assert {name: answer.headers[name] for name in HEADERS} == told


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_nothing_is_for_pages_from_elsewhere_or_for_other_names(office: Office, operation: Operation) -> None:
    admin = f"Bearer {office.tokens['admin']}"
    pages = (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "origin": "https://evil.example"},
    )
    for exposure, page in itertools.product(EXPOSURES.values(), pages):
        if page == {"origin": "null"} and operation.path.startswith(LINKS):
            # So says their own page, which tells no other server its address.
            continue
        answer = office.ask(exposure, operation, authorization=admin, **page)
        assert answer.status_code == 403, (page, answer.text)
        assert is_problem(answer)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    for exposure, name in itertools.product(
        EXPOSURES.values(), ("evil.example", "127.0.0.1.evil.example", "", "[::", "a b")
    ):
        answer = office.ask(exposure, operation, authorization=admin, host=name)
        assert answer.status_code == 421, (name, answer.text)
        assert is_problem(answer)


@pytest.mark.parametrize("given", ["Bearer", "Bearer ", "Bearer rwt_none", "Basic cnd0", "rwt_none", "bearer \xe9"])
def test_a_token_that_is_not_known_is_refused_even_where_none_is_needed(office: Office, given: str) -> None:
    for operation in OPERATIONS:
        answer = office.ask(ALONE, operation, authorization=given)
        assert answer.status_code == 401
        assert is_problem(answer)
        assert "Bearer" in answer.headers["www-authenticate"]


def test_own_pages_and_links_from_messages_come_in(office: Office) -> None:
    metrics = next(one for one in OPERATIONS if one.path == "/metrics")
    reader = f"Bearer {office.tokens['read']}"
    own = {"origin": "http://127.0.0.1:8686", "sec-fetch-site": "same-origin"}
    assert office.ask(ALONE, metrics, **own).status_code == 200
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert office.ask(ALONE, metrics, **link).status_code == 200
    public = {"origin": "https://studio.example.com", "host": "studio.example.com"}
    assert office.ask(BEHIND_A_PROXY, metrics, authorization=reader, **public).status_code == 200
    other = {"origin": "http://studio.example.com"}
    assert office.ask(BEHIND_A_PROXY, metrics, authorization=reader, **other).status_code == 403


def test_names_by_which_a_server_is_reached(office: Office) -> None:
    healthz = next(one for one in OPERATIONS if one.path == "/healthz")
    for exposure, name, code in (
        (ALONE, "localhost:8686", 200),
        (ALONE, "[::1]:8686", 200),
        (ALONE, "127.1.2.3", 200),
        (ALONE, "studio.localhost", 200),
        (ALONE, "10.0.0.7", 421),
        (LISTENING, "10.0.0.7:8686", 200),
        (LISTENING, "studio.example.com", 421),
        (BEHIND_A_PROXY, "studio.example.com", 200),
        (BEHIND_A_PROXY, "STUDIO.example.com:443", 200),
        (BEHIND_A_PROXY, "10.0.0.7", 421),
    ):
        assert office.ask(exposure, healthz, host=name).status_code == code, (exposure, name)
