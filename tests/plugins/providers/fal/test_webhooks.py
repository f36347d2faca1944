"""fal's signatures, made with real keys and checked with a key set that a server on this machine has."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reelwork.testing import SampleContext
from reelwork_hooks import Genuine, Unavailable, Webhook
from reelwork_plugins.webhooks import fal as webhooks
from reelwork_plugins.webhooks.fal import FalWebhooks, FalWebhooksConfig

BODY = json.dumps({"request_id": "req-1", "gateway_request_id": "req-1", "status": "OK", "payload": {}}).encode()
STAMP = str(int(time.time()))


class KeySet(ThreadingHTTPServer):
    """Serves a key set, and counts how often it was asked for."""

    asked = 0
    status = 200
    keys: tuple[Ed25519PrivateKey, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/jwks.json"

    def document(self) -> bytes:
        entries = [{"kty": "RSA", "n": "AQAB"}, {"kty": "OKP", "crv": "Ed25519", "x": "!"}]
        for key in self.keys:
            x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
            entries.append({"kty": "OKP", "crv": "Ed25519", "x": x})
        return json.dumps({"keys": entries}).encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, KeySet)
        server.asked += 1
        body = server.document()
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def served() -> Iterator[KeySet]:
    with KeySet(("127.0.0.1", 0), Handler) as server:
        server.keys = (Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def scheme(served: KeySet, tmp_path: Path) -> FalWebhooks:
    return FalWebhooks(FalWebhooksConfig(key_set=served.url), SampleContext(tmp_path))


def read(scheme: FalWebhooks, webhook: Webhook) -> Genuine | None:
    return asyncio.run(scheme.read(webhook))


def signed(
    key: Ed25519PrivateKey, body: bytes = BODY, changed: Mapping[str, str] = MappingProxyType({})
) -> Webhook:
    digest = hashlib.sha256(body).hexdigest()
    signature = key.sign(f"req-1\nuser-9\n{STAMP}\n{digest}".encode()).hex()
    headers = {"request-id": "req-1", "user-id": "user-9", "timestamp": STAMP, "signature": signature, **changed}
    return Webhook({f"x-fal-webhook-{name}": value for name, value in headers.items()}, body)


def test_any_published_key_is_good_and_keys_are_kept(scheme: FalWebhooks, served: KeySet) -> None:
    for key in served.keys:
        assert read(scheme, signed(key)) == Genuine(("req-1",), f"req-1 {STAMP}", float(STAMP))
    assert served.asked == 1
    # What holds no id is about the request in the header, which is signed too.
    found = read(scheme, signed(served.keys[0], b"no JSON"))
    assert found is not None
    assert found.remote_ids == ("req-1",)


@pytest.mark.parametrize(
    "changed",
    [
        {"request-id": "req-2"},
        {"user-id": "user-8"},
        {"timestamp": str(int(STAMP) + 1)},
        {"timestamp": ""},
        {"signature": ""},
        {"signature": "00" * 64},
        {"signature": "zz" * 64},
        {"signature": "00" * 63},
    ],
)
def test_a_changed_webhook_is_not_genuine(scheme: FalWebhooks, served: KeySet, changed: dict[str, str]) -> None:
    assert read(scheme, signed(served.keys[0], changed=changed)) is None


def test_another_body_or_key_is_not_genuine(scheme: FalWebhooks, served: KeySet) -> None:
    genuine = signed(served.keys[0])
    assert read(scheme, Webhook(genuine.headers, BODY + b" ")) is None
    assert read(scheme, signed(Ed25519PrivateKey.generate())) is None


def test_a_new_key_is_fetched_and_forged_webhooks_do_not_ask_fal_again_and_again(
    scheme: FalWebhooks, served: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(scheme, signed(served.keys[0])) is not None
    for _ in range(20):
        assert read(scheme, signed(Ed25519PrivateKey.generate())) is None
    assert served.asked == 1
    new = Ed25519PrivateKey.generate()
    served.keys = (new,)
    assert read(scheme, signed(new)) is None
    monkeypatch.setattr(webhooks, "PAUSE", 0.0)
    assert read(scheme, signed(new)) is not None
    # While fal's keys cannot be fetched, the ones at hand still tell genuine from forged.
    served.status = 503
    assert read(scheme, signed(new)) is not None
    assert read(scheme, signed(Ed25519PrivateKey.generate())) is None


def test_without_keys_the_sender_is_asked_to_come_again(scheme: FalWebhooks, served: KeySet) -> None:
    served.status = 404
    for _ in range(3):
        with pytest.raises(Unavailable):
            read(scheme, signed(served.keys[0]))
    assert served.asked == 1


def test_a_key_set_without_a_key_of_the_kind_is_none(scheme: FalWebhooks, served: KeySet) -> None:
    served.keys = ()
    with pytest.raises(Unavailable, match="could not be read"):
        read(scheme, signed(Ed25519PrivateKey.generate()))


def test_old_keys_are_not_used(scheme: FalWebhooks, served: KeySet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(scheme, signed(served.keys[0])) is not None
    monkeypatch.setattr(webhooks, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(webhooks, "PAUSE_WITHOUT", 0.0)
    served.keys = (Ed25519PrivateKey.generate(),)
    assert read(scheme, signed(served.keys[0])) is not None
    assert served.asked == 2
