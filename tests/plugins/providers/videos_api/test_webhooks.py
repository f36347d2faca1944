"""What signs webhooks elsewhere is accepted, and nothing else: other people's libraries are the measure."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from openai import InvalidWebhookSignatureError, OpenAI

from reelwork.testing import SampleContext
from reelwork_hooks import Genuine, InvalidInput, Webhook, WebhookConfig, WebhookScheme, is_signed, render_ids
from reelwork_plugins.providers.videos_api.webhooks import BodyHmac, BodyHmacConfig, OpenRouter, Standard

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()
OPENAI = OpenAI(api_key="none", webhook_secret=SECRET)
NOW = datetime.now(UTC).replace(microsecond=0)
STAMP = str(int(NOW.timestamp()))
EVENT = json.dumps({"id": "evt_1", "object": "event", "type": "video.completed", "data": {"id": "video_7"}})


@pytest.fixture(scope="module")
def scheme(tmp_path_factory: pytest.TempPathFactory) -> Standard:
    return Standard(WebhookConfig(), SampleContext(tmp_path_factory.mktemp("scheme")))


def read(one: WebhookScheme, headers: dict[str, str], body: bytes, *known: str) -> Genuine | None:
    return asyncio.run(one.read(Webhook({name.lower(): value for name, value in headers.items()}, body, known)))


def signed(body: str, secret: str = SECRET, prefix: str = "webhook", id_: str = "msg_1") -> dict[str, str]:
    signature = standardwebhooks.Webhook(secret).sign(id_, NOW, body)
    return {f"{prefix}-id": id_, f"{prefix}-timestamp": STAMP, f"{prefix}-signature": signature}


def believed_by_openai(headers: dict[str, str], body: bytes) -> bool:
    try:
        OPENAI.webhooks.verify_signature(body, headers)
    except (InvalidWebhookSignatureError, ValueError):
        return False
    return True


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_what_the_librarys_sign_is_genuine(scheme: Standard, prefix: str) -> None:
    found = read(scheme, signed(EVENT, prefix=prefix), EVENT.encode(), SECRET)
    assert found == Genuine(("video_7",), "msg_1", NOW.timestamp())


def test_any_of_several_secrets_and_signatures_will_do(scheme: Standard) -> None:
    headers = signed(EVENT, OTHER)
    assert read(scheme, headers, EVENT.encode(), SECRET) is None
    assert read(scheme, headers, EVENT.encode(), SECRET, OTHER) is not None
    # A server that changes its secret signs with both for a while, and may sign in ways that are not known here.
    both = f"v1a,abc {headers['webhook-signature']} {signed(EVENT)['webhook-signature']}"
    assert read(scheme, {**headers, "webhook-signature": both}, EVENT.encode(), SECRET) is not None


def test_a_secret_may_be_bare_unpadded_or_raw(scheme: Standard) -> None:
    # 25 bytes: their base64 needs padding, which some pages leave out.
    key = base64.b64encode(b"k" * 25).decode()
    assert read(scheme, signed(EVENT, f"whsec_{key}"), EVENT.encode(), f"whsec_{key.rstrip('=')}")
    assert read(scheme, signed(EVENT, key), EVENT.encode(), key)
    digest = hmac.new(b"not base64!", f"m.{STAMP}.{EVENT}".encode(), hashlib.sha256).digest()
    plain = {"webhook-id": "m", "webhook-timestamp": STAMP, "webhook-signature": _v1(digest)}
    assert read(scheme, plain, EVENT.encode(), "not base64!")
    with pytest.raises(InvalidInput, match="not base64"):
        read(scheme, plain, EVENT.encode(), "whsec_not base64!")


def _v1(digest: bytes) -> str:
    return f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v2,AAAA"},
        {"webhook-signature": "v1,ÿ"},
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": str(int(STAMP) + 1)},
        {"webhook-timestamp": f" {STAMP}"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "٣"},
    ],
)
def test_a_changed_header_is_not_genuine(scheme: Standard, changed: dict[str, str]) -> None:
    assert read(scheme, {**signed(EVENT), **changed}, EVENT.encode(), SECRET) is None


@given(
    body=st.binary(max_size=200),
    flipped=st.integers(min_value=0, max_value=199),
    id_=st.text(alphabet="abcXYZ012_-", max_size=12),
    secret=st.sampled_from([SECRET, OTHER]),
)
def test_it_believes_what_openais_library_believes(
    scheme: Standard, body: bytes, flipped: int, id_: str, secret: str
) -> None:
    stamp = str(int(datetime.now(UTC).timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
    headers = {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": _v1(digest)}
    sent = bytes(byte ^ (index == flipped) for index, byte in enumerate(body))
    ours = read(scheme, headers, sent, SECRET)
    if id_ and sent.isascii():  # their library decodes the body as text first
        assert (ours is not None) == believed_by_openai(headers, sent)
    assert ours is None or (sent == body and secret == SECRET)


def test_openrouters_signature(tmp_path: Path) -> None:
    scheme = OpenRouter(WebhookConfig(), SampleContext(tmp_path))
    body = json.dumps({"type": "video.generation.completed", "data": {"id": "gen-vid-1"}}).encode()
    digest = hmac.new(b"key", f"{STAMP},".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-OpenRouter-Signature": f"t={STAMP},v1={digest}", "X-OpenRouter-Idempotency-Key": "job-completed"}
    found = read(scheme, headers, body, "old", "key")
    assert found is not None
    assert (found.remote_ids, found.sent_at) == (("gen-vid-1",), NOW.timestamp())
    # The key in its own header is not signed: with another one it is still the same webhook.
    other = read(scheme, {**headers, "X-OpenRouter-Idempotency-Key": "another"}, body, "key")
    assert other == found
    for told in ("", digest, f"t={STAMP}", f"v1={digest}", f"t=1,v1={digest}", f"t={STAMP},v1={digest[:-1]}0x"):
        assert read(scheme, {"X-OpenRouter-Signature": told}, body, "key") is None
    assert read(scheme, headers, body + b" ", "key") is None


def test_the_signature_of_the_tutorial(tmp_path: Path) -> None:
    scheme = BodyHmac(BodyHmacConfig(), SampleContext(tmp_path))
    body = b'{"id":"video_abc123","status":"completed","url":"https://files.example/1.mp4"}'
    digest = hmac.new(b"key", body, hashlib.sha256).hexdigest()
    found = read(scheme, {"x-openai-signature": digest}, body, "key")
    assert found is not None
    assert (found.remote_ids, found.sent_at) == (("video_abc123",), None)
    assert read(scheme, {"x-openai-signature": f"sha256={digest.upper()}"}, body, "key") == found
    assert read(scheme, {"x-openai-signature": digest}, body, "other") is None
    assert read(scheme, {}, body, "key") is None
    named = BodyHmac(BodyHmacConfig(header="x-hub-signature-256"), SampleContext(tmp_path))
    assert read(named, {"x-hub-signature-256": f"sha256={digest}"}, body, "key") is not None
    assert read(named, {"x-openai-signature": digest}, body, "key") is None


def test_ids_are_found_where_they_usually_are() -> None:
    assert render_ids({"id": "evt_1", "data": {"id": "video_1"}}) == ("video_1",)
    assert render_ids({"request_id": "r", "id": "other"}) == ("r",)
    assert render_ids({"id": "p1", "data": []}) == ("p1",)
    for none in ({}, {"id": 5}, {"data": {"id": None}}, {"id": ""}):
        assert render_ids(none) == ()
    assert Webhook({}, b"[" * 100_000).values() == {}
    assert Webhook({}, b"\xff").values() == {}
    assert Webhook({}, b"[1]").values() == {}


def test_a_signature_is_compared_whole() -> None:
    message, key = b"m", secrets.token_hex()
    digest = hmac.new(key.encode(), message, hashlib.sha256)
    assert is_signed(message, ["", digest.hexdigest()], ["wrong", key])
    assert is_signed(message, [base64.b64encode(digest.digest()).decode()], [key], coding="base64")
    assert not is_signed(message, [digest.hexdigest()[:-2]], [key])
    assert not is_signed(message, [digest.hexdigest()], [])
    assert not is_signed(message, [], [key])
