from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.ports import free_port

from reelwork.credentials import aws, secrets
from reelwork.credentials.named_secrets import SECRET
from reelwork.credentials.secrets import LARGEST_SECRET, resolve
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.errors import SecretNotFound
from reelwork_hooks.plugin import SECRET_SCHEMES


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RW_TEST_KEY", "sk-123456")
    redactor = Redactor()
    assert resolve("env:RW_TEST_KEY", tmp_path, redactor) == "sk-123456"
    assert redactor.redact("it is sk-123456") == "it is ***"


def test_a_secret_is_read_anew_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("first-value", "second-value"):
        monkeypatch.setenv("RW_TEST_KEY", value)
        assert resolve("env:RW_TEST_KEY", tmp_path, Redactor()) == value


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_file_relative_to_the_base(tmp_path: Path, ending: str) -> None:
    (tmp_path / "key.txt").write_bytes(f"sk-123456{ending}".encode())
    redactor = Redactor()
    assert resolve("file:key.txt", tmp_path, redactor) == "sk-123456"
    assert "sk-123456" not in redactor.redact("sk-123456 with  sk-123456")


def test_file_absolute_and_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("sk-123456\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    assert resolve(f"file:{tmp_path / 'key'}", elsewhere, Redactor()) == "sk-123456"
    assert resolve("file:~/key", elsewhere, Redactor()) == "sk-123456"


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RW_TEST_KEY", raising=False)
    with pytest.raises(SecretNotFound, match=r"env:RW_TEST_KEY: .* not set"):
        resolve("env:RW_TEST_KEY", tmp_path, Redactor())
    monkeypatch.setenv("RW_TEST_KEY", "")
    with pytest.raises(SecretNotFound, match=r"env:RW_TEST_KEY: .* empty"):
        resolve("env:RW_TEST_KEY", tmp_path, Redactor())
    with pytest.raises(SecretNotFound, match=r"file:nothing.txt: cannot read it: No such file"):
        resolve("file:nothing.txt", tmp_path, Redactor())
    with pytest.raises(SecretNotFound, match=r"file:.: cannot read it: Is a directory"):
        resolve("file:.", tmp_path, Redactor())


def test_empty_binary_and_huge_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00secret")
    (tmp_path / "huge").write_bytes(b"x" * (LARGEST_SECRET + 1))
    with pytest.raises(SecretNotFound, match="is empty"):
        resolve("file:empty", tmp_path, Redactor())
    with pytest.raises(SecretNotFound, match="not a text file"):
        resolve("file:binary", tmp_path, Redactor())
    with pytest.raises(SecretNotFound, match="too large"):
        resolve("file:huge", tmp_path, Redactor())


@pytest.mark.parametrize("pasted", ["sk-live-987654", "Bearer:sk-live-987654", "env:"])
def test_a_pasted_secret_is_not_repeated(tmp_path: Path, pasted: str) -> None:
    with pytest.raises(SecretNotFound) as caught:
        resolve(pasted, tmp_path, Redactor())
    assert "987654" not in caught.value.explained()
    assert "env:NAME" in caught.value.explained()


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which AWS's tools find no region and no credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    aws.forget()


@pytest.mark.usefixtures("no_aws")
def test_aws_without_a_region_credentials_or_server_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(reference: str) -> SecretNotFound:
        with pytest.raises(SecretNotFound) as caught:
            resolve(reference, tmp_path, Redactor())
        return caught.value

    error = refusal("aws-sm:prod/video#key")
    assert error.message == "aws-sm:prod/video#key: no AWS region is set"
    assert "AWS_REGION" in error.hint
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert "no AWS credentials were found" in refusal("aws-sm:prod/video").message
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    assert "no AWS credentials were found" in refusal("aws-sm:prod/video").message
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    error = refusal("aws-sm:prod/video")
    assert f"(http://127.0.0.1:{port}) could not be reached" in error.message
    assert "wJalrXUtnFEMI" not in error.explained()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "profile (nobody) could not be found" in refusal("aws-sm:prod/video").message


@pytest.mark.parametrize("reference", ["aws-sm:#key", "aws-sm:prod/video#"])
def test_an_aws_reference_without_a_name_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises(SecretNotFound, match="it names no secret"):
        resolve(reference, tmp_path, Redactor())


WITHOUT_BOTO3 = """
import sys
sys.modules["botocore"] = None  # Python's own way to say that a module is not there.
from reelwork.credentials.aws import read
try:
    read("prod/video")
except Exception as error:
    print(error.explained())
"""


def test_without_boto3_it_says_what_to_install() -> None:
    answer = subprocess.run([sys.executable, "-c", WITHOUT_BOTO3], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == [
        "aws-sm:prod/video: reading secrets from AWS needs boto3, which is not installed",
        "Nothing was sent, nothing was spent.",
        'Install it with: pip install "reelwork[aws]"',
    ]


@pytest.mark.parametrize(
    ("kept", "fault"),
    [
        ("sk-hunter22 ", "ends with a space"),
        ("\tsk-hunter22", "begins with a space"),
        ("sk-hunter22\u00a0", "ends with a space or another character that cannot be seen"),
        ("sk-hunter22\u200b", "ends with a space or another character that cannot be seen"),
        ("\ufeffsk-hunter22", "begins with a byte order mark"),
        ("sk-hun\x1bter22", "holds a control character"),
        ("sk-hun\x85ter22", "holds a control character"),
    ],
)
@pytest.mark.parametrize("scheme", ["env", "file"])
def test_what_came_along_with_a_secret_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, kept: str, fault: str
) -> None:
    monkeypatch.setenv("VIDEO_KEY", kept)
    (tmp_path / "key.txt").write_text(f"{kept}\r\n", encoding="utf-8")
    reference = {"env": "env:VIDEO_KEY", "file": "file:key.txt"}[scheme]
    redactor = Redactor()
    with pytest.raises(SecretNotFound, match=fault) as caught:
        resolve(reference, tmp_path, redactor)
    assert caught.value.message.startswith(reference)
    assert "hun" not in caught.value.explained()
    assert "hunter22" not in redactor.redact(f"the key {kept} was refused")


def test_a_secret_of_several_lines_is_taken_as_it_is(tmp_path: Path) -> None:
    kept = "-----BEGIN KEY-----\nabc\tdef é\n-----END KEY-----"
    (tmp_path / "key.pem").write_text(kept + "\n", encoding="utf-8")
    assert resolve("file:key.pem", tmp_path, Redactor()) == kept


@pytest.mark.parametrize("scheme", SECRET_SCHEMES)
def test_a_scheme_of_the_contract_is_read_here_and_found_in_settings(scheme: str) -> None:
    assert scheme in secrets._SCHEMES
    assert SECRET.match(f"{scheme}:NAME")


def test_no_scheme_is_read_here_that_the_contract_does_not_know() -> None:
    assert set(secrets._SCHEMES) == set(SECRET_SCHEMES)
