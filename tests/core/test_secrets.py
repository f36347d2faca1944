from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.logs import Redactor
from reelwork.secrets import LARGEST_SECRET, resolve
from reelwork_hooks.errors import SecretNotFound


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
    (tmp_path / "key.txt").write_bytes(f" sk-123456{ending}".encode())
    redactor = Redactor()
    assert resolve("file:key.txt", tmp_path, redactor) == " sk-123456"
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


def test_aws_says_that_it_comes_later(tmp_path: Path) -> None:
    with pytest.raises(SecretNotFound) as caught:
        resolve("aws-sm:prod/video#key", tmp_path, Redactor())
    assert "aws-sm:prod/video#key" in caught.value.message
    assert "not available in this version" in caught.value.message
    assert 'pip install "reelwork[storage]"' in caught.value.hint
