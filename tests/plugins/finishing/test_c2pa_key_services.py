"""`c2pa` with a key that a service has: what it signs, what it refuses, and what nobody gets to see."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from time import sleep
from typing import Any

import hvac
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import ValidationError
from tests.authority import AI, Authority, actions, active
from tests.key_services import TOKEN, KeyServer, Refused, key_server
from tests.ports import free_port

from reelwork.testing import SampleContext, sample_brief, sample_clip, sample_job
from reelwork_hooks import Clip, Problem, ReelworkError, Unavailable
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig, NotSigned
from reelwork_plugins.finishing.provenance import key_service as services
from reelwork_plugins.finishing.provenance.certificate import Certificate, Unusable, certificate
from reelwork_plugins.finishing.provenance.config import KeyAddress, key_address
from reelwork_plugins.finishing.provenance.key_services import key_service
from reelwork_plugins.finishing.provenance.signatures import as_cose

KINDS = ("http", "vault", "aws-kms")
KEYS = {
    "es256": ec.generate_private_key(ec.SECP256R1()),
    "es384": ec.generate_private_key(ec.SECP384R1()),
    "es512": ec.generate_private_key(ec.SECP521R1()),
    "ps256": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def clip() -> Clip:
    return sample_clip()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    with key_server({"films": [KEYS["es256"]], **{name: [key] for name, key in KEYS.items()}}) as running:
        monkeypatch.setenv("KEY_SERVICE_TOKEN", TOKEN)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {
            "AWS_ENDPOINT_URL": running.address, "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    authority.write(tmp_path, KEYS["es256"])
    (tmp_path / "key.pem").unlink()
    return tmp_path


def plugin(folder: Path, settings: dict[str, Any]) -> C2pa:
    return C2pa(C2paConfig(certificate=Path("chain.pem"), **settings), SampleContext(folder, "c2pa"))


def signed(folder: Path, clip: Clip, settings: dict[str, str]) -> Path:
    return asyncio.run(plugin(folder, settings).post_download(clip, sample_job())).video.path


def failure(folder: Path, clip: Clip, settings: dict[str, str]) -> ReelworkError:
    """Return the error of a signature, which leaves no file and shows no secret."""
    with pytest.raises((NotSigned, Unavailable)) as caught:
        signed(folder, clip, settings)
    assert list((folder / "work" / "c2pa").glob("*")) == []
    text = caught.value.explained()
    assert "nothing was posted" in text
    assert not any(secret in text for secret in (TOKEN, "wJalrXUtnFEMI"))
    error: ReelworkError = caught.value
    return error


@pytest.mark.parametrize(
    # AWS hashes a message for Ed25519 only if it is short.
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in KEYS if (kind, name) != ("aws-kms", "ed25519")],
)
def test_a_service_signs(
    tmp_path: Path, authority: Authority, clip: Clip, server: KeyServer, kind: str, name: str
) -> None:
    authority.write(tmp_path, KEYS[name])
    (tmp_path / "key.pem").unlink()
    found = authority.read(signed(tmp_path, clip, server.settings(kind, name)))
    assert found is not None
    assert found["validation_state"] == "Trusted"
    assert actions(active(found)) == [{"action": "c2pa.created", "digitalSourceType": AI}]
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_asked_before_a_video_is_signed(folder: Path, server: KeyServer, kind: str) -> None:
    assert plugin(folder, server.settings(kind)).check_brief(sample_brief()) == []
    assert server.requests == []


def test_the_same_video_is_signed_once(folder: Path, clip: Clip, server: KeyServer) -> None:
    assert signed(folder, clip, server.settings("vault")) == signed(folder, clip, server.settings("vault"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_of_another_certificate_signs_nothing(
    folder: Path, clip: Clip, server: KeyServer, kind: str
) -> None:
    server.keys["films"] = [ec.generate_private_key(ec.SECP256R1())]
    error = failure(folder, clip, server.settings(kind))
    assert isinstance(error, NotSigned)
    assert "does not fit the certificate: it was made with another key" in error.message
    assert "reelwork resume" in error.hint


def test_an_older_version_of_a_key_is_named(
    folder: Path, clip: Clip, server: KeyServer, authority: Authority
) -> None:
    server.keys["films"].append(ec.generate_private_key(ec.SECP256R1()))
    settings = server.settings("vault")
    assert "does not fit the certificate" in failure(folder, clip, settings).message
    older = {**settings, "key_service": settings["key_service"] + "#1"}
    assert authority.read(signed(folder, clip, older)) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_that_is_away_is_asked_again(folder: Path, clip: Clip, server: KeyServer, kind: str) -> None:
    server.faults = [Refused(503, {"errors": ["Vault is sealed"]}, {"Retry-After": "0"})] * 4
    error = failure(folder, clip, server.settings(kind))
    assert isinstance(error, Unavailable)
    assert "answered 503: Vault is sealed" in error.message


class Trickling(StreamRequestHandler):
    """Answers with a byte now and then, and without an end."""

    def handle(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError):
            while True:
                self.wfile.write(b" ")
                sleep(0.02)


def test_an_answer_without_an_end_is_given_up(
    folder: Path, clip: Clip, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "LONGEST_SECONDS", 0.4)
    with ThreadingTCPServer(("127.0.0.1", 0), Trickling) as trickling:
        serving = Thread(target=trickling.serve_forever, args=(0.01,))
        serving.start()
        address = f"http://127.0.0.1:{trickling.server_address[1]}/sign"
        error = failure(folder, clip, {**server.settings("http"), "key_service": address})
        trickling.shutdown()
        serving.join()
    assert isinstance(error, Unavailable)
    assert error.message.endswith("/sign did not answer within 0.4 s")


def test_a_service_that_does_not_answer_is_asked_again(folder: Path, clip: Clip, server: KeyServer) -> None:
    settings = {**server.settings("http"), "key_service": f"http://127.0.0.1:{free_port()}/sign"}
    error = failure(folder, clip, settings)
    assert isinstance(error, Unavailable)
    assert error.message.startswith("c2pa: the key service http://127.0.0.1:")
    assert "did not answer" in error.message


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_signature_is_asked_for_again_at_once(
    folder: Path, clip: Clip, server: KeyServer, kind: str
) -> None:
    server.faults = [Refused(429, {"error": "too many"}, {"Retry-After": "0"})]
    assert signed(folder, clip, server.settings(kind)).exists()
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("kind", "refused", "wanted"),
    [
        ("http", Refused(403, {"error": "not for you"}), "answered 403: not for you"),
        ("http", Refused(200, {"signature": "????"}), "answered without a signature"),
        ("http", Refused(200, {"signature": [1]}), "answered without a signature"),
        ("vault", Refused(403, {"errors": ["permission denied"]}), "answered 403: permission denied"),
        ("vault", Refused(200, {"data": None}), "answered without a signature"),
        (
            "aws-kms",
            Refused(400, {"__type": "AccessDeniedException", "message": "User x may not perform kms:Sign"}),
            "User x may not perform kms:Sign",
        ),
    ],
)
def test_a_refusal_is_said_in_the_words_of_the_service(
    folder: Path, clip: Clip, server: KeyServer, kind: str, refused: Refused, wanted: str
) -> None:
    server.faults = [refused]
    error = failure(folder, clip, server.settings(kind))
    assert isinstance(error, NotSigned)
    assert wanted in error.message
    assert len(server.requests) == 1


def test_aws_that_is_busy_is_asked_again_later(folder: Path, clip: Clip, server: KeyServer) -> None:
    server.faults = [Refused(400, {"__type": "com.amazonaws.kms#ThrottlingException", "message": "Rate exceeded"})]
    assert isinstance(failure(folder, clip, server.settings("aws-kms")), Unavailable)


def test_a_wrong_key_is_named(folder: Path, clip: Clip, server: KeyServer) -> None:
    assert "signing key not found" in failure(folder, clip, server.settings("vault", "none")).message
    assert "Alias alias/none is not found" in failure(folder, clip, server.settings("aws-kms", "none")).message


def test_a_wrong_token_is_not_shown(
    folder: Path, clip: Clip, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_SERVICE_TOKEN", "s.other-hush")
    for kind, words in (("http", "401: this token is not known"), ("vault", "403: permission denied")):
        message = failure(folder, clip, server.settings(kind)).message
        assert words in message
        assert "hush" not in message


def test_a_token_that_is_not_there_is_found_before_money(
    folder: Path, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY_SERVICE_TOKEN")
    [problem] = plugin(folder, server.settings("vault")).check_brief(sample_brief())
    assert problem.message.startswith("env:KEY_SERVICE_TOKEN: the environment variable")
    assert "key_service" in problem.hint


def test_an_algorithm_that_a_service_lacks_is_found_before_money(
    tmp_path: Path, authority: Authority, server: KeyServer
) -> None:
    authority.write(tmp_path, KEYS["ed25519"])
    [problem] = plugin(tmp_path, server.settings("aws-kms")).check_brief(sample_brief())
    assert problem.message.startswith("the certificate needs ed25519, and AWS KMS")


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("AWS_ACCESS_KEY_ID", "", "no AWS credentials were found"),
        ("AWS_REGION", "", "no AWS region is set"),
        ("AWS_PROFILE", "nobody", "nobody"),
        ("AWS_ENDPOINT_URL", "words", "AWS could not be asked"),
    ],
)
def test_settings_of_aws_that_are_wrong_are_said(
    folder: Path,
    clip: Clip,
    server: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    wanted: str,
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_DEFAULT_REGION", *(["AWS_SECRET_ACCESS_KEY"] if variable == "AWS_ACCESS_KEY_ID" else [])):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value) if value else monkeypatch.delenv(variable)
    assert wanted in failure(folder, clip, server.settings("aws-kms")).message


def test_aws_is_given_the_hash_of_a_long_claim(folder: Path, server: KeyServer) -> None:
    service = key_service(KeyAddress("aws-kms", "", "alias/films"), SampleContext(folder, "c2pa"), None)
    by = certificate((folder / "chain.pem").read_bytes(), SampleContext(folder).now())
    for data, kind in ((b"a" * 4096, "RAW"), (b"a" * 4097, "DIGEST")):
        made = asyncio.run(service.sign(data, "es256"))
        assert len(as_cose(made, data, by)) == 64
        assert server.requests[-1][2]["MessageType"] == kind


def test_vault_is_asked_as_by_its_own_client(folder: Path, clip: Clip, server: KeyServer) -> None:
    signed(folder, clip, server.settings("vault"))
    path, headers, body = server.requests[-1]
    client = hvac.Client(url=server.address, token=TOKEN)
    try:
        told = client.secrets.transit.sign_data(
            "films", hash_input=body["input"], hash_algorithm="sha2-256", prehashed=True,
            signature_algorithm="pss", salt_length="hash",
        )  # fmt: skip
    finally:
        client.session.close()
    assert server.requests[-1][0] == path
    assert server.requests[-1][2] == body
    ours, theirs = headers, server.requests[-1][1]
    assert {name: ours[name] for name in theirs if name.startswith("x-vault")} == {
        name: value for name, value in theirs.items() if name.startswith("x-vault")
    }
    assert told["data"]["signature"].startswith("vault:v1:")


V1 = "https://v.example:8200/v1"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("https://keys.example/sign/", KeyAddress("http", "https://keys.example/sign")),
        ("http://keys.internal/sign", KeyAddress("http", "http://keys.internal/sign")),
        ("vault:https://v.example:8200/transit/films", KeyAddress("vault", f"{V1}/transit", "films")),
        ("vault:https://v.example:8200/team/transit/a#3", KeyAddress("vault", f"{V1}/team/transit", "a", 3)),
        ("vault:https://v.example:8200/v1/transit/films", KeyAddress("vault", f"{V1}/transit", "films")),
        ("aws-kms:alias/films", KeyAddress("aws-kms", "", "alias/films")),
        ("aws-kms:arn:aws:kms:eu-west-1:1:key/a-b", KeyAddress("aws-kms", "", "arn:aws:kms:eu-west-1:1:key/a-b")),
    ],
)
def test_addresses_of_keys(text: str, place: KeyAddress) -> None:
    assert key_address(text) == place


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, "give either key, such as file:signer.key, or key_service"),
        ({"key": "file:a", "key_service": "aws-kms:a"}, "give either key"),
        ({"key_service": "gcp-kms:a"}, "give an https address, vault:https://HOST/MOUNT/KEY or aws-kms:KEY"),
        ({"key_service": "aws-kms:"}, "give the key's ARN, id or alias"),
        ({"key_service": "http://keys.example/sign"}, "the address is http://, unencrypted"),
        ({"key_service": "https://me:hush@keys.example/"}, "without a user name, a password"),
        (
            {"key_service": "vault:https://v.example/films", "key_service_token": "env:A"},
            "give the mount and the key",
        ),
        ({"key_service": "vault:https://v.example/a/b#x", "key_service_token": "env:A"}, "a version of a key"),
        ({"key_service": "vault:https://v.example/a/b"}, "Vault asks for a token"),
        ({"key_service": "aws-kms:a", "key_service_token": "env:A"}, "AWS uses the credentials of its own tools"),
        ({"key": "file:a", "key_service_token": "env:A"}, "there is no key_service"),
        ({"key_service": "aws-kms:a", "password": "env:A"}, "password is the password of key"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ValidationError, match=wanted) as caught:
        C2paConfig(certificate=Path("chain.pem"), **settings)
    assert "hush" not in str(caught.value)


@pytest.fixture(scope="module")
def by(authority: Authority) -> Certificate:
    return certificate(authority.certificate(KEYS["es384"]), SampleContext(Path()).now())


def test_both_forms_of_a_signature_are_taken_and_nothing_else(by: Certificate) -> None:
    from cryptography.hazmat.primitives.hashes import SHA384

    data = b"what is signed"
    for _ in range(50):
        der = KEYS["es384"].sign(data, ec.ECDSA(SHA384()))
        raw = as_cose(der, data, by)
        assert len(raw) == 96
        assert as_cose(raw, data, by) == raw
        for wrong in (b"", der[:-1], raw[:-1], raw[::-1], bytes(96), b"\xff" * 96, base64.b64encode(der)):
            with pytest.raises(Unusable, match="does not fit the certificate"):
                as_cose(wrong, data, by)
        with pytest.raises(Unusable):
            as_cose(der, data + b"!", by)


def doctor(folder: Path, settings: dict[str, str], *, offline: bool = False) -> list[Problem]:
    return asyncio.run(plugin(folder, settings).doctor_problems(offline))


@pytest.mark.parametrize("kind", KINDS)
def test_doctor_tries_the_key(folder: Path, authority: Authority, server: KeyServer, kind: str) -> None:
    authority.write(folder, KEYS["es256"], days=300)
    assert doctor(folder, server.settings(kind)) == []
    assert len(server.requests) == 1
    server.keys["films"] = [KEYS["es384"]]
    [problem] = doctor(folder, server.settings(kind))
    assert not problem.warning
    assert "does not fit the certificate" in problem.message


def test_doctor_says_that_a_service_is_away(folder: Path, server: KeyServer) -> None:
    [problem] = doctor(folder, {"key_service": f"http://127.0.0.1:{free_port()}/sign"})
    assert (problem.warning, "did not answer" in problem.message) == (False, True)
    assert not problem.message.startswith("c2pa: ")


def test_offline_doctor_asks_nobody(folder: Path, server: KeyServer) -> None:
    [ends] = doctor(folder, server.settings("vault"), offline=True)
    assert (ends.warning, ends.message[:23]) == (True, "the certificate ends on")
    assert server.requests == []
