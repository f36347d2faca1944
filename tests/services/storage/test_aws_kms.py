"""`c2pa` with keys in a real KMS server, where they were made and which gives none of them out."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session
from cryptography.hazmat.primitives.serialization import load_der_public_key
from tests.authority import Authority

from reelwork.testing import SampleContext, sample_clip, sample_job
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig, NotSigned

KINDS = ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521")
MAY_SIGN = {"Effect": "Allow", "Action": "kms:Sign", "Resource": "*"}


class PublicOnly:
    """A key of which only the public half is here."""

    def __init__(self, public: Any) -> None:
        self._public = public

    def public_key(self) -> Any:
        return self._public


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


def use(monkeypatch: pytest.MonkeyPatch, server: Any, key: str = "AKIDEXAMPLE", secret: str = "wJalrXUtn") -> None:
    """Point AWS's tools, and so Reelwork, at a server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)


def client_of(server: Any, service: str) -> Any:
    return Session().client(
        service, endpoint_url=f"http://127.0.0.1:{server.port}", region_name="eu-west-1", aws_access_key_id="a",
        aws_secret_access_key="b",
    )  # fmt: skip


def made(kms: Any, authority: Authority, folder: Path, kind: str) -> dict[str, Any]:
    """Make a key there, and write its certificate. Returns what names the key."""
    key: dict[str, Any] = kms.create_key(KeySpec=kind, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    (folder / "chain.pem").write_bytes(authority.certificate(PublicOnly(public)))
    return key


def signed(folder: Path, key: str) -> Path:
    config = C2paConfig(certificate=Path("chain.pem"), key_service=f"aws-kms:{key}")
    plugin = C2pa(config, SampleContext(folder, "c2pa"))
    return asyncio.run(plugin.post_download(sample_clip(), sample_job())).video.path


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_at_aws_signs(moto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    use(monkeypatch, moto)
    authority, kms = Authority(), client_of(moto, "kms")
    key = made(kms, authority, tmp_path, kind)
    kms.create_alias(AliasName=f"alias/{kind}", TargetKeyId=key["KeyId"])
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    named_by_arn = authority.read(signed(tmp_path, key["Arn"]))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for found in (
        named_by_arn,
        *(authority.read(signed(tmp_path, one)) for one in (key["KeyId"], f"alias/{kind}")),
    ):
        assert found is not None
        assert found["validation_state"] == "Trusted"
    kms.close()


def test_aws_checks_the_signature_of_the_request(
    guarded_moto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, kms, iam = Authority(), client_of(guarded_moto, "kms"), client_of(guarded_moto, "iam")
    key = made(kms, authority, tmp_path, "ECC_NIST_P256")
    iam.create_user(UserName="films")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [MAY_SIGN]})
    iam.put_user_policy(UserName="films", PolicyName="keys", PolicyDocument=policy)
    access = iam.create_access_key(UserName="films")["AccessKey"]
    use(monkeypatch, guarded_moto, access["AccessKeyId"], "another-secret-hush")
    with pytest.raises(NotSigned, match="answered 4") as caught:
        signed(tmp_path, key["KeyId"])
    assert "hush" not in caught.value.explained()
    use(monkeypatch, guarded_moto, access["AccessKeyId"], access["SecretAccessKey"])
    found = authority.read(signed(tmp_path, key["KeyId"]))
    assert found is not None
    assert found["validation_state"] == "Trusted"
    kms.close()
    iam.close()
