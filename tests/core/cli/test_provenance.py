from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.authority import Authority
from tests.ports import free_port

from reelwork.testing import write_video


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def video(folder: Path, authority: Authority) -> Path:
    (folder / "root.pem").write_text(authority.pem)
    return authority.signed(write_video(folder / "plain.mp4"), folder / "video.mp4")


def test_it_shows_the_signer_and_the_history(cli: Any, video: Path) -> None:
    shown = cli("provenance", "show", "video.mp4")
    assert shown.code == 0
    assert "signed by     Videos Inc (Harbour Films), with Es256" in shown.out
    assert "valid         yes: the file is as it was signed" in shown.out
    assert "not known: compared with no trust list" in shown.out
    assert "AI            yes: trainedAlgorithmicMedia" in shown.out
    assert "actions       c2pa.created, trainedAlgorithmicMedia" in shown.out


def test_json_has_it_all(cli: Any, video: Path) -> None:
    shown = cli("provenance", "show", "video.mp4", "--trust", "root.pem", "--json")
    assert (shown.code, shown.json["valid"], shown.json["trust"]) == (0, True, "trusted")
    assert shown.json["manifest"]["signer"] == "Videos Inc"
    assert cli("provenance", "show", "plain.mp4", "--json").json == {"file": "plain.mp4", "manifest": None}


def test_a_signer_that_is_not_trusted_ends_with_1(cli: Any, video: Path, folder: Path) -> None:
    (folder / "root.pem").write_text(Authority().pem)
    shown = cli("provenance", "show", "video.mp4", "--trust", "root.pem")
    assert shown.code == 1
    assert "not trusted: the certificate leads to none of --trust" in shown.out


def test_a_file_without_a_manifest_ends_with_1(cli: Any, video: Path) -> None:
    shown = cli("provenance", "show", "plain.mp4")
    assert shown.code == 1
    assert "none: nobody has signed this file, or an edit has removed it" in shown.out


def test_a_changed_file_ends_with_1(cli: Any, video: Path) -> None:
    data = bytearray(video.read_bytes())
    data[-20] ^= 255
    video.write_bytes(data)
    shown = cli("provenance", "show", "video.mp4")
    assert shown.code == 1
    assert "no: its content was changed after it was signed" in shown.out


@pytest.mark.parametrize("name", ["missing.mp4", "."])
def test_a_file_that_cannot_be_read_ends_with_2(cli: Any, video: Path, name: str) -> None:
    shown = cli("provenance", "show", name)
    assert shown.code == 2
    assert f"{name} cannot be read" in shown.err


def test_a_trust_list_without_certificates_is_refused(cli: Any, video: Path) -> None:
    shown = cli("provenance", "show", "video.mp4", "--trust", "video.mp4")
    assert shown.code == 2
    assert "--trust video.mp4: it holds no certificates in PEM." in shown.err


def test_without_the_extra_it_says_what_to_install(cli: Any, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    shown = cli("provenance", "show", "video.mp4")
    assert shown.code == 2
    assert "needs the package c2pa-python, which is not installed" in shown.err
    assert 'pip install "reelwork[provenance]"' in shown.err


def test_a_manifest_that_is_elsewhere_is_named(cli: Any, video: Path, folder: Path, authority: Authority) -> None:
    address = f"https://127.0.0.1:{free_port()}/1.c2pa?key=hush"
    authority.signed_elsewhere(folder / "plain.mp4", folder / "away.mp4", address)
    shown = cli("provenance", "show", "away.mp4")
    assert shown.code == 1
    assert "it is not in the file, which names https://127.0.0.1:" in shown.out
    assert "--fetch" in shown.out
    place = address.rpartition("/")[0]
    assert cli("provenance", "show", "away.mp4", "--json").json["manifest_at"] == place
    # A file must not make this machine read its own network.
    fetched = cli("provenance", "show", "away.mp4", "--fetch")
    assert fetched.code == 1
    assert "could not be read" in fetched.err
    assert "hush" not in fetched.out + fetched.err + shown.out
