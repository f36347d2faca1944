"""`aws-sm:` references against a real Secrets Manager server, and the whole way from a workflow to a bucket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session

from reelwork.credentials import aws as aws_secrets
from reelwork.credentials.secrets import resolve
from reelwork.redaction.redactor import Redactor
from reelwork_hooks import SecretNotFound


def environment_for(server: Any, home: Path) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}", "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "HOME": str(home),
    }  # fmt: skip


def client_of(server: Any, service: str) -> Any:
    return Session().client(
        service, endpoint_url=f"http://127.0.0.1:{server.port}", region_name="eu-west-1", aws_access_key_id="a",
        aws_secret_access_key="b",
    )  # fmt: skip


@pytest.fixture
def aws(moto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client to fill the server with; the environment points Reelwork at the same server."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment_for(moto, tmp_path).items():
        monkeypatch.setenv(name, value)
    aws_secrets.forget()
    client = client_of(moto, "secretsmanager")
    for entry in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=entry["Name"], ForceDeleteWithoutRecovery=True)
    yield client
    client.close()
    aws_secrets.forget()


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[str], SecretNotFound]:
    def ask(reference: str) -> SecretNotFound:
        with pytest.raises(SecretNotFound) as caught:
            resolve(reference, tmp_path, Redactor())
        assert "hush" not in caught.value.explained()
        return caught.value

    return ask


def test_a_whole_secret_and_a_field_of_one(aws: Any, tmp_path: Path) -> None:
    aws.create_secret(Name="prod/key", SecretString="sk-hush-1\n")
    aws.create_secret(Name="prod/video", SecretString=json.dumps({"key": "sk-hush-2", "port": 443}))
    redactor = Redactor()
    assert resolve("aws-sm:prod/key", tmp_path, redactor) == "sk-hush-1"
    assert resolve("aws-sm:prod/video#key", tmp_path, redactor) == "sk-hush-2"
    assert resolve("aws-sm:prod/video#port", tmp_path, redactor) == "443"
    assert redactor.redact("sk-hush-1 and sk-hush-2") == "*** and ***"


def test_a_secret_named_by_its_arn_is_looked_for_in_its_region(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = aws.create_secret(Name="prod/key", SecretString="sk-hush-1")["ARN"]
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(SecretNotFound, match="no secret of that name in us-east-1"):
        resolve("aws-sm:prod/key", tmp_path, Redactor())
    assert resolve(f"aws-sm:{arn}", tmp_path, Redactor()) == "sk-hush-1"


def test_what_is_wrong_is_said_without_the_value(aws: Any, refusal: Callable[[str], SecretNotFound]) -> None:
    aws.create_secret(Name="text", SecretString="hush hush")
    aws.create_secret(Name="json", SecretString=json.dumps({"key": "hush", "nested": {"a": "hush"}, "none": ""}))
    aws.create_secret(Name="list", SecretString='["hush"]')
    aws.create_secret(Name="binary", SecretBinary=b"hush")
    missing = refusal("aws-sm:missing#key")
    assert missing.message == "aws-sm:missing#key: there is no secret of that name in eu-west-1"
    assert "AWS_REGION" in missing.hint
    assert "is not a JSON object, so it has no field 'key'" in refusal("aws-sm:text#key").message
    assert "is not a JSON object" in refusal("aws-sm:list#key").message
    assert refusal("aws-sm:json#kee").message == "aws-sm:json#kee: the secret has no field 'kee'"
    assert refusal("aws-sm:json#kee").hint == "It has: key, nested, none."
    assert "the field 'nested' is no text" in refusal("aws-sm:json#nested").message
    assert "it is empty" in refusal("aws-sm:json#none").message
    assert "it is binary, not text" in refusal("aws-sm:binary").message


def test_a_secret_is_asked_for_once_in_five_minutes(
    aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    aws.create_secret(Name="rotated", SecretString="first-value")
    assert resolve("aws-sm:rotated", tmp_path, Redactor()) == "first-value"
    aws.put_secret_value(SecretId="rotated", SecretString="second-value")
    now += aws_secrets.KEPT_SECONDS - 1
    assert resolve("aws-sm:rotated", tmp_path, Redactor()) == "first-value"
    now += 1
    assert resolve("aws-sm:rotated", tmp_path, Redactor()) == "second-value"


def test_what_was_not_found_is_asked_for_again(aws: Any, tmp_path: Path) -> None:
    with pytest.raises(SecretNotFound):
        resolve("aws-sm:late", tmp_path, Redactor())
    aws.create_secret(Name="late", SecretString="here-now")
    assert resolve("aws-sm:late", tmp_path, Redactor()) == "here-now"


def test_unknown_credentials_are_said_so(
    aws: Any, strict_moto: Any, monkeypatch: pytest.MonkeyPatch, refusal: Callable[[str], SecretNotFound]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{strict_moto.port}")
    assert "AWS refused these credentials" in refusal("aws-sm:prod/key").message


WORKFLOW = """
name = "to-the-bucket"

[brief]
prompt = "A cat playing with yarn"
duration = 1
platforms = ["tiktok"]

[plugins]
post_download = ["storage"]
publish = []

[plugin.storage]
provider = "s3"
bucket = "env:STORAGE_BUCKET"
region = "eu-west-1"
endpoint = "{endpoint}"
allow_http = true
access_key_id = "aws-sm:prod/store#id"
secret_access_key = "aws-sm:prod/store#key"
key = "{{workflow}}/{{platform}}/{{title-slug}}.mp4"
presign = "1h"
"""


def test_a_workflow_brings_its_clip_into_a_bucket_with_keys_from_secrets_manager(
    aws: Any, moto: Any, tmp_path: Path
) -> None:
    aws.create_secret(Name="prod/store", SecretString=json.dumps({"id": "AKIDSTORE", "key": "hush-hush-hush"}))
    store = client_of(moto, "s3")
    store.create_bucket(Bucket="films", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    (tmp_path / "flow.toml").write_text(WORKFLOW.format(endpoint=f"http://127.0.0.1:{moto.port}"))
    environment = {
        "PATH": os.environ["PATH"], **environment_for(moto, tmp_path), "STORAGE_BUCKET": "films",
        "REELWORK_STORE": str(tmp_path / "store.db"),
    }  # fmt: skip
    name = "to-the-bucket/tiktok/a-cat-playing-with-yarn.mp4"
    command = [Path(sys.executable).with_name("reelwork"), "run", "flow.toml", "--yes"]
    for _ in range(2):
        told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        assert "hush-hush-hush" not in told.stdout + told.stderr
        # The second run makes the same preview, byte for byte, and finds it there.
        names = {entry["Key"] for entry in store.list_objects_v2(Bucket="films")["Contents"]}
        assert names == {name, f"{name}.reelwork.json"}
    found = store.get_object(Bucket="films", Key=name)
    assert found["Body"].read()[4:8] == b"ftyp"
    assert found["Metadata"]["platform"] == "tiktok"
    found["Body"].close()
    store.close()
